"""The files of runs and of folders of clips: their names, and where the shipped models are."""

from __future__ import annotations

import importlib.resources
import os
from pathlib import Path

from vtkeras.errors import UserError, command

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


def cache_folder() -> Path:
    """Where what can be made again is kept for this user: VTKERAS_CACHE, or `vtkeras` in XDG_CACHE_HOME or ~/.cache.

    Example:
        >>> cache_folder()
        PosixPath('/home/ann/.cache/vtkeras')
    """
    here = os.environ.get("VTKERAS_CACHE")
    return Path(here) if here else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vtkeras"


def train_anew(folder: Path) -> str:
    """The command that trains a run once more, beside one of which a file is damaged.

    Example:
        >>> train_anew(Path("runs/mine"))
        'vtkeras train --config runs/mine/config.yaml --out runs/mine_anew'
    """
    return command("train", "--config", folder / CONFIG_FILE, "--out", f"{folder}_anew")
