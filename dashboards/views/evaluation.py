"""Evaluation: runs side by side, class by class, confusions, calibration, and where two of them differ."""

from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import common
from dashboards.provenance import show_files
from vtkeras.errors import command
from vtkeras.run_files import METRICS
from vtkeras.spreadsheets import harmless
from vtkeras.workspace import evaluations
from vtkeras.workspace.evaluations import Evaluation

FIRST_COLUMNS = ("run", "split", "system", "examples")
FIRST_RUNS = 4  # chosen to begin with
MOST_CELLS = 40  # classes a side of the heat map


def name_first(folder: Path) -> str:
    """A run by its name and where it is; of a long text the box that shows it cuts the end.

    Example:
        >>> name_first(Path("saved_models/multitask/moving_digits"))
        'moving_digits (saved_models/multitask)'
    """
    return f"{folder.name} ({Path(common.short(folder)).parent})"


def all_metrics(found: list[Evaluation]) -> pd.DataFrame:
    """A row for each run, split and system."""
    tables = [one.metrics.assign(run=common.short(one.folder)) for one in found]
    table = pd.concat(tables, ignore_index=True)
    return table[[*FIRST_COLUMNS, *(name for name in table if name not in FIRST_COLUMNS)]]


def show_table(metrics: pd.DataFrame, columns: dict[str, dict]) -> pd.DataFrame:
    """The systems that pass the filters, sorted; gives what is shown."""
    left, middle, right = st.columns(3)
    splits = list(dict.fromkeys(metrics.split))
    chosen = left.multiselect("Splits", splits, default=splits)
    words = middle.text_input("Systems with the words", placeholder="e.g. attention").lower().split()
    numbers = [name for name in metrics.select_dtypes("number") if name in columns]
    by = right.selectbox("Best first by", numbers, format_func=lambda name: columns[name]["title"]) if numbers else None
    names = (metrics.run + " " + metrics.system).str.lower()
    kept = metrics[metrics.split.isin(chosen) & names.map(lambda name: all(word in name for word in words))]
    if by:
        kept = kept.sort_values(by, ascending=columns[by]["better"] == "lower", kind="stable")
    shown = kept.dropna(axis="columns", how="all")
    st.caption(f"{len(shown)} of {len(metrics)} rows")
    common.results_table(shown, columns)
    return shown


def show_kinds(found: list[Evaluation]) -> None:
    """The share of right answers by kind of question, where kinds are known."""
    head = ["run", "split", "kind", "questions"]
    rows = [
        dict(zip(head, (common.short(one.folder), split, kind, part["questions"])), **part["systems"])
        for one in found
        for split, kinds in one.kinds.items()
        for kind, part in kinds.items()
    ]
    if rows:
        table = pd.DataFrame(rows)
        st.subheader("Answers by kind of question", anchor=False)
        percent = st.column_config.NumberColumn(format="percent")
        columns = {name: percent for name in table.columns.difference(head)}
        st.dataframe(table, hide_index=True, column_config=columns)


def show_details(found: list[Evaluation]) -> None:
    """One system's classes, confusions and calibration."""
    choices = {
        f"{common.short(one.folder)}: {system} on {split}": details
        for one in found
        for split, systems in one.details.items()
        for system, details in systems.items()
        if details
    }
    if not choices:
        st.info(
            "Nothing is known of classes: captions have none, and older versions did not keep them. Again:",
            icon=":material/refresh:",
        )
        st.code("\n".join(command("evaluate", one.folder) for one in found), language="bash")
        return
    left, right = st.columns([3, 1])
    details = choices[left.selectbox("Model and split", list(choices))]
    titles = {name: head["title"] for one in found for name, head in one.heads.items()}
    part = right.selectbox("Of", list(details), format_func=lambda name: titles.get(name, name))
    classes, confusions, diagram = st.tabs(["Class by class", "Confusions", "Confidence and accuracy"])
    with classes:
        show_classes(pd.DataFrame(details[part]["classes"]))
    with confusions:
        show_confusions(pd.DataFrame(details[part]["confusions"]))
    with diagram:
        show_reliability(details[part]["reliability"])


