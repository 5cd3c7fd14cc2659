"""Warm-up: the frame encoder learns to name what is in single frames before it meets clips.

The labels of single frames come many times faster than those of clips, and a frame encoder that
starts from random weights learns from them in a minute what captions alone teach it in an hour.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.data.pipeline import read
from vtkeras.data.preprocess import Preprocessor, as_written
from vtkeras.encoders import FrameEncoder
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.layers import MaskedMax
from vtkeras.training.callbacks import EndOfStep

# Far from the epochs of training, so that a source which draws fresh clips shows others there.
WARMUP_EPOCHS = range(1_000_000, 1_000_008)


class FrameLabeller(keras.Model):
    """Names the labels of a frame from the strongest sign of each in any patch.

    Args:
        frame_encoder: the encoder to warm up.
        num_labels: int.

    Call arguments:
        frames: uint8 (batch, 1, height, width, 3).

    Returns:
        logits (batch, num_labels).
    """

    def __init__(self, frame_encoder: FrameEncoder, num_labels: int):
        super().__init__(name="frame_labeller")
        self.frame_encoder = frame_encoder
        self.pool = MaskedMax()
        self.head = keras.layers.Dense(num_labels, dtype="float32", name="labels")

    def build(self, frames_shape):
        if not self.frame_encoder.built:
            self.frame_encoder.build(frames_shape)
        self.head.build((frames_shape[0], self.frame_encoder.appearance_dim(frames_shape)))

    def call(self, frames, training=None):
        return self.head(self.pool(self.frame_encoder.appearance(frames, training=training)[:, 0]))


def warm_up(
    frame_encoder: FrameEncoder,
    source,
    preprocessor: Preprocessor,
    config: Config,
    strategy: tf.distribute.Strategy,
    callbacks: list[keras.callbacks.Callback],
    synchronise: Callable[[keras.Model], None],
) -> keras.layers.Dense:
    """Trains `frame_encoder` on single frames for `config.train.warmup.steps` steps.

    Args:
        frame_encoder: changed in place.
        source: gives clips with labels.
        preprocessor: knows the labels.
        config: the experiment.
        strategy: devices to train on.
        callbacks: for progress.
        synchronise: called with the labeller, to set batch normalisation up for the strategy.

    Returns:
        The layer that names a patch's labels, patches (..., channels) to logits (..., labels).
    """
    options = config.train.warmup
    with strategy.scope():
        labeller = FrameLabeller(frame_encoder, len(preprocessor.vocabulary.labels))
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, options.steps, warmup_target=options.learning_rate, warmup_steps=min(50, options.steps // 4)
        )
        labeller.compile(
            keras.optimizers.AdamW(rate, weight_decay=config.train.weight_decay, clipnorm=config.train.clipnorm),
            loss=keras.losses.BinaryCrossentropy(from_logits=True),
            metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
            jit_compile=False,
        )
        size = config.data.image_size
        labeller.build((None, 1, size, size, 3))
    synchronise(labeller)
    dataset = _single_frames(source, preprocessor, options.batch_size, config.train.seed)
    with interrupt_between_steps() as end_of_step:
        callbacks = [*callbacks, EndOfStep(end_of_step)]
        labeller.fit(dataset, steps_per_epoch=options.steps, epochs=1, verbose=0, callbacks=callbacks)
    return labeller.head


def _single_frames(source, preprocessor: Preprocessor, batch_size: int, seed: int) -> tf.data.Dataset:
    """Batches of single frames (batch, 1, height, width, 3), labels and their weights, without end."""

    def one(index, example):
        frames, mask = preprocessor.clip(example[keys.FRAMES])
        count = tf.maximum(tf.reduce_sum(tf.cast(mask, tf.int32)), 1)
        now = tf.random.stateless_uniform((), (tf.constant(seed, tf.int64), index), 0, count, tf.int32)
        return frames[now : now + 1], example[keys.LABEL]

    dataset = read(source, keys.TRAIN, preprocessor.config, epoch=WARMUP_EPOCHS[0])
    for epoch in WARMUP_EPOCHS[1:]:
        dataset = dataset.concatenate(read(source, keys.TRAIN, preprocessor.config, epoch=epoch))
    dataset = dataset.repeat().enumerate().map(as_written(one), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    dataset = dataset.shuffle(batch_size * 2, seed=seed).batch(batch_size)

    def labelled(frames, names):
        labels = preprocessor.labels(names)
        return frames, labels, tf.minimum(preprocessor.label_weight(labels), 1.0)  # nothing is known without a label

    return dataset.map(as_written(labelled)).prefetch(2)
