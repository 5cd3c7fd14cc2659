"""`train`: from a config to a run folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config, load_config, save_config
from vtkeras.data.pipeline import make_dataset, read, with_one_caption
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import build_vocabulary
from vtkeras.errors import UserError
from vtkeras.run_files import (
    CHECKPOINTS,
    CONFIG_FILE,
    FEATURES,
    LAST,
    LOGS,
    SAMPLES,
    VOCABULARY_FILE,
    disk_errors,
)
from vtkeras.tasks import Head, task_of
from vtkeras.tasks.self_critical import SelfCritical, with_references
from vtkeras.training.callbacks import Checkpoints, MotionDropout, Progress, SampleLogger, StopOnNaN
from vtkeras.training.features import cached_features
from vtkeras.training.run import make_source
from vtkeras.training.schedule import StagedCosine
from vtkeras.training.self_critical import ValidationCider, learn_by_reward, learns_by_reward
from vtkeras.training.state import fingerprint, load_state, read_meta, save_state
from vtkeras.training.strategies import (
    clip_whole_gradients,
    gather_for,
    make_strategy,
    synchronise_batch_norm,
)
from vtkeras.training.transfer import start_from
from vtkeras.training.warmup import warm_up

SAMPLE_CLIPS = 6


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
        resume: go on after the last finished epoch of this folder.
        report: called with lines of progress.
        strategy: devices; None takes `make_strategy()`.
        features: where cached frame features are kept; None takes a place in the run folder.

    Returns:
        The run folder.

    Raises:
        UserError: if the folder holds another run, the config does not fit the checkpoint or the
            data, the loss is not finite, or the disk is full.

    Example:
        >>> train(load_config("demo"), "runs/demo")
    """
    if config.train.start_parts and not config.train.start_from:
        raise UserError("train.start_parts needs train.start_from: name the run that the parts come from.")
    folder = Path(folder)
    last = folder / CHECKPOINTS / LAST
    meta = _resume_point(last, config) if resume else _fresh(folder, config)
    task = task_of(config)
    keras.utils.set_random_seed(config.train.seed)
    keras.mixed_precision.set_global_policy(config.train.precision)
    source = make_source(config)
    vocabulary = build_vocabulary(
        source.texts(),
        config.data.vocabulary_size,
        written_answers=config.data.answer_length > 0,
        closed_answers=any(head.from_classes and head.field == keys.ANSWER for head in task.heads),
    )
    preprocessor = Preprocessor(config.data, vocabulary)
    heads = task.active_heads(config, vocabulary)
    clips = len(read(source, keys.TRAIN, config.data))
    steps = clips // config.train.batch_size
    if not steps:
        raise UserError(
            f"The training split has {clips} examples, fewer than train.batch_size "
            f"{config.train.batch_size}: set a smaller one, e.g. --set train.batch_size=4."
        )
    by_reward = learns_by_reward(config, heads, source)
    strategy = strategy or make_strategy()
    if config.train.batch_size < strategy.num_replicas_in_sync:
        raise UserError(
            f"train.batch_size {config.train.batch_size} leaves some of the {strategy.num_replicas_in_sync} "
            "devices without a clip: set a larger one."
        )
    with strategy.scope():
        model = task.build(config, vocabulary, heads, from_features=config.model.cache_features)
        optimizer = make_optimizer(config, steps)
        model.compile(
            optimizer=optimizer,
            loss=task.losses(config, heads, gather_for(strategy)),
            loss_weights=task.loss_weights(config, heads),
            weighted_metrics=_metrics(task, config, heads, by_reward),
            jit_compile=False,  # convolutions are many times slower under XLA on a CPU
        )
        clip_whole_gradients(optimizer)
        model.optimizer.build(model.trainable_variables)  # with float16, compile wraps the optimizer
    synchronise_batch_norm(model, strategy)
    reader = task.reader(model, preprocessor, heads)

    save_config(config, folder / CONFIG_FILE)
    vocabulary.save(folder / VOCABULARY_FILE)
    names = ", ".join(head.name for head in heads)
    report(
        f"{config.name}: {model.count_params():,} weights, {steps} steps of {config.train.batch_size} clips an "
        f"epoch, {config.epochs} epochs, {strategy.num_replicas_in_sync} device(s), heads {names}"
    )
    if meta:
        load_state(last, model)
        report(f"{config.name}: going on after epoch {meta['epoch']}")
    else:
        meta = {"epoch": 0, "best": float("inf"), "fingerprint": fingerprint(config)}
        if config.train.start_from:
            start_from(model, vocabulary, config.train.start_from, config.train.start_parts, report)
        if config.train.warmup.steps:
            _warm_up(model, source, preprocessor, config, strategy, folder, report)
        save_state(last, model, meta)

    def to_batch(examples):
        return task.preprocess(examples, preprocessor, heads)

    features = cached_features(model, source, preprocessor, config, features or folder / FEATURES, report)
    dataset = _epochs(config, source, preprocessor, to_batch, meta["epoch"], features)
    replicas = strategy.num_replicas_in_sync
    validation = validation_batches(config, source, preprocessor, to_batch, features, replicas)
    earned = []
    if by_reward:
        self_critical = SelfCritical(reader, source.texts()["captions"], config.train.seed)
        learn_by_reward(model, self_critical)
        rewarded = validation_batches(config, source, preprocessor, with_references(to_batch, 0.0), features)
        earned.append(ValidationCider(self_critical, rewarded))
    with disk_errors(folder / LOGS):  # TensorBoard writes as it goes; everything else is written whole
        model.fit(
            dataset,
            steps_per_epoch=steps,
            initial_epoch=meta["epoch"],
            epochs=config.epochs,
            validation_data=validation,
            verbose=0,
            callbacks=[
                *earned,  # first, so that the others see its figure
                Progress(
                    config.name, steps * config.epochs, steps, config.train.batch_size, meta["epoch"], report
                ),
                StopOnNaN(),
                *_motion_dropout(config),
                keras.callbacks.TensorBoard(str(folder / LOGS), write_graph=False, update_freq=20),
                *_sample_logger(reader, config, source, preprocessor, folder),
                Checkpoints(folder / CHECKPOINTS, {"fingerprint": meta["fingerprint"]}, meta["best"]),
            ],
        )
    return folder


