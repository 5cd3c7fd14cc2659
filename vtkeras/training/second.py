"""`model.second`: the network of another run, which answers beside a run's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from vtkeras.config import Config, ModelConfig, save_config
from vtkeras.data.text import Vocabulary
from vtkeras.errors import UserError
from vtkeras.models import VideoTextEnsemble
from vtkeras.path_checks import check_run
from vtkeras.run_files import SECOND_CONFIG, SECOND_FILE
from vtkeras.training.run import Run
from vtkeras.whole_files import replacing

WORDS = ("tokens", "answers", "labels", "keep_case")  # of a vocabulary: what both must know
WAY_OUT = "name a run of the same data and config but for the frame encoder and the seed, or set it to null"
LINEAR = ("linear_size", "linear_frames", "linear_search")  # what a second network needs none of


def check_second(config: Config) -> None:
    """Refuses, before the data are read, a `model.second` that is no run.

    Raises:
        UserError: naming it.
    """
    if config.model.second:
        with _told():
            check_run(config.model.second)


def second_run(config: Config, model: keras.Model, vocabulary: Vocabulary) -> Run | None:
    """The run that `model.second` names, opened in float32; None where it names none.

    Args:
        config: the experiment.
        model: the network that it makes.
        vocabulary: the words that this knows.

    Raises:
        UserError: if it is no run, or its network cannot answer beside this one.

    Source: see `VideoTextEnsemble`.
    """
    named = config.model.second
    if not named:
        return None
    with _told(), _in_float32():
        run = Run.open(named)
    if any(getattr(run.preprocessor.vocabulary, name) != getattr(vocabulary, name) for name in WORDS):
        raise UserError(f"model.second: {named} knows other words, answers or labels: {WAY_OUT}.")
    try:
        VideoTextEnsemble([model, run.model])
    except ValueError as error:
        raise UserError(f"model.second: {named} does not fit. {error} So {WAY_OUT}.") from None
    return run


@contextmanager
def _told() -> Iterator[None]:
    """Says which option an error is about, and the way out."""
    try:
        yield
    except UserError as error:
        raise UserError(f"model.second: {str(error).rstrip('.')}; {WAY_OUT}.") from None


@contextmanager
def _in_float32() -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def keep_second(folder: Path, run: Run) -> None:
    """Writes a second network into a run folder, by which `Run.open` knows it, and the config that makes it.

    Args:
        folder: of the run beside whose network it answers.
        run: whose network it is.

    Raises:
        UserError: if the disk is full.
    """
    alone = {name: ModelConfig.model_fields[name].default for name in LINEAR}
    config = run.config.model_copy(update={"model": run.config.model.model_copy(update=alone)})
    save_config(config, folder / SECOND_CONFIG)
    with replacing(folder / SECOND_FILE) as temporary:
        run.model.save(temporary)
