"""What every adversarial loss must hold, and each one's numbers by hand."""

import numpy as np
import pytest
import tensorflow as tf

from vtkeras.losses import ADVERSARIAL_LOSSES

SIDES = ("real", "fake", "generator")
RISING = np.linspace(-3, 3, 13, dtype="float32")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_one_value_an_example_whatever_its_places(name, side):
    loss = getattr(ADVERSARIAL_LOSSES[name], side)
    places = np.random.default_rng(0).normal(size=(3, 2, 4)).astype("float32")
    by_place = np.array([loss(row.ravel()) for row in places])
    np.testing.assert_allclose(loss(places), by_place.mean(axis=1), rtol=1e-5)
    assert loss(places[:, 0, 0].astype("float16")).dtype == tf.float32


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_each_side_wants_what_it_should(name):
    loss = ADVERSARIAL_LOSSES[name]
    assert (np.diff(loss.real(RISING)) <= 0).all() and loss.real(RISING)[0] > loss.real(RISING)[-1]
    assert (np.diff(loss.fake(RISING)) >= 0).all() and loss.fake(RISING)[0] < loss.fake(RISING)[-1]
    assert (np.diff(loss.generator(RISING)) < 0).all(), "the generator learns whatever its score"


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_losses_and_gradients_of_extreme_scores_are_finite(name, side):
    scores = tf.constant([-1e4, 0, 1e4])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        values = getattr(ADVERSARIAL_LOSSES[name], side)(scores)
    assert np.isfinite(values).all() and np.isfinite(tape.gradient(values, scores)).all()


LOG_2 = np.log(2)
BY_HAND = [
    # Score 0 is the probability 1/2: -log 1/2 whatever the label. Score log 3 is 3/4: -log 3/4 and -log 1/4.
    ("bce", "real", [0, np.log(3)], [LOG_2, np.log(4 / 3)]),
    ("bce", "fake", [0, np.log(3)], [LOG_2, np.log(4)]),
    ("bce", "generator", [0, np.log(3)], [LOG_2, np.log(4 / 3)]),
    # The same, and (1 - 1/2) ** 2, (1 - 3/4) ** 2 for label 1, (3/4) ** 2 for label 0.
    ("bce_mse", "real", [0, np.log(3)], [LOG_2 + 1 / 4, np.log(4 / 3) + 1 / 16]),
    ("bce_mse", "fake", [0, np.log(3)], [LOG_2 + 1 / 4, np.log(4) + 9 / 16]),
    ("bce_mse", "generator", [0, np.log(3)], [LOG_2 + 1 / 4, np.log(4 / 3) + 1 / 16]),
    ("hinge", "real", [-0.5, 0.25, 3], [1.5, 0.75, 0]),
    ("hinge", "fake", [-3, -0.5, 0.25], [0, 0.5, 1.25]),
    ("hinge", "generator", [-3, 0.25], [3, -0.25]),
    ("wasserstein", "real", [-3, 0.25], [3, -0.25]),
    ("wasserstein", "fake", [-3, 0.25], [-3, 0.25]),
    ("wasserstein", "generator", [-3, 0.25], [3, -0.25]),
]


@pytest.mark.parametrize(("name", "side", "scores", "expected"), BY_HAND)
def test_by_hand(name, side, scores, expected):
    found = getattr(ADVERSARIAL_LOSSES[name], side)(np.array(scores, "float32"))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_every_loss_is_worked_out_by_hand():
    worked_out = {(name, side) for name, side, _, _ in BY_HAND}
    assert worked_out == {(name, side) for name in ADVERSARIAL_LOSSES for side in SIDES}
