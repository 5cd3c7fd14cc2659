"""Paths refused before any work: outputs that cannot be written, folders of others, folders that are no run."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

from vtkeras.errors import UserError
from vtkeras.run_files import BEST, CHECKPOINTS, CONFIG_FILE, DATA, FEATURES, MODEL_FILE, PATTERN, run_folder
from vtkeras.whole_files import REFUSED, TEMPORARY, disk_errors, is_disk_full, refuse_other_than_file

Place = TypeVar("Place", bound=Path | None)


def writable_file(path: Place) -> Place:
    """Refuses a file that could not be written, before any work is done for it.

    Args:
        path: of the file; None passes.

    Returns:
        `path`.

    Raises:
        UserError: if its folder is missing or read-only, or `path` is no ordinary file.

    Example:
        >>> writable_file(Path("missing/picture.png"))
        UserError: missing/picture.png cannot be written: there is no folder missing.
    """
    if path is not None:
        with disk_errors(path):
            refuse_other_than_file(path)
            if not path.parent.is_dir():
                raise UserError(f"{path} cannot be written: there is no folder {path.parent}.")
            _refuse_read_only(path, path.parent)
    return path


def writable_folder(path: Place) -> Place:
    """As `writable_file`, for a folder that will be made where it is missing."""
    if path is not None:
        with disk_errors(path):
            nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
            if not nearest.is_dir():
                raise UserError(f"{path} cannot be a folder: {nearest} is a file.")
            _refuse_read_only(path, nearest)
    return path


def own_folder(folder: Path, begun: str, also: Collection[str] = ()) -> Path:
    """A folder to write into, which is empty, or into which the same kind of thing was written before.

    Args:
        folder: where to; it may hold ingested clips, features of clips, and hidden files.
        begun: the name of a file by which what was written before is known.
        also: names of what else it may hold.

    Raises:
        UserError: if it holds other files, which could be written over, or cannot be written.

    Example:
        >>> own_folder(Path("runs/mine"), VOCABULARY_FILE)
        PosixPath('runs/mine')
    """
    writable_folder(folder)
    found = {file.name for file in folder.iterdir() if not file.name.startswith(".")} if folder.exists() else set()
    if begun not in found and (others := sorted(found - {DATA, FEATURES, *also})):
        raise UserError(
            f"{folder} holds {others[0]}, and nothing that was begun here before: choose another --out, so that "
            "nothing of yours is written over."
        )
    return folder


def refuse_pattern(folder: Path) -> None:
    """Refuses a run's folder whose name TensorFlow would take for a pattern of names.

    Raises:
        UserError: naming it.
    """
    if {*PATTERN} & {*str(folder)}:
        raise UserError(f"{folder}: TensorFlow opens no folder with one of {' '.join(PATTERN)} in its name: rename it.")


def check_config(folder: str | Path) -> Path:
    """The folder of a run, of any state; the shipped model's where it names one.

    Raises:
        UserError: if it is no run.
    """
    folder = run_folder(folder)
    refuse_pattern(folder)
    if not (folder / CONFIG_FILE).is_file():
        raise UserError(f"{folder} is not a run: it has no {CONFIG_FILE}. Train one with `vtkeras train`.")
    return folder


def check_run(folder: str | Path) -> Path:
    """The folder of a run that holds weights.

    Raises:
        UserError: if it is no run, or was not trained yet.
    """
    folder = check_config(folder)
    if not (folder / CHECKPOINTS / BEST).is_file() and not (folder / MODEL_FILE).is_file():
        raise UserError(f"{folder} has neither {CHECKPOINTS}/{BEST} nor {MODEL_FILE}: train it first.")
    return folder


def _refuse_read_only(path: Path, folder: Path) -> None:
    """Makes a file and takes it away: rights alone do not tell, e.g. of /proc, or of root on a read-only disk."""
    try:
        tempfile.TemporaryFile(prefix=TEMPORARY, dir=folder).close()
    except OSError as error:
        if is_disk_full(error):
            raise
        reason = "is read-only for you" if error.errno in REFUSED else f"takes no files ({error.strerror})"
        raise UserError(f"{path} cannot be written: the folder {folder} {reason}.") from None