def show_classes(rows: pd.DataFrame) -> None:
    st.caption("A column's head sorts. Support: examples that have the class; predicted: said to have it.")
    bars = {
        name: st.column_config.ProgressColumn(name, format="%.3f", min_value=0, max_value=1)
        for name in ("precision", "recall", "f1")
    }
    st.dataframe(rows, hide_index=True, column_config=bars)


def show_confusions(cells: pd.DataFrame) -> None:
    """A heat map whose rows are what is, whose columns are what was said."""
    wrong = cells[cells.actual != cells.predicted].sort_values("count", ascending=False)
    names = set(cells.actual) | set(cells.predicted)
    if len(names) > MOST_CELLS:
        worst = list(dict.fromkeys([*wrong.actual, *wrong.predicted]))[:MOST_CELLS]
        st.caption(f"The {len(worst)} classes of {len(names)} that are confused most.")
        cells = cells[cells.actual.isin(worst) & cells.predicted.isin(worst)]
    share = cells["count"] / cells.groupby("actual")["count"].transform("sum")
    st.altair_chart(heat_map(cells.assign(share=share)))
    st.caption(
        "Each row sums to 1. Where an example has several labels, a missed one counts against each label said "
        "wrongly in its place, or against (nothing)."
    )
    st.dataframe(wrong, hide_index=True)


def heat_map(cells: pd.DataFrame) -> alt.LayerChart:
    base = alt.Chart(cells, width=alt.Step(46), height=alt.Step(28)).encode(
        x=alt.X("predicted:N", title="predicted", axis=alt.Axis(orient="top", labelAngle=-45, labelLimit=160)),
        y=alt.Y("actual:N", title="actual", axis=alt.Axis(labelLimit=160)),
        tooltip=["actual", "predicted", "count", alt.Tooltip("share", format=".1%")],
    )
    colour = alt.Color(
        "share:Q", scale=alt.Scale(scheme="blues", domain=[0, 1]), legend=alt.Legend(format=".0%")
    )
    ink = alt.condition("datum.share > 0.5", alt.value("white"), alt.value("black"))
    return base.mark_rect().encode(color=colour) + base.mark_text(fontSize=11).encode(text="count:Q", color=ink)


def show_reliability(bins: list[dict] | None) -> None:
    """Accuracy over confidence, beside what it would be if the model knew how sure to be."""
    if not bins:
        st.caption("This system gives no probabilities, or knows none of these classes.")
        return
    rows = pd.DataFrame(bins)
    error = (rows["count"] * (rows.accuracy - rows.confidence).abs()).sum() / rows["count"].sum()
    st.metric("Expected calibration error", f"{error:.4f}", help="The mean gap, each bin by its predictions.")
    st.altair_chart(reliability_chart(rows))
    st.caption(
        "Below the line the model is surer than it is right; above it, less sure. The size is the number."
    )
    st.dataframe(rows, hide_index=True)


def reliability_chart(rows: pd.DataFrame) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, 1])
    ideal = alt.Chart(pd.DataFrame({"confidence": [0, 1], "accuracy": [0, 1]}), width=420, height=420)
    points = alt.Chart(rows).encode(
        x=alt.X("confidence:Q", scale=scale),
        y=alt.Y("accuracy:Q", scale=scale),
        size=alt.Size("count:Q", title="predictions", scale=alt.Scale(range=[40, 600])),
        tooltip=["count", alt.Tooltip("confidence", format=".3f"), alt.Tooltip("accuracy", format=".3f")],
    )
    line = ideal.mark_line(strokeDash=[4, 4], color="gray").encode(x="confidence:Q", y="accuracy:Q")
    joined = alt.Chart(rows).mark_line(opacity=0.4).encode(x="confidence:Q", y="accuracy:Q")
    return line + joined + points.mark_circle(opacity=0.9)


def field_titles(found: list[Evaluation]) -> dict[str, str]:
    """What to call the fields that heads tell; of two heads that tell one, the first gives its title."""
    heads = [head for one in found for head in one.heads.values()]
    return {head["field"]: head["title"] for head in reversed(heads)}


