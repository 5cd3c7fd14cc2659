"""`sort_of_clevr`: pictures of six coloured shapes, and questions about them and their relations.

After the recipe of Santoro et al., "A simple neural network module for relational reasoning", 2017:
75x75 pixels, one object of each of six colours, a square or a circle, twenty questions a picture, ten
of them relational; 9,800 pictures for training and 200 for test. Here the questions are worded as
text. A picture's objects and questions are drawn from (seed, split, index) alone, so they are the
same on every machine.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from vtkeras import keys
from vtkeras.data.sources.base import Source, SourceOptions, check_split
from vtkeras.data.sources.datasets import clip_spec, drawn_clips, one_question_each

if TYPE_CHECKING:
    import tensorflow as tf

SIZE = 75  # pixels a side of a picture
RADIUS = 5  # pixels from an object's centre to its edge
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "orange": (255, 156, 0),
    "gray": (128, 128, 128),
    "yellow": (255, 255, 0),
}
NAMES = tuple(COLOURS)
SHAPES = ("square", "circle")
BACKGROUND = 255

RELATIONAL = "relational"
NON_RELATIONAL = "non-relational"
# Templates of questions, three of each kind.
QUESTIONS = {
    NON_RELATIONAL: (
        "what is the shape of the {} object?",
        "is the {} object on the left?",
        "is the {} object at the top?",
    ),
    RELATIONAL: (
        "what is the shape of the object closest to the {} object?",
        "what is the shape of the object furthest from the {} object?",
        "how many objects have the shape of the {} object?",
    ),
}
QUESTIONS_OF_A_KIND = 10
SPLITS = (keys.TRAIN, keys.VALIDATION, keys.TEST)


@dataclass(frozen=True)
class Scene:
    """What is in a picture, one object of each colour in the order of `NAMES`.

    Attributes:
        centres: int (objects=6, 2), column and row of each object's centre in pixels.
        shapes: int (objects=6,), places in `SHAPES`.
    """

    centres: np.ndarray
    shapes: np.ndarray

    def answer(self, template: str, colour: int) -> str:
        """The right answer to a template of `QUESTIONS` about the object of a colour (a place in `NAMES`).

        Left and top are the halves of the picture with the smaller coordinates. Of two objects as
        near, or as far, the one whose colour is named first in `NAMES` counts.
        """
        column, row = self.centres[colour]
        distances = ((self.centres - self.centres[colour]) ** 2).sum(axis=1).astype(float)
        if "closest" in template:
            distances[colour] = np.inf
            return SHAPES[self.shapes[distances.argmin()]]
        if "furthest" in template:
            return SHAPES[self.shapes[distances.argmax()]]
        if "how many" in template:
            return str((self.shapes == self.shapes[colour]).sum())
        if "left" in template:
            return "yes" if column < SIZE / 2 else "no"
        if "top" in template:
            return "yes" if row < SIZE / 2 else "no"
        return SHAPES[self.shapes[colour]]

    def draw(self) -> np.ndarray:
        """The picture, uint8 (SIZE, SIZE, 3)."""
        picture = np.full((SIZE, SIZE, 3), BACKGROUND, np.uint8)
        reach = np.arange(-RADIUS, RADIUS + 1)
        disc = reach[:, None] ** 2 + reach**2 <= RADIUS**2
        for (column, row), shape, colour in zip(self.centres, self.shapes, COLOURS.values()):
            square = picture[row - RADIUS : row + RADIUS + 1, column - RADIUS : column + RADIUS + 1]
            square[disc if SHAPES[shape] == "circle" else ...] = colour
        return picture

    def changed(self, rng: np.random.Generator) -> tuple[Scene, np.ndarray]:
        """The scene turned or mirrored, with its colours exchanged.

        Returns:
            the new scene, and for each colour of the old one the place of its new colour.
        """
        centres = self.centres[:, ::-1] if rng.random() < 0.5 else self.centres
        mirrored = rng.random(2) < 0.5
        centres = np.where(mirrored, SIZE - 1 - centres, centres)
        places = rng.permutation(len(NAMES))
        order = np.argsort(places)
        return Scene(centres[order], self.shapes[order]), places


class SortOfClevrOptions(SourceOptions):
    """Options of `sort_of_clevr`."""

    small: ClassVar[dict[str, Any]] = {"train_images": 3, "eval_images": 2}

    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Another seed draws other pictures; left out, it is `train.seed`."""
    train_images: int = Field(9800, ge=1)
    """Pictures of the training split."""
    eval_images: int = Field(200, ge=1)
    """Pictures of the other splits."""
    augment: bool = True
    """In every training epoch but the first, turn and mirror each picture and exchange its colours; the
    questions name the new colours, and the answers follow from the changed scene."""


