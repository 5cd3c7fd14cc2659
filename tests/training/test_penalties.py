"""What every penalty must hold, and each one's numbers by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.training.penalties import PENALTIES, r1, wgan_gp

CLIPS = tf.constant(np.random.default_rng(0).normal(size=(3, 2, 4, 4, 3)), tf.float32)  # of video rank
FAKES = CLIPS[::-1] * 0.5
MIX = tf.constant([0.0, 0.5, 1.0])


@pytest.mark.parametrize("name", PENALTIES)
def test_one_value_an_example_that_does_not_depend_on_the_others(name):
    dense = keras.layers.Dense(2, activation="tanh")
    critic = lambda clips: dense(tf.reshape(clips, (-1, 96)))  # noqa: E731  two places an example
    whole = PENALTIES[name](critic, CLIPS, FAKES, MIX)
    alone = [PENALTIES[name](critic, CLIPS[i : i + 1], FAKES[i : i + 1], MIX[i : i + 1])[0] for i in range(3)]
    assert whole.dtype == tf.float32
    np.testing.assert_allclose(whole, alone, rtol=1e-4)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_discriminator_learns_to_pay_less(name):
    steepness, optimizer, paid = tf.Variable(5.0), keras.optimizers.SGD(0.01), []
    for _ in range(5):
        with tf.GradientTape() as tape:
            critic = lambda clips: steepness * tf.reduce_mean(clips, axis=(1, 2, 3, 4))  # noqa: E731
            paid.append(tf.reduce_mean(PENALTIES[name](critic, CLIPS, FAKES, MIX)))
        optimizer.apply([tape.gradient(paid[-1], steepness)], [steepness])
    assert (np.diff(paid) < 0).all()


def summed(clips):
    """3 times the sum of all pixels: a gradient of 3 at each of them."""
    return 3 * tf.reduce_sum(clips, axis=(1, 2, 3, 4))


def squares(clips):
    return tf.reduce_sum(tf.square(clips), axis=(1, 2, 3, 4))


def test_r1_by_hand():
    # 96 pixels with the gradient 3: 96 * 9 / 2. The fake is not looked at.
    np.testing.assert_allclose(r1(summed, CLIPS, FAKES, MIX), [432] * 3, rtol=1e-6)
    # The gradient of x ** 2 is 2 x: 4 x ** 2 at 96 pixels of 0.5, halved.
    np.testing.assert_allclose(r1(squares, tf.fill((1, 2, 4, 4, 3), 0.5), FAKES[:1], MIX[:1]), [48], rtol=1e-6)


def test_wgan_gp_by_hand_takes_the_norm_over_the_whole_clip():
    # sqrt(96 * 9) = 29.394 over time, height, width and channels together; over channels alone it would be 5.196.
    np.testing.assert_allclose(wgan_gp(summed, CLIPS, FAKES, MIX), [(np.sqrt(864) - 1) ** 2] * 3, rtol=1e-5)


def test_wgan_gp_looks_between_the_real_and_the_fake_example():
    # Gradient 2 x. Real 1, fake 0: the point is 1 - mix, the norm 2 (1 - mix) sqrt(96).
    ones, zeros = tf.ones((3, 2, 4, 4, 3)), tf.zeros((3, 2, 4, 4, 3))
    expected = [(2 * (1 - mix) * np.sqrt(96) - 1) ** 2 for mix in (0, 0.5, 1)]
    np.testing.assert_allclose(wgan_gp(squares, ones, zeros, MIX), expected, rtol=1e-4)


def test_a_flat_critic_has_finite_gradients():
    steepness = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(wgan_gp(lambda clips: steepness * squares(clips), CLIPS, FAKES, MIX))
    assert float(loss) == pytest.approx(3, abs=1e-4) and np.isfinite(tape.gradient(loss, steepness))
