"""Answers that need no model: what a model has to beat."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Examples:
    """A split read into memory: texts, and a small grey copy of every clip.

    Attributes:
        captions: the references of each example.
        questions, answers, labels: one string an example; labels joined by `|`.
        kinds: the kind of each question, "" where nothing is asked.
        references: every answer that was given to each question, with repeats; the first is in `answers`.
        ids: the clip of each example.
        thumbnails: float32 (examples, features), unit length.
    """

    captions: list[list[str]] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    references: list[list[str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    thumbnails: np.ndarray | None = None


@dataclass(frozen=True)
class Chances:
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
class Predictions:
    """What a system says of each example; None where it has nothing to say of any.

    Attributes:
        captions, answers, labels: one string an example; labels joined by `|`.
        similarity: float (unique captions, examples).
        answer_chances, label_chances: `Chances` behind the answers and labels.
    """

    captions: list[str] | None = None
    ended: list[bool] | None = None  # False for a caption that was cut at the longest length
    answers: list[str] | None = None
    labels: list[str] | None = None
    written_answers: list[str] | None = None
    similarity: np.ndarray | None = None
    answer_chances: Chances | None = None
    label_chances: Chances | None = None


def most_common(train: Examples, test: Examples) -> Predictions:
    """The training split's most common caption, answer and label for everything."""
    count = len(test.questions)
    return Predictions(
        captions=[_commonest(captions[0] for captions in train.captions if captions)] * count,
        answers=[_commonest(filter(None, train.answers))] * count,
        labels=[_commonest(filter(None, train.labels))] * count,
    )


def text_only(train: Examples, test: Examples) -> Predictions:
    """The most common answer and label that training gave to the same question; no video is seen."""
    common = most_common(train, test)
    by_question = {"answers": defaultdict(list), "labels": defaultdict(list)}
    for question, answer, label in zip(train.questions, train.answers, train.labels):
        by_question["answers"][question].append(answer)
        by_question["labels"][question].append(label)

    def given(kind: str, fallback: list[str]) -> list[str]:
        known = {question: _commonest(filter(None, values)) for question, values in by_question[kind].items()}
        return [known.get(question, other) for question, other in zip(test.questions, fallback)]

    return Predictions(
        captions=common.captions,
        answers=given("answers", common.answers),
        labels=given("labels", common.labels),
    )


def nearest_clip(train: Examples, test: Examples) -> Predictions:
    """What was said of the training clip that looks most alike (cosine of small grey copies).

    An answer is taken from the nearest training clip that was asked the same question, or from the
    nearest one if none was.
    """
    closeness = test.thumbnails @ train.thumbnails.T
    nearest = closeness.argmax(axis=1)
    asked = np.array(train.questions)
    answers = []
    for row, question, other in zip(closeness, test.questions, nearest):
        same = np.flatnonzero(asked == question)
        answers.append(train.answers[same[row[same].argmax()] if len(same) else other])
    return Predictions(
        captions=[(train.captions[index] or [""])[0] for index in nearest],
        answers=answers,
        labels=[train.labels[index] for index in nearest],
    )


BASELINES = {
    "most common": most_common,
    "text only (no video)": text_only,
    "nearest training clip": nearest_clip,
}


def thumbnail(frames: np.ndarray, side: int = 16) -> np.ndarray:
    """A clip as one unit vector of small grey frames.

    Args:
        frames: uint8 (time, height, width, 3), height and width at least `side`.
        side: int, pixels a side of the small copy.

    Returns:
        float32 (time * side * side,), zeros for a black clip.
    """
    grey = frames.astype("float32").mean(axis=-1)
    rows, columns = (np.linspace(0, size, side + 1).astype(int) for size in grey.shape[1:])
    small = np.add.reduceat(np.add.reduceat(grey, rows[:-1], axis=1), columns[:-1], axis=2).ravel()
    length = np.linalg.norm(small)
    return small / length if length else small


def _commonest(values) -> str:
    ranked = Counter(values).most_common(1)
    return ranked[0][0] if ranked else ""
