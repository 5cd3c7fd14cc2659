"""Going on with a run: what its config may change meanwhile."""

from __future__ import annotations

from pathlib import Path

from vtkeras.config import Config, parse_config
from vtkeras.errors import UserError
from vtkeras.run_files import CHECKPOINTS, LAST, LINEAR_FILE
from vtkeras.training.state import read_meta
from vtkeras.training.temperature import is_calibrated

RATES = ("learning_rate", "learning_rate_end", "schedule")
MAY_CHANGE = (
    "name",
    "data.path",
    "model.linear_search",
    "model.reranker",
    "model.drafts",
    "train.learning_rate",
    "train.warmup_steps",
    "train.weight_decay",
    "train.clipnorm",
    "train.label_smoothing",
    "train.loss_weights",
    "train.precision",
    "train.score_examples",
    "train.score_every",
    "train.score_from",
)


def resume_point(folder: Path, config: Config) -> dict:
    """The meta of a run's last checkpoint, from which training with `config` may go on.

    What may differ from the config that the checkpoint was made with: the keys in `MAY_CHANGE`, the learning
    rates of stages, and the stages that are yet to come, so that a run can go on longer than it was meant to.
    Everything else decides what the variables are, what batches follow, or what has been learned already.

    Args:
        folder: the run.
        config: the experiment as it is asked for now.

    Raises:
        UserError: if there is no checkpoint, another key differs, or nothing is left to do.
    """
    path = folder / CHECKPOINTS / LAST
    meta = read_meta(path)
    changed = first_difference(parse_config(meta["config"], origin=str(path)), config, meta["epoch"])
    if changed:
        raise UserError(
            f"Checkpoint {path} belongs to another config ({changed} differs): resume with the one it was made "
            f"with, in which only {', '.join(MAY_CHANGE)} and the stages to come may change, or choose another --out."
        )
    if is_finished(folder, config, meta):
        done = f"{folder} has finished its {config.epochs} epochs"
        raise UserError(f"{done}: to train on, resume with one more stage in train.stages.")
    return meta


def is_finished(folder: Path, config: Config, meta: dict) -> bool:
    """Whether nothing is left to do of a training: all epochs, and what follows them.

    Args:
        folder: the run.
        config: the experiment as it is asked for now.
        meta: of the run's last checkpoint.
    """
    return meta["epoch"] >= config.epochs and is_measured(meta) and is_whole(folder, config)


def is_measured(meta: dict) -> bool:
    """Whether the last epoch of a checkpoint was a candidate for the best weights before the training was stopped."""
    return meta.get("measured", True)  # older versions wrote no others


def is_whole(folder: Path, config: Config) -> bool:
    """Whether what follows all epochs was done as well: logits are divided, linear models fitted where asked for."""
    return is_calibrated(folder) and (not config.model.linear_size or (folder / LINEAR_FILE).is_file())


def first_difference(before: Config, now: Config, epochs: int) -> str | None:
    """The first key, like `model.dim`, that keeps a run with config `before` from going on with `now`.

    Args:
        before, now: the configs.
        epochs: how many have been trained.

    Example:
        >>> first_difference(config, load_config("demo", ["model.dim=64"]), epochs=1)
        'model.dim'
    """
    left, right = _keys(before), _keys(now)
    for key, value in left.items():
        if value != right[key]:
            return key
    return None if _epochs(before)[:epochs] == _epochs(now)[:epochs] else "train.stages"


def _keys(config: Config) -> dict:
    values = {"name": config.name, "task": config.task}
    for part in ("data", "model", "train"):
        values.update({f"{part}.{key}": value for key, value in getattr(config, part).model_dump().items()})
    return {key: value for key, value in values.items() if key not in (*MAY_CHANGE, "train.stages")}


def _epochs(config: Config) -> list[dict]:
    """What each epoch learns and from what; not how fast."""
    kept = [(stage.epochs, stage.model_dump(exclude={"epochs", *RATES})) for stage in config.train.stages]
    return [stage for epochs, stage in kept for _ in range(epochs)]
