"""Checkpoints: every variable of a training run in one file, written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np

from vtkeras.config import Config
from vtkeras.errors import UserError
from vtkeras.run_files import write_arrays
from vtkeras.safe_files import check_checkpoint


def save_state(path: Path, model: keras.Model, meta: dict) -> None:
    """Writes the model's and its optimizer's variables and `meta` to `path`.

    The file appears under its name only when it is complete and on disk, so the one before stays
    readable whatever happens meanwhile.

    Raises:
        UserError: if the disk is full or cannot be written.
    """
    arrays = {f"v{index}": np.asarray(variable) for index, variable in enumerate(_variables(model))}
    write_arrays(path, {"meta": np.array(json.dumps(meta)), **arrays})


def read_meta(path: Path) -> dict:
    """The `meta` that `save_state` was given.

    Raises:
        UserError: if the file is missing or damaged.
    """
    with _open(path) as file:
        return json.loads(str(file["meta"]))


def load_state(path: Path, model: keras.Model, with_optimizer: bool = True) -> dict:
    """Puts the variables of a checkpoint into `model` (and its optimizer); returns its meta.

    Raises:
        UserError: if the file is missing, damaged, or of a model with other variables.
    """
    with _open(path) as file:
        meta = json.loads(str(file["meta"]))
        stored = [file[f"v{index}"] for index in range(len(file.files) - 1)]
    variables = _variables(model) if with_optimizer else model.variables
    fits = len(stored) == len(variables) if with_optimizer else len(stored) >= len(variables)
    if not fits or any(a.shape != tuple(v.shape) for a, v in zip(stored, variables)):
        raise UserError(f"Checkpoint {path} is of a model with other sizes: use the config it was made with.")
    for variable, array in zip(variables, stored):
        variable.assign(array)
    return meta


def fingerprint(config: Config) -> str:
    """A short hash of everything that a checkpoint's numbers depend on."""
    values = config.model_dump(mode="json")
    values.pop("name")
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _variables(model: keras.Model) -> list:
    optimizer = getattr(model, "optimizer", None)
    return [*model.variables, *(optimizer.variables if optimizer else [])]


DAMAGED = (ValueError, OSError, EOFError, LookupError, TypeError, zipfile.BadZipFile, zlib.error)


@contextlib.contextmanager
def _open(path: Path):
    """The arrays of a checkpoint; damage that shows while they are read is told as a `UserError`."""
    try:
        check_checkpoint(path)
        with np.load(path, allow_pickle=False) as file:
            yield file
    except FileNotFoundError:
        raise UserError(f"There is no checkpoint {path}: train first, or leave --resume out.") from None
    except DAMAGED:
        raise UserError(f"Checkpoint {path} is damaged: delete it and train again without --resume.") from None
