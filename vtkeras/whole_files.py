"""How every file is written: whole or not at all.

A file or folder is first written under a temporary name in the same folder, flushed to the disk and then
renamed: readers see the old content or the new one, and what was there stays if anything fails.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import time
import uuid
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vtkeras.errors import UserError

if TYPE_CHECKING:
    import numpy as np

TEMPORARY = ".partial-"
ABANDONED_SECONDS = 60  # after which a temporary file that nobody holds is removed: its process was killed
REFUSED = (errno.EACCES, errno.EROFS)  # numbers of the errors of a disk or folder that may not be written
_FULL = (errno.ENOSPC, errno.EDQUOT)


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
        refuse_other_than_file(path)
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


def refuse_other_than_file(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path} cannot be written: it is a folder.")
    if path.exists() and not path.is_file():  # renaming would take away a device
        raise UserError(f"{path} cannot be written: it is no ordinary file.")


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
        reason = next((os.strerror(code) for code in REFUSED if os.strerror(code) in str(error)), None)
    return reason and f"{path} cannot be written: {reason}."


def _is_elsewhere(error: OSError, path: Path) -> bool:
    if not isinstance(error.filename, str):
        return False
    place = Path(error.filename.removeprefix("file:")).absolute()  # FFmpeg gives an address
    return not place.is_relative_to(path.absolute().parent)
