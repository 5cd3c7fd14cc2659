"""Attention as pictures, bars and a chart."""

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from dashboards import common
from vtkeras.explain import attention_tables
from vtkeras.explain.animation import enlarge
from vtkeras.explain.faithfulness import Faithfulness
from vtkeras.explain.overlay import overlay
from vtkeras.serving.results import Answer, Caption

TILE = 112  # pixels
NOT_WHY = "Attention shows where the model looked, not why it chose the word."


def show_shares(table: pd.DataFrame, column: str) -> None:
    """A table in which one column, of shares from 0 to 1, is drawn as bars."""
    columns = {
        column: st.column_config.ProgressColumn(column, format="%.1f%%", min_value=0, max_value=100),
        "seconds": st.column_config.NumberColumn("seconds", format="%.2f"),
    }
    percent = table.assign(**{column: 100 * table[column]})
    st.dataframe(percent, hide_index=True, column_config=columns, height="content")


def show_attention(
    result: Caption | Answer, times: np.ndarray, title: str, with_confidence: bool, name: str
) -> None:
    """Frames tinted where one word looked, and the share of each frame for every word.

    Args:
        result: a caption, or an answer with its question's words.
        times: float (time,), seconds of the frames that the model was given.
        title: above the words.
        with_confidence: show each word's probability; a question's words have none.
        name: of the result, another one for each on a page, by which the controls are told apart.
    """
    words, attention, confidence = attention_tables.join_pieces(
        result.words, result.attention, result.probabilities if with_confidence else None
    )
    if not words:
        return
    names = [f"{word} {share:.0%}" for word, share in zip(words, confidence)] if with_confidence else words
    word = choose_word(names, title, key=f"{name} {' '.join(words)}")
    head = choose_head(attention.shape[1], key=f"{name} head")
    places = attention_tables.real_frames(result.frame_indices)
    seconds = times[[result.frame_indices[place] for place in places]]
    grids = attention_tables.of_head(attention, head)[:, places]
    shares = attention_tables.frame_sums(grids)
    show_frames(result.frames[places], grids[word], seconds)
    with st.expander("Every word and frame"):
        st.altair_chart(frame_chart(words, seconds, shares))


def show_frames(frames: np.ndarray, grid: np.ndarray, seconds: np.ndarray) -> None:
    """Frames tinted where one word looked, and how much of it each got.

    Args:
        frames: uint8 (time, height, width, 3).
        grid: float (time, rows, columns).
        seconds: float (time,).
    """
    shares = attention_tables.frame_sums(grid)
    with st.container(horizontal=True, gap="small"):
        for frame, patches, second, share in zip(frames, grid, seconds, shares):
            tinted = overlay(enlarge(frame, 2 * TILE), patches, grid.max())
            st.image(tinted, caption=f"{second:.2f} s · {share:.0%}", width=TILE)
    st.caption(f"Over all frames and places this word's attention sums to {shares.sum():.3f}. {NOT_WHY}")


def show_faithfulness(found: Faithfulness) -> None:
    """The verdict, the numbers and the curves."""
    if not found.depends:
        st.info(found.verdict, icon=":material/help:")
        return
    boxes = (st.warning, "dangerous"), (st.info, "contrast"), (st.success, "check_circle")
    box, icon = boxes[sum(found.better)]
    box(found.verdict, icon=f":material/{icon}:")
    chance = found.against_random()
    for name, good, column in zip(("deletion", "insertion"), ("low", "high"), st.columns(2)):
        value = getattr(found.sweep, f"{name}_auc")
        mean, spread = (chance[f"random_{name}_{part}"] for part in ("auc", "std"))
        with column:
            st.metric(
                f"{name} (area, {good} is good)",
                f"{value:.3f}",
                f"{value - mean:+.3f} against random {mean:.3f} ± {spread:.3f}",
                delta_color="inverse" if good == "low" else "normal",
            )
            st.altair_chart(curve_chart(found, name))
    st.caption(
        "Patches are filled with the clip's median colour in this map's order (deletion), or shown alone in "
        f"that order (insertion). Gray: {len(found.random)} random orders, lowest to highest, and their mean."
    )


def curve_chart(found: Faithfulness, name: str) -> alt.LayerChart:
    """The curve `deletion` or `insertion`, beside the band of the random orders."""
    random = np.stack([getattr(one, name) for one in found.random])
    rows = {
        "share": found.sweep.shares,
        "probability": getattr(found.sweep, name),
        "low": random.min(axis=0),
        "random": random.mean(axis=0),
        "high": random.max(axis=0),
    }
    limits = alt.Scale(domain=[0, 1])
    title = "patches taken out" if name == "deletion" else "patches shown"
    share = alt.X("share:Q", title=title, axis=alt.Axis(format="%"))
    base = alt.Chart(pd.DataFrame(rows), height=200).encode(x=share)
    return alt.layer(
        base.mark_area(opacity=0.3, color="gray").encode(y=alt.Y("low:Q", scale=limits), y2="high:Q"),
        base.mark_line(color="gray").encode(y=alt.Y("random:Q", scale=limits)),
        base.mark_line(color="#e05600", point=True).encode(
            y=alt.Y("probability:Q", scale=limits, title="probability"),
            tooltip=[alt.Tooltip(f"{key}:Q", format=".3f") for key in ("share", "probability", "random")],
        ),
    )


def choose_word(names: list[str], title: str, key: str) -> int:
    """The place of the word that the visitor chose."""
    # Pills of the same name are one to Streamlit: a space of no width for each one before tells them apart.
    unique = [common.plain(name) + "\u200b" * names[:place].count(name) for place, name in enumerate(names)]
    return st.pills(title, range(len(names)), default=0, required=True, key=key, format_func=unique.__getitem__)


def choose_head(count: int, key: str) -> int | None:
    """One of `count` heads; None is their mean."""

    def name(head: int | None) -> str:
        return "all heads (mean)" if head is None else f"head {head + 1} of {count}"

    return st.selectbox("Attention of", [None, *range(count)], format_func=name, key=key, width=240)


def frame_chart(words: list[str], seconds: np.ndarray, shares: np.ndarray) -> alt.Chart:
    """The share of attention of each frame (columns) for each word (rows)."""
    rows = pd.DataFrame(
        [
            {"word": f"{place + 1} {word}", "frame": f"{second:.2f} s", "attention": float(share)}
            for place, word in enumerate(words)
            for second, share in zip(seconds, shares[place])
        ]
    )
    return alt.Chart(rows, height=alt.Step(24)).mark_rect().encode(
        x=alt.X("frame:N", title="frame at", sort=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("word:N", title=None, sort=None),
        color=alt.Color("attention:Q", scale=alt.Scale(scheme="oranges"), legend=alt.Legend(format=".0%")),
        tooltip=["word", "frame", alt.Tooltip("attention", format=".1%")],
    )  # fmt: skip
