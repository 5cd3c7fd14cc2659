"""Clips of nine games for the Atari 2600, through the Arcade Learning Environment (Bellemare et al., 2013): where the
player goes, what they hit, shoot or collect, and what hits them.

An agent plays at random, then holds keys as planned. A clip counts only if the places, points and lives in the game's
memory are what the sentence says. Of each game one word, e.g. that the submarine moves up, is said in the split
`test_unseen` alone, while of other games it is said everywhere.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ale_py import Action, ALEInterface, LoggerMode, roms

from tests.benchmarks.sets.writing import Clip, split_sizes, write_set

WIDTH, HEIGHT = 160, 210
FRAMES, FPS, TICS = 24, 10, 6  # of 60 tics a second
LENGTH, HALF = FRAMES * TICS, FRAMES * TICS // 2  # tics
SHARES = {"train": 0.75, "validation": 0.075, "test": 0.1, "test_unseen": 0.075}
CLIPS = 1200
LEAST_WAY, LEAST_SIDE, MOST_DRIFT = 12, 10, 3  # pixels
WARM_UP, BETWEEN = (120, 700), (10, 60)  # tics of play at random: before the first try, and between two
TRIES = 60  # in one play of a game
LEAST_BEFORE, LEAST_AFTER = 30, 18  # tics that are shown of the last move before what ends it, and after that
FIRST, LAST = 2 * TICS, LENGTH - 2 * TICS  # tics between which what happens is seen to happen
STAYS, GAINS, LOSES = "stays", "gains", "loses"
WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
RESULTS = {"": 0.25, GAINS: 0.4, LOSES: 0.35}  # their shares
FIRES = {"": 0.3, GAINS: 0.9, LOSES: 0.3}  # how often the fire button is held
NUMBERS = ("none", "one", "two", "three")
KEYS = {STAYS: Action.NOOP, "left": Action.LEFT, "right": Action.RIGHT, "up": Action.UP, "down": Action.DOWN}
WHEEL = {STAYS: Action.NOOP, "up": Action.RIGHT, "down": Action.LEFT}
FIRING = {
    Action.NOOP: Action.FIRE, Action.LEFT: Action.LEFTFIRE, Action.RIGHT: Action.RIGHTFIRE, Action.UP: Action.UPFIRE,
    Action.DOWN: Action.DOWNFIRE,
}  # fmt: skip
PADDLE = 180  # from here on to the right the ball may touch the green paddle, as the memory counts
TOP = (0, 0, 0)  # as a place
Place = tuple[int, int, int]  # where the game's memory holds it; times the second number, plus the third, in pixels


@dataclass
class Trace:
    """What a game's memory held during a clip.

    Attributes:
        memory: (tics + 1, 128); the first picture shows what it holds after TICS tics.
        points: (tics,), what was won or lost.
        keys: the move whose key was held in each tic.
    """

    memory: np.ndarray
    points: np.ndarray
    keys: np.ndarray


def pixels(place: Place, memory: np.ndarray) -> int:
    """A place in the picture, of what the memory holds."""
    cell, scale, offset = place
    return int(memory[cell]) * scale + offset


def _scores(trace: Trace) -> np.ndarray:
    return trace.points > 0


def _pays(trace: Trace) -> np.ndarray:
    return trace.points < 0


def _falls(cell: int) -> Callable[[Trace], np.ndarray]:
    return lambda trace: np.diff(trace.memory[:, cell]) < 0


def _dies(cell: int, least: int = 1, most: int = 255) -> Callable[[Trace], np.ndarray]:
    """Where the memory begins to hold what it holds while the player is shown dying; at the start, if it does then."""

    def dies(trace: Trace) -> np.ndarray:
        dying = (trace.memory[:, cell] >= least) & (trace.memory[:, cell] <= most)
        return dying[1:] & ~np.append(False, dying[1:-1])

    return dies


def _returns(trace: Trace) -> np.ndarray:
    """Where the ball, which flew to the right, flies to the left, at the paddle."""
    ball = trace.memory[:, 49]
    ways = np.diff(ball)
    return np.append(False, (ways[:-1] > 0) & (ways[1:] < 0) & (ball[1:-1] >= PADDLE))


def _knocked(trace: Trace) -> np.ndarray:
    """Where the chicken begins to go backwards though nobody asked it to."""
    back = (np.diff(trace.memory[:, 14]) < 0) & (trace.keys != "down") & (trace.points == 0)
    return back & ~np.append(False, back[:-1])


def _apart(gains: np.ndarray, losses: np.ndarray) -> bool:
    """Whether there is a gain at another time than that of the first loss, if there is one."""
    return len(losses) > 0 and bool((abs(gains - losses[0]) > TICS).any())


@dataclass(frozen=True)
class Game:
    """A game, and the words for what happens in it.

    Attributes:
        player: what the player steers.
        does: what a gain is: the verb, one thing, and several; "" where they are not counted.
        suffers: what a loss is: the verb, and the rest.
        unseen: the move or the result that the split `test_unseen` alone shows of this game.
        x, y: the middle of what the player steers; None where the player cannot go.
        other: what may be to one side of the player, its place, and where the memory holds 0 while it is not shown.
        goal: where else the agent likes to go than to that.
        ends: the result after which the player is put elsewhere.
        loses, gains: whether each tic is one of loss, or of gain.
        keys: those of the moves.
    """

    player: str
    does: tuple[str, str, str]
    suffers: tuple[str, str]
    unseen: str
    loses: Callable[[Trace], np.ndarray]
    x: Place | None = None
    y: Place | None = None
    other: tuple[str, Place, int] | None = None
    goal: Place | None = None
    ends: str = LOSES
    gains: Callable[[Trace], np.ndarray] = _scores
    keys: dict[str, Action] = field(default_factory=KEYS.copy)

    def can(self) -> list[str]:
        """What the player can do: to stay, and ways to go."""
        return [STAYS] + [way for way, (x, y) in WAYS.items() if (x and self.x) or (y and self.y)]


GAMES = {
    "pong": Game(
        "green paddle", ("hits", "the ball", ""), ("misses", "the ball"), LOSES, _pays, y=(51, 1, -5),
        other=("ball", (54, 1, -12), 54), ends="", gains=_returns, keys=WHEEL,
    ),
    "breakout": Game(
        "red paddle", ("breaks", "a brick", "bricks"), ("misses", "the ball"), "right", _falls(57), x=(72, 1, -40),
        other=("ball", (99, 1, -48), 101), ends="",
    ),
    "freeway": Game(
        "chicken", ("reaches", "the other side", ""), ("is hit", "by a car"), "down", _knocked, y=(14, -1, 192),
        goal=TOP, ends=GAINS,
    ),
    "boxing": Game(
        "white boxer", ("lands", "a punch", "punches"), ("is hit", "by the black boxer"), "up", _pays, x=(32, 1, 13),
        y=(34, 1, 61), other=("black boxer", (33, 1, 10), 33), ends="",
    ),
    "space_invaders": Game(
        "cannon", ("shoots", "an invader", "invaders"), ("is hit", "by a bomb"), "left", _dies(42, 4, 4), x=(28, 1, 2),
    ),
    "seaquest": Game(
        "submarine", ("shoots", "an enemy", "enemies"), ("blows up", ""), "up", _dies(105), x=(70, 1, 8), y=(97, 1, 38),
    ),
    "ms_pacman": Game(
        "pacman", ("eats", "dots", ""), ("is caught", "by a ghost"), "left", _dies(39, 73, 90), x=(10, 1, -8),
        y=(16, 1, 6), other=("red ghost", (9, 1, -8), 9),
    ),
    "asterix": Game(
        "gaul", ("collects", "a thing", "things"), ("is hit", "by a lyre"), "down", _dies(71), x=(41, 1, 4),
        y=(39, 16, 31),
    ),
    "riverraid": Game(
        "plane", ("shoots", "a target", "targets"), ("crashes", ""), "right", _dies(70), x=(51, 1, 5),
    ),
}  # fmt: skip


def make(out: Path, clips: int | None, seed: int) -> None:
    """Plays the clips and writes them as mp4 files, with captions.csv beside them."""
    write_set(out, split_sizes(clips or CLIPS, SHARES), FPS, functools.partial(play, seed))


def play(seed: int, split: str, index: int) -> tuple[np.ndarray, Clip]:
    """One clip, the same for the same arguments: uint8 (24, 210, 160, 3), and what is said of it."""
    rng = np.random.default_rng([seed, list(SHARES).index(split), index])
    unseen = split == "test_unseen"
    while True:
        name, result = draw(rng, unseen)
        turn = Turn(rng, name)
        for _ in range(TRIES):
            moves = hold(rng, name, result, unseen)
            if turn.play(moves, result, fires=rng.random() < FIRES[result]) and turn.shows(result):
                return turn.frames(), Clip("", split, turn.said(), turn.label(), questions(rng, turn, unseen))


def draw(rng: np.random.Generator, unseen: bool) -> tuple[str, str]:
    """A game, and what comes of what the player does."""
    while True:
        name, result = str(rng.choice(list(GAMES))), str(rng.choice(list(RESULTS), p=list(RESULTS.values())))
        word = GAMES[name].unseen
        if word not in RESULTS or (word == result) == unseen:
            return name, result


def hold(rng: np.random.Generator, name: str, result: str, unseen: bool) -> tuple[str, str]:
    """What the player shall do in the first half of a clip, and in the second."""
    game = GAMES[name]
    while True:
        first, then = (str(move) for move in rng.choice(game.can(), size=2))
        if result and result == game.ends and rng.random() < 0.5:
            then = first
        if game.unseen in RESULTS or (game.unseen in (first, then)) == unseen:
            return first, then


def questions(rng: np.random.Generator, turn: "Turn", unseen: bool) -> list[tuple[str, str, str]]:
    """Four questions about a clip, three where there are no more, each with its answer and its kind."""
    game, went = turn.game, {"first": turn.moves[0], "last": turn.moves[-1]}
    when = str(rng.choice(list(went)))
    asked = [
        ("what does the player steer?", game.player, "player"),
        (f"where does the player go {when}?", "nowhere" if went[when] == STAYS else went[when], "way"),
        ("what happens last?", next(filter(None, reversed(turn.events())), "nothing"), "event"),
    ]
    there = bool(rng.random() < 0.45)  # as there is not always a way that the player did not go
    ways = [way for way in game.can()[1:] if (way in turn.moves) == there and (unseen or way != game.unseen)]
    if ways:
        asked.append((f"does the player go {rng.choice(ways)}?", "yes" if there else "no", "goes"))
    verb, _, things = game.does
    if turn.place():
        asked.append(("where is the player at the start?", turn.place(), "place"))
    if things and turn.result != LOSES:
        asked.append((f"how many {things} does the player {verb[:-1]}?", NUMBERS[sum(turn.gained)], "count"))
    if turn.side():
        asked.append((f"where is the {game.other[0]} at the start, seen from the player?", turn.side(), "side"))
    return [asked[index] for index in sorted(rng.choice(len(asked), size=min(4, len(asked)), replace=False))]


@functools.cache
def started(name: str) -> ALEInterface:
    """A game that is ready to begin."""
    ALEInterface.setLoggerMode(LoggerMode.Error)
    game = ALEInterface()
    game.setInt("random_seed", 0)
    game.setFloat("repeat_action_probability", 0.0)
    game.loadROM(roms.get_rom_path(name))
    return game


class Turn:
    """A game that is played on until a clip of it is what is asked for.

    Attributes:
        game: the words for it.
        moves: what the player was to do in the first half of the last clip, and in the second.
        trace: what the memory held.
        result: what the clip shows.
        gained, lost: how many gains and losses come of the first move, and of the second; of one if it is the same.
    """

    def __init__(self, rng: np.random.Generator, name: str):
        self.rng, self.game, self.ale = rng, GAMES[name], started(name)
        self.likes = rng.dirichlet(np.ones(len(self.game.keys)))  # how often each key is held at random
        self.ale.reset_game()
        self._play_at_random(int(rng.integers(*WARM_UP)))
        self.start = self.ale.cloneState()

    def play(self, moves: tuple[str, str], result: str, fires: bool) -> bool:
        """Goes on from where the last clip began, for some time at random, and then holds keys for a clip.

        Returns:
            Whether it was played to its end: it is not where the player moves otherwise in the first half, or loses
            points though this is not the result to show.
        """
        self.ale.restoreState(self.start)
        self._play_at_random(int(self.rng.integers(*BETWEEN)))
        self.start, self.moves, self.actions = self.ale.cloneState(), moves, []
        held = [int(self.rng.integers(HALF // 4, HALF + 1)) for _ in moves]
        keys = np.repeat([moves[0], STAYS, moves[1], STAYS], [held[0], HALF - held[0], held[1], HALF - held[1]])
        memory, points = [self.ale.getRAM().astype(int)], []
        for tic, key in enumerate(keys):
            pays = result != LOSES and bool(points) and points[-1] < 0
            strays = tic == HALF and not self._goes(moves[0], memory[TICS], memory[HALF])
            if pays or strays or self.ale.game_over():
                return False
            self.actions.append(FIRING[self.game.keys[key]] if fires else self.game.keys[key])
            points.append(self.ale.act(self.actions[-1]))
            memory.append(self.ale.getRAM().astype(int))
        self.trace = Trace(np.array(memory), np.array(points), keys)
        return True

    def frames(self) -> np.ndarray:
        """The last clip, uint8 (24, 210, 160, 3)."""
        self.ale.restoreState(self.start)
        shots = []
        for action in self.actions:
            self.ale.act(action)
            shots.append(self.ale.getScreenRGB())
        # Some games draw some things in every other picture alone.
        return np.maximum(shots[TICS - 2 :: TICS], shots[TICS - 1 :: TICS])

    def shows(self, result: str) -> bool:
        """Whether the last clip shows this result, none of which words would not tell, and the moves as planned."""
        memory, counted, same = self.trace.memory, bool(self.game.does[2]), self.moves[0] == self.moves[1]
        gains, losses = (np.flatnonzero(happened(self.trace)) for happened in (self.game.gains, self.game.loses))
        near = TICS if counted else 0
        spans = [(FIRST, LAST)] if same else [(FIRST, HALF - near), (HALF + near, LAST)]
        gained, lost = ([tics[(tics >= a) & (tics < b)] for a, b in spans] for tics in (gains, losses))
        self.result, self.gained, self.lost = result, [len(tics) for tics in gained], [len(tics) for tics in lost]
        untold = self.trace.points.copy()
        untold[[*gains, *losses]] = 0
        if untold.any() or sum(self.lost) < len(losses) or (counted and sum(self.gained) < len(gains)):
            return False
        shown = {
            "": not len(losses) and not (gains >= FIRST).any(),
            GAINS: not len(losses) and sum(self.gained) > 0,
            LOSES: len(losses) > 0 and not (counted and any(_apart(*tics) for tics in zip(gained, lost))),
        }
        if not shown[result] or (counted and sum(self.gained) >= len(NUMBERS)):
            return False
        if result and result == self.game.ends:
            end, start = int((losses if result == LOSES else gains[gains >= FIRST])[0]), TICS if same else HALF
            seen_long = start + LEAST_BEFORE <= end < LENGTH - LEAST_AFTER
            return seen_long and self._goes(self.moves[1], memory[start], memory[end])
        return self._goes(self.moves[1], memory[HALF], memory[LENGTH])

    def said(self) -> str:
        """The clip in a sentence."""
        went = [move if move == STAYS else f"moves {move}" for move in dict.fromkeys(self.moves)]
        acts = [f"{move} and {event}" if event else move for move, event in zip(went, self.events())]
        return f"the {self.game.player} {' then '.join(acts)}"

    def events(self) -> list[str]:
        """What comes of each move, in words; "" for nothing."""
        verb, one, several = self.game.does
        gains = ["", *(f"{verb} {NUMBERS[count]} {several}" for count in range(1, len(NUMBERS)))]
        gains[1] = f"{verb} {one}"
        loss = " ".join(self.game.suffers).strip()
        return [
            loss if lost else gains[gained if several else min(gained, 1)]
            for gained, lost in zip(self.gained, self.lost)
        ]

    def label(self) -> str:
        """The verb of what comes of it all."""
        return {"": "nothing", GAINS: self.game.does[0], LOSES: self.game.suffers[0]}[self.result]

    def place(self) -> str:
        """In which third of the picture the player is at the start, up and down and across; "" between two."""
        thirds = []
        for place, size, names in (
            (self.game.y, HEIGHT, ("top", "middle", "bottom")),
            (self.game.x, WIDTH, ("left", "middle", "right")),
        ):
            if place:
                at = pixels(place, self.trace.memory[TICS])
                near = {names[int(np.clip((at + by) * 3 // size, 0, 2))] for by in (-MOST_DRIFT, MOST_DRIFT)}
                thirds.append(near.pop() if len(near) == 1 else "")
        words = [third for third in dict.fromkeys(thirds) if third != "middle"]
        return "" if "" in thirds else " ".join(words) or "middle"

    def side(self) -> str:
        """On which side of the player the other one is at the start; "" for none."""
        start = self.trace.memory[TICS]
        if not self.game.other:
            return ""
        _, place, shown = self.game.other
        own, names = (self.game.x, ("left", "right")) if self.game.x else (self.game.y, ("above", "below"))
        apart = pixels(place, start) - pixels(own, start)
        return names[apart > 0] if start[shown] and abs(apart) >= LEAST_SIDE else ""

    def _goes(self, move: str, before: np.ndarray, after: np.ndarray) -> bool:
        """Whether the player moved so, and hardly to another side."""
        x, y = (pixels(place, after) - pixels(place, before) if place else 0 for place in (self.game.x, self.game.y))
        if move == STAYS:
            return max(abs(x), abs(y)) <= MOST_DRIFT
        along, down = WAYS[move]
        far, aside = x * along + y * down, abs(x * down) + abs(y * along)
        return far >= LEAST_WAY and aside <= max(MOST_DRIFT, far // 4)

    def _play_at_random(self, tics: int) -> None:
        """Holds keys of chance, each for up to half a second, or goes for what there is to go for."""
        goal = self.game.goal or (self.game.other and self.game.other[1])
        while tics > 0:
            move = str(self.rng.choice(list(self.game.keys), p=self.likes))
            goes, fires = goal is not None and self.rng.random() < 0.5, self.rng.random() < 0.5
            for _ in range(int(self.rng.integers(1, 30))):
                tics -= 1
                key = self.game.keys[self._towards(goal) if goes else move]
                self.ale.act(FIRING[key] if fires else key)
                if self.ale.game_over():
                    self.ale.reset_game()

    def _towards(self, goal: Place) -> str:
        """The move that brings the player nearer, from left to right or else from top to bottom."""
        own, ways = (self.game.x, ("left", "right")) if self.game.x else (self.game.y, ("up", "down"))
        memory = self.ale.getRAM().astype(int)
        apart = pixels(goal, memory) - pixels(own, memory)
        return ways[apart > 0] if abs(apart) > MOST_DRIFT else STAYS
