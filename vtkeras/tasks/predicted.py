"""Examples read into memory, and what a system says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np


@dataclass
class Examples:
    """A split read into memory: texts, what is right by each head, and a small grey copy of every clip.

    Attributes:
        ids: the clip of each example.
        questions: one string an example, "" where nothing is asked.
        kinds: the kind of each question, "" where nothing is asked.
        truths: {head: what is right for each example}, as the head's `truth` gives it.
        thumbnails: {clip: float32 (features,), unit length}; None for data without frames.
        known: the training examples that a system may have learned by heart, where they were read.
        split: where they are from.
    """

    ids: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    truths: dict[str, list[Any]] = field(default_factory=dict)
    thumbnails: dict[str, np.ndarray] | None = None
    known: Examples | None = None
    split: str = ""

    def first_rows(self) -> list[int]:
        """The first example of each clip, in order."""
        rows: dict[str, int] = {}
        for row, clip in enumerate(self.ids):
            rows.setdefault(clip, row)
        return list(rows.values())

    def take(self, rows: Sequence[int]) -> Examples:
        """Some of the examples."""
        truths = {name: [values[row] for row in rows] for name, values in self.truths.items()}
        ids, questions, kinds = (
            [values[row] for row in rows] if values else [] for values in (self.ids, self.questions, self.kinds)
        )
        return replace(self, ids=ids, questions=questions, kinds=kinds, truths=truths)


@dataclass(frozen=True)
class ClassProbabilities:
    """How likely a model finds each class of each example.

    Attributes:
        classes: names.
        probabilities: float (examples, classes).
        several: each class has a probability of its own; otherwise they sum to 1.
    """

    classes: tuple[str, ...]
    probabilities: np.ndarray
    several: bool = False


@dataclass
class Predicted:
    """What a system says of each example through one head.

    Attributes:
        texts: one string an example, in the form of the data's column; None for heads that say no text.
        classes: `ClassProbabilities` behind the texts, where there are any.
        ended: bool an example, False for a text that was cut at the longest length.
        confidence: float an example, the probability of the text where it need not be the likeliest of `classes`.
        values: anything else that the head's `score` wants, one row an example.
    """

    texts: list[str] | None = None
    classes: ClassProbabilities | None = None
    ended: list[bool] | None = None
    values: np.ndarray | None = None
    confidence: np.ndarray | None = None

    def take(self, rows: Sequence[int]) -> Predicted:
        """What is said of some of the examples."""

        def some(said):
            return None if said is None else [said[row] for row in rows]

        probabilities = self.classes and replace(self.classes, probabilities=self.classes.probabilities[rows])
        values, confidence = (None if said is None else said[rows] for said in (self.values, self.confidence))
        return Predicted(some(self.texts), probabilities, some(self.ended), values, confidence)
