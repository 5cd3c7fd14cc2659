"""Clips of MiniGrid (Chevalier-Boisvert et al., 2023) seen from above: 16 frames in which the agent, a red triangle,
goes to a thing, picks one up, puts it next to another, opens or closes a door, or does two of these in turn.

A script walks the shortest way. A clip counts only if what changed in the simulator is what the sentence says. Some
things, e.g. the green box, are what the agent deals with in the split `test_unseen` alone; elsewhere they stand by.
"""

import functools
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from minigrid.core.constants import COLOR_NAMES, DIR_TO_VEC
from minigrid.core.grid import Grid
from minigrid.core.mission import MissionSpace
from minigrid.core.world_object import Ball, Box, Door, Key, Wall
from minigrid.minigrid_env import MiniGridEnv

from tests.benchmarks.sets.writing import Clip, split_sizes, write_set

FRAMES, FPS, CELLS, PIXELS = 16, 4, 8, 16  # cells of a room to each side, pixels of a cell
SHARES = {"train": 0.75, "validation": 0.075, "test": 0.1, "test_unseen": 0.075}
CLIPS = 1200
LEAST_WALK = 3  # moves before each thing that the agent does, one of them forward at least
KINDS = {"ball": Ball, "box": Box, "key": Key, "door": Door}
OBJECTS = [f"{colour} {kind}" for kind in ("ball", "box", "key") for colour in COLOR_NAMES]
DOORS = [f"{colour} door" for colour in COLOR_NAMES if colour != "grey"]  # an open grey one looks like the wall
UNSEEN = {f"{colour} {list(KINDS)[index % 4]}" for index, colour in enumerate(COLOR_NAMES)}
GO, PICK, PUT, OPEN, CLOSE = "goes to", "picks up", "puts it next to", "opens", "closes"
ACTIVITIES = {  # what the agent does in turn, with the share of the clips
    "go to an object": ((GO,), 0.08),
    "pick up an object": ((PICK,), 0.08),
    "open a door": ((OPEN,), 0.08),
    "close a door": ((CLOSE,), 0.08),
    "pick up an object and put it next to another": ((PICK, PUT), 0.17),
    "pick up an object and go to another": ((PICK, GO), 0.17),
    "open a door and go to an object": ((OPEN, GO), 0.17),
    "open a door and pick up an object": ((OPEN, PICK), 0.17),
}
QUESTIONS = {
    GO: "what does the agent go to at the end?",
    PICK: "what does the agent pick up?",
    PUT: "what does the agent put something next to?",
    OPEN: "what does the agent open?",
    CLOSE: "what does the agent close?",
}
Plan = list[tuple[str, str]]  # (what the agent does, with which thing)


def make(out: Path, clips: int | None, seed: int) -> None:
    """Plays the clips and writes them as mp4 files, with captions.csv beside them."""
    write_set(out, split_sizes(clips or CLIPS, SHARES), FPS, functools.partial(play, seed))


def play(seed: int, split: str, index: int) -> tuple[np.ndarray, Clip]:
    """One clip, the same for the same arguments: uint8 (16, 128, 128, 3), and what is said of it."""
    rng = np.random.default_rng([seed, list(SHARES).index(split), index])
    activity, plan = draw(rng, unseen=split == "test_unseen")
    frames = None
    while frames is None:
        room = Room(rng, plan)
        frames = room.play()
    caption = "the agent " + " and ".join(f"{verb} the {thing}" for verb, thing in plan)
    return frames, Clip("", split, caption, activity, questions(rng, plan, room.seen))


def draw(rng: np.random.Generator, unseen: bool) -> tuple[str, Plan]:
    """An activity, and what the agent does in it with which things."""
    shares = [share for _, share in ACTIVITIES.values()]
    activity = str(rng.choice(list(ACTIVITIES), p=shares))
    while True:
        objects = [str(thing) for thing in rng.choice(OBJECTS, size=2, replace=False)]
        door = str(rng.choice(DOORS))
        plan = [(verb, door if verb in (OPEN, CLOSE) else objects.pop()) for verb in ACTIVITIES[activity][0]]
        if any(thing in UNSEEN for _, thing in plan) == unseen:
            return activity, plan


def questions(rng: np.random.Generator, plan: Plan, seen: dict[str, set[str]]) -> list[tuple[str, str, str]]:
    """Four questions about a clip, each with its answer and its kind; `seen` names the things at its start and end."""
    done = plan
    if len(plan) == 1:
        done = [*plan, (str(rng.choice([verb for verb in (PICK, OPEN, CLOSE) if verb != plan[0][0]])), "nothing")]
    asked = [(QUESTIONS[verb], thing, "thing") for verb, thing in done]
    kind, when = str(rng.choice(list(KINDS))), str(rng.choice(list(seen)))
    count = sum(thing.endswith(kind) for thing in seen[when])
    plural = "boxes" if kind == "box" else f"{kind}s"
    asked.append((f"how many {plural} are to be seen at the {when}?", str(count), "count"))
    there, when = bool(rng.integers(2)), str(rng.choice(list(seen)))
    thing = str(rng.choice([thing for thing in OBJECTS + DOORS if (thing in seen[when]) == there]))
    return [*asked, (f"is a {thing} to be seen at the {when}?", "yes" if there else "no", "sight")]


class Blocked(Exception):
    """What was planned cannot be done in this room."""


