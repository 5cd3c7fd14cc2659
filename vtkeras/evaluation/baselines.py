"""Systems that need no model: what a model has to beat."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np

from vtkeras.tasks import Head
from vtkeras.tasks.predicted import Examples, Predicted

Baseline = Callable[[Head, Examples, Examples], Predicted | None]


def most_common(head: Head, train: Examples, test: Examples) -> Predicted:
    """The training split's most common text for everything.

    Args:
        head: whose truths are counted.
        train: the training examples; where figures count a clip once, its first example counts.
        test: the examples to speak of; only their number is looked at.

    Returns:
        The same text for each of them; "" if training has none.
    """
    return Predicted([_common(head, train)] * len(test.ids))


def text_only(head: Head, train: Examples, test: Examples) -> Predicted:
    """The most common text that training gave to the same question; no video is seen.

    Args:
        head: whose truths are counted; for one that reads no question this is `most_common`.
        train: the training examples.
        test: the examples to speak of; only their questions are looked at.

    Returns:
        A text for each of them; the most common of all for a question that training did not ask.
    """
    common = _common(head, train)
    if not head.reads_question:
        return Predicted([common] * len(test.ids))
    by_question = defaultdict(list)
    for question, text in zip(train.questions, _texts(head, train)):
        by_question[question].append(text)
    known = {question: _commonest(texts) for question, texts in by_question.items()}
    return Predicted([known.get(question, common) for question in test.questions])


def nearest_clip(head: Head, train: Examples, test: Examples) -> Predicted | None:
    """What was said of the training clip that looks most alike (cosine of small grey copies).

    Only clips that have such a text are looked at. An answer is taken from the nearest training clip that was asked the
    same question, or from the nearest one if none was. Without frames there is no such clip.

    Args:
        head: whose truths are repeated.
        train: the training examples, with thumbnails.
        test: the examples to speak of, with thumbnails.

    Returns:
        A text for each of them, "" if training has none; None if thumbnails are missing.
    """
    if train.thumbnails is None or test.thumbnails is None:
        return None
    told = [row for row, text in enumerate(_texts(head, train)) if text]
    if not told:
        return Predicted([""] * len(test.ids))
    looks, train = train.thumbnails, train.take(told)
    clips, known = test.first_rows(), np.array(train.first_rows())
    seen = np.stack([test.thumbnails[test.ids[row]] for row in clips])
    compared = np.stack([looks[train.ids[row]] for row in known])
    closeness = seen @ compared.T  # each clip once, whatever is asked of it
    place = {test.ids[row]: number for number, row in enumerate(clips)}
    column = {train.ids[row]: number for number, row in enumerate(known)}
    columns = np.array([column[clip] for clip in train.ids])
    asked = defaultdict(list)
    for number, question in enumerate(train.questions):
        asked[question].append(number)
    same = {question: np.array(asked[question], int) for question in set(test.questions)}
    texts, said = _texts(head, train), []
    for clip, question in zip(test.ids, test.questions):
        row, rows = closeness[place[clip]], same[question]
        by_question = head.answers_questions and len(rows)
        said.append(texts[rows[row[columns[rows]].argmax()] if by_question else known[row.argmax()]])
    return Predicted(said)


BASELINES: dict[str, Baseline] = {
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


def _common(head: Head, train: Examples) -> str:
    return _commonest(_texts(head, train.take(train.first_rows()) if head.by_clip(train) else train))


def _commonest(texts: list[str]) -> str:
    ranked = Counter(filter(None, texts)).most_common(1)
    return ranked[0][0] if ranked else ""
