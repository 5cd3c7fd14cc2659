"""The table of what a plan tried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vtkeras.tasks import Head


@dataclass
class Row:
    """A line of the table of what was tried.

    Attributes:
        title: of the candidate.
        figures: {head's title: figure on the validation split}.
        score: the mean over heads, or None where it was not measured.
        note: what became of it.
    """

    title: str
    figures: dict[str, float]
    score: float | None
    note: str


def explain_figures(heads: Iterable[Head]) -> str:
    """What the figures of a plan are.

    Example:
        >>> explain_figures([CaptionHead()])
        'on the validation split; Captions: the mean of caption exact % and CIDEr share %; score: ...'
    """
    told = ["on the validation split"]
    for head in heads:
        parts = [head.columns[name].title for name in head.goals]
        told += [f"{head.title}: the mean of {' and '.join(parts)}"] * (len(parts) > 1)
    return "; ".join([*told, "score: 0 for the most common text, 1 for all right, the mean of all"])


def to_markdown(rows: list[Row]) -> str:
    """The table of what was tried; figures are shares of the best there is, in percent."""
    heads = list(dict.fromkeys(title for row in rows for title in row.figures))
    lines = [
        "| tried | " + " | ".join(f"{head} %" for head in heads) + " | score | |",
        "| --- |" + " ---: |" * (len(heads) + 1) + " --- |",
    ]
    for row in rows:
        cells = [f"{100 * row.figures[head]:.1f}" if head in row.figures else "–" for head in heads]
        score = f"{row.score:.3f}" if row.score is not None and np.isfinite(row.score) else "–"
        lines.append(f"| {row.title} | {' | '.join(cells)} | {score} | {row.note} |")
    return "\n".join(lines) + "\n"
