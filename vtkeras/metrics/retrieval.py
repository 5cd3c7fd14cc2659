"""Recall at K and median rank of a search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vtkeras.errors import UserError


def retrieval_ranks(similarity: np.ndarray, relevant: np.ndarray | None = None) -> np.ndarray:
    """Rank, from 1, of each query's first relevant item.

    Ties are broken against us: the rank is 1 + the number of irrelevant items that score at least
    as high as the best relevant one, so a model that gives all items one score gains nothing.
    Other relevant items never push a query back.

    Args:
        similarity: float `(queries, items)`, higher is closer.
        relevant: bool `(queries, items)`; None when item i is the one answer to query i.

    Returns:
        int `(queries,)`.

    Raises:
        UserError: for shapes that differ, no queries, a query without a relevant item, or NaN.

    Example:
        >>> retrieval_ranks(np.array([[0.9, 0.1], [0.8, 0.3]]))
        array([1, 2])
    """
    similarity = np.asarray(similarity)
    if similarity.ndim != 2 or not similarity.size:
        raise UserError(f"Similarities must be (queries, items) with none empty, not {similarity.shape}.")
    own = np.eye(len(similarity), similarity.shape[1], dtype=bool)
    relevant = own if relevant is None else np.asarray(relevant, bool)
    _check(similarity, relevant)
    best = np.where(relevant, similarity, -np.inf).max(axis=1, keepdims=True)
    return 1 + np.sum(~relevant & (similarity >= best), axis=1)


def retrieval_scores(
    similarity: np.ndarray, relevant: np.ndarray | None = None, ks: Sequence[int] = (1, 5, 10)
) -> dict[str, float]:
    """R@K (share of queries with a relevant item among the first K) and the median rank.

    Args:
        similarity: as `retrieval_ranks`.
        relevant: as `retrieval_ranks`.
        ks: the values of K.

    Returns:
        `{"r@1": ..., "r@5": ..., "r@10": ..., "median_rank": ...}`.

    Raises:
        UserError: as `retrieval_ranks`.

    Example:
        >>> retrieval_scores(np.array([[0.9, 0.1], [0.8, 0.3]]), ks=(1,))
        {'r@1': 0.5, 'median_rank': 1.5}
    """
    ranks = retrieval_ranks(similarity, relevant)
    scores = {f"r@{k}": float(np.mean(ranks <= k)) for k in ks}
    return {**scores, "median_rank": float(np.median(ranks))}


def _check(similarity, relevant):
    if similarity.shape != relevant.shape:
        raise UserError(
            f"Similarities {similarity.shape} and relevance {relevant.shape} must both be (queries, items)."
        )
    if np.isnan(similarity).any():
        raise UserError("Similarities hold NaN: the embeddings are broken, e.g. by a zero vector.")
    unanswered = np.flatnonzero(~relevant.any(axis=1))
    if unanswered.size:
        raise UserError(f"Query {unanswered[0]} has no relevant item: drop it from the evaluation.")
