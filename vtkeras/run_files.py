"""The files of runs and of folders of clips: their names, how every file is written, and where the shipped models are.

A file or folder is first written under a temporary name in the same folder, flushed to the disk and then
renamed: readers see the old content or the new one, and what was there stays if anything fails.
"""

from __future__ import annotations

import errno
import fcntl
import importlib.resources
import json
import os
import shutil
import tempfile
import time
import uuid
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from vtkeras.errors import UserError, command

if TYPE_CHECKING:
    import numpy as np

CONFIG_FILE = "config.yaml"
VOCABULARY_FILE = "vocabulary.json"
MODEL_FILE = "model.keras"
LINEAR_FILE = "linear.keras"
SECOND_FILE = "second.keras"  # a network that answers beside the run's own
SECOND_CONFIG = "second.yaml"  # the config that makes it
SAVED_MODEL = "saved_model"
SAVED_MODEL_GRAPH = "saved_model.pb"  # within SAVED_MODEL
ENDPOINTS = "endpoints.json"
STORED_FRAMES = "stored_frames"  # in ENDPOINTS: of how many frames of a file the model takes its own
STORED_SIDE = "stored_side"  # in ENDPOINTS: pixels to which the model scales a file's frames before its own size
CONSTANTS = "constants"  # in ENDPOINTS: options that stand in the exported graph
LINEAR_SHARES = "linear_shares"  # in ENDPOINTS: what linear models beside the network count for, where it is 1
NOVELTY = "novelty"  # the endpoint of every model, and its entry in ENDPOINTS
SCORER_FILE = "scorer.json"
CHECKPOINTS = "checkpoints"
BEST = "best.npz"
LAST = "last.npz"
DATA = "data"  # the clips that a plan stored
FEATURES = "features"
LOGS = "logs"
SAMPLES = "samples"
METRICS = "metrics.json"
WEIGHTS, WHOLE = "weights", "whole"  # in METRICS: the `Run.digest` that figures are of; whether of all splits in full
CLIPS = "clips"  # in METRICS: the folder that figures are of, where that is not the run's own data
METRICS_TABLE = "metrics.md"
CLASSES = "classes.md"
PREDICTIONS = "predictions.csv"
EVALUATIONS = "evaluations"  # a folder for each other folder of data that the run was evaluated on
README = "README.md"
PLAN_TABLE = "plan.md"

PATTERN = "*?[]"  # letters by which TensorFlow matches names

CAPTIONS_FILE = "captions.csv"  # of a user's clips, and of a run's samples
LABELS_TABLE = "labels.csv"  # made of the names of subfolders
MANIFEST = "manifest.json"  # of ingested clips
ANNOTATIONS = "annotations.json"  # of videos with people's summaries

TEMPORARY = ".partial-"
ABANDONED_SECONDS = 60  # after which a temporary file that nobody holds is removed: its process was killed
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EROFS)

Place = TypeVar("Place", bound=Path | None)


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 text; file names in it that are no valid text show as question marks.

    Raises:
        UserError: if the disk is full or `path` cannot be written; what was there stays.

    Example:
        >>> write_text("runs/demo/metrics.md", "| system | BLEU |")
    """
    write_bytes(path, text.encode("utf-8", errors="replace"))


def write_json(path: str | Path, values: object) -> None:
    """Writes `values` as indented JSON, as `write_text` does."""
    write_text(path, json.dumps(values, ensure_ascii=False, indent=1) + "\n")


def write_bytes(path: str | Path, data: bytes) -> None:
    """Writes `data`, as `write_text` does."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_arrays(path: str | Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes a `.npz` file that `numpy.load` reads, as `write_text` does.

    `numpy.savez` leaves its archive open when the disk is full, which prints a traceback later.
    """
    import numpy as np  # not at the top: the command line shows its help without it

    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path; the file written there takes the place of `path` at the end.

    Args:
        path: the file; its folder is made if missing.

    Raises:
        UserError: if the disk is full or `path` cannot be written; what was there stays.

    Example:
        >>> with replacing("storyboard.png") as temporary:
        ...     picture.save(temporary)
    """
    path = Path(path)
    with disk_errors(path):
        _refuse_other_than_file(path)
        with _temporary(path, Path.touch) as temporary:
            yield temporary
            _flush(temporary)
            os.replace(temporary, path)
            _flush(path.parent)


