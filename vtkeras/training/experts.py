"""`model.linear_size`: linear models beside a network that has been trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.base import Source, SourceOptions
from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.linear.experts import choose_shares, fit_experts
from vtkeras.linear.models import ENCODER, read_table
from vtkeras.run_files import BEST, CHECKPOINTS, LINEAR_FILE, replacing
from vtkeras.training.data import TrainingData
from vtkeras.training.prepared import PreparedSource
from vtkeras.training.state import load_state, model_variables
from vtkeras.training.trainers import Trainer


def add_experts(
    trainer: Trainer, folder: Path, features: Path, report: Callable[[str], None], prepared: Source | None = None
) -> dict[str, tuple[float, float]]:
    """Fits linear models on a frozen encoder's features, weighs them on the validation split, and keeps them.

    The best weights are loaded into the trainer's model for that.

    Args:
        trainer: after training.
        folder: its run folder, which gets `linear.keras`.
        features: where features are kept.
        report: called with lines of progress.
        prepared: what validation is read from in place of the trainer's source.

    Returns:
        {head: (the share of its linear model, the head's figure on the validation split with it)}.

    Raises:
        UserError: if the encoder's weights are not installed, or the disk is full.
    """
    config, data = trainer.config, trainer.data
    preprocessor = with_linear(data.preprocessor, config)
    source = linear_source(config, data, features, report)
    heads = list(trainer.heads)
    table = read_table(source, keys.TRAIN, heads)
    channels = source.spec[keys.FRAME_FEATURES].shape[-1]
    experts = fit_experts(trainer.model.heads, heads, table, preprocessor, source.encoder, channels)
    best = folder / CHECKPOINTS / BEST
    if best.is_file():
        load_state(best, model_variables(trainer.model))
    shares: dict[str, tuple[float, float]] = {}
    if keys.VALIDATION in data.source.splits():
        judged = [head for head in heads if head.name in experts.shares]
        reader = trainer.task.reader(trainer.model, preprocessor, judged, experts=experts)
        seen = read_table(source, keys.VALIDATION, [])
        vectors = experts.vectors(seen.features).numpy()
        clips = WithVectors(prepared or data.source, dict(zip(seen.examples.ids, vectors[seen.clips])))
        shares = choose_shares(experts, reader, clips, config.train.score_examples or None)
        told = ", ".join(f"{head.title.lower()} {shares[head.name][0]:g}" for head in judged)
        report(f"linear models beside the network count by what does best on the validation split: {told}")
    with replacing(folder / LINEAR_FILE) as temporary:
        experts.save(temporary)
    return shares


def linear_source(config: Config, data: TrainingData, features: Path, report: Callable[[str], None]) -> PreparedSource:
    """The features that linear models read: clips that went through a frozen ImageNet encoder once.

    Args:
        config: says with `model.linear_size` and `model.linear_frames` how the clips are read.
        data: gives them.
        features: where features are kept.
        report: called with lines of progress.

    Raises:
        UserError: if the encoder's weights are not installed.
    """
    size = config.model.linear_size
    encoder = FRAME_ENCODERS[ENCODER](image_size=size, weights="imagenet", motion=config.model.motion)
    encoder.trainable = False
    encoder.build((None, config.model.linear_frames, size, size, 3))
    beside = with_linear(data.preprocessor, config).beside
    assert beside is not None
    return PreparedSource(data.source, beside, features, encoder, report)


def with_linear(preprocessor: Preprocessor, config: Config) -> Preprocessor:
    """A preprocessor that brings clips to the shape of linear models as well."""
    shape = {"num_frames": config.model.linear_frames, "image_size": config.model.linear_size}
    beside = Preprocessor(config.data.model_copy(update=shape), preprocessor.vocabulary)
    return Preprocessor(config.data, preprocessor.vocabulary, beside)


class WithVectors(Source):
    """A source whose examples have the vector that linear models read of their clip.

    Args:
        source: gives the examples.
        vectors: {clip: float32 (dim,)}.
    """

    Options = SourceOptions

    def __init__(self, source: Source, vectors: dict[str, np.ndarray]):
        self.source = source
        self.options = source.options
        rows = tf.lookup.KeyValueTensorInitializer(list(vectors), tf.range(len(vectors)))
        self.rows = tf.lookup.StaticHashTable(rows, 0)
        self.vectors = tf.constant(np.stack(list(vectors.values())))

    @property
    def spec(self) -> dict[str, tf.TensorSpec]:
        return {**self.source.spec, keys.LINEAR: tf.TensorSpec(self.vectors.shape[1:], tf.float32)}

    def splits(self) -> list[str]:
        return self.source.splits()

    def size(self, split: str) -> int:
        return self.source.size(split)

    def load(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        return self.source.load(split, epoch).map(self._with_vector)

    def texts(self) -> dict[str, list[str]]:
        return self.source.texts()

    def question_kind(self, question: str) -> str:
        return self.source.question_kind(question)

    def _with_vector(self, example: dict) -> dict:
        return {**example, keys.LINEAR: tf.gather(self.vectors, self.rows.lookup(example[keys.VIDEO_ID]))}
