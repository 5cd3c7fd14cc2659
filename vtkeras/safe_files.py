"""Checks of `.keras` files and checkpoints before they are loaded: how large they become, and what they point to.

A few megabytes of a zip archive or of HDF5 can declare terabytes. Nothing here reads more of a file than its
headers into memory, and nothing that the file brings is run.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vtkeras.errors import UserError, first_line
from vtkeras.run_files import CHECKPOINTS, train_anew

MOST_GROWTH = 20  # weights hardly compress, so an honest file unpacks to little more than its size
FREE_BYTES = 64 * 2**20  # that any file may unpack to
MOST_ENTRIES = 20_000
MOST_CONFIG_BYTES = 32 * 2**20
DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError
)  # fmt: skip
LARGEST_SIZE = 10_000_000  # of a number in a model's config
NO_SIZES = ("seed", "shared_object_id")  # numbers that may have any value


def check_checkpoint(path: Path) -> None:
    """Checks a `.npz` file: its unpacked size, and that each array holds as many bytes as its shape says.

    Raises:
        UserError: if the file would take more memory than its size explains, or is damaged.

    Example:
        >>> check_checkpoint(Path("runs/demo/checkpoints/best.npz"))
    """
    with _archive(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as file:
                version = np.lib.format.read_magic(file)
                read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                shape, _, dtype = read[version](file)
                if dtype.hasobject:
                    raise UserError(f"{path} is not loaded: {entry.filename} holds Python objects, not numbers.")
                if math.prod(shape) * dtype.itemsize != entry.file_size - file.tell():
                    raise _damaged(path, f"{entry.filename} is not as long as its shape {shape} says")


def check_keras_file(path: Path) -> None:
    """Checks a `.keras` file: its unpacked size, the shapes of its weights, and the sizes in its config.

    Raises:
        UserError: if the file would take more memory than its size explains, points to other files, or is damaged.

    Example:
        >>> check_keras_file(Path("saved_models/multitask/moving_digits/model.keras"))
    """
    with _archive(path) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(".json"):
                if entry.file_size > MOST_CONFIG_BYTES:
                    raise UserError(f"{path} is not loaded: its {entry.filename} has {entry.file_size:,} bytes.")
                _check_sizes(path, json.loads(archive.read(entry)))
            if entry.filename.endswith(".h5"):
                with tempfile.TemporaryFile() as copy, archive.open(entry) as packed:
                    shutil.copyfileobj(packed, copy)
                    with h5py.File(copy, "r") as weights:
                        _check_weights(path, weights)


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_bytes(path, sum(entry.file_size for entry in entries))
            if len(entries) > MOST_ENTRIES:
                raise UserError(f"{path} is not loaded: it holds {len(entries):,} files, more than {MOST_ENTRIES:,}.")
            yield archive
    except FileNotFoundError:
        raise
    except DAMAGED as error:
        raise _damaged(path, first_line(error)) from None


def _damaged(path: Path, reason: str) -> UserError:
    run = path.parent.parent if path.parent.name == CHECKPOINTS else path.parent
    return UserError(f"{path} is damaged ({reason}): train its run anew by `{train_anew(run)}`.")


def _check_bytes(path: Path, unpacked: int) -> None:
    size = path.stat().st_size
    if unpacked > max(FREE_BYTES, MOST_GROWTH * size):
        raise UserError(
            f"{path} is not loaded: its {size:,} bytes would unpack to {unpacked:,}, which no honest model does."
        )


def _check_weights(path: Path, weights: h5py.File) -> None:
    total = 0

    def check(name: str, item: h5py.Group | h5py.Dataset) -> None:
        nonlocal total
        if isinstance(item, h5py.Dataset):
            total += item.size * item.dtype.itemsize if item.shape is not None else 0
            _check_bytes(path, total)
            if item.external or item.is_virtual:
                raise UserError(f"{path} is not loaded: its weights {name} lie in another file.")
        elif any(isinstance(item.get(link, getlink=True), h5py.ExternalLink) for link in item):
            raise UserError(f"{path} is not loaded: its weights point to another file.")

    check("", weights)
    weights.visititems(check)


def _check_sizes(path: Path, config: Any) -> None:
    """Refuses a number in a config that no size of a layer has."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [one for name, one in value.items() if not name.endswith(NO_SIZES)]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, int) and abs(value) > LARGEST_SIZE:
            raise UserError(f"{path} is not loaded: its config holds a size of {value:.3g}.")
