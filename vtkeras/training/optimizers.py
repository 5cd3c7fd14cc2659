"""Optimizers and their learning rates."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from vtkeras.config import Config
from vtkeras.training.schedule import StagedCosine


class WholeGradientClipping(keras.optimizers.Optimizer):
    """Scales gradients to a global norm, that of the whole batch's gradients, on any number of devices.

    To be inherited before a Keras optimizer. Keras itself clips each device's gradients before it sums them,
    and counts an embedding's rows one by one where a word comes twice, so that two devices would take other
    steps than one.

    Args:
        clipnorm: float, the largest global norm.
        kwargs: of the Keras optimizer.
    """

    def __init__(self, *args, clipnorm: float, **kwargs):
        super().__init__(*args, **kwargs)
        self.whole_clipnorm = clipnorm

    def apply(self, grads, trainable_variables=None):
        dense = [None if grad is None else tf.convert_to_tensor(grad) for grad in grads]
        whole = [grad for grad in dense if grad is not None]
        replica = tf.distribute.get_replica_context()
        if replica.num_replicas_in_sync > 1:
            whole = replica.all_reduce("SUM", whole)
        scale = self.whole_clipnorm / tf.maximum(tf.linalg.global_norm(whole), self.whole_clipnorm)
        return super().apply([None if grad is None else grad * scale for grad in dense], trainable_variables)

    def get_config(self):
        return {**super().get_config(), "clipnorm": self.whole_clipnorm}


class Adam(WholeGradientClipping, keras.optimizers.Adam):
    """Adam (Kingma and Ba, 2015)."""


class AdamW(WholeGradientClipping, keras.optimizers.AdamW):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""


class SGD(WholeGradientClipping, keras.optimizers.SGD):
    """Stochastic gradient descent."""


class RMSprop(WholeGradientClipping, keras.optimizers.RMSprop):
    """RMSprop (Tieleman and Hinton, 2012)."""


OPTIMIZERS = {"adam": Adam, "adamw": AdamW, "sgd": SGD, "rmsprop": RMSprop}


def make_optimizer(
    config: Config, steps_per_epoch: int, variables: Sequence[keras.Variable]
) -> keras.optimizers.Optimizer:
    """The optimizer with its schedule: in each stage a linear rise, then a cosine to zero.

    Args:
        config: the experiment; with float16, losses are scaled.
        steps_per_epoch: int.
        variables: what it will train.

    Returns:
        The optimizer, built.

    Example:
        >>> make_optimizer(load_config("demo"), 100, model.trainable_variables)
    """
    options = config.train
    rate = StagedCosine(
        peaks=[stage.learning_rate or options.learning_rate for stage in options.stages],
        steps=[stage.epochs * steps_per_epoch for stage in options.stages],
        rise=options.warmup_steps,
    )
    decay = {"weight_decay": options.weight_decay} if options.optimizer == "adamw" else {}
    optimizer = OPTIMIZERS[options.optimizer](rate, clipnorm=options.clipnorm, **decay)
    if decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "position", "log_scale"])
    if options.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(variables)
    return optimizer
