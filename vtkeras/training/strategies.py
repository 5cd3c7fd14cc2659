"""Distribution over devices."""

from __future__ import annotations

import keras
import tensorflow as tf


def make_strategy() -> tf.distribute.Strategy:
    """MirroredStrategy over every GPU, else over every logical CPU device."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def gather_for(strategy: tf.distribute.Strategy):
    """A callable bringing (batch, ...) to (every replica's batch, ...), or None with one replica.

    Gradients flow back to every replica, so that a contrastive loss sees the negatives of all.
    """
    if strategy.num_replicas_in_sync == 1:
        return None
    return lambda tensor: tf.distribute.get_replica_context().all_gather(tensor, axis=0)


def synchronise_batch_norm(model: keras.Model, strategy: tf.distribute.Strategy) -> None:
    """Makes batch normalisation use the moments of the whole batch, not of one replica's share."""
    if strategy.num_replicas_in_sync == 1:
        return
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
