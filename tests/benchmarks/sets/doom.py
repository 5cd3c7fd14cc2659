"""Clips of the game Freedoom through ViZDoom (Wydmuch et al., 2019), as the player sees it: a camera that walks and
turns through rooms of 32 levels, picks things up and shoots at creatures with five weapons.

A clip counts only if what changed in the game is what the sentence says: where the player stands and looks, which
things are gone, and which creature was hit. Some creatures are met with some weapons in the split `test_unseen` alone.
"""

import functools
import math
import tempfile
from pathlib import Path

import numpy as np
import vizdoom
from vizdoom import Button, GameVariable

from tests.benchmarks.sets.writing import Clip, split_sizes, write_set

FRAMES, FPS, TICS = 24, 7, 5  # of 35 tics a second
SHARES = {"train": 0.75, "validation": 0.075, "test": 0.1, "test_unseen": 0.075}
CLIPS = 1200
MAPS = [f"map{number:02d}" for number in range(1, 33)]
CREATURES = {  # Freedoom's names, with Doom's
    "zombie": "Zombieman",
    "serpentipede": "DoomImp",
    "flesh worm": "Demon",
    "trilobite": "Cacodemon",
    "pain bringer": "HellKnight",
    "hatchling": "LostSoul",
}
WEAPONS = {"pistol": "Pistol", "shotgun": "Shotgun", "minigun": "Chaingun", "missile launcher": "RocketLauncher",
           "polaric energy weapon": "PlasmaRifle"}  # fmt: skip
THINGS = {
    "soul sphere": "Soulsphere",
    "green armour": "GreenArmor",
    "blue armour": "BlueArmor",
    "backpack": "Backpack",
    "computer map": "Allmap",
    "red key": "RedCard",
    "blue key": "BlueCard",
    "yellow key": "YellowCard",
}
PAIRS = [(creature, weapon) for creature in CREATURES for weapon in WEAPONS]
UNSEEN = [(creature, list(WEAPONS)[index % len(WEAPONS)]) for index, creature in enumerate(CREATURES)]
TURNS = {"turns left": -90, "turns right": 90, "turns around": 180}  # degrees
STEPS = {"walks backwards": 180, "steps to the left": 90, "steps to the right": -90}  # from where the player looks
LEAST_STEP, LEAST_LIGHT = 60, 28  # units of the game, levels of 255
LEAST_SIZE = dict.fromkeys(CREATURES, 10) | dict.fromkeys(THINGS, 6)  # pixels
TAKES, SHOOTS = "picks up", "shoots at"
ACTIVITIES = {  # kinds of acts in turn, with the share of the clips
    ("turn", "shoot"): 0.2,
    ("step", "shoot"): 0.15,
    ("take", "shoot"): 0.2,
    ("shoot", "take"): 0.15,
    ("turn", "take"): 0.1,
    ("shoot", "turn"): 0.1,
    ("shoot",): 0.05,
    ("take",): 0.05,
}
BUTTONS = [Button.MOVE_FORWARD, Button.MOVE_BACKWARD, Button.MOVE_LEFT, Button.MOVE_RIGHT,
           Button.TURN_LEFT_RIGHT_DELTA, Button.ATTACK]  # fmt: skip
STAND = [0.0] * len(BUTTONS)
FORWARD, BACKWARD, LEFT, RIGHT, TURN, ATTACK = range(len(BUTTONS))
Act = tuple[str, str]  # (kind, what of it)


def make(out: Path, clips: int | None, seed: int) -> None:
    """Plays the clips and writes them as mp4 files, with captions.csv beside them."""
    write_set(out, split_sizes(clips or CLIPS, SHARES), FPS, functools.partial(play, seed))


def play(seed: int, split: str, index: int) -> tuple[np.ndarray, Clip]:
    """One clip, the same for the same arguments: uint8 (24, 120, 160, 3), and what is said of it."""
    rng = np.random.default_rng([seed, list(SHARES).index(split), index])
    acts, weapon = draw(rng, unseen=split == "test_unseen")
    while True:
        try:
            visit = Visit(rng, acts, weapon)
            frames = visit.play()
            break
        except Blocked:
            continue
    caption = "the player " + " and ".join(said(act, weapon) for act in acts)
    label = "|".join(sorted({kind for kind, _ in acts}))
    return frames, Clip("", split, caption, label, questions(rng, acts, weapon, visit.seen))


def draw(rng: np.random.Generator, unseen: bool) -> tuple[list[Act], str]:
    """What the player does in turn, and the weapon in hand."""
    while True:
        kinds = list(ACTIVITIES)[rng.choice(len(ACTIVITIES), p=list(ACTIVITIES.values()))]
        pair = PAIRS[rng.integers(len(PAIRS))]
        if (pair in UNSEEN and "shoot" in kinds) == unseen:
            break
    drawn = {"turn": TURNS, "step": STEPS, "take": THINGS, "shoot": [pair[0]]}
    return [(kind, str(rng.choice(list(drawn[kind])))) for kind in kinds], pair[1]


