"""How a contender that has won uses its time, on a clock that only its epochs move."""

import math
from types import SimpleNamespace

import pytest

from vtkeras.config import Config, StageConfig, TrainConfig
from vtkeras.planning.candidates import ENDLESS
from vtkeras.planning.contender import Contender
from vtkeras.run_files import BEST, CHECKPOINTS, LAST
from vtkeras.training.callbacks import Checkpoints, LossNotFinite


class Winner(Contender):
    """A contender whose epochs take ten seconds and raise its score by a quarter."""

    def __init__(self):
        stages = (StageConfig(epochs=ENDLESS, schedule="linear", learning_rate_end=1e-3),)
        config = Config(train=TrainConfig(stages=stages))
        self.time = 0.0
        self.training = SimpleNamespace(epoch=0, trainer=SimpleNamespace(config=config))
        self.now = lambda: self.time
        self.history, self.figures = [], {}
        self.epoch_seconds, self.every, self.fallen = 10.0, 1, False

    def _go_on(self, end, until):
        while self.training.epoch < end:
            self.time += 10
            self.training.epoch += 1
            self.history.append((self.training.epoch, self.training.epoch / 4))
            if until():
                return

    def _use(self, config):
        self.training.trainer.config = config


@pytest.mark.parametrize(
    "enough, epochs, seconds",
    [
        (math.inf, [7, 3], 100),  # the last 30 of 100 seconds for the fall
        (1.0, [4, 1], 50),  # the score is 1 after four epochs; 0.3 of the 40 seconds for the fall
    ],
)
def test_the_time_is_used_unless_nothing_is_left_to_gain(enough, epochs, seconds):
    winner, lines = Winner(), []
    winner.finish(100, lines.append, enough=enough)
    assert [stage.epochs for stage in winner.training.trainer.config.train.stages] == epochs
    assert winner.time == seconds and winner.fallen
    assert any("nothing is left to gain" in line for line in lines) == (enough == 1.0)


@pytest.mark.parametrize(
    "fallen, last, kept",
    [
        (True, 0.68, True),  # the best, 0.7, is within chance, down to 0.65
        (True, 0.64, False),
        (True, 0.7, False),  # it is the best
        (False, 0.68, False),  # the rate has not fallen
    ],
)
def test_the_last_weights_are_kept_where_chance_explains_a_better_score(monkeypatch, fallen, last, kept):
    winner, saved = Winner(), []
    winner.fallen, winner.history, winner.training.epoch = fallen, [(2, 0.9), (5, 0.7), (9, last)], 9
    winner.score = SimpleNamespace(heads=(), rows={})
    winner.training.trainer.model, winner.training.trainer.score = None, lambda logs: -logs["val_score"]
    winner.training.checkpoints = SimpleNamespace(
        best=-0.7, save=lambda name, variables, epoch: saved.append((name, epoch))
    )
    monkeypatch.setattr("vtkeras.planning.contender.model_variables", lambda model: {})
    assert winner.prefer_last(0.65) is kept
    assert (winner.best, winner.training.checkpoints.best) == ((last, -last) if kept else (0.7, -0.7))
    assert saved == [(BEST, 9)] * kept
    # A training with this config chooses the same weights.
    assert winner.training.trainer.config.train.score_from == (9 if kept else 1)


def test_stopped_it_keeps_the_weights_that_were_chosen(tmp_path):
    winner, saved = Winner(), []
    winner.training.folder, winner.training.epoch, winner.training.trainer.variables = tmp_path, 5, dict
    winner.training.checkpoints = SimpleNamespace(save=lambda name, variables, epoch: saved.append((name, epoch)))
    (tmp_path / CHECKPOINTS).mkdir()
    (tmp_path / CHECKPOINTS / BEST).touch()
    assert winner.keep() and winner.training.trainer.config.epochs == 5
    assert saved == [(LAST, 5)]  # what `--resume` goes on from is of the same epoch as the config


def test_a_loss_that_is_no_number_takes_back_what_was_learned_since_the_last_round(monkeypatch, tmp_path):
    def go_on(end, callbacks):
        one.training.epoch = 7
        raise LossNotFinite

    def load(path, variables):
        loaded.append(path)
        return {"epoch": 4}

    loaded, one = [], Contender.__new__(Contender)
    monkeypatch.setattr("vtkeras.planning.contender.load_state", load)
    one.training = SimpleNamespace(epoch=4, go_on=go_on, folder=tmp_path, trainer=SimpleNamespace(variables=dict))
    with pytest.raises(LossNotFinite):
        one._go_on(300, lambda: False)
    assert one.training.epoch == 4 and loaded == [tmp_path / CHECKPOINTS / LAST]


def test_of_the_first_reading_no_weights_are_kept_and_of_equal_ones_the_last():
    winner, rows = Winner(), {}
    head = SimpleNamespace(title="Labels", name="label", goals={"accuracy": 1.0})
    winner.score = SimpleNamespace(heads=[head], rows=rows)
    for epoch, score in enumerate([1.0, 0.5, 0.5, 0.25], start=2):
        rows["label"] = {"accuracy": epoch / 10}
        winner.record(epoch, score)
        assert winner.best == (1.0 if epoch == 2 else 0.5)
    assert winner.figures == {"Labels": 0.4}


def test_other_frames_are_read_before_epochs_show_them():
    read, winner = [], Winner()
    winner.training.epoch = 3
    winner.training.prepared = SimpleNamespace(load=lambda split, view: read.append((split, view)))
    winner.show_views(3)
    assert read == [("train", 1), ("train", 2)]
    stages = winner.training.trainer.config.train.stages
    assert [(stage.epochs, stage.views) for stage in stages] == [(3, None), (ENDLESS, 3)]


class Noted(Checkpoints):
    """Checkpoints that are noted, not written."""

    def save(self, name, variables, epoch, measured=True):
        self.trainer.saved.append((name, epoch))


@pytest.mark.parametrize("every, last", [(True, [1, 1, 2, 2]), (False, [])])
def test_last_weights_are_written_every_epoch_or_by_the_caller(every, last, monkeypatch, tmp_path):
    monkeypatch.setattr("vtkeras.training.callbacks.model_variables", lambda model: {})
    trainer = SimpleNamespace(figure="score", score=lambda logs: logs["score"], variables=dict, model=None, saved=[])
    checkpoints = Noted(tmp_path, trainer, {"best": math.inf})
    checkpoints.every_epoch = every
    for epoch, score in enumerate((0.5, 0.7)):  # the lower the better
        checkpoints.on_epoch_begin(epoch)
        checkpoints.on_test_begin()
        checkpoints.on_epoch_end(epoch, {"score": score})
    assert [epoch for name, epoch in trainer.saved if name == BEST] == [1]
    assert [epoch for name, epoch in trainer.saved if name == LAST] == last


def test_a_contender_writes_its_last_weights_at_the_end_of_a_round():
    saved, one = [], Contender.__new__(Contender)
    checkpoints = SimpleNamespace(save=lambda name, variables, epoch: saved.append((name, epoch)))
    one.training = SimpleNamespace(epoch=0, trainer=SimpleNamespace(variables=dict), checkpoints=checkpoints)
    one.training.go_on = lambda end, callbacks: setattr(one.training, "epoch", end)
    one._go_on(300, lambda: False)
    assert saved == [(LAST, 300)]  # once, after three calls of at most 128 epochs
