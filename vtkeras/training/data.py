"""What a run is trained on: its source, its words, and the batches of its epochs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config, StageConfig
from vtkeras.data.augmentations import check_amounts, expanded
from vtkeras.data.pipeline import joined, make_dataset, read, with_one_caption
from vtkeras.data.preprocess import Preprocessor, as_written
from vtkeras.data.sources import make_source
from vtkeras.data.sources.base import Source
from vtkeras.data.text import Vocabulary, build_vocabulary
from vtkeras.errors import UserError
from vtkeras.tasks import Head, Task

SAMPLE_CLIPS = 6
LABELS_TOLD = 20
MOST_KEPT = 500_000_000  # bytes of validation batches that stay in memory from epoch to epoch
ToBatch = Callable[[dict], tuple]  # a batch of examples to what a trainer's step takes


@dataclass(frozen=True)
class TrainingData:
    """The data of one experiment.

    Attributes:
        config: the experiment.
        source: where examples come from.
        preprocessor: brings them to the model's shape; it knows the vocabulary.
        steps: training batches in an epoch.
        replicas: devices that share a batch.
        notes: what of the config may not fit the labels of the data, a sentence each.

    Example:
        >>> data = TrainingData.read(load_config("demo"), TASKS["multitask"])
        >>> data.steps
        128
    """

    config: Config
    source: Source
    preprocessor: Preprocessor
    steps: int
    replicas: int = 1
    notes: tuple[str, ...] = ()

    @classmethod
    def read(
        cls, config: Config, task: Task, replicas: int = 1, vocabulary: Vocabulary | None = None
    ) -> TrainingData:
        """Opens the source that `config` names and learns its words, unless a vocabulary is given.

        Args:
            config: the experiment.
            task: whose heads tell whether answers are chosen from a closed set.
            replicas: devices that share a batch.
            vocabulary: the words, if they are known; None learns them from the source.

        Raises:
            UserError: if the source cannot be had, or holds too few examples for a batch on every device.
        """
        source = make_source(config)
        _check_augmentations(config, source)
        vocabulary = vocabulary or build_vocabulary(
            expanded(source.texts(), _together(_augmentations(config))),
            config.data.vocabulary_size,
            written_answers=config.data.answer_length > 0,
            closed_answers=any(head.from_classes and head.answers_questions for head in task.heads),
            keep_case=config.data.keep_case,
        )
        data = cls.of(config, source, vocabulary, replicas)
        return replace(data, notes=label_notes(config, task.active_heads(config, vocabulary), source))

    @classmethod
    def of(cls, config: Config, source: Source, vocabulary: Vocabulary, replicas: int = 1) -> TrainingData:
        """As `read`, of a source that is open and words that are known.

        Raises:
            UserError: if the source holds too few examples for a batch on every device, its examples cannot be changed
                as `data.augmentation` asks, or `data.label_weights` names a label that is not there.
        """
        _check_augmentations(config, source)
        _check_label_weights(config, vocabulary)
        size, parts = config.train.batch_size, config.data.epoch_parts
        examples = len(read(source, keys.TRAIN, config.data)) // parts
        if examples < size:
            part = f" in each of the {parts} data.epoch_parts" if parts > 1 else ""
            raise UserError(
                f"The training split has {examples} examples{part}, fewer than train.batch_size {size}: "
                "set a smaller one, e.g. --set train.batch_size=4."
            )
        if size % replicas:
            raise UserError(
                f"train.batch_size {size} cannot be dealt out evenly to {replicas} devices, which would weigh clips "
                f"differently: set a multiple of {replicas}."
            )
        return cls(config, source, Preprocessor(config.data, vocabulary), examples // size, replicas)

    def stored_side(self) -> int:
        """Pixels of the longer side of a frame of the first training clip; 0 for a source without frames."""
        if keys.FRAMES not in self.source.spec:
            return 0
        clip = next(iter(self.source.load(keys.TRAIN).take(1)))
        return max(clip[keys.FRAMES].shape[1:3])

    def most_frames(self) -> int:
        """Frames of the longest of a few training clips; 0 for a source without frames."""
        if keys.FRAMES not in self.source.spec:
            return 0
        return max(len(clip[keys.FRAMES]) for clip in self.source.load(keys.TRAIN).take(SAMPLE_CLIPS))

    def epochs(
        self,
        to_batch: Callable[[StageConfig], ToBatch],
        first_epoch: int = 0,
        prepared: Source | None = None,
        end: int | None = None,
    ) -> tf.data.Dataset:
        """All epochs from `first_epoch` on as one dataset, so that a resumed run sees the same batches.

        Args:
            to_batch: what makes batches in a stage.
            first_epoch: int.
            prepared: what is read in place of the source, see `prepared_source`.
            end: the epoch after the last one; None takes all stages.
        """
        end = self.config.epochs if end is None else end
        parts, begin = [], 0
        for stage in self.config.train.stages:
            first, last = max(begin, first_epoch), min(begin + stage.epochs, end)
            if first < last:
                parts.append(self._epochs(range(first, last), stage, to_batch, prepared))
            begin += stage.epochs
        return joined(parts)

    def validation(
        self, to_batch: ToBatch, prepared: Source | None = None, replicas: int = 1, most: int | None = None
    ) -> tf.data.Dataset | None:
        """Batches of the validation split, or None if there is too little of it.

        Every replica needs a share of every batch, so with several the last short batch is left out. The batches stay
        in memory if they take at most `MOST_KEPT`, else they are read anew each time.

        Args:
            to_batch: maps a batch of examples to what a trainer's step takes.
            prepared: what is read in place of the source, see `prepared_source`; None reads the source.
            replicas: devices that share a batch.
            most: batches at most; None takes all.
        """
        split = keys.VALIDATION
        size = len(read(self.source, split, self.config.data)) if split in self.source.splits() else 0
        batch_size = min(self.config.train.batch_size, size // replicas * replicas)
        if not batch_size:
            return None
        count = size // batch_size if replicas > 1 else math.ceil(size / batch_size)
        count = min(count, most or count)
        dataset = make_dataset(prepared or self.source, split, self.preprocessor, to_batch, batch_size).take(count)
        return dataset.cache() if count * batch_size * _bytes(dataset.element_spec) <= MOST_KEPT else dataset

    def samples(self) -> dict | None:
        """A few prepared validation examples as one batch, or None if there are none."""
        if keys.VALIDATION not in self.source.splits():
            return None
        examples = self.source.load(keys.VALIDATION).take(SAMPLE_CLIPS).map(as_written(self.preprocessor.prepare))
        rows = [with_one_caption(example) for example in examples]
        return tf.nest.map_structure(lambda *row: tf.stack(row), *rows) if rows else None

    def _epochs(self, epochs, stage, to_batch, prepared) -> tf.data.Dataset:
        return make_dataset(
            self._source_of(stage, prepared),
            keys.TRAIN,
            self.preprocessor,
            to_batch(stage),
            self.config.train.batch_size,
            training=True,
            epochs=epochs,
            seed=self.config.train.seed,
            shuffle_buffer=self.config.data.shuffle_buffer,
            augmentation=stage.augmentation,
            views=stage.views,
        )

    def _source_of(self, stage: StageConfig, prepared: Source | None) -> Source:
        if not stage.options:
            return prepared or self.source
        if prepared:
            raise UserError(
                "model.cache_features and data.cache_frames know one set of clips: leave options out of train.stages."
            )
        source, size = make_source(self.config, stage.options), self.source.size(keys.TRAIN)
        if source.size(keys.TRAIN) != size:
            raise UserError(
                f"train.stages: options {stage.options} make {source.size(keys.TRAIN)} training clips of {size}, "
                "but an epoch has one length: change its `epochs` instead."
            )
        return source


def label_notes(config: Config, heads: Sequence[Head], source: Source) -> tuple[str, ...]:
    """What of a config may not fit the labels of the data, a sentence each.

    Args:
        config: the experiment.
        heads: that learn from the data.
        source: gives the training clips.
    """
    notes = []
    labels = any(head.learns_from == "labels" for head in heads)
    if labels and config.data.path and config.model.label_from_text and any(head.answers_questions for head in heads):
        notes.append(
            "labels are learned with the question of each example, and `predict` asks for them without one: unless "
            "they depend on the question, set model.label_from_text to false"
        )
    if labels and not config.model.single_label and _has_one_label_each(source):
        notes.append(
            "no training clip has two labels, and each label has a probability of its own, so that none may be above "
            "50%: set model.single_label to true, and one is chosen"
        )
    return tuple(notes)


def _has_one_label_each(source: Source) -> bool:
    """Whether a table tells the labels of training clips, several of them, and never two of one clip."""
    found: set[str] = set()
    with suppress(UserError):  # made clips have no table
        found = {label for label in source.column(keys.TRAIN, keys.LABEL).values() if label}
    return len(found) > 1 and not any(keys.LABEL_SEPARATOR in label for label in found)


def _bytes(batch: tuple) -> float:
    """What an example of a batch takes, strings apart; infinite where its size differs from example to example."""
    parts = [(spec.shape[1:].num_elements(), spec.dtype.size) for spec in tf.nest.flatten(batch)]
    return sum(math.inf if count is None else count * size for count, size in parts)


def _augmentations(config: Config) -> list[dict[str, float]]:
    """What the stages change of examples, by name and amount."""
    given = [config.data.augmentation, *(stage.augmentation for stage in config.train.stages)]
    return [amounts for amounts in given if amounts]


def _check_augmentations(config: Config, source: Source) -> None:
    for amounts in _augmentations(config):
        check_amounts(amounts, source.spec, config.model.cache_features)


def _check_label_weights(config: Config, vocabulary: Vocabulary) -> None:
    for label in config.data.label_weights:
        if label not in vocabulary.labels:
            known = ", ".join(vocabulary.labels[:LABELS_TOLD]) or "none"
            raise UserError(
                f"data.label_weights names '{label}', which no training clip has: leave it out (there are {known}"
                f"{', ...' * (len(vocabulary.labels) > LABELS_TOLD)})."
            )


def _together(several: list[dict[str, float]]) -> dict[str, float]:
    """All that is changed in some stage."""
    return {name: amount for amounts in several for name, amount in amounts.items() if amount}