def train_once(
    config: Config, folder: str | Path, report: Callable[[str], None] = print, features: Path | None = None
) -> Path:
    """As `train`, but goes on after an interruption, or finds the same experiment done already."""
    folder = Path(folder)
    last = folder / CHECKPOINTS / LAST
    resume = last.is_file()
    if resume and read_meta(last)["epoch"] >= config.epochs:
        stored = load_config(str(folder / CONFIG_FILE)).model_copy(update={"name": config.name})
        if stored == config:
            report(f"{folder} is trained already")
            return folder
    return train(config, folder, resume=resume, report=report, features=features)


def make_optimizer(config: Config, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """The optimizer with its schedule: in each stage a linear rise, then a cosine to zero."""
    options = config.train
    rate = StagedCosine(
        peaks=[stage.learning_rate or options.learning_rate for stage in options.stages],
        steps=[stage.epochs * steps_per_epoch for stage in options.stages],
        rise=options.warmup_steps,
    )
    kinds = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
    }
    extra = {"weight_decay": options.weight_decay} if options.optimizer == "adamw" else {}
    optimizer = kinds[options.optimizer](rate, global_clipnorm=options.clipnorm, **extra)
    if extra:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "position", "log_scale"])
    return optimizer


def _metrics(task, config: Config, heads: tuple[Head, ...], by_reward: bool) -> dict[str, list]:
    """The task's metrics; drawn captions, whose weights may be below zero, have none."""
    return task.metrics(config, [head for head in heads if not (by_reward and head.field == keys.CAPTION)])


def _fresh(folder: Path, config: Config) -> None:
    if (folder / CHECKPOINTS / LAST).exists():
        raise UserError(f"{folder} already holds a run: add --resume to go on, or choose another --out.")


def _resume_point(last: Path, config: Config) -> dict:
    meta = read_meta(last)
    if meta["fingerprint"] != fingerprint(config):
        stored = last.parent.parent / CONFIG_FILE
        difference = _first_difference(load_config(str(stored)), config) if stored.is_file() else "something"
        raise UserError(
            f"Checkpoint {last} belongs to another config ({difference} differs): resume with the config in "
            f"{stored}, or choose another --out."
        )
    if meta["epoch"] >= config.epochs:
        raise UserError(f"{last.parent.parent} has finished its {config.epochs} epochs: nothing is left to do.")
    return meta


