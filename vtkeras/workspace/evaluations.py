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
from vtkeras.workspace.runs import model_hash, read_results, tabulate_metrics

CHECKPOINT = Path(CHECKPOINTS) / BEST
PARTS = ("caption", "answer", "label")
CHOICES = ("all", "said otherwise", "first right alone", "second right alone")
EVERY, DIFFERENT, FIRST_BETTER, SECOND_BETTER = CHOICES


@dataclass(frozen=True)
class Evaluation:
    """The evaluation in one folder.

    Attributes:
        folder: where it lies.
        metrics: columns split, examples, system and one for each metric.
        columns: {metric: {"title", "unit", "better"}}.
        details: {split: {system: {"answer" or "label": {"classes", "confusions", "reliability"}}}}.
        kinds: {split: {kind of question: {"questions": int, "systems": {system: share of right answers}}}}.
        predictions: the table of `predictions.csv`, all columns strings; no rows where there is none.
        origin: name, task, data and weights of the run, as far as they are known.
    """

    folder: Path
    metrics: pd.DataFrame
    columns: dict[str, dict]
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
        details={split: result.get("details", {}) for split, result in splits.items()},
        kinds={split: result.get("kinds", {}) for split, result in splits.items()},
        predictions=_read_predictions(folder),
        origin=_origin(folder),
    )


def compare(
    predictions: pd.DataFrame, first: str, second: str, split: str, part: str, show: str = DIFFERENT
) -> pd.DataFrame:
    """What two systems said of the same examples.

    Args:
        predictions: tables of `Evaluation.predictions`, one behind the other, with a column `run`; a
            system goes by "run: system".
        first, second: the systems.
        split: the split.
        part: "caption", "answer" or "label".
        show: one of `CHOICES`.

    Returns:
        Columns example, clip, text, truth, first, second, first_correct and second_correct (True, False, or
        None where the truth is unknown).
    """
    of_split = predictions[predictions.split == split]
    named = of_split.assign(who=of_split.run + ": " + of_split.system)
    columns = ["clip", "text", part, f"{part}_predicted", f"{part}_correct"]
    one, other = (named[named.who == who].set_index("example")[columns] for who in (first, second))
    both = one.join(other[[part, f"{part}_predicted", f"{part}_correct"]], rsuffix="_other", how="inner")
    both = both[both[part] == both[f"{part}_other"]]  # the same example, not only the same number
    correct = {"1": True, "0": False}
    table = pd.DataFrame(
        {
            "example": both.index.astype(int),
            "clip": both["clip"].to_numpy(),
            "text": both["text"].to_numpy(),
            "truth": both[part].to_numpy(),
            "first": both[f"{part}_predicted"].to_numpy(),
            "second": both[f"{part}_predicted_other"].to_numpy(),
            "first_correct": both[f"{part}_correct"].map(correct).to_numpy(object),
            "second_correct": both[f"{part}_correct_other"].map(correct).to_numpy(object),
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


def _read_predictions(folder: Path) -> pd.DataFrame:
    path = folder / PREDICTIONS
    columns = ["split", "example", "clip", "text", "system"]
    optional = [f"{part}{end}" for part in PARTS for end in ("", "_predicted", "_correct")]
    if not path.is_file():
        return pd.DataFrame(columns=columns + optional, dtype=str)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.columns = table.columns.map(current_column)
        table = table.assign(**{name: "" for name in optional if name not in table})
        if not set(columns) <= set(table.columns) or not table.example.str.fullmatch("[0-9]+").all():
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