class Room(MiniGridEnv):
    """A room, in which each thing is there only once, and the agent who follows the plan.

    Attributes:
        things: by name, e.g. "blue key".
        start: where each is at the start.
        seen: once played, the names of the things that are to be seen at the start and at the end.
    """

    def __init__(self, rng: np.random.Generator, plan: Plan):
        super().__init__(MissionSpace(lambda: ""), grid_size=CELLS, max_steps=FRAMES)
        self.rng, self.plan = rng, plan
        self.reset()
        self.start = self._places()

    def play(self) -> np.ndarray | None:
        """The frames, uint8 (16, 128, 128, 3); None if the plan did not work out here."""
        frames, done, changed = [self._look()], [], []
        try:
            for action in self._script():
                before = self._places()
                self.step(action)
                frames.append(self._look())
                changed = self._changes(before)
                done += changed
                if len(frames) > FRAMES - 2:
                    return None
        except Blocked:
            return None
        if not changed:  # the last that the agent did was to walk
            ahead = self.grid.get(*self.front_pos)
            done += [(GO, name) for name, thing in self.things.items() if thing is ahead]
        self.seen = {"start": set(self.start), "end": set(self._places())}
        return np.stack(frames + frames[-1:] * (FRAMES - len(frames))) if done == self.plan else None

    def _gen_grid(self, width: int, height: int) -> None:
        self.grid, self.things = Grid(width, height), {}
        self.grid.wall_rect(0, 0, width, height)
        wanted = dict((thing, verb) for verb, thing in self.plan)
        doors = [thing for thing in wanted if thing.endswith("door")]
        objects = [thing for thing in wanted if thing not in doors]
        objects += self._others(OBJECTS, objects, int(self.rng.integers(5, 8)))
        if doors or self.rng.random() < 0.5:  # a wall through the middle, with one door or two
            doors += self._others(DOORS, doors, int(self.rng.integers(1, 3)))
            across, upright = int(self.rng.integers(3, 5)), bool(self.rng.integers(2))
            wall = [(across, along) if upright else (along, across) for along in range(1, CELLS - 1)]
            for cell in wall:
                self.put_obj(Wall(), *cell)
            for name, index in zip(doors, self.rng.permutation([self.rng.integers(3), 3 + self.rng.integers(3)])):
                opened = wanted[name] == CLOSE if name in wanted else bool(self.rng.integers(2))
                self.things[name] = Door(name.split()[0], is_open=opened)
                self.put_obj(self.things[name], *wall[index])
        free = [cell for cell in np.ndindex(width, height) if self.grid.get(*cell) is None]
        *cells, start = self.rng.permutation(free)[: len(objects) + 1].tolist()
        for name, cell in zip(objects, cells):
            colour, kind = name.split()
            self.things[name] = KINDS[kind](colour)
            self.put_obj(self.things[name], *cell)
        self.agent_pos, self.agent_dir = tuple(start), int(self.rng.integers(4))

    def _others(self, names: list[str], taken: list[str], count: int) -> list[str]:
        """Names of things to stand by, so that there are `count` with those that are taken."""
        left = [name for name in names if name not in taken]
        return [str(name) for name in self.rng.choice(left, size=max(0, count - len(taken)), replace=False)]

    def _look(self) -> np.ndarray:
        return self.get_frame(highlight=False, tile_size=PIXELS)

    def _places(self) -> dict[str, tuple]:
        """Of each thing that is to be seen: where, and whether it is an open door."""
        return {
            name: (int(thing.cur_pos[0]), int(thing.cur_pos[1]), thing.type == "door" and thing.is_open)
            for name, thing in self.things.items()
            if thing is not self.carrying
        }

    def _changes(self, before: dict[str, tuple]) -> Plan:
        """What the agent did by its last action, from what the simulator says of the things."""
        after = self._places()
        done = [(PICK, name) for name in before if name not in after]
        for name, place in after.items():
            if name not in before:
                done += [(PUT, other) for other in before if _near(place, after[other])]
            elif place != before[name]:
                done.append((OPEN if place[2] else CLOSE, name))
        return done

    def _script(self) -> Iterator[int]:
        """The agent's actions, each asked for when the one before it is done."""
        for index, (verb, name) in enumerate(self.plan):
            place = self._places()[name]
            targets = {place[:2]}
            if verb == PUT:
                if _near(self.start[self.plan[index - 1][1]], place):
                    raise Blocked
                around = [(place[0] + int(step[0]), place[1] + int(step[1])) for step in DIR_TO_VEC]
                targets = {cell for cell in around if self.grid.get(*cell) is None}
            yield from self._way(targets)
            if verb != GO:
                yield {PICK: self.actions.pickup, PUT: self.actions.drop}.get(verb, self.actions.toggle)

    def _way(self, targets: set[tuple[int, int]]) -> list[int]:
        """The fewest turns and steps after which the agent faces one of the cells."""
        start = (*self.agent_pos, self.agent_dir)
        ways: dict[tuple, list[int]] = {start: []}
        queue = deque([start])
        while queue:
            x, y, facing = state = queue.popleft()
            ahead = x + int(DIR_TO_VEC[facing][0]), y + int(DIR_TO_VEC[facing][1])
            if ahead in targets:
                if len(ways[state]) < LEAST_WALK:
                    break
                return ways[state]
            moves = {self.actions.left: (x, y, (facing - 1) % 4), self.actions.right: (x, y, (facing + 1) % 4)}
            thing = self.grid.get(*ahead)
            if thing is None or thing.can_overlap():
                moves[self.actions.forward] = (*ahead, facing)
            for move, following in moves.items():
                if following not in ways:
                    ways[following] = [*ways[state], move]
                    queue.append(following)
        raise Blocked


def _near(one: tuple, other: tuple) -> bool:
    """Whether two cells touch, be it at a corner."""
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= 1
