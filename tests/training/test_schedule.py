"""The learning rate of a curriculum, by hand."""

import keras
import pytest

from vtkeras.training.schedule import StagedCosine


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 0.0),
        (5, 0.5),  # half of the rise
        (10, 1.0),
        (55, 0.5),  # half of the 90 steps that are left: cos(pi / 2) = 0
        (100, 0.0),  # the second stage begins
        (110, 0.4),
        (150, 0.0),  # all over
    ],
)
def test_two_stages(step, rate):
    assert float(StagedCosine(peaks=[1.0, 0.4], steps=[100, 50], rise=10)(step)) == pytest.approx(rate, abs=1e-6)


def test_a_short_stage_rises_for_half_of_it():
    assert float(StagedCosine(peaks=[1.0], steps=[4], rise=100)(2)) == pytest.approx(1.0)


def test_config_round_trip():
    schedule = StagedCosine(peaks=[1.0], steps=[10], rise=2)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert float(copy(1)) == pytest.approx(0.5) and float(schedule(1)) == pytest.approx(0.5)
