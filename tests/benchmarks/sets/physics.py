"""Clips of simulated things (pybullet, Coumans and Bai, 2016): 16 frames in which one lands on another, hits it, jumps
over it, passes it, falls beside it or hops beside it, under a light from any side and a camera that wanders.

A clip counts only if what touched what in the simulator is what the sentence says. Some things, e.g. the red ball, move
in the split `test_unseen` alone; elsewhere they stand by.
"""

import functools
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pybullet

from tests.benchmarks.sets.writing import Clip, split_sizes, write_set

FRAMES, FPS, WIDTH, HEIGHT = 16, 8, 160, 120
SHARES = {"train": 0.65, "validation": 0.08, "test": 0.15, "test_unseen": 0.12}
CLIPS = 1500
COLOURS = {
    "red": (0.85, 0.1, 0.1), "green": (0.1, 0.6, 0.15), "blue": (0.1, 0.2, 0.9), "yellow": (0.95, 0.85, 0.1),
    "purple": (0.55, 0.15, 0.65), "white": (0.95, 0.95, 0.95),
}  # fmt: skip
MESHES = {  # of shapes that are no simple bodies: the file, and whether its y axis points up
    "duck": ("duck.obj", True),
    "bunny": ("bunny.obj", False),
    "ring": ("torus/torus_textured.obj", False),
}
HALF = 0.3  # of a thing's height and width
SOLIDS = {  # what is simulated, and what is seen of it: kinds and sizes; of meshes, what is simulated is a cube
    "ball": (pybullet.GEOM_SPHERE, {"radius": HALF}) * 2,
    "cube": (pybullet.GEOM_BOX, {"halfExtents": (HALF,) * 3}) * 2,
    "cylinder": (
        pybullet.GEOM_CYLINDER, {"radius": HALF, "height": 2 * HALF},
        pybullet.GEOM_CYLINDER, {"radius": HALF, "length": 2 * HALF},
    ),
}  # fmt: skip
FLOOR = (pybullet.GEOM_BOX, {"halfExtents": (9, 9, 0.5)}) * 2
SHAPES = (*SOLIDS, *MESHES)
THINGS = [f"{colour} {shape}" for colour, shape in product(COLOURS, SHAPES)]
UNSEEN = {f"{colour} {SHAPES[index]}" for index, colour in enumerate(COLOURS)}
SIDES = {-1: "the left", 1: "the right"}
RATE, GRAVITY = 240, 9.8  # simulated steps a second


def make(out: Path, clips: int | None, seed: int) -> None:
    """Simulates the clips and writes them as mp4 files, with captions.csv beside them."""
    write_set(out, split_sizes(clips or CLIPS, SHARES), FPS, functools.partial(play, seed))


def play(seed: int, split: str, index: int) -> tuple[np.ndarray, Clip]:
    """One clip, the same for the same arguments: uint8 (16, 120, 160, 3), and what is said of it."""
    rng = np.random.default_rng([seed, list(SHARES).index(split), index])
    mover, move, other = draw(rng, unseen=split == "test_unseen")
    frames = None
    while frames is None:
        standing = [thing for thing in rng.choice(THINGS, 2, replace=False).tolist() if thing not in (mover, other)]
        scene = Scene(rng, move, [mover, other, *standing[: rng.integers(3)]])
        frames = scene.play()
    caption = f"the {mover} {move} the {other}"
    return frames, Clip("", split, caption, move.split()[0], questions(rng, scene))


def draw(rng: np.random.Generator, unseen: bool) -> tuple[str, str, str]:
    """What moves, what it does, and to which other thing."""
    while True:
        mover, other = rng.choice(THINGS, 2, replace=False).tolist()
        if (mover in UNSEEN) == unseen:
            return mover, str(rng.choice(list(MOVES))), other


