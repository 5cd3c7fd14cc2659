"""The results of `evaluate` as Markdown, JSON and CSV files."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vtkeras.run_files import CLASSES, METRICS, METRICS_TABLE, PREDICTIONS
from vtkeras.spreadsheets import harmless
from vtkeras.tasks import Column, Head
from vtkeras.tasks.classification_report import in_cell
from vtkeras.tasks.classification_report import to_markdown as classes_to_markdown
from vtkeras.tasks.predicted import ClassProbabilities, Examples, Predicted
from vtkeras.whole_files import replacing, write_text


def format_cell(column: Column, value: float | None) -> str:
    """A figure as tables show it: shares in percent, a dash for none.

    Example:
        >>> format_cell(Column("R@1 %", "%"), 0.5)
        '50.0'
    """
    if value is None:
        return "–"
    return f"{100 * value:.1f}" if column.unit == "%" else f"{value:.3f}"


def to_markdown(results: dict) -> str:
    """The results as Markdown tables, one a split, and one more for its kinds of question; and what baselines saw."""
    columns = {name: Column(**column) for name, column in results["columns"].items()}
    lines = [
        line
        for split, result in results["splits"].items()
        for line in (
            f"### {split} ({_of(result)} examples)\n",
            *_table(columns, result["systems"]),
            *_kinds(result.get("kinds", {})),
            *_by_column(columns, result.get("by", {})),
        )
    ]
    if seen := results.get("baselines"):
        more = "`vtkeras evaluate --baseline-clips N` gives them more"
        lines += [f"Baselines look at {_of(seen)} training examples; {more}.", ""]
    return "\n".join(lines)


def write_results(results: dict, folder: str | Path) -> None:
    """Writes `metrics.json`, `metrics.md` and `classes.md`, each whole or not at all."""
    folder = Path(folder)
    as_json = json.dumps(results, indent=1)
    as_json = re.sub(r"[{][^{}]*[}]", lambda row: re.sub(r"\n\s*", " ", row.group()), as_json)  # a row a line
    details = (
        f"### {split}: {system}\n\n{classes_to_markdown(found)}"
        for split, result in results["splits"].items()
        for system, found in result["details"].items()
        if found
    )
    write_text(folder / METRICS, as_json)
    write_text(folder / METRICS_TABLE, to_markdown(results))
    write_text(folder / CLASSES, "\n".join(details))


def _of(counts: dict) -> str:
    """How many examples, and of how many where these are not all."""
    return f"{counts['examples']} of {counts['of']}" if "of" in counts else str(counts["examples"])


class PredictionTable:
    """What models said of each example, as a table that the dashboard and a spreadsheet read.

    Gathers rows while `evaluate` runs, and writes them.

    Example:
        >>> table = PredictionTable()
        >>> evaluate(systems, source, preprocessor, ["test"], keep=table.add)
        >>> table.write(folder)
    """

    def __init__(self):
        self.rows: list[dict] = []

    def add(
        self,
        split: str,
        system: str,
        heads: Sequence[Head],
        examples: Examples,
        predictions: dict[str, Predicted],
    ) -> None:
        """Takes in one model's predictions of one split; of two heads that tell a column, the first one counts.

        Args:
            split: the split.
            system: the model's name.
            heads: of the model; those without a column in the data (`field`) are left out.
            examples: of the split, with the truths of the heads.
            predictions: {head: what the model says of each example}.
        """
        columns: dict[str, list] = {"clip": examples.ids, "text": examples.questions}
        for head in heads:
            if head.field and head.field not in columns:
                columns |= _columns_of(head, examples.truths[head.name], predictions[head.name])
        for index in range(len(examples.ids)):
            values = {name: column[index] for name, column in columns.items()}
            self.rows.append({"split": split, "example": index, "system": system, **values})

    def write(self, folder: str | Path) -> Path:
        """Writes `predictions.csv`, whole or not at all; `spreadsheets.as_written` gives its texts."""
        path = Path(folder) / PREDICTIONS
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with replacing(path) as temporary, open(
            temporary, "w", newline="", encoding="utf-8", errors="replace"
        ) as file:
            table = csv.DictWriter(file, names, restval="")
            table.writeheader()
            table.writerows({name: harmless(str(value)) for name, value in row.items()} for row in self.rows)
        return path


def confidence(classes: ClassProbabilities) -> np.ndarray:
    """How sure the model is of what it said, float (examples,).

    The probability of the likeliest class; where each class has a probability of its own, that of the
    least sure of its yes-or-no decisions.
    """
    probabilities = classes.probabilities
    if classes.several:
        return np.maximum(probabilities, 1 - probabilities).min(axis=1)
    return probabilities.max(axis=1)


def _columns_of(head: Head, truths: list, predicted: Predicted) -> dict[str, list[str]]:
    """Truth, prediction, 1 or 0 for right or wrong ("" where nothing is known), and confidence."""
    texts = predicted.texts or [""] * len(truths)
    columns = {
        head.field: [head.as_text(truth) for truth in truths],
        f"{head.field}_predicted": texts,
        f"{head.field}_correct": [
            str(int(head.correct(truth, text))) if head.as_text(truth) else "" for truth, text in zip(truths, texts)
        ],
    }
    if predicted.classes is not None:
        sure = confidence(predicted.classes) if predicted.confidence is None else predicted.confidence
        columns[f"{head.field}_confidence"] = [f"{value:.4f}" for value in sure]
    return columns


def _table(columns: dict[str, Column], systems: dict[str, dict]) -> list[str]:
    shown = {
        name: column
        for name, column in columns.items()
        if column.listed and any(row.get(name) is not None for row in systems.values())
    }
    return [
        "| system | " + " | ".join(column.title for column in shown.values()) + " |",
        "| --- |" + " ---: |" * len(shown),
        *(
            f"| {system} | " + " | ".join(format_cell(column, row.get(name)) for name, column in shown.items()) + " |"
            for system, row in systems.items()
        ),
        "",
    ]


def _by_column(columns: dict[str, Column], by: dict) -> list[str]:
    """A table for each headline: systems down, values of the column across."""
    lines = []
    for name, groups in by.items():
        systems = next(iter(groups.values()))["systems"]
        for headline in next(iter(systems.values())):
            cells = {
                system: [format_cell(columns[headline], one["systems"][system][headline]) for one in groups.values()]
                for system in systems
            }
            if all(cell == "–" for row in cells.values() for cell in row):
                continue
            values = " | ".join(f"{in_cell(value)} ({one['examples']})" for value, one in groups.items())
            title = f"{columns[headline].title} by {in_cell(name)}"
            lines += [f"| {title} | {values} |", "| --- |" + " ---: |" * len(groups)]
            lines += [*(f"| {system} | {' | '.join(row)} |" for system, row in cells.items()), ""]
    return lines


def _kinds(kinds: dict) -> list[str]:
    if len(kinds) < 2:
        return []
    systems = next(iter(kinds.values()))["systems"]
    return [
        "| answers right % | " + " | ".join(f"{in_cell(kind)} ({kinds[kind]['questions']})" for kind in kinds) + " |",
        "| --- |" + " ---: |" * len(kinds),
        *(
            f"| {system} | " + " | ".join(f"{100 * kind['systems'][system]:.1f}" for kind in kinds.values()) + " |"
            for system in systems
        ),
        "",
    ]
