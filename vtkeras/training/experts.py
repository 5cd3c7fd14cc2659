"""`model.linear_size`: linear models beside a network that has been trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.base import Source, SourceOptions
from vtkeras.encoders import FINE, FRAME_ENCODERS, PYRAMID
from vtkeras.errors import lookup
from vtkeras.linear.models import ENCODER, LinearModels
from vtkeras.linear.search import SEARCH_TEXTS, WORDS
from vtkeras.linear.table import read_table
from vtkeras.models import LinearExperts
from vtkeras.models.linear_sentences import NEVER_NEW
from vtkeras.pretrained.packages import checked_files
from vtkeras.run_files import BEST, CHECKPOINTS, LINEAR_FILE
from vtkeras.tasks import Head, Reader
from vtkeras.training.prepared import PreparedSource
from vtkeras.training.shares import SENTENCE_SHARES, SHARES, Candidates, choose_sentences, choose_shares
from vtkeras.training.state import load_state, model_variables
from vtkeras.training.trainers import Trainer
from vtkeras.training.validation import judged
from vtkeras.whole_files import replacing


@dataclass(frozen=True)
class FittedLinear:
    """Linear models, and the features that they are fitted to.

    Attributes:
        models: fitted to the training split.
        source: gives the features of every split.
    """

    models: LinearModels
    source: PreparedSource


def check_linear(config: Config) -> None:
    """Refuses, before all training, linear models that could not be fitted after it.

    Raises:
        UserError: if weights are not installed, or `model.linear_search` is unknown.
    """
    if config.model.linear_size:
        lookup(SEARCH_TEXTS, config.model.linear_search, "model.linear_search")
        for name in {ENCODER, config.model.linear_search} - {WORDS}:
            checked_files(name)


def fit_linear(
    trainer: Trainer,
    features: Path,
    report: Callable[[str], None],
    prepared: Sequence[Source | None] = (),
    seconds: float = math.inf,
) -> FittedLinear:
    """Reads a trainer's clips through a frozen encoder, and fits linear models to the training split.

    Args:
        trainer: its config says with `model.linear_size` and `model.linear_frames` how the clips are read.
        features: where features are kept.
        report: called with lines of progress.
        prepared: what networks read; where these are maps that the same encoder sees on its way, at the same size, they
            are kept in the same pass.
        seconds: that a sentence encoder may read captions for, about.

    Raises:
        UserError: if the encoder's weights are not installed, or the disk is full.
    """
    config, data, heads = trainer.config, trainer.data, judged(trainer.heads)
    size = config.model.linear_size
    encoder = FRAME_ENCODERS[ENCODER](image_size=size, weights="imagenet", motion=config.model.motion)
    encoder.trainable = False
    encoder.build((None, config.model.linear_frames, size, size, 3))
    preprocessor = with_linear(data.preprocessor, config)
    assert preprocessor.beside is not None
    also = [one for one in prepared if isinstance(one, PreparedSource) and _reads_its_maps(one, config)]
    source = PreparedSource(data.source, preprocessor.beside, features, encoder, report, statistics=True, also=also)
    meaning = SEARCH_TEXTS[config.model.linear_search]()
    several = not config.model.single_label
    train = read_table(source, keys.TRAIN, heads, groups=source.groups)
    if meaning and not all(head.field for head in heads):
        report(f"fitting linear models, for search after {meaning.name} has read the captions")
    models = LinearModels(heads, train, preprocessor, several, meaning, seconds)
    if models.left_out:
        report(models.left_out)
    if models.space and models.space.meaning:
        report(f"search compares texts by {models.space.meaning.name} too: it ranks what is right higher than words do")
    return FittedLinear(models, source)


def _reads_its_maps(prepared: PreparedSource, config: Config) -> bool:
    """Whether the maps that the linear models' encoder sees on its way are all that a network's has to see."""
    reading = (None, config.model.linear_frames, config.model.linear_size, config.model.linear_size, 3)
    same = prepared.encoder is not None and prepared.shape == reading
    return same and prepared.encoder.backbone.name in (ENCODER + FINE, ENCODER + PYRAMID)


def add_experts(
    trainer: Trainer,
    folder: Path,
    linear: FittedLinear,
    report: Callable[[str], None],
    prepared: Source | None = None,
    network: keras.Model | None = None,
) -> dict[str, tuple[float, float]]:
    """Weighs linear models beside a network on the validation split, and keeps them.

    Args:
        trainer: after training.
        folder: its run folder, which gets `linear.keras`.
        linear: the models.
        report: called with lines of progress.
        prepared: what validation is read from in place of the trainer's source.
        network: what they stand beside; None takes the trainer's, with its best weights, which are loaded for that.

    Returns:
        {head: (the share of its linear model, the head's figure on the validation split with it)}; where no head has
        one, the file is empty.

    Raises:
        UserError: if the disk is full.
    """
    data, experts = trainer.data, _as_experts(linear)
    best = folder / CHECKPOINTS / BEST
    if network is None and best.is_file():
        load_state(best, model_variables(trainer.model))
    shares: dict[str, tuple[float, float]] = {}
    if not experts.shares:
        _keep(experts, folder)
        return shares
    if keys.VALIDATION in data.source.splits():
        seen = read_table(linear.source, keys.VALIDATION, [])
        vectors = experts.vectors(seen.features).numpy()
        clips = WithVectors(prepared or data.source, dict(zip(seen.examples.ids, vectors[seen.clips])))
        judged = [head for head in trainer.heads if head.name in experts.shares]

        def reader(heads: Sequence[Head]) -> Reader:
            return trainer.task.reader(network or trainer.model, linear.models.preprocessor, heads, experts=experts)

        limit = trainer.config.train.score_examples or None
        writing = [head for head in judged if experts.sentences and head.name == experts.sentences.name]
        if writing:
            shares |= choose_sentences(experts.sentences, reader([Candidates(*writing)]), clips, limit)
        if choosing := [head for head in judged if head not in writing]:
            shares |= choose_shares(experts, reader(choosing), clips, limit)
        found = [(head.title.lower(), shares[head.name][0]) for head in judged if head.name in shares]
        told = ", ".join(f"{title} {_spell(share)}" for title, share in found)
        report(f"linear models beside the network count by what does best on the validation split: {told}")
    _keep(experts, folder)
    return shares


def prefer_linear(folder: Path, linear: FittedLinear, heads: Collection[str]) -> None:
    """Keeps linear models beside a network that has not learned as much: they decide for some heads alone.

    Args:
        folder: the run folder, which gets `linear.keras`.
        linear: the models.
        heads: names of those for which they decide.
    """
    experts = _as_experts(linear)
    for name, share in experts.shares.items():
        share.assign(max(SHARES) if name in heads else 0.0)
    if experts.sentences and experts.sentences.name in heads:
        experts.sentences.share.assign(max(SENTENCE_SHARES))
        experts.sentences.new.assign(NEVER_NEW)
    _keep(experts, folder)


def _spell(share: float) -> str:
    return "not at all" if not share else "alone" if share >= max(SHARES) else f"{share:g}"


def _keep(experts: LinearExperts, folder: Path) -> None:
    """Writes `linear.keras`, without a space and sentences that have no say.

    Else each caption would be weighed beside the sentences, and search would trust in a sentence encoder that has no
    say: it would rank clips by words that the network does not know. Where no head has a linear model the file is
    empty, by which it is known that none is missing.
    """
    large = [layer for layer in (experts.space, experts.sentences) if layer]
    if silent := [layer.name for layer in large if not float(layer.share)]:
        experts = experts.without(silent)
    with replacing(folder / LINEAR_FILE) as temporary:
        if experts.shares:
            experts.save(temporary)


def _as_experts(linear: FittedLinear) -> LinearExperts:
    return linear.models.experts(linear.source.encoder, linear.source.spec[keys.FRAME_FEATURES].shape[-1])


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

    def clips(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        return self.source.clips(split, epoch).map(self._with_vector)

    def texts(self) -> dict[str, list[str]]:
        return self.source.texts()

    def question_kind(self, question: str) -> str:
        return self.source.question_kind(question)

    def _with_vector(self, example: dict) -> dict:
        return {**example, keys.LINEAR: tf.gather(self.vectors, self.rows.lookup(example[keys.VIDEO_ID]))}
