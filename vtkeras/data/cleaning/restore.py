"""Puts back what cleaning left out. No TensorFlow here: a page does so, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from vtkeras.data.cleaning.marks import Cleaning, Mark
from vtkeras.data.cleaning.report import write_report
from vtkeras.data.manifest import WRITERS, Manifest
from vtkeras.errors import UserError
from vtkeras.whole_files import locked

ALL = "all"


def restore(folder: str | Path, chosen: Sequence[str]) -> Manifest:
    """Puts back what cleaning dropped; later cleanings leave it in.

    Args:
        folder: that was cleaned.
        chosen: clips (their ids, or paths of videos) with their captions, reasons, or `all`.

    Returns:
        The manifest, also written to the folder.

    Raises:
        UserError: if nothing is dropped for one of them; then all stays as it is.

    Example:
        >>> restore("data/cats", ["blurred"]).cleaning.dropped
        ()
    """
    folder = Path(folder)
    dropped = Manifest.load(folder).cleaning.dropped
    for what in chosen:
        if not any(_names(what, mark) for mark in dropped):
            reasons = ", ".join(sorted({mark.reason for mark in dropped}))
            way_out = f"give a clip, {ALL}, or a reason ({reasons})" if dropped else "nothing is left out of it"
            raise UserError(f"{folder} has nothing to put back for '{what}': {way_out}.")
    return put_back(folder, lambda mark: any(_names(what, mark) for what in chosen))


def put_back(folder: Path, chosen: Callable[[Mark], bool]) -> Manifest:
    """As `restore`, for the marks that `chosen` picks.

    Example:
        >>> put_back(Path("data/cats"), lambda mark: mark.split == "test").clips("test")
        100
    """
    Manifest.load(folder)  # refuses what was not ingested; a lock would make a folder that is missing
    with locked(folder, WRITERS):
        manifest = Manifest.load(folder)
        return save_cleaning(folder, manifest, manifest.cleaning.without(chosen))


def save_cleaning(folder: Path, manifest: Manifest, cleaning: Cleaning) -> Manifest:
    """Writes the marks into the manifest, and the report beside it; gives the manifest.

    Args:
        folder: made by `vtkeras data ingest`.
        manifest: its manifest, whose cleaning is replaced.
        cleaning: the marks of what is left out, and of what was put back.

    Raises:
        UserError: if the disk is full or the folder cannot be written.
    """
    manifest = replace(manifest, cleaning=cleaning)
    manifest.save(folder)
    write_report(folder, manifest)
    return manifest


def _names(what: str, mark: Mark) -> bool:
    return what in (ALL, mark.reason, mark.clip, mark.path)