def show_difference(found: list[Evaluation]) -> pd.DataFrame | None:
    """Two systems' predictions side by side; gives what is shown."""
    tables = [one.predictions.assign(run=common.short(one.folder)) for one in found]
    predictions = pd.concat(tables, ignore_index=True).fillna("")  # runs with other heads have other columns
    systems = list(dict.fromkeys(predictions.run + ": " + predictions.system))
    if len(systems) < 2:
        st.info("Two models are needed. Evaluate another run, and choose both above, or put both in one table:")
        st.code(command("evaluate", found[0].folder, "--compare", "ANOTHER_RUN"), language="bash")
        return None
    left, right = st.columns(2)
    first = left.selectbox("First", systems)
    second = right.selectbox("Second", [system for system in systems if system != first])
    of_both = predictions[(predictions.run + ": " + predictions.system).isin([first, second])]
    fields = evaluations.predicted_fields(of_both)
    if not fields:
        st.info("Neither said anything.")
        return None
    one, two, three = st.columns(3)
    split = one.selectbox("Split", list(dict.fromkeys(of_both.split)))
    titles = field_titles(found)
    field = two.selectbox("What they said", fields, format_func=lambda name: titles.get(name, name))
    words = three.text_input("Examples with the words", placeholder="e.g. digit 7").lower()
    show = st.segmented_control("Show", evaluations.CHOICES, default=evaluations.DIFFERENT, required=True)
    counts = {
        name: len(evaluations.compare(predictions, first, second, split, field, name))
        for name in evaluations.CHOICES
    }
    st.caption(" · ".join(f"{name}: {count}" for name, count in counts.items()))
    if not counts[evaluations.EVERY]:
        st.info("The two were evaluated on other examples: clip, text and truth agree in none.", icon=":material/info:")
    table = evaluations.compare(predictions, first, second, split, field, show)
    everything = table["text"].str.lower() + " " + table["truth"].str.lower()
    table = table[everything.map(lambda text: words in text)]
    st.dataframe(table, hide_index=True)
    return table


def show_provenance(found: list[Evaluation], metrics: pd.DataFrame, difference: pd.DataFrame | None) -> None:
    """Where the figures come from, and the figures as files."""
    with st.container(border=True):
        st.markdown("**Where this comes from**")
        for one in found:
            known = " · ".join(f"{name} {common.plain(text)}" for name, text in one.origin.items())
            st.caption(f"{common.plain(common.short(one.folder))}: {known or 'several runs'}")
        records = metrics.to_json(orient="records", indent=1)
        origins = pd.Series([{"folder": str(one.folder), **one.origin} for one in found]).to_json(orient="values")
        files = {
            "Table as CSV": (metrics.to_csv(index=False), "evaluation.csv", "text/csv"),
            "Table as JSON": (
                f'{{"origin": {origins}, "metrics": {records}}}', "evaluation.json", "application/json"
            ),
        }  # fmt: skip
        if difference is not None:
            cells = difference.map(lambda cell: harmless(cell) if isinstance(cell, str) else cell)
            files["Differences as CSV"] = (cells.to_csv(index=False), "differences.csv", "text/csv")
        show_files(files)


def show_page(folders: list[Path]) -> None:
    """The page for the chosen folders."""
    found = []
    for folder in folders:
        with common.shown_errors():
            found.append(common.read_evaluation(folder))
    found = [one for one in found if not one.metrics.empty]
    if not found:
        st.info("Choose at least one run that was evaluated.", icon=":material/arrow_upward:")
        return
    columns = {name: column for one in found for name, column in one.columns.items()}
    shown = show_table(all_metrics(found), columns)
    difference = None
    show_kinds(found)
    st.header("One model closely", anchor=False)
    with common.shown_errors():
        show_details(found)
    st.header("Two models beside each other", anchor=False)
    with common.shown_errors():
        difference = show_difference(found)
    show_provenance(found, shown, difference)


st.title("Evaluation", anchor=False)
with common.shown_errors():
    evaluated = common.own_first(evaluations.find_evaluations(common.model_roots()), METRICS)
    if evaluated:
        show_page(st.multiselect("Runs", evaluated, default=evaluated[:FIRST_RUNS], format_func=name_first))
    else:
        st.info("Nothing has been evaluated yet. This puts a run beside baselines:", icon=":material/flag:")
        st.code("vtkeras evaluate runs/demo", language="bash")
