"""How well dense captions tell what happens, and when.

Precision and recall at overlaps as in the ActivityNet Captions challenge (Krishna et al. 2017,
"Dense-Captioning Events in Videos"), and the ordered matching of SODA (Fujita et al. 2020, "SODA: Story
Oriented Dense Video Captioning Evaluation Framework") with ROUGE-L as the caption score in place of
METEOR, which needs Java.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vtkeras.errors import UserError
from vtkeras.metrics.rouge import rouge_of_tokens
from vtkeras.metrics.tokenize import tokenize

OVERLAPS = (0.3, 0.5, 0.7, 0.9)
OVERLAP_THRESHOLD = 0.5

TimedText = tuple[float, float, str]  # start, end, what happens


def rouge(reference: str, prediction: str) -> float:
    """ROUGE-L of one text against one reference."""
    return rouge_of_tokens([tokenize(reference)], tokenize(prediction))


def dense_scores(
    references: Sequence[Sequence[TimedText]],
    predictions: Sequence[Sequence[TimedText]],
    caption_score: Callable[[str, str], float] = rouge,
) -> dict[str, float]:
    """Scores the events found in some videos, each figure a mean over the videos.

    - `precision`: share of the found events that overlap a true event, mean over intersection over union
      of at least 0.3, 0.5, 0.7 and 0.9; `recall`: the same share of the true events; words do not count.
    - `soda_precision`, `soda_recall`, `soda`: found and true events are matched one to one in order of time
      so that the sum of overlap x caption score is the greatest; that sum over the number of found events,
      over the number of true ones, and the harmonic mean of the two.
    - `exact`: share of the true events that some found event of overlap 0.5 tells in the same words.

    Args:
        references: `(videos, true events of the video)`.
        predictions: `(videos, found events of the video)`; a video in which nothing was found scores 0.
        caption_score: (reference, prediction) to 0 to 1.

    Raises:
        UserError: for no video, lists of different length, or a video without a true event.

    Example:
        >>> dense_scores([[(0, 4, "a cat jumps")]], [[(0, 2, "a cat jumps")]])["soda"]
        0.5
    """
    if not len(references) or len(references) != len(predictions):
        raise UserError(
            f"{len(predictions)} videos with found events do not fit {len(references)} with true ones."
        )
    if not all(map(len, references)):
        raise UserError("A video has no true event: leave it out, there is nothing to find.")
    pairs = zip(references, predictions, strict=True)
    rows = [_score_video(true, found, caption_score) for true, found in pairs]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def overlaps(true: Sequence[TimedText], found: Sequence[TimedText]) -> np.ndarray:
    """Intersection over union of every true event with every found one: float (true, found).

    Example:
        >>> overlaps([(0, 4, "")], [(2, 6, ""), (5, 7, "")])
        array([[0.33333333, 0.        ]])
    """
    starts, ends = (np.array([event[side] for event in true], float)[:, None] for side in (0, 1))
    other_starts, other_ends = (np.array([event[side] for event in found], float) for side in (0, 1))
    shared = np.maximum(np.minimum(ends, other_ends) - np.maximum(starts, other_starts), 0.0)
    whole = (ends - starts) + (other_ends - other_starts) - shared
    return shared / np.maximum(whole, 1e-12)


def best_in_order(scores: np.ndarray) -> float:
    """The greatest sum of a one-to-one matching of rows and columns in which no two pairs cross.

    Args:
        scores: float (rows, columns), none below 0.

    Example:
        >>> best_in_order(np.array([[0.0, 1.0], [1.0, 0.0]]))  # these two pairs would cross
        1.0
    """
    best = np.zeros((scores.shape[0] + 1, scores.shape[1] + 1))
    for row, values in enumerate(scores, start=1):
        for column, value in enumerate(values, start=1):
            best[row, column] = max(
                best[row - 1, column], best[row, column - 1], best[row - 1, column - 1] + value
            )
    return float(best[-1, -1])


def _score_video(true, found, caption_score) -> dict[str, float]:
    names = ("precision", "recall", "soda_precision", "soda_recall", "soda", "exact")
    if not len(found):
        return dict.fromkeys(names, 0.0)
    true, found = (sorted(events, key=lambda event: event[:2]) for events in (true, found))
    shared = overlaps(true, found)
    words = np.array([[caption_score(one[2], other[2]) for other in found] for one in true])
    said, right = ([tokenize(event[2]) for event in events] for events in (found, true))
    same = np.array([[one == other for other in said] for one in right])
    total = best_in_order(shared * words)
    return {
        "precision": np.mean([(shared >= overlap).any(axis=0).mean() for overlap in OVERLAPS]),
        "recall": np.mean([(shared >= overlap).any(axis=1).mean() for overlap in OVERLAPS]),
        "soda_precision": total / len(found),
        "soda_recall": total / len(true),
        "soda": 2 * total / (len(found) + len(true)),  # the harmonic mean of total / found and total / true
        "exact": (same & (shared >= OVERLAP_THRESHOLD)).any(axis=1).mean(),
    }