@contextmanager
def replacing_folder(path: str | Path, flush: bool = True) -> Iterator[Path]:
    """Yields a new, empty folder that takes the place of `path`, a folder or nothing, at the end.

    Args:
        path: the folder.
        flush: wait until its files are on the disk, so that they outlast a power cut. Of gigabytes that takes minutes.

    Raises:
        UserError: if the disk is full or `path` cannot be written; what was there stays.

    Example:
        >>> with replacing_folder("runs/demo/saved_model") as temporary:
        ...     tf.saved_model.save(module, str(temporary))
    """
    path = Path(path)
    before = path.with_name(f".before-{path.name}")
    with disk_errors(path), _temporary(path, Path.mkdir) as temporary:
        if before.exists() and not path.exists():  # a process was killed between the two renames below
            before.rename(path)
        yield temporary
        for file in temporary.rglob("*") if flush else ():
            _flush(file)
        _remove(before)
        if path.exists():  # a folder with content cannot be replaced in one step
            path.rename(before)
        try:
            temporary.rename(path)
        except OSError:
            if before.exists():
                before.rename(path)
            raise
        _flush(path.parent)
        _remove(before)


@contextmanager
def disk_errors(path: str | Path) -> Iterator[None]:
    """Turns errors of the disk, met while writing `path` or below it, into a `UserError`.

    For what is written by others (TensorBoard's logs) or appended to. Errors about files elsewhere pass.

    Example:
        >>> with disk_errors("runs/demo/logs"):
        ...     writer.flush()
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        problem = _disk_problem(error, Path(path))
        if problem is None:
            raise
        raise UserError(problem) from None


def is_disk_full(error: Exception) -> bool:
    """True if an error says that the disk is full.

    TensorFlow and HDF5 raise errors of their own kinds, which hold the system's words.
    """
    number = error.errno if isinstance(error, OSError) else None
    return number in _FULL or any(os.strerror(code) in str(error) for code in _FULL)


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
            _refuse_other_than_file(path)
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


def cache_folder() -> Path:
    """Where what can be made again is kept for this user: VTKERAS_CACHE, or `vtkeras` in XDG_CACHE_HOME or ~/.cache.

    Example:
        >>> cache_folder()
        PosixPath('/home/ann/.cache/vtkeras')
    """
    here = os.environ.get("VTKERAS_CACHE")
    return Path(here) if here else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vtkeras"


def shipped(name: str) -> Path:
    """A folder that comes with vtkeras: inside the installed package, or beside it in a checkout.

    Raises:
        UserError: if this installation lacks it.

    Example:
        >>> shipped("dashboards").name
        'dashboards'
    """
    package = Path(str(importlib.resources.files("vtkeras")))
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise UserError(f"This installation of vtkeras has no {name}: install the wheel, or use a checkout.")


def shipped_model(task: str, name: str) -> Path:
    """The run folder of a model that comes with vtkeras.

    Raises:
        UserError: if there is none of this name.

    Example:
        >>> shipped_model("multitask", "moving_digits").name
        'moving_digits'
    """
    root = shipped("saved_models")
    if not (root / task / name).is_dir():
        known = ", ".join(sorted("/".join(found.parts[-2:]) for found in root.glob("*/*")))
        raise UserError(f"No model {task}/{name} comes with vtkeras: use one of {known}.")
    return root / task / name


def run_folder(path: str | Path) -> Path:
    """`path`, or the shipped model that it names where the current folder has no such path.

    Example:
        >>> run_folder("saved_models/multitask/moving_digits").is_dir()  # in any folder
        True
    """
    path = Path(path)
    if path.exists() or path.is_absolute() or path.parts[:1] != ("saved_models",):
        return path
    found = shipped("saved_models").joinpath(*path.parts[1:])
    return found if found.is_dir() else path


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


def train_anew(folder: Path) -> str:
    """The command that trains a run once more, beside one of which a file is damaged.

    Example:
        >>> train_anew(Path("runs/mine"))
        'vtkeras train --config runs/mine/config.yaml --out runs/mine_anew'
    """
    return command("train", "--config", folder / CONFIG_FILE, "--out", f"{folder}_anew")


@contextmanager
def _temporary(path: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """A new file or folder beside `path`, with its suffix, which writers go by; gone at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob(f"{TEMPORARY}*"):
        with suppress(OSError):  # locked: its process still writes it
            if time.time() - old.stat().st_mtime > ABANDONED_SECONDS:
                with _opened(old) as descriptor:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(old)
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex[:12]}{path.suffix}")
    try:
        make(temporary)
        with _opened(temporary) as descriptor:
            with suppress(OSError):  # some network disks know no locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # gone when the process is killed
            yield temporary
    finally:
        _remove(temporary)


