"""Clips as points: a table, a chart in which an area can be chosen, and which clips lie in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from vtkeras.workspace.library import Clip

AREA = "area"  # the name of the chart's selection
COLOURS, MOST_COLOURS = "category20", 19  # labels that are told apart; the others share the last colour


def tabulate(clips: Sequence[Clip], points: np.ndarray) -> pd.DataFrame:
    """A row for each clip: its name, texts and point.

    Args:
        clips: of a library.
        points: float (clips, 2).
    """
    rows = {
        "clip": [clip.id for clip in clips],
        "split": [clip.split for clip in clips],
        "caption": [" · ".join(clip.captions) for clip in clips],
        "label": [clip.label for clip in clips],
        "x": points[:, 0],
        "y": points[:, 1],
    }
    return pd.DataFrame(rows)


def chart(table: pd.DataFrame, by: str) -> alt.Chart:
    """A point for each row, coloured by a column; an area of it can be chosen by dragging."""
    common = table[by].value_counts().index[:MOST_COLOURS]
    shown = table.assign(**{by: table[by].where(table[by].isin(common), "(others)")})
    return (
        alt.Chart(shown, height=480)
        .mark_circle(size=60, opacity=0.7)
        .encode(
            x=alt.X("x:Q", title=None, scale=alt.Scale(zero=False)),
            y=alt.Y("y:Q", title=None, scale=alt.Scale(zero=False)),
            color=alt.Color(f"{by}:N", title=by, scale=alt.Scale(scheme=COLOURS)),
            tooltip=["clip", "split", "caption", "label"],
        )
        .add_params(alt.selection_interval(name=AREA))
    )


def inside(table: pd.DataFrame, area: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """The rows whose points lie in a chosen area; all where none is chosen.

    Args:
        table: of `tabulate`.
        area: {axis: (lowest, highest)}.

    Example:
        >>> inside(table, {"x": [0.0, 1.0], "y": [-1.0, 1.0]})["clip"].tolist()
        ['a.mp4']
    """
    for axis, (low, high) in area.items():
        table = table[table[axis].between(low, high)]
    return table
