"""The learning rate of a curriculum, by hand."""

import keras
import pytest

from vtkeras.training.schedule import COSINE, LINEAR, StagedRate


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
    schedule = StagedRate([(COSINE, 1.0, 0.0, 100), (COSINE, 0.4, 0.0, 50)], rise=10)
    assert float(schedule(step)) == pytest.approx(rate, abs=1e-6)


def test_a_short_stage_rises_for_half_of_it():
    assert float(StagedRate([(COSINE, 1.0, 0.0, 4)], rise=100)(2)) == pytest.approx(1.0)


def test_config_round_trip():
    schedule = StagedRate([(COSINE, 1.0, 0.0, 10)], rise=2)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert float(copy(1)) == pytest.approx(0.5) and float(schedule(1)) == pytest.approx(0.5)


@pytest.mark.parametrize("step, rate", [(1, 0.5), (2, 1.0), (9, 1.0), (10, 1.0), (15, 0.6), (20, 0.0)])
def test_linear_stages_stay_and_fall(step, rate):
    schedule = StagedRate([(LINEAR, 1.0, 1.0, 10), (LINEAR, 1.0, 0.2, 10)], rise=2)
    assert float(schedule(step)) == pytest.approx(rate, abs=1e-6)


def test_stages_that_are_replaced_count_at_once():
    schedule = StagedRate([(LINEAR, 1.0, 1.0, 1000)], room=3)
    assert float(schedule(15)) == pytest.approx(1.0)
    schedule.replace([(LINEAR, 1.0, 1.0, 10), (LINEAR, 1.0, 0.0, 10)])
    assert float(schedule(15)) == pytest.approx(0.5)


@pytest.mark.parametrize("before, steps", [(1, 1001), (3, 337), (7, 171)])
def test_every_step_beside_an_endless_stage_has_one_rate(before, steps):
    """Of 100,000 epochs, more steps than float32 counts, from an epoch at another rate on."""
    border = before * steps  # odd, so that half of a rounded border would move it
    schedule = StagedRate([(LINEAR, 0.5, 0.5, border), (LINEAR, 0.25, 0.25, 100_000 * steps)])
    found = [float(schedule(step)) for step in range(border - 2, border + 3)]
    assert found == [0.5, 0.5, 0.25, 0.25, 0.25]
