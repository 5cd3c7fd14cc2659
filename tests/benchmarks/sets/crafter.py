"""Clips of the game Crafter (Hafner, 2021): 24 frames in which the player does one thing up to three times, or two
things one after the other, on grass, on sand or in a cave.

A clip is a place of a world that the game made, with what the player needs put within its sight. A script plays the
game, and the clip counts only if the game's own tally then says what the sentence says. Some things are never done in
some places but in the split `test_unseen`. The worlds of training are in no other split.
"""

import functools
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from crafter import Env
from crafter.objects import Cow, Player, Zombie

from tests.benchmarks.sets.writing import Clip, split_sizes, write_set

FRAMES, FPS, SIZE = 24, 8, 128
SHARES = {"train": 0.75, "validation": 0.075, "test": 0.1, "test_unseen": 0.075}
CLIPS, CLIPS_OF_A_WORLD = 2000, 100
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
PLACES = {"grass": "on grass", "sand": "on sand", "path": "in a cave"}
CLOCK = {"day": 45, "night": 170}  # steps of the game's clock, which goes round in 300
VIEW = (4, 3)  # cells that are seen to each side of the player
STEPS = 6  # of a walk
COUNTS = ("none", "one", "two", "three")
CREATURES = {"cow": Cow, "zombie": Zombie}
SIGHTS = {"tree": "a tree", "water": "water", "cow": "a cow", "stone": "a rock", "coal": "coal", "iron": "iron"}


@dataclass(frozen=True)
class Activity:
    """Something that the player does.

    Attributes:
        told: phrases for once, twice and three times; a walk has only one.
        answer: its name.
        question: how often it is done; "" for a walk.
        tally: the achievement that the game counts; "" for a walk.
    """

    told: tuple[str, ...]
    answer: str
    question: str = ""
    tally: str = ""


def _counted(verb: str, one: str, many: str, base: str, tally: str) -> Activity:
    told = (f"{verb} {one}", f"{verb} two {many}", f"{verb} three {many}")
    return Activity(told, f"{base} {many}", f"how many {many} does the player {base}?", tally)


