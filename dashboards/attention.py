"""Attention as pictures, bars and a chart."""

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from dashboards import common
from vtkeras.explain.overlay import overlay
from vtkeras.serving import evidence
from vtkeras.serving.predictor import Answer, Caption

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


def show_attention(result: Caption | Answer, times: np.ndarray, title: str, with_confidence: bool) -> None:
    """Frames tinted where one word looked, and the share of each frame for every word.

    Args:
        result: a caption, or an answer with its question's words.
        times: float (time,), seconds of the frames that the model was given.
        title: above the words.
        with_confidence: show each word's probability; a question's words have none.
    """
    kind = type(result).__name__
    words, attention, confidence = evidence.join_pieces(
        result.words, result.attention, result.probabilities if with_confidence else None
    )
    if not words:
        return
    names = [f"{word} {share:.0%}" for word, share in zip(words, confidence)] if with_confidence else words
    word = choose_word(names, title, key=f"{kind} {' '.join(words)}")
    head = choose_head(attention.shape[1], key=f"{kind} head")
    places = evidence.real_frames(result.frame_indices)
    seconds = times[[result.frame_indices[place] for place in places]]
    grids = evidence.of_head(attention, head)[:, places]
    shares = evidence.frame_sums(grids)
    with st.container(horizontal=True, gap="small"):
        for place, grid, second, share in zip(places, grids[word], seconds, shares[word]):
            tinted = overlay(enlarge(result.frames[place]), grid, grids[word].max())
            st.image(tinted, caption=f"{second:.2f} s · {share:.0%}", width=TILE)
    st.caption(f"Over all frames and places this word's attention sums to {shares[word].sum():.3f}. {NOT_WHY}")
    with st.expander("Every word and frame"):
        st.altair_chart(frame_chart(words, seconds, shares))


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


def enlarge(frame: np.ndarray) -> np.ndarray:
    """Enlarges small frames by a whole factor, so that the tint is drawn finely: uint8 (height, width, 3)."""
    times = max(1, 2 * TILE // max(frame.shape[:2]))
    return frame.repeat(times, axis=0).repeat(times, axis=1)


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