def _first_difference(one: Config, other: Config) -> str:
    for part in ("data", "model", "train"):
        left, right = getattr(one, part).model_dump(), getattr(other, part).model_dump()
        for key, value in left.items():
            if value != right[key]:
                return f"{part}.{key}"
    return "task"


def _warm_up(model, source, preprocessor, config, strategy, folder, report) -> None:
    if not preprocessor.vocabulary.labels:
        raise UserError("train.warmup needs labels in the data: set train.warmup.steps to 0.")
    options = config.train.warmup
    steps = options.steps
    detectors = warm_up(
        model.frame_encoder,
        source,
        preprocessor,
        config,
        strategy,
        callbacks=[Progress(f"{config.name} warm-up", steps, steps, options.batch_size, report=report)],
        synchronise=lambda labeller: synchronise_batch_norm(labeller, strategy),
    )
    if hasattr(model.temporal_encoder, "begin_with"):
        model.temporal_encoder.begin_with(detectors)


def _epochs(config, source, preprocessor, to_batch, first_epoch, features) -> tf.data.Dataset:
    """All epochs from `first_epoch` on as one dataset, so that a resumed run sees the same batches."""
    stages = [stage for stage in config.train.stages for _ in range(stage.epochs)]
    by_reward = any(stage.self_critical for stage in stages)
    dataset = None
    for epoch in range(first_epoch, config.epochs):
        stage_source = _stage_source(config, stages[epoch], source, features)
        one = make_dataset(
            stage_source,
            keys.TRAIN,
            preprocessor,
            with_references(to_batch, stages[epoch].self_critical) if by_reward else to_batch,
            config.train.batch_size,
            training=True,
            epoch=epoch,
            seed=config.train.seed,
            shuffle_buffer=config.data.shuffle_buffer,
            features=features(keys.TRAIN) if features else None,
        )
        dataset = one if dataset is None else dataset.concatenate(one)
    return dataset


def _motion_dropout(config) -> list:
    """The callback that follows the stages' `motion_dropout`, where one sets it."""
    given = [stage.motion_dropout for stage in config.train.stages for _ in range(stage.epochs)]
    if all(rate is None for rate in given):
        return []
    if not config.model.motion or config.model.cache_features:
        raise UserError(
            "train.stages: motion_dropout needs model.motion, computed while training: "
            "set model.motion to true and model.cache_features to false."
        )
    return [MotionDropout([config.model.motion_dropout if rate is None else rate for rate in given])]


def _stage_source(config, stage, source, features):
    if not stage.options:
        return source
    if features:
        raise UserError("model.cache_features knows one set of clips: leave options out of train.stages.")
    stage_source = make_source(config, stage.options)
    if stage_source.size(keys.TRAIN) != source.size(keys.TRAIN):
        raise UserError(
            f"train.stages: options {stage.options} make {stage_source.size(keys.TRAIN)} training clips of "
            f"{source.size(keys.TRAIN)}, but an epoch has one length: change its `epochs` instead."
        )
    return stage_source


def validation_batches(
    config, source, preprocessor, to_batch, features=None, replicas: int = 1
) -> tf.data.Dataset | None:
    """Batches of the validation split, or None if there is too little of it.

    Every replica needs a share of every batch, so with several the last short batch is left out.
    """
    size = len(read(source, keys.VALIDATION, config.data)) if keys.VALIDATION in source.splits() else 0
    batch_size = min(config.train.batch_size, size // replicas * replicas)
    if not batch_size:
        return None
    dataset = make_dataset(
        source,
        keys.VALIDATION,
        preprocessor,
        to_batch,
        batch_size,
        features=features(keys.VALIDATION) if features else None,
    )
    return (dataset.take(size // batch_size) if replicas > 1 else dataset).cache()


def _sample_logger(reader, config, source, preprocessor, folder) -> list:
    if config.model.cache_features or keys.VALIDATION not in source.splits():
        return []
    examples = source.load(keys.VALIDATION).take(SAMPLE_CLIPS).map(preprocessor.prepare)
    rows = [with_one_caption(example) for example in examples]
    if not rows:
        return []
    return [SampleLogger(folder / LOGS / SAMPLES, tf.nest.map_structure(lambda *row: tf.stack(row), *rows), reader)]