def said(act: Act, weapon: str) -> str:
    """An act in words."""
    kind, what = act
    return {"take": f"{TAKES} a {what}", "shoot": f"{SHOOTS} a {what} with the {weapon}"}.get(kind, what)


def questions(rng: np.random.Generator, acts: list[Act], weapon: str, seen: set[str]) -> list[tuple[str, str, str]]:
    """Four questions about a clip, each with its answer and its kind; `seen` names what is to be seen at the start."""
    done = dict(acts)
    there = bool(rng.integers(2))
    known = [name for name in CREATURES | THINGS if (name in seen) == there]
    asked = [
        ("what does the player shoot at?", done.get("shoot", "nothing"), "creature"),
        ("what does the player pick up?", done.get("take", "nothing"), "thing"),
        ("what does the player hold?", weapon, "weapon"),
        ("where does the player turn?", done.get("turn", "turns nowhere").removeprefix("turns "), "turn"),
        ("what does the player do first?", said(acts[0], weapon).split(" with ")[0], "first"),
    ]
    if known:
        name = str(rng.choice(known))
        asked.append((f"is a {name} to be seen at the start?", "yes" if there else "no", "sight"))
    return [asked[index] for index in sorted(rng.choice(len(asked), size=4, replace=False))]


class Blocked(Exception):
    """What was planned cannot be done at this place."""


@functools.cache
def started() -> vizdoom.DoomGame:
    """The game, with no creatures but those that are asked for."""
    game, folder = vizdoom.DoomGame(), Path(vizdoom.__file__).parent
    game.set_doom_game_path(str(folder / "freedoom2.wad"))
    game.set_doom_config_path(str(Path(tempfile.mkdtemp()) / "vizdoom.ini"))  # else it writes into the current folder
    game.set_doom_scenario_path(str(folder / "freedoom2.wad"))
    game.set_screen_resolution(vizdoom.ScreenResolution.RES_160X120)
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    game.set_window_visible(False)
    for hide in (game.set_render_hud, game.set_render_crosshair, game.set_render_messages,
                 game.set_render_screen_flashes):  # fmt: skip
        hide(False)
    game.set_labels_buffer_enabled(True)
    game.set_objects_info_enabled(True)
    game.set_sectors_info_enabled(True)
    game.set_available_buttons(BUTTONS)
    game.set_episode_timeout(10**6)
    game.add_game_args("-nomonsters +sv_cheats 1")
    game.init()
    return game


