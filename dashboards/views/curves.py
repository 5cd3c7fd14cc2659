"""Training curves, samples and attention pictures out of the TensorBoard logs."""

import os
import shlex
from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import common
from vtkeras.run_files import shipped
from vtkeras.workspace import logs

FAVOURITES = ("epoch_loss", "epoch_caption_exact", "epoch_answer_accuracy", "epoch_label_accuracy")
EPOCH = "epoch_"
EVERY = 5.0  # seconds between two looks at the logs


@st.fragment(run_every=EVERY)
def show_curves(chosen: list[Path]) -> None:
    """A chart for each chosen tag, a line for each run and part; they grow while a run trains."""
    tables = [common.read_logs(run).scalars.assign(run=common.short(run)) for run in chosen]
    scalars = pd.concat(tables, ignore_index=True)
    if scalars.empty:
        st.info(
            "Nothing is logged yet: the first figures appear after a few steps.", icon=":material/hourglass:"
        )
        return
    tags = sorted(scalars.tag.unique(), key=lambda tag: (not tag.startswith(EPOCH), tag))
    likely = [tag for tag in FAVOURITES if tag in tags] or tags[:4]
    shown = st.multiselect("Curves", tags, default=likely, format_func=title)
    columns = st.columns(2)
    for place, tag in enumerate(shown):
        columns[place % 2].altair_chart(chart(scalars[scalars.tag == tag], tag))


def title(tag: str) -> str:
    """A tag in words."""
    return tag.removeprefix(EPOCH).replace("_", " ")


def chart(rows: pd.DataFrame, tag: str) -> alt.Chart:
    """One tag's curves over the steps, or epochs."""
    by_epoch = tag.startswith(EPOCH)
    # Keras counts epochs from 0, people and the samples below from 1.
    rows = rows.assign(step=rows.step + by_epoch)
    lines = rows.part if rows.run.nunique() == 1 else rows.run + " · " + rows.part
    over = "epoch" if by_epoch else "step"
    return (
        alt.Chart(rows.assign(line=lines), title=title(tag), height=320)
        .mark_line(point={"size": 18})
        .encode(
            x=alt.X(
                "step:Q", title=over, scale=alt.Scale(zero=False, nice=False), axis=alt.Axis(tickMinStep=1)
            ),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
            color=alt.Color("line:N", title=None, legend=alt.Legend(orient="top", columns=2, labelLimit=300)),
            tooltip=["run", "part", alt.Tooltip("step", title=over), alt.Tooltip("value", format=".4f")],
        )
    )


def show_samples(run: Path) -> None:
    """What the model said of the same few clips after each epoch, and where it looked."""
    logged = common.read_logs(run)
    if logged.texts.empty and not logged.images:
        st.caption("No samples yet: they are written after every epoch.")
        return
    steps = sorted(logged.texts.step.unique())
    last = int(steps[-1]) if steps else 0
    if len(steps) > 1:
        last = st.select_slider("After epoch", [int(step) for step in steps], value=last)
    for tag, text in logged.texts[logged.texts.step == last][["tag", "text"]].itertuples(index=False):
        st.markdown(f"**{common.plain(tag)}**")
        table = logs.sample_table(text)
        if table is None:
            st.text(text)
        else:
            st.dataframe(table, hide_index=True)
    for tag, (step, picture) in logged.images.items():
        st.markdown(f"**{common.plain(tag)}**, after epoch {step}")
        st.image(
            picture, caption="A row a word, a column a frame. Attention shows where the model looked, not why."
        )


def logs_of(chosen: list[Path]) -> Path:
    """The folder in which TensorBoard finds the chosen runs: what they share, or the first where that is too much."""
    shared = Path(os.path.commonpath([run.absolute() for run in chosen]))
    below = any(shared.is_relative_to(root.absolute()) for root in common.model_roots())
    return shared if below else chosen[0].absolute()


def show_tensorboard(chosen: list[Path]) -> None:
    """A link, or the command that makes the link work."""
    if common.tensorboard_is_up():
        address = f"http://localhost:{common.TENSORBOARD_PORT}"
        st.link_button("Open TensorBoard", address, icon=":material/open_in_new:")
        st.caption(f"What listens on port {common.TENSORBOARD_PORT} shows the logs that it was started with.")
    else:
        st.caption("TensorBoard shows the same logs with its own tools. It is not running; this starts it:")
        words = ["tensorboard", "--logdir", str(logs_of(chosen)), "--port", str(common.TENSORBOARD_PORT)]
        st.code(shlex.join(words), language="bash")


st.title("Training curves", anchor=False)
with common.shown_errors():
    runs = logs.find_logs(common.model_roots())
    if runs:
        first = logs.opened_first(runs, shipped("saved_models"))
        chosen_runs = st.multiselect("Runs", runs, default=[first], format_func=common.short)
        if chosen_runs:
            show_curves(chosen_runs)
            st.header("Samples", anchor=False)
            show_samples(
                st.selectbox("Of run", chosen_runs, format_func=common.short)
                if len(chosen_runs) > 1
                else chosen_runs[0]
            )
        else:
            st.info("Choose at least one run.", icon=":material/arrow_upward:")
        st.divider()
        show_tensorboard(chosen_runs or [first])
    else:
        st.info(
            "No training logs yet. Train a model, and its curves appear here while it trains:",
            icon=":material/flag:",
        )
        st.code("vtkeras train --config demo --out runs/demo", language="bash")
