"""Distribution over devices."""

from __future__ import annotations

import keras
import tensorflow as tf


class Mirrored(tf.distribute.MirroredStrategy):
    """MirroredStrategy under which `model.fit` takes batches of any dtype and of unequal shares.

    To learn the shapes of a batch, Keras 3 averages it over the replicas (keras#20585), which fails for
    bool values and unequal shares. It gets the first replica's share instead.
    """

    def reduce(self, reduce_op, value, axis):
        if tf.executing_eagerly() and isinstance(value, tuple):  # a batch: inputs, targets, weights
            return tf.nest.map_structure(lambda part: self.experimental_local_results(part)[0], value)
        return super().reduce(reduce_op, value, axis)


def make_strategy() -> tf.distribute.Strategy:
    """MirroredStrategy over every GPU, else over every logical CPU device; none where there is a single device."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) == 1:
        return tf.distribute.get_strategy()  # its graph is made in two thirds of the time
    return Mirrored([device.name for device in devices])


def gather_for(strategy: tf.distribute.Strategy):
    """A callable bringing (batch, ...) to (every replica's batch, ...), or None with one replica.

    Gradients flow back to every replica, so that a contrastive loss sees the negatives of all.
    """
    if strategy.num_replicas_in_sync == 1:
        return None

    def gather(tensor):
        replica = tf.distribute.get_replica_context()
        return replica.all_gather(tensor, axis=0) if replica else tensor  # Keras learns shapes outside replicas

    return gather


def synchronise_batch_norm(model: keras.Model, strategy: tf.distribute.Strategy) -> None:
    """Makes batch normalisation use the moments of the whole batch, not of one replica's share."""
    if strategy.num_replicas_in_sync == 1:
        return
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