class Visit:
    """A player at some place of a level, who follows the plan.

    Attributes:
        seen: once played, the names of the creatures and things that are to be seen at the start.
    """

    def __init__(self, rng: np.random.Generator, acts: list[Act], weapon: str):
        self.rng, self.acts, self.weapon, self.game = rng, acts, weapon, started()
        self.game.set_seed(int(rng.integers(2**31)))
        self.game.set_doom_map(str(rng.choice(MAPS)))
        self.game.new_episode()
        self.slot = list(WEAPONS).index(weapon) + 2  # as the game numbers weapons; the fist is the first
        self.frames: list[np.ndarray] = []

    def play(self) -> np.ndarray:
        """The frames, uint8 (24, 120, 160, 3).

        Raises:
            Blocked: the plan did not work out here.
        """
        self._arm()
        self._place()
        self.seen = self._visible()
        self._look(2)
        for act in self.acts:
            {"turn": self._turn, "step": self._step, "take": self._take, "shoot": self._shoot}[act[0]](act[1])
        if np.mean(self.frames) < LEAST_LIGHT:
            raise Blocked
        self._look(FRAMES - len(self.frames))
        return np.stack(self.frames)

    def _arm(self) -> None:
        self._tell("god")
        self._tell(f"give {WEAPONS[self.weapon]}")
        self._tell("give ammo")
        self._tell(f"use {WEAPONS[self.weapon]}")
        self.game.make_action(STAND, 40)
        self.hits = self.game.get_game_variable(GameVariable.HITCOUNT)

    def _tell(self, command: str) -> None:
        self.game.send_game_command(command)
        self.game.make_action(STAND, 1)

    def _place(self) -> None:
        """Goes somewhere, and puts what is to be shot at or picked up where the player will find it."""
        sectors = self._state().sectors
        lines = sectors[self.rng.integers(len(sectors))].lines
        middle = np.mean([((line.x1 + line.x2) / 2, (line.y1 + line.y2) / 2) for line in lines], axis=0)
        self._tell(f"warp {middle[0]:.0f} {middle[1]:.0f}")
        self._act(TURN, float(self.rng.uniform(0, 360)), tics=1)
        done = dict(self.acts)
        if "shoot" in done:
            self._put(CREATURES[done["shoot"]])
            self._move(BACKWARD, self.rng.integers(12, 20))
        if "take" in done:
            self._put(THINGS[done["take"]])
            self._move(BACKWARD, self.rng.integers(8, 16))
        wanted = {done[kind] for kind in ("shoot", "take") if kind in done}
        if not wanted <= self._visible():
            raise Blocked
        if self.acts[0][0] == "turn":
            self._act(TURN, -TURNS[self.acts[0][1]], tics=1)

    def _put(self, actor: str) -> None:
        before = len(self._state().objects)
        self._tell(f"summon {actor}")
        if len(self._state().objects) <= before:
            raise Blocked

    def _state(self) -> vizdoom.GameState:
        state = self.game.get_state()
        if state is None:  # the player fell to death, or left the level
            raise Blocked
        return state

    def _visible(self) -> set[str]:
        names = {actor: name for name, actor in (CREATURES | THINGS).items()}
        labels = self._state().labels
        return {
            names[label.object_name]
            for label in labels
            if min(label.width, label.height) >= LEAST_SIZE.get(names.get(label.object_name), math.inf)
        }

    def _act(self, button: int, value: float, tics: int) -> None:
        action = list(STAND)
        action[button] = value
        self.game.make_action(action, tics)

    def _frame(self, button: int = 0, value: float = 0.0) -> None:
        self._act(button, value, TICS)
        if len(self.frames) == FRAMES or self.game.get_game_variable(GameVariable.SELECTED_WEAPON) != self.slot:
            raise Blocked
        self.frames.append(self._state().screen_buffer.copy())

    def _look(self, frames: int) -> None:
        for _ in range(frames):
            self._frame()

    def _where(self) -> tuple[float, float, float]:
        """Where the player stands, in units of the game, and looks, in degrees."""
        return tuple(
            self.game.get_game_variable(name)
            for name in (GameVariable.POSITION_X, GameVariable.POSITION_Y, GameVariable.ANGLE)
        )

    def _move(self, button: int, tics: int) -> None:
        """Moves before the clip begins.

        Raises:
            Blocked: something is in the way.
        """
        x, y, _ = self._where()
        self._act(button, 1.0, int(tics))
        self.game.make_action(STAND, 12)
        now = self._where()
        if math.hypot(now[0] - x, now[1] - y) < LEAST_STEP:
            raise Blocked

    def _turn(self, way: str) -> None:
        frames = abs(TURNS[way]) // 30 + 1
        for _ in range(frames):
            self._frame(TURN, TURNS[way] / frames / TICS)

    def _step(self, way: str) -> None:
        x, y, angle = self._where()
        button = {"walks backwards": BACKWARD, "steps to the left": LEFT, "steps to the right": RIGHT}[way]
        for _ in range(5):
            self._frame(button, 1.0)
        now = self._where()
        moved = math.hypot(now[0] - x, now[1] - y)
        turned = math.degrees(math.atan2(now[1] - y, now[0] - x)) - angle - STEPS[way]
        if moved < LEAST_STEP or abs((turned + 180) % 360 - 180) > 30:
            raise Blocked

    def _nearest(self, actor: str):
        x, y, _ = self._where()
        found = [thing for thing in self._state().objects if thing.name == actor]
        return min(found, key=lambda thing: math.hypot(thing.position_x - x, thing.position_y - y), default=None)

    def _aim(self, thing) -> float:
        """By how many degrees the player turns, to the right, until the thing is ahead."""
        x, y, angle = self._where()
        return -((math.degrees(math.atan2(thing.position_y - y, thing.position_x - x)) - angle + 180) % 360 - 180)

    def _take(self, name: str) -> None:
        thing = self._nearest(THINGS[name])
        for _ in range(8):
            if thing is None:
                raise Blocked
            self._act(TURN, self._aim(thing), tics=1)
            self._frame(FORWARD, 1.0)
            if thing.id not in {other.id for other in self._state().objects}:
                return
        raise Blocked

    def _shoot(self, name: str) -> None:
        for _ in range(2):
            thing = self._nearest(CREATURES[name])
            if thing is not None:
                self._act(TURN, self._aim(thing), tics=1)
            self._frame(ATTACK, 1.0)
            self._frame(ATTACK, 1.0)
        self._look(1)
        hits = self.game.get_game_variable(GameVariable.HITCOUNT)
        if hits == self.hits:
            raise Blocked
        self.hits = hits
