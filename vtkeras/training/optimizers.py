"""Optimizers and their learning rates."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from vtkeras.config import Config


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
        self.rate_now = None

    def apply(self, grads, trainable_variables=None):
        dense = [None if grad is None else tf.convert_to_tensor(grad) for grad in grads]
        scale = self.whole_clipnorm / tf.maximum(global_norm(dense), self.whole_clipnorm)
        self.rate_now = super()._get_current_learning_rate()
        try:
            return super().apply([None if grad is None else grad * scale for grad in dense], trainable_variables)
        finally:
            self.rate_now = None

    def _get_current_learning_rate(self):
        """The rate of the step under way; Keras would compute it anew for every variable."""
        return super()._get_current_learning_rate() if self.rate_now is None else self.rate_now

    def get_config(self):
        return {**super().get_config(), "clipnorm": self.whole_clipnorm}


def global_norm(gradients: Sequence) -> tf.Tensor:
    """The norm over all variables of the whole batch's gradients, of which each device has a part.

    Args:
        gradients: of this device; None for a variable that has none.
    """
    whole = [tf.convert_to_tensor(gradient) for gradient in gradients if gradient is not None]
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync > 1:
        whole = replica.all_reduce("SUM", whole)
    return tf.linalg.global_norm(whole)


class Adam(WholeGradientClipping, keras.optimizers.Adam):
    """Adam (Kingma and Ba, 2015)."""


class AdamW(WholeGradientClipping, keras.optimizers.AdamW):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""


class SGD(WholeGradientClipping, keras.optimizers.SGD):
    """Stochastic gradient descent."""


class RMSprop(WholeGradientClipping, keras.optimizers.RMSprop):
    """RMSprop (Tieleman and Hinton, 2012)."""


class LossScaling(keras.optimizers.LossScaleOptimizer):
    """Scales losses up, lest gradients in float16 become 0, and leaves out a step whose gradients overflowed.

    Keras asks the first device alone whether they did, so that infinite gradients of another one would be learned from.
    """

    def check_finite(self, grads):
        broken = tf.cast(tf.logical_not(super().check_finite(grads)), tf.int32)
        replica = tf.distribute.get_replica_context()
        return (replica.all_reduce("SUM", broken) if replica.num_replicas_in_sync > 1 else broken) == 0


OPTIMIZERS = {"adam": Adam, "adamw": AdamW, "sgd": SGD, "rmsprop": RMSprop}


def make_optimizer(
    config: Config,
    rate: float | keras.optimizers.schedules.LearningRateSchedule,
    variables: Sequence[keras.Variable],
    **arguments,
) -> keras.optimizers.Optimizer:
    """The optimizer that a config asks for.

    Args:
        config: the experiment; with float16, losses are scaled.
        rate: of learning, over steps.
        variables: what it will train.
        arguments: further ones of the Keras optimizer, before what the config says.

    Returns:
        The optimizer, built.

    Example:
        >>> make_optimizer(config, staged_rate(config.train, 100), model.trainable_variables)
    """
    options = config.train
    decay = {"weight_decay": options.weight_decay} if options.optimizer == "adamw" else {}
    optimizer = OPTIMIZERS[options.optimizer](rate, clipnorm=options.clipnorm, **{**decay, **arguments})
    if decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "position", "log_scale"])
    if options.precision == "mixed_float16":
        optimizer = LossScaling(optimizer)
    optimizer.build(variables)
    return optimizer
