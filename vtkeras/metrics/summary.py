"""How well a video summary, or the frame scores behind it, agrees with people.

The protocol of TVSum (Song et al. 2015) and SumMe (Gygli et al. 2014) as Zhang et al. 2016, "Video
Summarization with Long Short-term Memory", run it; rank correlations after Otani et al. 2019,
"Rethinking the Evaluation of Video Summaries". Put a random scorer beside every result: long shots
and the budget alone bring a high F-score.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy import stats

from vtkeras.errors import UserError


def choose_key_shots(values: np.ndarray, lengths: np.ndarray, budget: int) -> np.ndarray:
    """The shots of highest total value whose lengths sum to at most `budget`: exact 0/1 knapsack.

    Dynamic programming over whole lengths takes `shots x budget` steps and bytes: a one-hour video
    in frames (a thousand shots, budget 16,000) is 16 MB.

    Args:
        values: float `(shots,)`; a shot of value 0 or less is never chosen.
        lengths: int `(shots,)`, above 0, in any unit.
        budget: largest total length.

    Returns:
        bool `(shots,)`.

    Raises:
        UserError: for shapes that differ, a length below 1, or values that are not finite.

    Example:
        >>> choose_key_shots(np.array([5.0, 4.0, 3.0]), np.array([4, 3, 2]), budget=5)
        array([False,  True,  True])
    """
    values, lengths = np.asarray(values, float), np.asarray(lengths, int)
    _check_shots(values, lengths)
    budget = max(int(budget), 0)
    best = np.zeros(budget + 1)  # best[b]: the highest value of the shots so far within length b
    taken = np.zeros((len(values), budget + 1), bool)
    for shot, (value, length) in enumerate(zip(values, lengths, strict=True)):
        if length > budget:
            continue
        with_shot = best[: budget + 1 - length] + value
        taken[shot, length:] = with_shot > best[length:]
        best[length:] = np.maximum(with_shot, best[length:])
    chosen = np.zeros(len(values), bool)
    for shot in reversed(range(len(values))):
        chosen[shot] = taken[shot, budget]
        budget -= lengths[shot] * chosen[shot]
    return chosen


def key_shot_summary(scores: np.ndarray, shots: np.ndarray, share: float = 0.15) -> np.ndarray:
    """The frames of a summary: key shots by mean frame score within `share` of the video.

    Args:
        scores: float `(frames,)`, one importance a frame.
        shots: int `(shots, 2)`: first frame and frame after the last of each shot, without overlap.
        share: the summary's greatest share of the video.

    Returns:
        bool `(frames,)`.

    Raises:
        UserError: for shots outside the video, and as `choose_key_shots`.

    Example:
        >>> key_shot_summary(np.array([1.0, 1, 3, 3]), np.array([[0, 2], [2, 4]]), share=0.5)
        array([False, False,  True,  True])
    """
    scores, shots = np.asarray(scores, float), np.asarray(shots, int)
    well_formed = shots.size and shots.ndim == 2 and shots.shape[1] == 2
    if not well_formed or shots.min() < 0 or shots.max() > len(scores):
        raise UserError(f"Shots must be (shots, 2) frame numbers within the {len(scores)} frames.")
    lengths = shots[:, 1] - shots[:, 0]
    if lengths.min() < 1:
        raise UserError(f"Shot {lengths.argmin()} holds no frame; its end must lie behind its start.")
    values = np.array([scores[start:end].mean() for start, end in shots])
    summary = np.zeros(len(scores), bool)
    for start, end in shots[choose_key_shots(values, lengths, int(len(scores) * share))]:
        summary[start:end] = True
    return summary


def summary_f_score(summary: np.ndarray, user_summaries: np.ndarray) -> dict[str, float]:
    """F-score of the chosen frames against each user's choice.

    Args:
        summary: bool `(frames,)`.
        user_summaries: bool `(users, frames)`.

    Returns:
        `f_mean` (mean over users, TVSum's figure) and `f_max` (the best user's, SumMe's figure).

    Raises:
        UserError: for shapes that do not fit.

    Example:
        >>> summary_f_score(np.array([1, 1, 0, 0]), np.array([[1, 0, 0, 0], [1, 1, 0, 0]]))["f_max"]
        1.0
    """
    summary, users = np.asarray(summary, bool), np.asarray(user_summaries, bool)
    _check_users(summary, users)
    overlap = (users & summary).sum(axis=1)
    # F = 2PR / (P + R) with P = overlap / chosen and R = overlap / wanted; 0 where both are empty.
    scores = 2 * overlap / np.maximum(users.sum(axis=1) + summary.sum(), 1)
    return {"f_mean": float(scores.mean()), "f_max": float(scores.max())}


def key_shot_f_score(
    scores: np.ndarray, user_scores: np.ndarray, shots: np.ndarray, share: float = 0.15
) -> dict[str, float]:
    """`summary_f_score` between the key shots by `scores` and those by each user's scores.

    Args:
        scores: float `(frames,)`, predicted importance.
        user_scores: float `(users, frames)`.
        shots: as `key_shot_summary`.
        share: as `key_shot_summary`.

    Raises:
        UserError: as `key_shot_summary` and `summary_f_score`.

    Example:
        >>> shots = np.array([[0, 2], [2, 4]])
        >>> key_shot_f_score(np.array([1.0, 1, 3, 3]), np.array([[0.0, 1, 5, 5]]), shots, 0.5)["f_mean"]
        1.0
    """
    _check_users(np.asarray(scores), np.asarray(user_scores))
    user_summaries = np.stack([key_shot_summary(user, shots, share) for user in user_scores])
    return summary_f_score(key_shot_summary(scores, shots, share), user_summaries)


def rank_correlation(scores: np.ndarray, user_scores: np.ndarray) -> dict[str, float]:
    """Kendall's tau-b and Spearman's rho with each user's scores, averaged over users.

    Scores without any order (all equal) count as correlation 0.

    Args:
        scores: float `(frames,)`.
        user_scores: float `(users, frames)`.

    Returns:
        `kendall_tau` and `spearman_rho`, each -1 to 1.

    Raises:
        UserError: for shapes that do not fit, or values that are not finite.

    Example:
        >>> rank_correlation(np.array([1.0, 2, 3]), np.array([[10.0, 20, 30]]))["kendall_tau"]
        1.0
    """
    scores, users = np.asarray(scores, float), np.asarray(user_scores, float)
    _check_users(scores, users)
    return _mean_correlations([(scores, user) for user in users])


def human_rank_correlation(user_scores: np.ndarray) -> dict[str, float]:
    """Agreement among people: each user in turn against each of the others, averaged.

    Args:
        user_scores: float `(users, frames)`, at least two users.

    Raises:
        UserError: for fewer than two users, or values that are not finite.

    Example:
        >>> human_rank_correlation(np.array([[1.0, 2, 3], [3.0, 2, 1]]))["kendall_tau"]
        -1.0
    """
    users = np.asarray(user_scores, float)
    if users.ndim != 2 or len(users) < 2:
        raise UserError(f"Agreement needs scores (users, frames) of two users or more, not {users.shape}.")
    # Each pair would come twice, with one value, so once is enough.
    return _mean_correlations(list(combinations(users, 2)))


def _mean_correlations(pairs) -> dict[str, float]:
    if not np.isfinite(pairs).all():
        raise UserError("Importance scores hold NaN or infinite values.")
    measures = {"kendall_tau": stats.kendalltau, "spearman_rho": stats.spearmanr}
    return {
        name: float(np.mean([_correlation(measure, *pair) for pair in pairs]))
        for name, measure in measures.items()
    }


def _correlation(measure, first, second) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return measure(first, second).statistic


def _check_shots(values, lengths):
    if values.ndim != 1 or values.shape != lengths.shape:
        raise UserError(f"Shots need one value and one length each, not {values.shape} and {lengths.shape}.")
    if not np.isfinite(values).all():
        raise UserError("Shot values hold NaN or infinite values.")
    if (lengths < 1).any():
        raise UserError(f"Shot {lengths.argmin()} has length {lengths.min()}; lengths must be above 0.")


def _check_users(scores, users):
    if scores.ndim != 1 or users.ndim != 2 or users.shape[1:] != scores.shape or not users.size:
        raise UserError(
            f"Predictions {scores.shape} and users {users.shape} must be (frames,) and (users, frames)."
        )
