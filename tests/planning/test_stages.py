"""The stages that a plan writes down are those that were trained."""

import pytest

from vtkeras.config import Config, StageConfig, TrainConfig
from vtkeras.planning.candidates import ENDLESS
from vtkeras.planning.contender import changed_stages, falling_stages
from vtkeras.training.schedule import LINEAR, StagedRate, stages_of

HOLD = StageConfig(epochs=ENDLESS, schedule="linear", learning_rate_end=1e-3)


def rates(config, epochs):
    schedule = StagedRate(stages_of(config.train, 10))
    return [float(schedule(10 * epoch)) for epoch in epochs]


def test_a_rate_that_stays_falls_from_where_it_is():
    config = falling_stages(Config(train=TrainConfig(stages=(HOLD,), learning_rate=1e-3)), done=6, epochs=4)
    assert [stage.epochs for stage in config.train.stages] == [6, 4] and config.epochs == 10
    assert rates(config, [5, 6, 8, 10]) == pytest.approx([1e-3, 1e-3, 5e-4, 0])


def test_a_fall_may_become_shorter():
    config = falling_stages(Config(train=TrainConfig(stages=(HOLD,), learning_rate=1e-3)), done=6, epochs=4)
    shorter = falling_stages(config, done=8, epochs=1)
    assert [stage.epochs for stage in shorter.train.stages] == [6, 2, 1]
    # What was trained stays as it was: the rate after epoch 7 is the same in both.
    assert rates(shorter, [6, 7]) == pytest.approx(rates(config, [6, 7]))
    assert rates(shorter, [8, 8.5, 9]) == pytest.approx([5e-4, 2.5e-4, 0])


def test_without_time_for_a_fall_the_training_ends_where_it_is():
    config = falling_stages(Config(train=TrainConfig(stages=(HOLD,), learning_rate=1e-3)), done=3, epochs=0)
    assert config.epochs == 3 and rates(config, [2]) == pytest.approx([1e-3])


def test_a_fall_from_the_first_epoch_has_one_stage():
    config = falling_stages(Config(train=TrainConfig(stages=(HOLD,), learning_rate=1e-3)), done=0, epochs=3)
    assert stages_of(config.train, 10) == [(LINEAR, 1e-3, 0.0, 30)]


def test_an_augmentation_begins_where_it_is_and_stays_to_the_end():
    config = Config(train=TrainConfig(stages=(HOLD,), learning_rate=1e-3))
    config = changed_stages(config, 3, {"augmentation": {"shift": 0.1}})
    config = falling_stages(config, done=5, epochs=2)
    assert [stage.epochs for stage in config.train.stages] == [3, 2, 2]
    assert [stage.augmentation for stage in config.train.stages] == [None, {"shift": 0.1}, {"shift": 0.1}]
    assert rates(config, [3, 4, 5, 6, 7]) == pytest.approx([1e-3, 1e-3, 1e-3, 5e-4, 0])
