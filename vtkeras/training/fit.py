"""`train`: from a config to a run folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from vtkeras.config import Config, load_config, save_config
from vtkeras.data.text import Vocabulary
from vtkeras.errors import UserError, lookup
from vtkeras.evaluation.judges import judged
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.path_checks import check_run, own_folder, refuse_pattern
from vtkeras.run_files import (
    CHECKPOINTS,
    CONFIG_FILE,
    FEATURES,
    LAST,
    LINEAR_FILE,
    LOGS,
    SAMPLES,
    SECOND_CONFIG,
    SECOND_FILE,
    VOCABULARY_FILE,
)
from vtkeras.tasks import task_of
from vtkeras.training.callbacks import (
    Checkpoints,
    EndOfStep,
    MotionDropout,
    Progress,
    SampleLogger,
    StopOnNaN,
    TensorBoard,
)
from vtkeras.training.data import TrainingData
from vtkeras.training.experts import add_experts, check_linear, fit_linear
from vtkeras.training.prepared import prepared_source
from vtkeras.training.resume import is_finished, is_measured, resume_point
from vtkeras.training.run import Run, check_captioner, open_judge
from vtkeras.training.second import check_second, keep_second, second_run
from vtkeras.training.state import load_state, read_meta
from vtkeras.training.strategies import make_strategy, synchronise_batch_norm
from vtkeras.training.temperature import calibrate_classes, scale_logits
from vtkeras.training.trainers import TRAINERS, Trainer
from vtkeras.training.transfer import start_from
from vtkeras.training.warmup import warm_up
from vtkeras.whole_files import disk_errors, locked


def train(
    config: Config,
    folder: str | Path,
    resume: bool = False,
    report: Callable[[str], None] = print,
    strategy: tf.distribute.Strategy | None = None,
    features: Path | None = None,
) -> Path:
    """Trains what `config` describes and leaves a run folder that `Run.open` reads.

    Args:
        config: the experiment.
        folder: the run folder; must be empty or absent unless `resume`.
        resume: go on after the last finished epoch of this folder; `resume_point` says what of the config
            may have changed.
        report: called with lines of progress.
        strategy: devices; None takes `make_strategy()`.
        features: where clips that are read once are kept; None takes a place in the run folder.

    Returns:
        The run folder.

    Raises:
        UserError: if the folder holds another run or is being written to, the config does not fit the task, the
            checkpoint or the data, the loss is not finite, or the disk is full.

    Example:
        >>> train(load_config("demo"), "runs/demo")
    """
    folder = Path(folder)
    task_of(config).check_options(config)
    check_linear(config)
    kept = resume and (folder / SECOND_FILE).is_file()
    if not kept:
        check_second(config)
    start = resume_point(folder, config) if resume else _fresh(folder, config)
    words = Vocabulary.load(folder / VOCABULARY_FILE) if resume else None  # an older version learned others
    training = Training(config, folder, report, strategy, features, vocabulary=words)
    trainer, data = training.trainer, training.trainer.data
    second = None if kept else second_run(config, trainer.model, data.preprocessor.vocabulary)
    with locked(folder, "Another training"):
        if not resume:
            _drop_beside(folder)
        training.begin(start if resume else None)
        if second:
            scale_logits(trainer, second.model, data.source)  # it may be of before that was done
            keep_second(folder, second)
            kept, second = True, None
        if training.epoch < config.epochs or not training.measured:  # else linear models alone are to be fitted
            progress = Progress(
                config.name, data.steps * config.epochs, data.steps, config.train.batch_size, start["epoch"], report
            )
            validation = data.validation(trainer.to_batch(), training.prepared, data.replicas)
            training.go_on(config.epochs, validation, [progress, *_motion_dropout(trainer), *_samples(trainer, folder)])
        calibrate_classes(trainer, folder, report, training.prepared)
        if config.model.linear_size:
            linear = fit_linear(trainer, features or folder / FEATURES, report, [training.prepared])
            both = Run.open(folder).model if kept else None  # which reads frames
            add_experts(trainer, folder, linear, report, None if both else training.prepared, both)
    return folder


class Training:
    """A training under way: a trainer, its run folder, and the epoch that it has come to.

    Args:
        config, folder, report, strategy, features: as for `train`.
        data: what it is trained on, where that has been read already.
        vocabulary: its words, where they are known; None learns them.

    Attributes:
        trainer: see `vtkeras.training.trainers`.
        prepared: the source that epochs read in place of the trainer's, or None.
        epoch: how many are done.
        measured: whether the last of them was a candidate for the best weights.

    Example:
        >>> training = Training(config, Path("runs/mine"), print)
        >>> training.begin()
        >>> training.go_on(3)
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        report: Callable[[str], None],
        strategy: tf.distribute.Strategy | None = None,
        features: Path | None = None,
        data: TrainingData | None = None,
        vocabulary: Vocabulary | None = None,
    ):
        keras.utils.set_random_seed(config.train.seed)
        keras.mixed_precision.set_global_policy(config.train.precision)
        strategy = strategy or make_strategy()
        task = task_of(config)
        data = data or TrainingData.read(config, task, strategy.num_replicas_in_sync, vocabulary)
        heads = task.active_heads(config, data.preprocessor.vocabulary)
        for option in ("model.reranker", "train.judge"):
            check_captioner(option, config, heads, data.preprocessor.vocabulary)
        if config.train.judge:
            heads = judged(heads, open_judge(config.train.judge))
        self.folder = folder
        self.report = report
        trainer = lookup(TRAINERS, task.trainer_of(config), f"the trainer of task '{task.name}'")
        self.trainer = trainer(task, heads, data, strategy)
        self.prepared = prepared_source(
            self.trainer.model, data.source, data.preprocessor, config, features or folder / FEATURES, report
        )
        self.epoch = 0
        self.measured = True

    def begin(self, start: dict | None = None) -> None:
        """Writes what the run folder begins with, and the first checkpoint; or loads the last one.

        Args:
            start: the meta of the checkpoint to go on from.
        """
        trainer, folder = self.trainer, self.folder
        _describe(trainer, folder, self.report)
        self.checkpoints = Checkpoints(folder / CHECKPOINTS, trainer, start or {"epoch": 0, "best": math.inf})
        if start:
            self.epoch, self.measured = start["epoch"], is_measured(start)
            load_state(folder / CHECKPOINTS / LAST, trainer.variables())
            self.report(f"{trainer.config.name}: going on after epoch {self.epoch}")
        else:
            _first_weights(trainer, self.report)
            self.checkpoints.save(LAST, trainer.variables(), epoch=0)
        self.callbacks = [
            *trainer.callbacks(self.prepared),  # first, so that the others see its figures
            StopOnNaN(),
            TensorBoard(str(folder / LOGS), write_graph=False, update_freq=20),
        ]

    def _count(self, epoch: int, logs: dict) -> None:
        self.epoch = epoch + 1

    def go_on(
        self,
        end: int,
        validation: tf.data.Dataset | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        """Trains up to epoch `end`, or until a callback stops it; before that, measures the last epoch if it was not.

        Args:
            end: the epoch after the last one.
            validation: batches to measure losses on after every epoch.
            callbacks: called beside the training's own, before checkpoints are written.
        """
        every = [*self.callbacks, *callbacks, self.checkpoints]
        count = keras.callbacks.LambdaCallback(on_epoch_end=self._count)
        # TensorBoard writes as it goes; everything else is written whole
        with disk_errors(self.folder / LOGS), interrupt_between_steps() as end_of_step:
            if not self.measured:
                self._measure(validation, every, EndOfStep(end_of_step))
            if self.epoch < end:
                self.trainer.fit(
                    self.trainer.data.epochs(self.trainer.to_batch, self.epoch, self.prepared, end),
                    validation,
                    epochs=end,
                    first_epoch=self.epoch,
                    callbacks=[*every, EndOfStep(end_of_step), count],
                )

    def _measure(
        self, validation: tf.data.Dataset | None, callbacks: Sequence[keras.callbacks.Callback], stop: EndOfStep
    ) -> None:
        """Ends the last epoch, whose steps were done before the training was stopped, as `fit` would have."""
        self.report(f"{self.trainer.config.name}: measuring epoch {self.epoch}, which was learned before the stop")
        logs = self.trainer.measure(validation, [stop]) if validation else {}
        keras.callbacks.CallbackList(callbacks, model=self.trainer.learner).on_epoch_end(self.epoch - 1, logs)
        self.measured = True


def train_once(
    config: Config, folder: str | Path, report: Callable[[str], None] = print, features: Path | None = None
) -> Path:
    """As `train`, but goes on after an interruption, or finds the same experiment done already.

    Args:
        config: the experiment.
        folder: the run folder; empty or absent, or one that the same experiment was begun or finished in.
        report: called with lines of progress.
        features: where clips that are read once are kept; None takes a place in the run folder.

    Returns:
        The run folder.

    Raises:
        UserError: as `train`.
    """
    folder = Path(folder)
    last = folder / CHECKPOINTS / LAST
    resume = last.is_file()
    if resume and is_finished(folder, config, read_meta(last)):
        stored = load_config(str(folder / CONFIG_FILE)).model_copy(update={"name": config.name})
        if stored == config:
            report(f"{folder} is trained already")
            return folder
    return train(config, folder, resume=resume, report=report, features=features)


def _fresh(folder: Path, config: Config) -> dict:
    if config.train.start_parts and not config.train.start_from:
        raise UserError("train.start_parts needs train.start_from: name the run that the parts come from.")
    for other in filter(None, (config.train.start_from, config.train.judge)):
        check_run(other)
    if (folder / CHECKPOINTS / LAST).exists():
        raise UserError(f"{folder} already holds a run: add --resume to go on, or choose another --out.")
    refuse_pattern(folder)
    own_folder(folder, VOCABULARY_FILE)
    return {"epoch": 0, "best": math.inf}


def _drop_beside(folder: Path) -> None:
    """Removes what stood beside the network of a run whose checkpoints are gone."""
    for name in (LINEAR_FILE, SECOND_FILE, SECOND_CONFIG):
        (folder / name).unlink(missing_ok=True)


def _describe(trainer: Trainer, folder: Path, report: Callable[[str], None]) -> None:
    """Writes the config and the vocabulary, and tells what will be trained."""
    config, data = trainer.config, trainer.data
    data.preprocessor.vocabulary.save(folder / VOCABULARY_FILE)  # first: by it a run that was begun is known
    save_config(config, folder / CONFIG_FILE)
    report(
        f"{config.name}: {trainer.model.count_params():,} weights, {data.steps} steps of {config.train.batch_size} "
        f"clips an epoch, {config.epochs} epochs, {data.replicas} device(s), heads "
        f"{', '.join(head.name for head in trainer.heads)}"
    )
    for note in data.notes:
        report(f"{config.name}: {note}")
    stored = data.stored_side()
    if 0 < stored < config.data.image_size:
        report(
            f"{config.name}: frames of {stored} pixels are enlarged to data.image_size {config.data.image_size}: "
            "that costs time and shows nothing more"
        )
    views = max([config.data.views, *(stage.views or 1 for stage in config.train.stages)])
    if views > 1 and data.most_frames() <= config.data.num_frames:
        report(
            f"{config.name}: views: {views} does nothing, as all frames of a clip are among the data.num_frames "
            f"{config.data.num_frames} that are read: give clips with more frames, or leave it out"
        )


def _first_weights(trainer: Trainer, report: Callable[[str], None]) -> None:
    """What another run learned, and the warm-up, where the config asks for them."""
    config, data = trainer.config, trainer.data
    options, warmup = config.train, config.train.warmup
    if options.start_from:
        start_from(trainer.model, data.preprocessor.vocabulary, options.start_from, options.start_parts, report)
    if not warmup.steps:
        return
    if not data.preprocessor.vocabulary.labels:
        raise UserError("train.warmup needs labels in the data: set train.warmup.steps to 0.")
    if not (config.model.frame_trainable or hasattr(trainer.model.temporal_encoder, "begin_with")):
        raise UserError(
            "train.warmup would change nothing, as model.frame_trainable is false: set train.warmup.steps to 0."
        )
    progress = Progress(f"{config.name} warm-up", warmup.steps, warmup.steps, warmup.batch_size, report=report)
    detectors = warm_up(
        trainer.model.frame_encoder,
        data.source,
        data.preprocessor,
        config,
        trainer.strategy,
        callbacks=[progress],
        synchronise=lambda labeller: synchronise_batch_norm(labeller, trainer.strategy),
    )
    if hasattr(trainer.model.temporal_encoder, "begin_with"):
        trainer.model.temporal_encoder.begin_with(detectors)


def _motion_dropout(trainer: Trainer) -> list[keras.callbacks.Callback]:
    """The callback that follows the stages' `motion_dropout`, where one sets it."""
    model, stages = trainer.config.model, trainer.config.train.stages
    given = [stage.motion_dropout for stage in stages for _ in range(stage.epochs)]
    if all(rate is None for rate in given):
        return []
    if not model.motion or model.cache_features:
        raise UserError(
            "train.stages: motion_dropout needs model.motion, computed while training: "
            "set model.motion to true and model.cache_features to false."
        )
    rates = [model.motion_dropout if rate is None else rate for rate in given]
    return [MotionDropout(trainer.model.frame_encoder, rates)]


def _samples(trainer: Trainer, folder: Path) -> list[keras.callbacks.Callback]:
    """The callback that logs what the model says of a few examples, where it can read their frames."""
    batch = None if trainer.config.model.cache_features else trainer.data.samples()
    return [SampleLogger(folder / LOGS / SAMPLES, batch, trainer.reader)] if batch else []
