"""Run folders as the dashboard lists them, read without loading a model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vtkeras.config import load_config
from vtkeras.errors import UserError
from vtkeras.run_files import METRICS, SAVED_MODEL


@dataclass(frozen=True)
class RunCard:
    """What a run folder says of itself.

    Attributes:
        folder: the run folder.
        name: of the experiment.
        task: of the experiment.
        data: source or folder it was trained on.
        model_hash: of the exported weights.
        metrics: columns split, examples, system and one for each metric; no rows before `vtkeras evaluate`.
    """

    folder: Path
    name: str
    task: str
    data: str
    model_hash: str
    metrics: pd.DataFrame


def model_hash(folder: str | Path) -> str:
    """The first 12 hex digits of the SHA-256 of an exported model's weights."""
    digest = hashlib.sha256()
    for path in sorted((Path(folder) / SAVED_MODEL / "variables").iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def find_runs(root: str | Path = "saved_models", more: tuple[str | Path, ...] = ("runs",)) -> list[Path]:
    """Run folders with an exported model, below any of the roots, in order of name."""
    places = [Path(place) for place in (root, *more)]
    found = [path.parent.parent for place in places for path in place.glob("**/saved_model/saved_model.pb")]
    return sorted(folder for folder in found if not folder.name.startswith(("partial-", "old-")))


def read_card(folder: str | Path) -> RunCard:
    """Reads the card of an exported run.

    Raises:
        UserError: if one of its files is missing or damaged.

    Example:
        >>> read_card("saved_models/multitask/moving_digits").task
        'multitask'
    """
    folder = Path(folder)
    config = load_config(str(folder / "config.yaml"))
    try:
        weights = model_hash(folder)
    except OSError:
        raise UserError(f"{folder} lost its exported weights: run `vtkeras export {folder}` again.") from None
    return RunCard(
        folder=folder,
        name=config.name,
        task=config.task,
        data=config.data.path or config.data.source,
        model_hash=weights,
        metrics=read_metrics(folder),
    )


def read_metrics(folder: str | Path) -> pd.DataFrame:
    """The results that `vtkeras evaluate` wrote, a row for each split and system.

    Raises:
        UserError: if the file is damaged.
    """
    path = Path(folder) / METRICS
    if not path.is_file():
        return pd.DataFrame(columns=["split", "examples", "system"])
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            {"split": split, "examples": result["examples"], "system": system, **scores}
            for split, result in results.items()
            for system, scores in result["systems"].items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is damaged: run `vtkeras evaluate {folder}` again.") from None
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def unexported(roots: list[str | Path]) -> list[Path]:
    """Run folders below any of the roots that have a checkpoint but no exported model, in order of name."""
    trained = {path.parent.parent for root in roots for path in Path(root).glob("**/checkpoints/best.npz")}
    return sorted(trained - set(exported(roots)))


def exported(roots: list[str | Path]) -> list[Path]:
    """Run folders below any of the roots that hold an exported model, in order of name.

    Those of the task `multitask` come first: they can be asked for a caption, an answer and a label.
    """
    found = dict.fromkeys(find_runs(roots[0], tuple(roots[1:]))) if roots else {}
    return sorted(found, key=lambda folder: _task(folder) != "multitask")


def _task(folder: Path) -> str:
    """The task of a run, "" for a damaged one."""
    try:
        return load_config(str(folder / "config.yaml")).task
    except UserError:
        return ""