def questions(rng: np.random.Generator, scene: "Scene") -> list[tuple[str, str, str]]:
    """Four questions about a clip, each with its answer and its kind."""
    there = bool(rng.integers(2))
    asked = str(rng.choice([thing for thing in THINGS if (thing in scene.things) == there]))
    comes = SIDES[scene.side] if scene.move in ("hits", "passes", "jumps over") else "above"
    return [
        ("what moves first?", scene.things[0], "thing"),
        ("how many things are there?", str(len(scene.things)), "count"),
        (f"is there a {asked}?", "yes" if there else "no", "sight"),
        ("from where does it come?", "nowhere" if scene.move == "hops beside" else comes, "way"),
    ]


class Scene:
    """Things on a floor, of which the first moves and the second is what it moves to.

    Attributes:
        things: their names.
        move: what the first does.
        side: -1 where it does so from the left, 1 from the right.
    """

    def __init__(self, rng: np.random.Generator, move: str, things: list[str]):
        self.rng, self.move, self.things = rng, move, things
        self.side = int(rng.choice(list(SIDES)))

    def play(self) -> np.ndarray | None:
        """The frames, uint8 (16, 120, 160, 3); None if what touched what is not what was planned."""
        self.client = pybullet.connect(pybullet.DIRECT)
        try:
            bodies = self._build()
            frames, touched = [], []
            camera = self._camera()
            for number in range(FRAMES):
                frames.append(camera(number / (FRAMES - 1)))
                for _ in range(RATE // FPS):
                    touched += [other for other in self._step(bodies) if other not in touched]
        finally:
            pybullet.disconnect(self.client)
        floor, _, other, *_ = bodies
        wanted = {"lands on": [other], "hits": [floor, other]}.get(self.move, [floor])
        met = touched[:1] if self.move == "lands on" else touched
        stood_by = not set(touched) - {floor, other}
        return np.stack(frames) if stood_by and sorted(met) == wanted else None

    def _build(self) -> list[int]:
        """The floor, what moves, what it moves to, and what stands by."""
        rng = self.rng
        pybullet.setGravity(0, 0, -GRAVITY, self.client)
        floor = self._body(FLOOR, (0, 0, -0.5), rng.uniform(0.35, 0.8, 3))
        pybullet.changeDynamics(floor, -1, mass=0, lateralFriction=0.6, physicsClientId=self.client)
        middle = np.array([rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.2), HALF])
        start, velocity = MOVES[self.move](rng, self.side)
        sides = rng.permutation([-1, 1])
        behind = [(side * rng.uniform(0.6, 1.5), rng.uniform(1.0, 1.6), HALF) for side in sides]
        bodies = [self._thing(name, place) for name, place in zip(self.things, [middle + start, middle, *behind])]
        slides = 0.0 if self.move in ("hits", "passes") else 0.5
        pybullet.changeDynamics(bodies[0], -1, lateralFriction=slides, physicsClientId=self.client)
        pybullet.resetBaseVelocity(bodies[0], velocity, (0, 0, 0), self.client)
        return [floor, *bodies]

    def _thing(self, name: str, place: Sequence[float]) -> int:
        colour, shape = name.split()
        solid = SOLIDS.get(shape, SOLIDS["cube"])
        if shape in MESHES:
            vertices, indices = _mesh(*MESHES[shape])
            solid = (*solid[:2], pybullet.GEOM_MESH, {"vertices": vertices, "indices": indices})
        return self._body(solid, place, COLOURS[colour], turned=True)

    def _body(self, solid: tuple, place: Sequence[float], colour: Sequence[float], turned: bool = False) -> int:
        """A body of a mass of 1, a little lighter or darker than its colour."""
        touched, size, seen, look = solid
        tint = (*np.clip(np.array(colour) * self.rng.uniform(0.85, 1.1), 0, 1), 1)
        heading = pybullet.getQuaternionFromEuler((0, 0, self.rng.uniform(-0.6, 0.6) if turned else 0))
        collision = pybullet.createCollisionShape(touched, **size, physicsClientId=self.client)
        visual = pybullet.createVisualShape(seen, **look, rgbaColor=tint, physicsClientId=self.client)
        return pybullet.createMultiBody(1.0, collision, visual, tuple(place), heading, physicsClientId=self.client)

    def _step(self, bodies: list[int]) -> set[int]:
        """Simulates 1/240 s; returns what the moving thing touches then."""
        pybullet.stepSimulation(self.client)
        moving = bodies[1]
        touched = {contact[2] for contact in pybullet.getContactPoints(moving, physicsClientId=self.client)}
        if self.move == "hops beside" and bodies[0] in touched:
            pybullet.resetBaseVelocity(moving, (0, 0, HOP), (0, 0, 0), self.client)
        return touched

    def _camera(self) -> Callable[[float], np.ndarray]:
        """Takes a picture, uint8 (120, 160, 3), after a part of the clip."""
        rng = self.rng
        far, yaw, pitch = rng.uniform(3.6, 4.6), rng.uniform(-25, 25), rng.uniform(-40, -15)
        drift = rng.uniform(-15, 15) * rng.integers(2)
        light = (rng.uniform(-2, 2), rng.uniform(-2, 0), rng.uniform(1.5, 3))
        lens = pybullet.computeProjectionMatrixFOV(36, WIDTH / HEIGHT, 0.1, 30)

        def look(part: float) -> np.ndarray:
            view = pybullet.computeViewMatrixFromYawPitchRoll((0, 0.2, 0.7), far, yaw + drift * part, pitch, 0, 2)
            _, _, picture, _, _ = pybullet.getCameraImage(
                WIDTH, HEIGHT, view, lens, lightDirection=light, shadow=1, lightDistance=8,
                renderer=pybullet.ER_TINY_RENDERER, physicsClientId=self.client,
            )  # fmt: skip
            return np.asarray(picture)[..., :3].astype(np.uint8)

        return look


