"""Attention as tables: words put together from word pieces, and the share of attention that each frame got."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from vtkeras.data.spelling import CONTINUES, JOIN, join, stands_alone


def of_head(attention: np.ndarray, head: int | None = None) -> np.ndarray:
    """One head's attention, or the mean over heads.

    Args:
        attention: float (words, heads, time, rows, columns).
        head: which; None is the mean.

    Returns:
        float (words, time, rows, columns).
    """
    return attention.mean(axis=1) if head is None else attention[:, head]


def join_pieces(
    words: list[str], attention: np.ndarray, probabilities: Sequence[float] | None = None
) -> tuple[list[str], np.ndarray, list[float]]:
    """Puts word pieces together to words.

    Args:
        words: word pieces; one that begins with `##` goes on with the word before.
        attention: float (words, heads, time, rows, columns).
        probabilities: of each piece; None counts as certain.

    Returns:
        The words, their attention (the mean over their pieces, so that it still sums to 1), and their
        probabilities (the product over their pieces).

    Example:
        >>> join_pieces(["digit", "##s"], attention, [0.9, 0.5])[0]
        ['digits']
    """
    spans = word_spans(words)
    certain = np.ones(len(words)) if probabilities is None else np.asarray(probabilities)
    return (
        [join(words[span]) for span in spans],
        np.stack([attention[span].mean(axis=0) for span in spans]) if spans else attention,
        [float(certain[span].prod()) for span in spans],
    )


def word_spans(words: list[str]) -> list[slice]:
    """Where each word's pieces are; a mark or an ideograph begins a word of its own.

    Example:
        >>> word_spans(["digit", "##s", "move"])
        [slice(0, 2), slice(2, 3)]
    """
    starts = [place for place, word in enumerate(words) if not place or _begins(word)]  # a word behind JOIN, too
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(words)])]


def _begins(piece: str) -> bool:
    return piece != JOIN and not piece.startswith(CONTINUES) or any(map(stands_alone, piece.removeprefix(CONTINUES)))


def real_frames(frame_indices: Sequence[int]) -> list[int]:
    """Positions of the frames that are not a repeat of the last one, with which short clips are filled up.

    Example:
        >>> real_frames([0, 1, 2, 2])
        [0, 1, 2]
    """
    return [place for place, index in enumerate(frame_indices) if index not in frame_indices[:place]]


def frame_sums(attention: np.ndarray) -> np.ndarray:
    """The share that each frame got: float (words, time, rows, columns) to (words, time)."""
    return attention.sum(axis=(-2, -1))


def most_looked_at(shares: np.ndarray, times: np.ndarray, count: int = 3) -> pd.DataFrame:
    """The frames with the most attention.

    Args:
        shares: float (time,), attention of each frame.
        times: float (time,), seconds.
        count: rows at most.

    Returns:
        Columns frame (from 1), seconds and attention, most attention first.
    """
    order = np.argsort(-shares, kind="stable")[:count]
    return pd.DataFrame({"frame": order + 1, "seconds": times[order], "attention": shares[order]})


def question_shares(attention: np.ndarray) -> np.ndarray:
    """How much each frame got while a question was read, the mean over its words and heads.

    Args:
        attention: float (words, heads, time, rows, columns).

    Returns:
        float (time,); sums to 1.
    """
    return frame_sums(of_head(attention)).mean(axis=0)


def by_time(shares: np.ndarray, frame_indices: list[int], times: np.ndarray) -> list[dict]:
    """Each frame's seconds and share, repeats of the last frame left out.

    Args:
        shares: float (places,), the attention that each place among the model's frames got.
        frame_indices: for each place, which of the given frames it shows; a short clip repeats its last one.
        times: float (frames,), seconds of the given frames.

    Returns:
        [{"seconds": float, "attention": float}], in the order of the places.
    """
    return [
        {"seconds": round(float(times[frame_indices[place]]), 3), "attention": round(float(shares[place]), 4)}
        for place in real_frames(frame_indices)
    ]
