"""How a set of clips compares with another: nearest neighbours, spread, movement. NumPy on uint8 clips.

A clip is uint8 (time, height, width, channels). The distance of two clips is the root of the mean squared difference
of their pixels, from 0 to 1. Clips are compared some at a time, since as floats they take four times their memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from scipy import stats

BLOCK = 64  # clips that are compared at once


def nearest_distances(clips: np.ndarray, known: Sequence[np.ndarray]) -> np.ndarray:
    """How far each clip is from the nearest of some known ones: near 0 where a system copies.

    Args:
        clips: uint8 (clips, time, height, width, channels).
        known: clips of the same size.

    Returns:
        float32 (clips,).

    Example:
        >>> nearest_distances(np.full((1, 1, 1, 1, 1), 255, "uint8"), np.zeros((5, 1, 1, 1, 1), "uint8"))
        array([1.], dtype=float32)
    """
    found = np.full(len(clips), np.inf, "float32")
    for others in _blocks(len(known)):
        block = _vectors(np.asarray(known[others]))
        for some in _blocks(len(clips)):
            found[some] = np.minimum(found[some], _distances(_vectors(clips[some]), block).min(axis=1))
    return found


def mean_distance_within(clips: np.ndarray, groups: Sequence[Hashable]) -> float | None:
    """The mean distance of two clips of the same group, e.g. of the same caption; None where no group has two.

    Args:
        clips: uint8 (clips, time, height, width, channels).
        groups: of each clip.
    """
    places = defaultdict(list)
    for place, group in enumerate(groups):
        places[group].append(place)
    total, pairs = 0.0, 0
    for rows in map(np.array, places.values()):
        for some in _blocks(len(rows)):
            one = _vectors(clips[rows[some]])
            for others in _blocks(len(rows), some.start):
                other = _vectors(clips[rows[others]])
                before = rows[some][:, None] < rows[others][None]
                total += _distances(one, other)[before].sum(dtype="float64")
                pairs += before.sum()
    return float(total / pairs) if pairs else None


def movement(clips: np.ndarray) -> np.ndarray:
    """The distance of each frame of some clips from the frame before, float32 (clips * (time - 1),)."""
    steps = [_root_mean_square(np.diff(clip.astype("float32") / 255, axis=0)) for clip in clips]
    return np.concatenate(steps)


def movement_distance(clips: np.ndarray, others: np.ndarray) -> float:
    """The two-sample Kolmogorov-Smirnov distance between the movement of two sets of clips: 0 alike, 1 apart.

    Example:
        >>> movement_distance(still, moving)
        1.0
    """
    return float(stats.ks_2samp(movement(clips), movement(others)).statistic)


def blurred(clips: np.ndarray) -> np.ndarray:
    """Clips uint8 (clips, time, height, width, channels) with each pixel the mean of the 3 x 3 around it."""
    found = np.empty_like(clips)
    for some in _blocks(len(clips)):
        found[some] = _blurred(clips[some])
    return found


def _blurred(clips: np.ndarray) -> np.ndarray:
    height, width = clips.shape[2:4]
    padded = np.pad(clips, ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    total = np.zeros(clips.shape, "uint16")
    for top in range(3):
        for left in range(3):
            total += padded[:, :, top : top + height, left : left + width]
    return np.round(total / 9).astype("uint8")


def _blocks(count: int, start: int = 0) -> Iterator[slice]:
    """Stretches of at most `BLOCK` places, from `start` to `count`."""
    return (slice(first, first + BLOCK) for first in range(start, count, BLOCK))


def _vectors(clips: np.ndarray) -> np.ndarray:
    """float32 (clips, pixels), 0 to 1."""
    return clips.reshape(len(clips), -1).astype("float32") / 255


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float32 (one, other) of vectors."""
    squares = (one * one).sum(axis=1)[:, None] + (other * other).sum(axis=1)[None] - 2 * one @ other.T
    return np.sqrt(np.maximum(squares, 0) / one.shape[1])


def _root_mean_square(values: np.ndarray) -> np.ndarray:
    return np.sqrt((values**2).reshape(len(values), -1).mean(axis=1))
