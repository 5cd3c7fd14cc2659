"""From a source to batches: preprocessing, shuffling, caption choice, batching, prefetching."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from vtkeras import keys
from vtkeras.config import DataConfig
from vtkeras.data.augmentations import augment
from vtkeras.data.preprocess import Preprocessor, as_written
from vtkeras.data.sources.base import Source
from vtkeras.data.tuning import untuned
from vtkeras.data.views import other_view


def make_dataset(
    source: Source,
    split: str,
    preprocessor: Preprocessor,
    to_batch: Callable[[dict], tuple],
    batch_size: int,
    training: bool = False,
    epochs: Sequence[int] = (0,),
    seed: int = 0,
    shuffle_buffer: int = 0,
    augmentation: Mapping[str, float] | None = None,
    views: int | None = None,
) -> tf.data.Dataset:
    """Batches of some epochs, one behind the other, the same for the same arguments.

    Args:
        source: where examples come from; whatever its `spec` has is in the batch.
        split: one of `source.splits()`.
        preprocessor: brings clips to one shape.
        to_batch: maps a batch of examples to what `model.fit` takes; a task's `preprocess`.
        batch_size: clips in a batch.
        training: read the epoch's part of the examples, shuffle, draw one of the captions, augment, leave out a last
            short batch.
        epochs, seed: what the draws depend on.
        shuffle_buffer: examples held for shuffling.
        augmentation: see `augment`; None takes the preprocessor's `data.augmentation`.
        views: readings of each training clip, which epochs take in turn, with `epoch_parts` once all parts have been
            read; None takes the preprocessor's `data.views`.

    Returns:
        A `tf.data.Dataset` of batches. `to_batch` also gets DRAW, a seed for further stateless draws.
    """
    questions = preprocessor.config.questions_per_clip
    amounts = preprocessor.config.augmentation if augmentation is None else augmentation
    parts = preprocessor.config.epoch_parts if training else 1
    views = (views or preprocessor.config.views) if training else 1

    def prepared(epoch: int, view: int) -> tf.data.Dataset:
        examples = read(source, split, preprocessor.config, epoch)
        if view and keys.FRAMES in examples.element_spec:
            other = functools.partial(other_view, view=view, count=preprocessor.config.num_frames)
            examples = examples.map(as_written(other), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return examples.map(as_written(preprocessor.prepare), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def numbered(epoch: int) -> tf.data.Dataset:
        view = epoch // parts % views
        examples = same[view] if same else prepared(epoch, view)
        count = len(examples) // parts
        if parts > 1:
            examples = examples.shard(parts, epoch % parts)
        if training and shuffle_buffer:
            examples = examples.shuffle(shuffle_buffer, seed=seed + epoch, reshuffle_each_iteration=False)
        if training:
            examples = examples.take(count // batch_size * batch_size)
        return tf.data.Dataset.zip((tf.data.Dataset.from_tensors(epoch).repeat(), examples.enumerate()))

    def drawn(epoch: tf.Tensor, numbered_example: tuple) -> dict:
        index, example = numbered_example
        draw = tf.stack(_pair(seed, epoch, index))
        example = _with_drawn_texts({**example, keys.DRAW: draw}, questions, (seed, epoch, index) if training else None)
        return augment(example, amounts, draw) if training else example

    shown = () if source.draws else {epoch // parts % views for epoch in epochs}
    same = {view: prepared(view, view) for view in shown}  # graphs are made once for all epochs
    dataset = joined([numbered(epoch) for epoch in epochs])
    dataset = dataset.map(as_written(drawn), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    dataset = dataset.padded_batch(batch_size, drop_remainder=training)  # sounds differ in length
    dataset = dataset.map(as_written(to_batch), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return untuned(dataset.prefetch(2))


def joined(datasets: Sequence[tf.data.Dataset]) -> tf.data.Dataset:
    """Datasets one behind the other; a long list in halves, since each joint is a call within another."""
    if len(datasets) == 1:
        return datasets[0]
    half = len(datasets) // 2
    return joined(datasets[:half]).concatenate(joined(datasets[half:]))


def read(source: Source, split: str, config: DataConfig, epoch: int = 0) -> tf.data.Dataset:
    """What batches are made of: examples with one question each, or whole clips with `questions_per_clip`.

    Args:
        source: where examples come from.
        split: one of `source.splits()`.
        config: its `questions_per_clip` tells which of the two; 1 is an example for each question.
        epoch: what a source that draws training examples draws them from; of others, the view.

    Returns:
        A dataset of dicts of tensors, as `source.spec` says.

    Raises:
        UserError: if the source gives no whole clips.
    """
    return source.load(split, epoch) if config.questions_per_clip == 1 else source.clips(split, epoch)


def _with_drawn_texts(example: dict, questions: int, draw: tuple | None) -> dict:
    """One caption, and where the example is a clip with all its questions, `questions` of those."""
    if questions > 1:
        example = _with_some_questions(example, questions, draw)
    return with_one_caption(example, draw)


def with_one_caption(example: dict, draw: tuple | None = None) -> dict:
    """Replaces the captions by one, drawn by (seed, epoch, index), or the first; REFERENCES keeps all."""
    if keys.CAPTIONS not in example:
        return example
    example = dict(example)
    captions = tf.concat([example.pop(keys.CAPTIONS), [""]], axis=0)
    count = tf.maximum(tf.shape(captions)[0] - 1, 1)
    chosen = 0
    if draw is not None:
        chosen = tf.random.stateless_uniform((), _pair(*draw), 0, count, tf.int32)
    lines = tf.strings.regex_replace(captions[:count], r"\s+", " ")
    references = tf.strings.reduce_join(lines, separator="\n")
    return {**example, keys.CAPTION: captions[chosen], keys.MATCH_ID: captions[0], keys.REFERENCES: references}


def _with_some_questions(example: dict, count: int, draw: tuple | None) -> dict:
    """Keeps `count` questions, drawn by (seed, epoch, index) or the first; fills up with empty ones."""
    pairs = tf.stack([example[keys.QUESTION], example[keys.ANSWER]], axis=1)
    if draw is not None:
        order = tf.argsort(tf.random.stateless_uniform((tf.shape(pairs)[0],), _pair(*draw)))
        pairs = tf.gather(pairs, order)
    pairs = tf.concat([pairs[:count], tf.fill((tf.maximum(count - tf.shape(pairs)[0], 0), 2), "")], axis=0)
    pairs = tf.ensure_shape(pairs, (count, 2))
    return {**example, keys.QUESTION: pairs[:, 0], keys.ANSWER: pairs[:, 1]}


def _pair(seed: int, epoch: int, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The two numbers that a stateless draw depends on."""
    return tf.constant(seed, tf.int64), tf.cast(epoch, tf.int64) * 1_000_003 + index