def _falls(rng: np.random.Generator, side: int) -> tuple:
    return (side * rng.uniform(0.8, 1.2), rng.uniform(-0.3, 0.3), rng.uniform(1.5, 2.2)), (0, 0, 0)


def _lands(rng: np.random.Generator, side: int) -> tuple:
    return (0.05 * side, 0, rng.uniform(1.5, 2.2)), (0, 0, 0)


def _hits(rng: np.random.Generator, side: int) -> tuple:
    return (side * rng.uniform(1.6, 2.0), rng.uniform(-0.1, 0.1), 0), (-side * rng.uniform(1.5, 2.5), 0, 0)


def _passes(rng: np.random.Generator, side: int) -> tuple:
    return (side * rng.uniform(1.2, 1.6), rng.uniform(-0.85, -0.7), 0), (-side * rng.uniform(1.4, 1.9), 0, 0)


def _jumps(rng: np.random.Generator, side: int) -> tuple:
    return (side * rng.uniform(1.1, 1.4), 0, 0), (-side * rng.uniform(2.3, 2.7), 0, rng.uniform(4.7, 5.2))


def _hops(rng: np.random.Generator, side: int) -> tuple:
    return (side * rng.uniform(0.8, 1.2), rng.uniform(-0.3, 0.3), 0), (0, 0, HOP)


HOP = 2.4  # metres a second, up
MOVES: dict[
    str, Callable[[np.random.Generator, int], tuple]
] = {  # where it begins beside the other thing, and how fast
    "lands on": _lands,
    "hits": _hits,
    "jumps over": _jumps,
    "passes": _passes,
    "falls beside": _falls,
    "hops beside": _hops,
}


@functools.cache
def _mesh(file: str, y_is_up: bool) -> tuple[list, list]:
    """The corners and triangles of a model that pybullet brings, as large as every thing is."""
    found = find_spec("pybullet_data")
    assert found and found.origin
    words = [line.split() for line in (Path(found.origin).parent / file).read_text().splitlines() if line.strip()]
    corners = np.array([[float(word) for word in line[1:4]] for line in words if line[0] == "v"])
    if y_is_up:
        corners = corners[:, [0, 2, 1]] * (1, -1, 1)
    low, high = corners.min(axis=0), corners.max(axis=0)
    corners = (corners - (low + high) / 2) * 2 * HALF / (high - low).max()
    faces = [[int(word.split("/")[0]) - 1 for word in line[1:]] for line in words if line[0] == "f"]
    triangles = [[face[0], *face[part : part + 2]] for face in faces for part in range(1, len(face) - 1)]
    return corners.tolist(), np.concatenate(triangles).tolist()
