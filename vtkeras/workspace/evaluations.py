"""What `vtkeras evaluate` found of one or several runs, read back as tables."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vtkeras.aliases import current_column
from vtkeras.config import load_config
from vtkeras.errors import UserError, command
from vtkeras.run_files import BEST, CHECKPOINTS, CONFIG_FILE, METRICS, PREDICTIONS, SAVED_MODEL
from vtkeras.spreadsheets import as_written
from vtkeras.workspace.runs import model_hash, read_results, tabulate_metrics

CHECKPOINT = Path(CHECKPOINTS) / BEST
PREDICTED, CORRECT = "_predicted", "_correct"  # end the columns of what systems said, and of whether it is right
CHOICES = ("all", "said otherwise", "first right alone", "second right alone")
EVERY, DIFFERENT, FIRST_BETTER, SECOND_BETTER = CHOICES


@dataclass(frozen=True)
class Evaluation:
    """The evaluation in one folder.

    Attributes:
        folder: where it lies.
        metrics: columns split, examples, system and one for each metric.
        columns: {metric: {"title", "unit", "better"}}.
        heads: {head: {"title", "field"}}.
        details: {split: {system: {head that chooses among classes: {"classes", "confusions", "reliability"}}}}.
        kinds: {split: {kind of question: {"questions": int, "systems": {system: share of right answers}}}}.
        predictions: the table of `predictions.csv`, all columns strings; no rows where there is none.
        origin: name, task, data and weights of the run, as far as they are known.
    """

    folder: Path
    metrics: pd.DataFrame
    columns: dict[str, dict]
    heads: dict[str, dict]
    details: dict[str, dict[str, dict]]
    kinds: dict[str, dict[str, dict]]
    predictions: pd.DataFrame
    origin: dict[str, str]


def find_evaluations(roots: list[str | Path]) -> list[Path]:
    """Folders below any of the roots with a metrics.json, in order of name."""
    return sorted({path.parent for root in roots for path in Path(root).glob(f"**/{METRICS}")})


def read_evaluation(folder: str | Path) -> Evaluation:
    """Reads an evaluation.

    Raises:
        UserError: if one of its files is damaged.

    Example:
        >>> read_evaluation("runs/demo").metrics.system[0]
        'demo (cross_attention)'
    """
    folder = Path(folder)
    results = read_results(folder)
    splits = results["splits"]
    return Evaluation(
        folder=folder,
        metrics=tabulate_metrics(splits),
        columns=results["columns"],
        heads=results["heads"],
        details={split: result.get("details", {}) for split, result in splits.items()},
        kinds={split: result.get("kinds", {}) for split, result in splits.items()},
        predictions=_read_predictions(folder),
        origin=_origin(folder),
    )


def predicted_fields(predictions: pd.DataFrame) -> list[str]:
    """The fields of heads, e.g. "caption", of which a table of `Evaluation.predictions` holds predictions."""
    return [field for field in _fields(predictions) if (predictions[f"{field}{PREDICTED}"] != "").any()]


def compare(
    predictions: pd.DataFrame, first: str, second: str, split: str, field: str, show: str = DIFFERENT
) -> pd.DataFrame:
    """What two systems said of the same examples.

    Args:
        predictions: tables of `Evaluation.predictions`, one behind the other, "" where one lacks a column of
            another, with a column `run`; a system goes by "run: system".
        first, second: the systems.
        split: the split.
        field: one of `predicted_fields`.
        show: one of `CHOICES`.

    Returns:
        Columns example, clip, text, truth, first, second, first_correct and second_correct (True, False, or
        None where the truth is unknown). Examples of other clips, texts or truths are left out.
    """
    of_split = predictions[predictions.split == split]
    named = of_split.assign(who=of_split.run + ": " + of_split.system)
    same = ["clip", "text", field]  # what tells that two examples of one number are the same one
    columns = [*same, f"{field}{PREDICTED}", f"{field}{CORRECT}"]
    one, other = (named[named.who == who].set_index("example")[columns] for who in (first, second))
    both = one.join(other, rsuffix="_other", how="inner")
    both = both[(both[same].to_numpy() == both[[f"{name}_other" for name in same]].to_numpy()).all(axis=1)]
    correct = {"1": True, "0": False}
    table = pd.DataFrame(
        {
            "example": both.index.astype(int),
            "clip": both["clip"].to_numpy(),
            "text": both["text"].to_numpy(),
            "truth": both[field].to_numpy(),
            "first": both[f"{field}{PREDICTED}"].to_numpy(),
            "second": both[f"{field}{PREDICTED}_other"].to_numpy(),
            "first_correct": both[f"{field}{CORRECT}"].map(correct).to_numpy(object),
            "second_correct": both[f"{field}{CORRECT}_other"].map(correct).to_numpy(object),
        }
    ).sort_values("example", ignore_index=True)
    return table[_chosen(table, show)].reset_index(drop=True)


def _chosen(table: pd.DataFrame, show: str) -> pd.Series:
    first, second = (table[name].eq(True) for name in ("first_correct", "second_correct"))
    return {
        EVERY: first | True,
        DIFFERENT: table["first"] != table["second"],
        FIRST_BETTER: first & ~second,
        SECOND_BETTER: second & ~first,
    }[show]


def _fields(predictions: pd.DataFrame) -> list[str]:
    return [name.removesuffix(PREDICTED) for name in predictions if name.endswith(PREDICTED)]


def _read_predictions(folder: Path) -> pd.DataFrame:
    path = folder / PREDICTIONS
    columns = ["split", "example", "clip", "text", "system"]
    if not path.is_file():
        return pd.DataFrame(columns=columns, dtype=str)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.columns = table.columns.map(current_column)
        table = table.map(as_written)
        fields = _fields(table)
        needed = {*columns, *fields, *(f"{field}{CORRECT}" for field in fields)}
        if not needed <= set(table.columns) or not table.example.str.fullmatch("[0-9]+").all():
            raise ValueError
    except (ValueError, AttributeError, OSError):
        raise UserError(f"{path} is damaged: run `{command('evaluate', folder)}` again.") from None
    return table


def _origin(folder: Path) -> dict[str, str]:
    if not (folder / CONFIG_FILE).is_file():
        return {}
    config = load_config(str(folder / CONFIG_FILE))
    origin = {"name": config.name, "task": config.task, "data": config.data.path or config.data.source}
    if (folder / SAVED_MODEL / "variables").is_dir():
        origin["weights"] = model_hash(folder)
    elif (folder / CHECKPOINT).is_file():
        origin["weights"] = hashlib.sha256((folder / CHECKPOINT).read_bytes()).hexdigest()[:12]
    return origin