class SortOfClevr(Source):
    """Pictures of one frame with twenty questions each.

    Args:
        options: see `SortOfClevrOptions`.

    Raises:
        UserError: for an unknown option, or one out of range.

    Example:
        >>> example = next(iter(SortOfClevr().load("test")))
        >>> example["frames"].shape, example["question"]
        (TensorShape([1, 75, 75, 3]), b'is the red object on the left?')
    """

    Options = SortOfClevrOptions
    options: SortOfClevrOptions

    def __init__(self, **options: Any):
        self.options = self.Options.read(options)
        self.draws = self.options.augment
        self._scene = functools.cache(self._draw_scene)

    @property
    def spec(self) -> dict[str, tf.TensorSpec]:
        return clip_spec(1, SIZE, SIZE)

    def splits(self) -> list[str]:
        return list(SPLITS)

    def size(self, split: str) -> int:
        """Questions in a split."""
        return self._images(split) * 2 * QUESTIONS_OF_A_KIND

    def load(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        """Yields one example a question, picture by picture.

        Raises:
            UserError: for an unknown split.
        """
        return one_question_each(self.clips(split, epoch), self.size(split))

    def clips(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        """Yields one example a picture, with QUESTION and ANSWER strings (20,).

        Raises:
            UserError: for an unknown split.
        """
        spec = clip_spec(1, SIZE, SIZE, questions=(None,))
        return drawn_clips(lambda index: self.example(split, epoch, index), self._images(split), spec)

    def example(self, split: str, epoch: int, index: int) -> dict:
        """One picture as numpy arrays and strings; the same for the same arguments, on every machine."""
        scene, asked = self._scene(split, index)
        if self.options.augment and split == keys.TRAIN and epoch:
            scene, places = scene.changed(np.random.default_rng([self.options.seed, epoch, index]))
            asked = [(template, places[colour]) for template, colour in asked]
        return {
            keys.FRAMES: scene.draw()[None],
            keys.VIDEO_ID: f"{split}-{epoch}-{index}",
            keys.CAPTIONS: [],
            keys.QUESTION: [template.format(NAMES[colour]) for template, colour in asked],
            keys.ANSWER: [scene.answer(template, colour) for template, colour in asked],
            keys.LABEL: keys.LABEL_SEPARATOR.join(
                f"{name} {SHAPES[shape]}" for name, shape in zip(NAMES, scene.shapes)
            ),
        }

    def texts(self) -> dict[str, list[str]]:
        """Every question, answer and label that training can show.

        Questions and answers come many times, as in training: word pieces are made of what is frequent.
        """
        templates = [template for several in QUESTIONS.values() for template in several]
        counts = [str(count + 1) for count in range(len(NAMES))]
        return {
            "captions": [],
            "questions": [template.format(name) for template in templates for name in NAMES] * 20,
            "answers": [*SHAPES, "yes", "no", *counts] * 20,
            "labels": [f"{name} {shape}" for name in NAMES for shape in SHAPES],
        }

    def question_kind(self, question: str) -> str:
        """`relational` or `non-relational`."""
        related = ("closest", "furthest", "how many")
        return RELATIONAL if any(word in question for word in related) else NON_RELATIONAL

    def _images(self, split: str) -> int:
        check_split(self, split)
        return self.options.train_images if split == keys.TRAIN else self.options.eval_images

    def _draw_scene(self, split: str, index: int) -> tuple[Scene, list[tuple[str, int]]]:
        """The scene of a picture, and its questions as (template, colour) pairs."""
        rng = np.random.default_rng([self.options.seed, zlib.crc32(split.encode()), index])
        scene = Scene(_centres(rng), rng.integers(len(SHAPES), size=len(NAMES)))
        asked = [
            (templates[rng.integers(len(templates))], int(rng.integers(len(NAMES))))
            for templates in QUESTIONS.values()
            for _ in range(QUESTIONS_OF_A_KIND)
        ]
        return scene, asked


def _centres(rng: np.random.Generator) -> np.ndarray:
    """Centres at least two radii apart and one radius from the edge: int (objects=6, 2)."""
    centres: list[np.ndarray] = []
    while len(centres) < len(NAMES):
        centre = rng.integers(RADIUS, SIZE - RADIUS, size=2)
        if all(((centre - other) ** 2).sum() >= (2 * RADIUS) ** 2 for other in centres):
            centres.append(centre)
    return np.array(centres)