ACTIVITIES = {
    "tree": _counted("chops", "a tree", "trees", "chop", "collect_wood"),
    "iron": _counted("mines", "a piece of iron", "pieces of iron", "mine", "collect_iron"),
    "diamond": _counted("digs up", "a diamond", "diamonds", "dig up", "collect_diamond"),
    "water": Activity(
        ("drinks water", "drinks water twice", "drinks water three times"),
        "drink water", "how many times does the player drink?", "collect_drink",
    ),
    "cow": _counted("kills", "a cow", "cows", "kill", "eat_cow"),
    "zombie": _counted("defeats", "a zombie", "zombies", "defeat", "defeat_zombie"),
    "table": _counted("builds", "a table", "tables", "build", "place_table"),
    "stone": _counted("lays", "a stone", "stones", "lay", "place_stone"),
    **{way: Activity((f"walks {way}",), f"walk {way}") for way in DIRECTIONS},
}  # fmt: skip
Plan = list[tuple[str, int]]  # one or two of (activity, how often)
UNSEEN = {(name, list(PLACES)[index // 2 % 3]) for index, name in enumerate(ACTIVITIES) if index % 2 == 0}


def make(out: Path, clips: int | None, seed: int) -> None:
    """Plays the clips and writes them as mp4 files, with captions.csv beside them."""
    write_set(out, split_sizes(clips or CLIPS, SHARES), FPS, functools.partial(play, seed))


def play(seed: int, split: str, index: int) -> tuple[np.ndarray, Clip]:
    """One clip, the same for the same arguments: uint8 (24, 128, 128, 3), and what is said of it."""
    rng = np.random.default_rng([seed, list(SHARES).index(split), index])
    world = _world(seed, (split == "train") * 1000 + index // CLIPS_OF_A_WORLD)
    place, time, plan = draw(rng, unseen=split == "test_unseen")
    scene, frames = None, None
    while frames is None:
        scene = Scene(world, rng, place, time, plan)
        frames = scene.play()
    done = " and then ".join(ACTIVITIES[name].told[count - 1] for name, count in plan)
    return frames, Clip(
        path="",
        split=split,
        caption=f"the player {done} {PLACES[place]}",
        label="|".join(ACTIVITIES[name].answer for name, _ in plan),
        questions=questions(rng, place, time, plan, scene.seen),
    )


def draw(rng: np.random.Generator, unseen: bool) -> tuple[str, str, Plan]:
    """A place, a time of day and what the player does."""
    while True:
        place, time = str(rng.choice(list(PLACES))), str(rng.choice(list(CLOCK), p=[0.75, 0.25]))
        names = [str(name) for name in rng.choice(list(ACTIVITIES), size=rng.choice([1, 2]), replace=False)]
        walks_only = len(names) == 2 and set(names) <= set(DIRECTIONS)
        if not walks_only and any((name, place) in UNSEEN for name in names) == unseen:
            most = 1 if len(names) == 2 else len(ACTIVITIES[names[0]].told)
            return place, time, [(name, int(rng.integers(1, most + 1))) for name in names]


def questions(
    rng: np.random.Generator, place: str, time: str, plan: Plan, seen: set[str]
) -> list[tuple[str, str, str]]:
    """Five questions about a clip, each with its answer and its kind."""
    counts = dict(plan)
    asked = [name for name in counts if ACTIVITIES[name].question]
    if not asked or rng.random() < 0.25:
        asked = [name for name, activity in ACTIVITIES.items() if activity.question and name not in counts]
    name = str(rng.choice(asked))
    there = [sight for sight in SIGHTS if (sight in seen) == bool(rng.integers(2))] or list(SIGHTS)
    sight = str(rng.choice(there))
    return [
        ("what does the player do first?", ACTIVITIES[plan[0][0]].answer, "first"),
        ("what does the player do last?", ACTIVITIES[plan[-1][0]].answer, "last")
        if len(plan) == 2
        else ("is it day or night?", time, "time"),
        (ACTIVITIES[name].question, COUNTS[counts.get(name, 0)], "count"),
        ("where is the player?", PLACES[place], "place"),
        (f"is {SIGHTS[sight]} to be seen?", "yes" if sight in seen else "no", "sight"),
    ]


class World(Env):
    """A world of the game whose land can be put back, to which no creature comes by itself."""

    def __init__(self, seed: int):
        super().__init__(size=(SIZE, SIZE), seed=seed)
        self.reset()
        self.land = self._world._mat_map.copy()

    def _obs(self):
        """Draws nothing: frames are drawn by `render`."""

    def _balance_chunk(self, chunk, objs):
        """Lets no creature come or go."""

    def enter(self, rng: np.random.Generator, place: str, time: str) -> None:
        """Puts the land back, and the player somewhere in a kind of place."""
        for creature in self._world.objects:
            self._world.remove(creature)
        self._world._mat_map[:] = self.land
        self._world.random = np.random.RandomState(rng.integers(2**31))
        inner = np.zeros(self._area, bool)
        inner[12:-12, 12:-12] = True
        spots = np.argwhere(inner & (self.land == self._world._mat_ids[place]))
        self._player = Player(self._world, rng.choice(spots if len(spots) else np.argwhere(inner)))
        self._player.facing = DIRECTIONS[str(rng.choice(list(DIRECTIONS)))]
        tools = dict.fromkeys(("wood_pickaxe", "stone_pickaxe", "iron_pickaxe", "iron_sword"), 1)
        stores = {"wood": rng.integers(4, 7), "stone": rng.integers(3, 7), "drink": rng.integers(3, 7)}
        self._player.inventory.update(tools | {name: int(count) for name, count in stores.items()})
        self._world.add(self._player)
        self._step = CLOCK[time]
        self._update_time()


@functools.lru_cache(1)
def _world(seed: int, number: int) -> World:
    return World(seed * 10_000 + number)


class Blocked(Exception):
    """What was planned cannot be done here."""


class Scene:
    """A clip while it is played: a part of a world with what the plan needs, and the player who follows the plan."""

    def __init__(self, world: World, rng: np.random.Generator, place: str, time: str, plan: Plan):
        world.enter(rng, place, time)
        self.env, self.world, self.player = world, world._world, world._player
        self.rng, self.floor, self.plan = rng, place, plan
        self.seen: set[str] = set()
        self.sites: dict[str, list[tuple[int, int]]] = {}
        self._furnish()

    def play(self) -> np.ndarray | None:
        """The frames; None if the plan did not work out here, so that another place must be tried."""
        frames = [self._look()]
        try:
            for action in self._script():
                self.env.step(self.env.action_names.index(action))
                frames.append(self._look())
                if len(frames) > FRAMES - 2 or self.player.health < 3:
                    return None
        except Blocked:
            return None
        wanted = Counter({ACTIVITIES[name].tally: count for name, count in self.plan if ACTIVITIES[name].tally})
        if +Counter(self.player.achievements) != wanted:
            return None
        while len(frames) < FRAMES:
            self.env.step(0)
            frames.append(self._look())
        return np.stack(frames)

    def _look(self) -> np.ndarray:
        """Draws a frame and notes what is to be seen in it."""
        (x, y), (wide, high) = self.player.pos, VIEW
        for cell in np.ndindex(2 * wide + 1, 2 * high + 1):
            material, creature = self.world[x + cell[0] - wide, y + cell[1] - high]
            self.seen |= {material} | ({"cow"} if isinstance(creature, Cow) else set())
        return self.env.render()

    # Before the clip

    def _furnish(self) -> None:
        start = tuple(self.player.pos)
        way = DIRECTIONS.get(self.plan[0][0], (0, 0))
        path = [(start[0] + step * way[0], start[1] + step * way[1]) for step in range(STEPS + 1)]
        end = path[-1]
        for name, _ in self.plan:
            if name in DIRECTIONS:
                self._clear_way(start, DIRECTIONS[name])
        for centre in {start, end}:
            self._clear(centre)
        taken = set(path)
        for name, count in self.plan:
            if name in CREATURES:
                for _ in range(count + int(self.rng.integers(2))):
                    self._add_creature(name, end, taken)
            elif name in ("tree", "iron", "diamond", "water"):
                self._put(name, 1 if name == "water" else count, end, taken)
        if "cow" not in dict(self.plan) and self.rng.random() < 0.3:
            self._add_creature("cow", end, taken)

    def _clear(self, centre: tuple[int, int]) -> None:
        """Makes most of what is seen from a cell floor that can be walked on."""
        for dx in range(-VIEW[0], VIEW[0] + 1):
            for dy in range(-VIEW[1], VIEW[1] + 1):
                cell = centre[0] + dx, centre[1] + dy
                near = abs(dx) + abs(dy) < 2
                if self.world[cell][0] in self.player.walkable or near or self.rng.random() < 0.6:
                    self.world[cell] = self.floor

    def _clear_way(self, start: tuple[int, int], way: tuple[int, int]) -> None:
        """Makes a way for a walk, wide enough to begin beside the start."""
        for ahead in range(-2, STEPS + 3):
            for aside in range(-2, 3):
                self.world[start[0] + ahead * way[0] + aside * way[1], start[1] + ahead * way[1] + aside * way[0]] = (
                    self.floor
                )

    def _put(self, material: str, count: int, centre: tuple[int, int], taken: set) -> None:
        """Puts a material on cells in a row, within sight."""
        for _ in range(50):
            dx, dy = ((1, 0), (0, 1))[self.rng.integers(2)]
            x, y = centre[0] + self.rng.integers(-3, 4), centre[1] + self.rng.integers(-2, 3)
            cells = [(x + step * dx, y + step * dy) for step in range(count)]
            if not taken & set(cells):
                taken |= set(cells)
                self.sites[material] = cells
                for cell in cells:
                    self.world[cell] = material
                return

    def _add_creature(self, name: str, centre: tuple[int, int], taken: set) -> None:
        for _ in range(50):
            cell = centre[0] + int(self.rng.integers(-3, 4)), centre[1] + int(self.rng.integers(-2, 3))
            if cell not in taken and self.player.is_free(cell):
                taken.add(cell)
                self.world.add(Cow(self.world, cell) if name == "cow" else Zombie(self.world, cell, self.player))
                return

    # During the clip

    def _script(self) -> Iterator[str]:
        """The player's actions, each chosen by what the world then looks like."""
        yield "noop"
        for name, count in self.plan:
            if name in DIRECTIONS:
                yield from self._walk(name)
            elif name in CREATURES:
                yield from self._hunt(CREATURES[name], ACTIVITIES[name].tally, count)
            elif name in self.sites:
                yield from self._gather(name, count)
            elif name in ("table", "stone"):
                yield from self._place(name, count)
            else:
                raise Blocked
            yield "noop"

    def _walk(self, way: str) -> Iterator[str]:
        for _ in range(STEPS):
            before = tuple(self.player.pos)
            yield f"move_{way}"
            if tuple(self.player.pos) == before:
                raise Blocked

    def _gather(self, name: str, count: int) -> Iterator[str]:
        cells = self.sites[name]
        for cell in cells:
            yield from self._reach(lambda cell=cell: cell)
            for _ in range(count // len(cells)):
                yield "do"

    def _hunt(self, creature: type, tally: str, count: int) -> Iterator[str]:
        while self.player.achievements[tally] < count:
            alive = [one for one in self.world.objects if isinstance(one, creature) and one.health > 0]
            if not alive:
                raise Blocked
            prey = min(alive, key=self.player.distance)
            yield from self._reach(lambda prey=prey: tuple(prey.pos))
            yield "do"

    def _place(self, name: str, count: int) -> Iterator[str]:
        for _ in range(count):
            while not self.player.is_free(self._ahead()):
                free = [way for way, step in DIRECTIONS.items() if self.player.is_free(self.player.pos + step)]
                if not free:
                    raise Blocked
                yield f"move_{self.rng.choice(free)}"
            yield f"place_{name}"

    def _ahead(self) -> tuple[int, int]:
        return self.player.pos[0] + self.player.facing[0], self.player.pos[1] + self.player.facing[1]

    def _reach(self, target) -> Iterator[str]:
        """Goes to where the player faces what `target()` then gives."""
        while self._ahead() != target():
            yield f"move_{self._first_step(target())}"

    def _first_step(self, target: tuple[int, int]) -> str:
        """The first step of a shortest way to a cell, or the turn towards it."""
        start = tuple(self.player.pos)
        first: dict[tuple[int, int], str] = {start: ""}
        queue = deque([start])
        while queue:
            cell = queue.popleft()
            for way, step in DIRECTIONS.items():
                following = cell[0] + step[0], cell[1] + step[1]
                if following == target:
                    return first[cell] or way
                near = max(abs(following[0] - start[0]), abs(following[1] - start[1])) < 6
                if following not in first and near and self.player.is_free(following):
                    first[following] = first[cell] or way
                    queue.append(following)
        raise Blocked