@contextmanager
def locked(folder: Path, who: str) -> Iterator[None]:
    """Makes a folder where it is missing, and keeps other commands from writing to it.

    Args:
        folder: to be written to.
        who: may be writing there, for the message.

    Raises:
        UserError: if one does so now.

    Example:
        >>> with locked(Path("runs/mine"), "Another training"):
        ...     train()
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _opened(folder) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # gone when the process is, however it ends
        except BlockingIOError:
            raise UserError(f"{who} is writing to {folder}: wait for its end.") from None
        except OSError:
            pass  # some network disks know no locks
        yield


@contextmanager
def leaving_nothing(folder: Path, but: Collection[str]) -> Iterator[None]:
    """Takes away what was put into a folder, and the folder if it is empty then, where an error comes too early.

    Args:
        folder: that is written to; what it holds before stays.
        but: patterns of files below it that are worth keeping: with one that is not empty, all stays.

    Example:
        >>> with locked(run, "Another training"), leaving_nothing(run, but=[f"{CHECKPOINTS}/*"]):
        ...     train()
    """
    before = {*folder.iterdir()}
    try:
        yield
    except BaseException:  # Ctrl-C, too
        if not any(file.stat().st_size for pattern in but for file in folder.glob(pattern)):
            for path in {*folder.iterdir()} - before:
                _remove(path)
            with suppress(OSError):
                folder.rmdir()
        raise


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with _opened(path) as descriptor:
        os.fsync(descriptor)


def _disk_problem(error: Exception, path: Path) -> str | None:
    """The sentence for an error of the disk met while writing `path`; None for any other error."""
    if is_disk_full(error):
        return (
            f"The disk is full: {path} was not written, and what was there stays. "
            "Free some space and run the same command again."
        )
    if isinstance(error, OSError):
        reason = None if _is_elsewhere(error, path) else error.strerror or str(error)
    else:
        reason = next((os.strerror(code) for code in _REFUSED if os.strerror(code) in str(error)), None)
    return reason and f"{path} cannot be written: {reason}."


def _is_elsewhere(error: OSError, path: Path) -> bool:
    if not isinstance(error.filename, str):
        return False
    place = Path(error.filename.removeprefix("file:")).absolute()  # FFmpeg gives an address
    return not place.is_relative_to(path.absolute().parent)


def _refuse_other_than_file(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path} cannot be written: it is a folder.")
    if path.exists() and not path.is_file():  # renaming would take away a device
        raise UserError(f"{path} cannot be written: it is no ordinary file.")


def _refuse_read_only(path: Path, folder: Path) -> None:
    """Makes a file and takes it away: rights alone do not tell, e.g. of /proc, or of root on a read-only disk."""
    try:
        tempfile.TemporaryFile(prefix=TEMPORARY, dir=folder).close()
    except OSError as error:
        if is_disk_full(error):
            raise
        reason = "is read-only for you" if error.errno in _REFUSED else f"takes no files ({error.strerror})"
        raise UserError(f"{path} cannot be written: the folder {folder} {reason}.") from None
