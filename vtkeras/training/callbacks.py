"""What happens beside the steps: progress, checkpoints, samples for TensorBoard, the watch for NaN."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from vtkeras.encoders import FrameEncoder
from vtkeras.errors import UserError
from vtkeras.run_files import BEST, LAST
from vtkeras.tasks import Reader
from vtkeras.training.state import Variables, model_variables, save_state
from vtkeras.training.trainers import Trainer
from vtkeras.training.validation import BY_RULE


class Progress(keras.callbacks.Callback):
    """Tells every few seconds how far training is and how long it will still take.

    Args:
        title: begins each line.
        total_steps: steps over all epochs.
        steps_per_epoch: int.
        first_epoch: the epoch training begins at.
        batch_size: clips in a step.
        report: called with a line of text.
        every: seconds between two lines.
    """

    def __init__(
        self,
        title: str,
        total_steps: int,
        steps_per_epoch: int,
        batch_size: int,
        first_epoch: int = 0,
        report: Callable[[str], None] = print,
        every: float = 10.0,
    ):
        super().__init__()
        self.title = title
        self.total_steps = total_steps
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size
        self.first_step = first_epoch * steps_per_epoch
        self.report = report
        self.every = every
        self.epoch = first_epoch

    def on_train_begin(self, logs=None):
        self.step = self.first_step
        self.last_line = time.monotonic()
        self.began = None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        now = time.monotonic()
        if self.began is None:  # the first step traces the graph and would spoil the rate
            self.began, self.begin_step = now, self.step
        elif now - self.last_line >= self.every or self.step == self.total_steps:
            self.last_line = now
            rate = (self.step - self.begin_step) / max(now - self.began, 1e-9)
            self.report(self._line(rate, logs or {}))

    def on_epoch_end(self, epoch, logs=None):
        shown = {key: value for key, value in (logs or {}).items() if key.startswith("val_")}
        if shown:
            self.report(f"{self.title}: end of epoch {epoch + 1}, " + _figures(shown))

    def _line(self, rate: float, logs: dict) -> str:
        left = (self.total_steps - self.step) / rate
        return (
            f"{self.title}: step {self.step}/{self.total_steps} ({100 * self.step // self.total_steps} %), "
            f"{rate * self.batch_size:.0f} clips/s, {spell_time(left)} left, {_figures(logs)}"
        )


def spell_time(seconds: float) -> str:
    """A duration as a person would say it.

    Example:
        >>> spell_time(130)
        '2 min 10 s'
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _figures(logs: dict) -> str:
    return " ".join(f"{key.removeprefix('val_')} {value:.3f}" for key, value in logs.items())


class Checkpoints(keras.callbacks.Callback):
    """Writes `last.npz` after every epoch, and the model alone into `best.npz` when it is the best yet.

    As reading the validation split may take long, and what was learned must not be lost meanwhile, `last.npz` is
    written before it too, marked as not measured.

    Args:
        folder: where they go.
        trainer: says what a checkpoint holds, and how good an epoch was.
        start: the meta of the checkpoint that training goes on from; its best score counts if the same figure told it,
            made by the same rule.

    Attributes:
        every_epoch: whether `last.npz` is written with each. Where nobody goes on after a stop, and an epoch takes a
            second, the caller does it at the end.
    """

    def __init__(self, folder: Path, trainer: Trainer, start: dict):
        super().__init__()
        self.folder = folder
        self.trainer = trainer
        self.every_epoch = True
        self.figure = BY_RULE.get(trainer.figure, trainer.figure)
        same = start.get("figure", trainer.figure) == self.figure
        self.best = start["best"] if same else math.inf

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_test_begin(self, logs=None):
        if self.every_epoch:
            self.save(LAST, self.trainer.variables(), self.epoch + 1, measured=False)

    def on_epoch_end(self, epoch, logs=None):
        score = self.trainer.score(logs or {})
        improved = score <= self.best and score < math.inf  # of equal ones the later: it has learned for longer
        self.best = min(self.best, score)
        if improved:
            self.save(BEST, model_variables(self.trainer.model), epoch + 1)
        if self.every_epoch:
            self.save(LAST, self.trainer.variables(), epoch + 1)

    def save(self, name: str, variables: Variables, epoch: int, measured: bool = True) -> None:
        """Writes a checkpoint after `epoch` epochs; `measured` tells whether the last was a candidate for the best."""
        config = self.trainer.config.model_dump(mode="json")
        meta = {"epoch": epoch, "measured": measured, "best": self.best, "figure": self.figure, "config": config}
        save_state(self.folder / name, variables, meta)


class LossNotFinite(UserError):
    """A loss that became NaN or infinite."""


class StopOnNaN(keras.callbacks.Callback):
    """Ends training with a sentence at the first loss that is not a finite number.

    Raises:
        LossNotFinite: naming the epoch and the batch; the last checkpoint is untouched.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            raise LossNotFinite(
                f"The loss became {loss} in batch {batch} of epoch {self.epoch + 1}; the last checkpoint is "
                "kept. Lower train.learning_rate, or use train.precision float32, and go on with --resume; "
                "where that ends like this at once, begin anew."
            )


class EndOfStep(keras.callbacks.Callback):
    """Calls a function after every batch and epoch, as `interrupt_between_steps` wants it; comes last.

    Args:
        function: without arguments.
    """

    def __init__(self, function: Callable[[], None]):
        super().__init__()
        self.function = function

    def on_train_batch_end(self, batch, logs=None):
        self.function()

    on_test_batch_end = on_train_batch_end
    on_epoch_end = on_train_batch_end


class MotionDropout(keras.callbacks.Callback):
    """Sets the frame encoder's `motion_dropout` at the begin of every epoch.

    Args:
        frame_encoder: the model's.
        rates: the rate of each epoch, from the first of the whole training on.
    """

    def __init__(self, frame_encoder: FrameEncoder, rates: list[float]):
        super().__init__()
        self.frame_encoder = frame_encoder
        self.rates = rates

    def on_epoch_begin(self, epoch, logs=None):
        self.frame_encoder.set_motion_dropout(self.rates[epoch])


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras's own lets the figures of an epoch through only where its last step is one of every `update_freq`."""

    def on_epoch_end(self, epoch, logs=None):
        with tf.summary.record_if(True):
            super().on_epoch_end(epoch, logs)


class SampleLogger(keras.callbacks.Callback):
    """Writes what the model says of a few examples to TensorBoard after every epoch, texts and pictures.

    Args:
        folder: TensorBoard log folder.
        batch: prepared examples of the validation split.
        reader: of the model.
    """

    def __init__(self, folder: Path, batch: dict, reader: Reader):
        super().__init__()
        self.writer = tf.summary.create_file_writer(str(folder))
        self.batch = batch
        self.reader = reader

    def on_epoch_end(self, epoch, logs=None):
        # The TensorBoard callback lets through every few steps only.
        with self.writer.as_default(step=epoch + 1), tf.summary.record_if(True):
            for tag, sample in self.reader.samples(self.batch).items():
                if isinstance(sample, str):
                    tf.summary.text(tag, sample)
                else:
                    tf.summary.image(tag, sample[None])
        self.writer.flush()
