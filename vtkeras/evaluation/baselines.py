"""Systems that need no model: what a model has to beat."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from vtkeras import keys
from vtkeras.tasks import Head
from vtkeras.tasks.predicted import Examples, Predicted


def most_common(head: Head, train: Examples, test: Examples) -> Predicted:
    """The training split's most common text for everything."""
    return Predicted([_commonest(_texts(head, train))] * len(test.ids))


def text_only(head: Head, train: Examples, test: Examples) -> Predicted:
    """The most common text that training gave to the same question; no video is seen."""
    common = _commonest(_texts(head, train))
    if not head.reads_question:
        return Predicted([common] * len(test.ids))
    by_question = defaultdict(list)
    for question, text in zip(train.questions, _texts(head, train)):
        by_question[question].append(text)
    known = {question: _commonest(texts) for question, texts in by_question.items()}
    return Predicted([known.get(question, common) for question in test.questions])


def nearest_clip(head: Head, train: Examples, test: Examples) -> Predicted | None:
    """What was said of the training clip that looks most alike (cosine of small grey copies).

    An answer is taken from the nearest training clip that was asked the same question, or from the nearest
    one if none was. Without frames there is no such clip.
    """
    if train.thumbnails is None or test.thumbnails is None:
        return None
    closeness = test.thumbnails @ train.thumbnails.T
    nearest = closeness.argmax(axis=1)
    if head.field == keys.ANSWER:
        asked = np.array(train.questions)
        same = {question: np.flatnonzero(asked == question) for question in set(test.questions)}
        nearest = [
            same[question][row[same[question]].argmax()] if len(same[question]) else other
            for row, question, other in zip(closeness, test.questions, nearest)
        ]
    texts = _texts(head, train)
    return Predicted([texts[index] for index in nearest])


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


def _texts(head: Head, examples: Examples) -> list[str]:
    return [head.as_text(truth) for truth in examples.truths[head.name]]


def _commonest(texts: list[str]) -> str:
    ranked = Counter(filter(None, texts)).most_common(1)
    return ranked[0][0] if ranked else ""
