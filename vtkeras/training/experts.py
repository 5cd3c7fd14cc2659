"""`model.linear_size`: linear models beside a network that has been trained."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.base import Source, SourceOptions
from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.evaluation.evaluate import figure, score
from vtkeras.evaluation.reading import read_split
from vtkeras.linear.models import ENCODER, LinearModels
from vtkeras.linear.table import read_table
from vtkeras.models import LinearExperts, LinearSentences
from vtkeras.models.linear_sentences import NEVER_NEW
from vtkeras.run_files import BEST, CHECKPOINTS, LINEAR_FILE, replacing
from vtkeras.tasks import Head, Reader
from vtkeras.tasks.heads.captions import CaptionHead
from vtkeras.tasks.predicted import Predicted
from vtkeras.training.prepared import PreparedSource
from vtkeras.training.state import load_state, model_variables
from vtkeras.training.trainers import Trainer

SHARES = (0.0, 0.25, 0.5, 1.0, 2.0, 8.0, 100.0)  # of a linear model beside the network: nothing to nearly all
SENTENCE_SHARES = (0.25, 1.0, 4.0, 16.0, 1000.0)  # of whole sentences: their logarithms are sums over words


@dataclass(frozen=True)
class FittedLinear:
    """Linear models, and the features that they are fitted to.

    Attributes:
        models: fitted to the training split.
        source: gives the features of every split.
    """

    models: LinearModels
    source: PreparedSource


def fit_linear(trainer: Trainer, features: Path, report: Callable[[str], None]) -> FittedLinear:
    """Reads a trainer's clips through a frozen encoder, and fits linear models to the training split.

    Args:
        trainer: its config says with `model.linear_size` and `model.linear_frames` how the clips are read.
        features: where features are kept.
        report: called with lines of progress.

    Raises:
        UserError: if the encoder's weights are not installed, or the disk is full.
    """
    config, data, heads = trainer.config, trainer.data, list(trainer.heads)
    size = config.model.linear_size
    encoder = FRAME_ENCODERS[ENCODER](image_size=size, weights="imagenet", motion=config.model.motion)
    encoder.trainable = False
    encoder.build((None, config.model.linear_frames, size, size, 3))
    preprocessor = with_linear(data.preprocessor, config)
    assert preprocessor.beside is not None
    source = PreparedSource(data.source, preprocessor.beside, features, encoder, report)
    several = not config.model.single_label
    return FittedLinear(LinearModels(heads, read_table(source, keys.TRAIN, heads), preprocessor, several), source)


def add_experts(
    trainer: Trainer,
    folder: Path,
    linear: FittedLinear,
    report: Callable[[str], None],
    prepared: Source | None = None,
) -> dict[str, tuple[float, float]]:
    """Weighs linear models beside a network on the validation split, and keeps them.

    The best weights are loaded into the trainer's model for that.

    Args:
        trainer: after training.
        folder: its run folder, which gets `linear.keras`.
        linear: the models.
        report: called with lines of progress.
        prepared: what validation is read from in place of the trainer's source.

    Returns:
        {head: (the share of its linear model, the head's figure on the validation split with it)}; where no head has
        one, nothing is kept.

    Raises:
        UserError: if the disk is full.
    """
    data, experts = trainer.data, _as_experts(linear)
    best = folder / CHECKPOINTS / BEST
    if best.is_file():
        load_state(best, model_variables(trainer.model))
    shares: dict[str, tuple[float, float]] = {}
    if not experts.shares:
        return shares
    if keys.VALIDATION in data.source.splits():
        seen = read_table(linear.source, keys.VALIDATION, [])
        vectors = experts.vectors(seen.features).numpy()
        clips = WithVectors(prepared or data.source, dict(zip(seen.examples.ids, vectors[seen.clips])))
        judged = [head for head in trainer.heads if head.name in experts.shares]

        def reader(heads: Sequence[Head]) -> Reader:
            return trainer.task.reader(trainer.model, linear.models.preprocessor, heads, experts=experts)

        limit = trainer.config.train.score_examples or None
        writing = [head for head in judged if experts.sentences and head.name == experts.sentences.name]
        if writing:
            shares |= choose_sentences(experts.sentences, reader([Candidates()]), clips, limit)
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
    with replacing(folder / LINEAR_FILE) as temporary:
        experts.save(temporary)


def _as_experts(linear: FittedLinear) -> LinearExperts:
    return linear.models.experts(linear.source.encoder, linear.source.spec[keys.FRAME_FEATURES].shape[-1])


def choose_shares(
    experts: LinearExperts, reader: Reader, source: Source, limit: int | None = None
) -> dict[str, tuple[float, float]]:
    """Gives every linear model the share with which its head does best on the validation split.

    Args:
        experts: whose shares are set.
        reader: of the network with these experts, for the heads that have one.
        source: gives validation examples with LINEAR beside what the network reads.
        limit: examples at most.

    Returns:
        {head: (share, figure)}; the share is 0 where the network does best alone. A head of which the split knows
        nothing is missing, and its linear model counts as much as the network.
    """
    best: dict[str, tuple[float, float]] = {}
    for share in SHARES:
        for head in reader.heads:
            experts.shares[head.name].assign(share)
        examples, said = read_split(source, keys.VALIDATION, reader.heads, reader.preprocessor, {"": reader}, limit)
        for head in reader.heads:
            found = figure(head, score([head], said[""], examples))
            if found is not None and (head.name not in best or found > best[head.name][1]):
                best[head.name] = share, found
    for head in reader.heads:
        share, _ = best.get(head.name, (1.0, None))
        experts.shares[head.name].assign(share)
    return best


class Candidates(CaptionHead):
    """Captions that are still to be chosen: what the network writes, and what a linear model offers."""

    def predict(self, reader, batch):
        read, network, linear = reader.weigh_sentences(batch[keys.READS_VIDEO])
        texts = reader.preprocessor.to_text(read["tokens"])
        return {"texts": tf.reshape(texts, tf.shape(network)), "network": network, "linear": linear}

    def collect(self, outputs, reader, examples):
        return Predicted(values=outputs)


def choose_sentences(
    sentences: LinearSentences, reader: Reader, source: Source, limit: int | None = None
) -> dict[str, tuple[float, float]]:
    """As `choose_shares`, for captions: also whether the network may write a new one.

    Args:
        sentences: whose share and whose probability of a new sentence are set.
        reader: of the network with these, for the head `Candidates` alone.
        source, limit: as in `choose_shares`.
    """
    (head,) = reader.heads
    sentences.share.assign(1.0)
    examples, said = read_split(source, keys.VALIDATION, reader.heads, reader.preprocessor, {"": reader}, limit)
    found: Any = said[""][head.name].values
    texts, network, linear = (np.asarray(found[name]) for name in ("texts", "network", "linear"))
    expected = float(sentences.new)
    is_new = linear[:, 0] == np.float32(expected)
    best = (0.0, expected, -1.0)
    for share, new in [(0.0, expected), *itertools.product(SENTENCE_SHARES, (expected, NEVER_NEW))]:
        linear[is_new, 0] = new
        places = (network + share * linear).argmax(axis=1) if share else np.zeros(len(texts), int)
        chosen = [text.decode() for text in np.take_along_axis(texts, places[:, None], axis=1)[:, 0]]
        value = figure(head, score([head], {head.name: Predicted(chosen)}, examples))
        if value is None:
            return {}
        if value > best[2]:
            best = share, new, value
    share, new, value = best
    sentences.share.assign(share)
    sentences.new.assign(new)
    return {head.name: (share, value)}


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
