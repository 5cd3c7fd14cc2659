"""The random numbers that batches carry for models that make video."""

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.training.trainers.generative import with_draws

DRAWS = {"normal": {"noise": (300,)}, "uniform": {"time": (), "places": (200,)}}


def draw(*seeds):
    examples = {keys.DRAW: tf.constant(seeds, tf.int64)}
    inputs, targets = with_draws(lambda one: ({"kept": 1}, "targets"), DRAWS)(examples)
    assert inputs.pop("kept") == 1 and targets == "targets"
    return {name: value.numpy() for name, value in inputs.items()}


def test_an_example_of_an_epoch_has_numbers_of_its_own():
    found = draw((0, 1), (0, 2), (0, 1), (1, 1))
    assert {name: value.shape for name, value in found.items()} == {"noise": (4, 300), "time": (4,), "places": (4, 200)}
    for name, value in found.items():
        np.testing.assert_array_equal(value[0], value[2], err_msg=name)
        assert (value[0] != value[1]).all() and (value[0] != value[3]).all(), name
    np.testing.assert_array_equal(draw((0, 2))["noise"][0], found["noise"][1])  # whatever is beside it
    assert found["places"].min() >= 0 and found["places"].max() < 1 and abs(found["places"].mean() - 0.5) < 0.05
    assert abs(found["noise"].mean()) < 0.1 and abs(found["noise"].std() - 1) < 0.1
