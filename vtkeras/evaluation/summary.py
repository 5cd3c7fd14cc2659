"""A table of shot scorers beside people and chance, as TVSum and SumMe measure them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vtkeras.data.annotations import AnnotatedVideo, Opinions
from vtkeras.errors import UserError
from vtkeras.metrics.summary import (
    human_rank_correlation,
    key_shot_summary,
    rank_correlation,
    summary_f_score,
)

COLUMNS = {
    "f_mean": "F, mean over users",
    "f_max": "F, best user",
    "kendall_tau": "Kendall τ",
    "spearman_rho": "Spearman ρ",
}
HUMAN, CHANCE = "one person beside the others", "chance (random scores)"
SPLITS = 5


def score(opinions: Opinions, by_frame: np.ndarray, share: float = 0.15) -> dict[str, float]:
    """F-scores of the key shots and rank correlations of one video.

    Args:
        opinions: of the video's annotators.
        by_frame: float (frames,), predicted importance.
        share: the summary's greatest share of the video.

    Example:
        >>> score(opinions, opinions.users.mean(axis=0))["kendall_tau"]
        0.46
    """
    return _score(opinions, by_frame, _user_summaries(opinions, share), share)


def human(opinions: Opinions, share: float = 0.15) -> dict[str, float]:
    """Each person in turn against the others, averaged: the agreement that a scorer is measured against."""
    summaries = _user_summaries(opinions, share)
    rows = [summary_f_score(one, np.delete(summaries, place, axis=0)) for place, one in enumerate(summaries)]
    mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return {**mean, **human_rank_correlation(opinions.users[:, :: opinions.every])}


def chance(opinions: Opinions, seed: int = 0, draws: int = 20, share: float = 0.15) -> dict[str, float]:
    """Random scores, one a shot, averaged over draws.

    Args:
        opinions: of the video's annotators.
        seed: of the random scores.
        draws: how many times all shots are given random scores.
        share: the summary's greatest share of the video.

    Returns:
        {column: mean}, for each of `COLUMNS`.
    """
    rng = np.random.default_rng(seed)
    lengths = np.diff(opinions.shots, axis=1)[:, 0]
    summaries = _user_summaries(opinions, share)
    return _mean(
        [_score(opinions, np.repeat(rng.random(len(lengths)), lengths), summaries, share) for _ in range(draws)]
    )


def _user_summaries(opinions: Opinions, share: float) -> np.ndarray:
    """The frames that each user would choose, bool (users, frames)."""
    return np.stack([key_shot_summary(user, opinions.shots, share) for user in opinions.users])


def _score(opinions: Opinions, by_frame: np.ndarray, summaries: np.ndarray, share: float) -> dict[str, float]:
    return {
        **summary_f_score(key_shot_summary(by_frame, opinions.shots, share), summaries),
        **rank_correlation(by_frame[:: opinions.every], opinions.users[:, :: opinions.every]),
    }


def split_videos(count: int, splits: int = SPLITS, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Indices of training and test videos; each video is in the test part of one split.

    Args:
        count: videos.
        splits: how many parts the videos are dealt into.
        seed: of the order in which they are dealt.

    Returns:
        A pair for each split: int (training videos,), rising, and int (test videos,).

    Raises:
        UserError: for fewer videos than splits.

    Example:
        >>> [list(test) for _, test in split_videos(4, splits=2)]
        [[2, 0], [1, 3]]
    """
    if count < splits:
        raise UserError(f"{splits} splits need {splits} annotated videos at least; there are {count}.")
    order = np.random.default_rng(seed).permutation(count)
    tests = np.array_split(order, splits)
    return [(np.setdiff1d(order, test), test) for test in tests]


def evaluate_scorers(
    videos: list[AnnotatedVideo],
    untrained: dict[str, Callable],
    trained: dict[str, Callable],
    splits: int = SPLITS,
    seed: int = 0,
    share: float = 0.15,
    report: Callable[[str], None] = print,
) -> dict[str, dict]:
    """Scores every scorer on the test videos of each split, people and chance beside them.

    Args:
        videos: annotated ones.
        untrained: name -> function(sequence, seed) -> float (shots,).
        trained: name -> function(training videos) -> function(sequence) -> float (shots,).
        splits, seed: as `split_videos`.
        share: the summary's greatest share of a video.
        report: called with lines of progress.

    Returns:
        {name: {column: mean over splits, column + "_std": standard deviation over splits}}.
    """
    rows: dict[str, list[dict]] = {}
    for number, (train, test) in enumerate(split_videos(len(videos), splits, seed), start=1):
        report(f"split {number} of {splits}: {len(train)} videos to train on, {len(test)} to test on")
        scorers = {name: lambda sequence, f=f: f(sequence, seed) for name, f in untrained.items()}
        scorers |= {name: make([videos[place] for place in train]) for name, make in trained.items()}
        tests = [videos[place] for place in test]
        for name, scorer in scorers.items():
            found = [score(video.opinions, video.by_frame(scorer(video.sequence)), share) for video in tests]
            rows.setdefault(name, []).append(_mean(found))
        rows.setdefault(HUMAN, []).append(_mean([human(video.opinions, share) for video in tests]))
        rows.setdefault(CHANCE, []).append(
            _mean([chance(video.opinions, seed, share=share) for video in tests])
        )
    return {name: _over_splits(found) for name, found in rows.items()}


def evaluate_people(opinions: list[Opinions], share: float = 0.15, draws: int = 5) -> dict[str, dict]:
    """People beside chance where there are annotations and no videos.

    Args:
        opinions: of the annotators of each video.
        share: the summary's greatest share of a video.
        draws: how many times the shots of each video are given random scores.

    Returns:
        {`HUMAN` or `CHANCE`: {column: mean over videos}}.
    """
    return {
        HUMAN: _mean([human(one, share) for one in opinions]),
        CHANCE: _mean([chance(one, place, draws, share) for place, one in enumerate(opinions)]),
    }


def to_markdown(table: dict[str, dict]) -> str:
    """The table in Markdown; with several splits, the standard deviation over them."""
    lines = ["| scorer | " + " | ".join(COLUMNS.values()) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for name, row in table.items():
        cells = [f"{row[column]:.3f}" + (f" ± {row[f'{column}_std']:.3f}" if f"{column}_std" in row else "")
                 for column in COLUMNS]  # fmt: skip
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _mean(rows: list[dict]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in COLUMNS}


def _over_splits(rows: list[dict]) -> dict[str, float]:
    return _mean(rows) | {f"{name}_std": float(np.std([row[name] for row in rows])) for name in COLUMNS}
