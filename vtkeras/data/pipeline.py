"""From a source to batches: preprocessing, shuffling, caption choice, batching, prefetching."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from vtkeras import keys
from vtkeras.data.preprocess import Preprocessor


def make_dataset(
    source,
    split: str,
    preprocessor: Preprocessor,
    to_batch: Callable[[dict], tuple],
    batch_size: int,
    training: bool = False,
    epoch: int = 0,
    seed: int = 0,
    shuffle_buffer: int = 0,
    features: tf.data.Dataset | None = None,
) -> tf.data.Dataset:
    """Batches of one epoch, the same for the same arguments.

    Args:
        source: an object with the methods that `vtkeras.data.sources` describes.
        split: one of `source.splits()`.
        preprocessor: brings clips to one shape.
        to_batch: maps a batch of examples to what `model.fit` takes; a task's `preprocess`.
        batch_size: clips in a batch.
        training: shuffle, draw one of the captions at random, leave out a last short batch.
        epoch, seed: what the draws depend on.
        shuffle_buffer: examples held for shuffling.
        features: cached frame features, one element an example in the source's order; they take the
            place of the frames, and the source is read as in epoch 0.

    Returns:
        A `tf.data.Dataset` of batches.
    """
    dataset = source.load(split, epoch=0 if features else epoch)
    if features:
        dataset = tf.data.Dataset.zip(dataset, features).map(
            lambda example, feature: {**example, keys.FRAME_FEATURES: feature}
        )
    dataset = dataset.map(
        lambda example: _with_clip(example, preprocessor), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    if training and shuffle_buffer:
        dataset = dataset.shuffle(shuffle_buffer, seed=seed + epoch, reshuffle_each_iteration=False)
    dataset = dataset.enumerate().map(
        lambda index, example: _with_one_caption(example, (seed, epoch, index) if training else None)
    )
    dataset = dataset.batch(batch_size, drop_remainder=training)
    dataset = dataset.map(to_batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return dataset.prefetch(2)


def _with_clip(example: dict, preprocessor: Preprocessor) -> dict:
    frames, mask = preprocessor.clip(example[keys.FRAMES])
    return {**example, keys.FRAMES: frames, keys.FRAMES_MASK: mask}


def _with_one_caption(example: dict, draw: tuple | None) -> dict:
    """Replaces the captions by one: drawn by (seed, epoch, index), or the first."""
    example = dict(example)
    captions = tf.concat([example.pop(keys.CAPTIONS), [""]], axis=0)
    count = tf.maximum(tf.shape(captions)[0] - 1, 1)
    chosen = 0
    if draw is not None:
        seed, epoch, index = draw
        pair = (tf.constant(seed, tf.int64), tf.constant(epoch, tf.int64) * 1_000_003 + index)
        chosen = tf.random.stateless_uniform((), pair, 0, count, tf.int32)
    return {**example, keys.CAPTION: captions[chosen], keys.MATCH_ID: captions[0]}
