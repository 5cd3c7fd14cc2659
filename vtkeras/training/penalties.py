"""Penalties of a discriminator's gradient by its input, which keep it smooth."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

Critic = Callable[[tf.Tensor], tf.Tensor]


def r1(critic: Critic, real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor) -> tf.Tensor:
    """Half the squared norm of the gradient at real examples; to be weighted by the gamma of the paper.

    Args:
        critic: from examples to scores (batch, ...).
        real, fake: float (batch, ...), as many axes as there are: an example is everything behind the first.
        mix: float (batch,), from 0 to 1; not used.

    Returns:
        float32 (batch,).

    Example:
        >>> r1(lambda clips: tf.reduce_sum(3 * clips, axis=(1, 2)), tf.ones((1, 2, 2)), None, None)  # 4 * 3 ** 2 / 2
        [18.0]

    Source: Mescheder et al., "Which Training Methods for GANs do actually Converge?", 2018.
    """
    return squared_norm(input_gradient(critic, real)) / 2


def wgan_gp(critic: Critic, real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor) -> tf.Tensor:
    """Squared distance from 1 of the gradient's norm, at a point between each real and its fake example.

    Arguments and what is returned as for `r1`; `mix` is the share of the fake example in the point.

    Example:
        >>> wgan_gp(lambda clips: tf.reduce_sum(3 * clips, axis=(1, 2)), ones, zeros, tf.zeros(1))  # (6 - 1) ** 2
        [25.0]

    Source: Gulrajani et al., "Improved Training of Wasserstein GANs", 2017.
    """
    share = tf.reshape(mix, (-1, *(1 for _ in real.shape[1:])))
    gradient = input_gradient(critic, real + share * (fake - real))
    return tf.square(tf.sqrt(squared_norm(gradient) + 1e-12) - 1)  # the root of 0 has no gradient


def input_gradient(critic: Critic, examples: tf.Tensor) -> tf.Tensor:
    """The gradient of each example's mean score by the example, of the examples' shape."""
    examples = tf.stop_gradient(examples)
    with tf.GradientTape() as tape:
        tape.watch(examples)
        scores = critic(examples)
        total = tf.reduce_sum(tf.reduce_mean(tf.reshape(scores, (tf.shape(scores)[0], -1)), axis=1))
    return tape.gradient(total, examples)


def squared_norm(gradient: tf.Tensor) -> tf.Tensor:
    """float32 (batch,): the sum of squares over all axes but the first."""
    return tf.reduce_sum(tf.square(tf.cast(gradient, tf.float32)), axis=tuple(range(1, gradient.shape.rank)))


PENALTIES: dict[str, Callable[..., tf.Tensor]] = {"r1": r1, "wgan_gp": wgan_gp}
