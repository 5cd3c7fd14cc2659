"""What cleaning left out of an ingested folder, to look at and to put back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vtkeras.data.cleaning import restore
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.manifest import Manifest
from vtkeras.run_files import MANIFEST


def find_ingested(folders: Sequence[Path]) -> list[Path]:
    """Those of the folders that `vtkeras data ingest` made."""
    return [folder for folder in folders if (folder / MANIFEST).is_file()]


def left_out(folder: Path, reasons: Sequence[str] | None = None) -> list[list[Mark]]:
    """The marks of each clip or caption that is left out, in the order of the checks.

    Args:
        folder: made by `vtkeras data ingest`.
        reasons: those to look for; None takes all.

    Raises:
        UserError: if the manifest is missing or damaged.
    """
    found: dict[tuple[str, str | None], list[Mark]] = {}
    for mark in Manifest.load(folder).cleaning.dropped:
        found.setdefault((mark.clip, mark.caption), []).append(mark)
    return [marks for marks in found.values() if reasons is None or any(mark.reason in reasons for mark in marks)]


def put_back(folder: Path, marks: Sequence[Mark]) -> None:
    """Takes these marks away; later cleanings leave in what they marked.

    Raises:
        UserError: if the folder cannot be written, or another command is writing to it.
    """
    restore.put_back(folder, lambda mark: mark in marks)
