"""Two contenders whose networks answer as one."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from tests.planning.test_plan import candidate, conv, data  # noqa: F401  fixtures
from vtkeras.config import load_config
from vtkeras.models import VideoTextEnsemble
from vtkeras.planning.candidates import CANDIDATES
from vtkeras.planning.clock import Clock
from vtkeras.planning.plan import Plan
from vtkeras.planning.together import second_of
from vtkeras.run_files import PLAN_TABLE, SECOND_CONFIG
from vtkeras.training.run import Run


def contender(name, best=0.5, epoch=8, augmented=False, parts=1):
    config = SimpleNamespace(data=SimpleNamespace(epoch_parts=parts))
    training = SimpleNamespace(epoch=epoch, trainer=SimpleNamespace(config=config))
    return SimpleNamespace(name=name, best=best, training=training, epoch_seconds=10.0, every=1, augmented=augmented)


@pytest.mark.parametrize(
    "winner, others, seconds, chosen",
    [
        (contender("fine"), ["pyramid"], 420, "pyramid"),  # each comes to 8 + 42 epochs
        (contender("fine"), ["pyramid"], 419, None),
        (contender("fine", epoch=70), ["pyramid"], 419, None),  # the other one has seen the clips 8 times
        (contender("fine", parts=2), ["pyramid"], 919, None),  # an epoch reads half of the clips
        (contender("fine", parts=2), ["pyramid"], 920, "pyramid"),
        (contender("fine"), [], 999, None),
        (contender("fine"), ["small"], 999, None),  # which reads other frames
        (contender("small"), ["fine"], 999, None),
        (contender("fine", augmented=True), ["pyramid"], 999, None),  # gains more by more epochs
    ],
)
def test_a_second_network_needs_time_and_the_same_frames(winner, others, seconds, chosen):
    found = second_of(winner, [contender(name) for name in others], seconds)
    assert (found and found.name) == chosen


@pytest.mark.parametrize("seconds, chosen", [(30, True), (29, False), (-10, False)])
def test_what_is_trained_enough_needs_time_for_its_learning_rate_to_fall(seconds, chosen):
    winner, other = contender("fine", epoch=70), contender("pyramid", epoch=70)
    assert (second_of(winner, [other], seconds) is other) == chosen


def alone(name, best):
    one = contender(name, best)
    one.figures = {"Labels": best}
    return one


@pytest.mark.parametrize("score, kept", [(0.61, True), (0.6, True), (0.59, False), (math.nan, False)])
def test_two_are_kept_where_they_do_as_well_as_the_better_one(score, kept, monkeypatch):
    joined = []

    def together(first, second):
        joined.append((first, second))
        return SimpleNamespace(first=first, second=second, figures={"Labels": score}, measure=lambda: score)

    monkeypatch.setattr("vtkeras.planning.plan.Together", together)
    plan, lines = SimpleNamespace(together=None, rows=[]), []
    plan.report = lines.append
    winner, better = alone("fine", 0.5), alone("pyramid", 0.6)
    assert Plan._join(plan, winner, better) is better and joined == [(better, winner)]
    assert bool(plan.together) == kept and bool(plan.rows) != kept
    assert ("alone, which is kept" in lines[0]) != kept


def test_ctrl_c_after_both_were_joined_keeps_both():
    first, second = alone("fine", 0.6), alone("pyramid", 0.6)
    first.keep = lambda: True
    together = SimpleNamespace(first=first, second=second, figures={"Labels": 0.7})
    plan = SimpleNamespace(together=together, linear=None, report=str, _linear_figures=lambda: {"Labels": 0.65})
    plan._figures = lambda winner: Plan._figures(plan, winner)
    assert Plan._stopped(plan, [second, first]) is first
    assert plan.beside == {}  # 65 % are less than what both have, though more than one alone


def test_a_winner_with_nothing_to_gain_has_no_second_network():
    calls = []
    clips = SimpleNamespace(clips={"validation": 200})
    plan = SimpleNamespace(survey=clips, linear=None, report=str, _seconds_left=lambda one, networks=1: 900.0)
    plan._train_on, plan._augment = lambda one, seconds: calls.append(seconds), lambda one: None
    winner = alone("fine", 1.0)
    assert Plan._finish(plan, winner, [alone("pyramid", 1.0)]) is winner
    assert calls == [900.0]


@pytest.fixture(scope="module")
def plan(data, tmp_path_factory):  # noqa: F811
    """A plan whose two candidates both have time for an epoch more."""
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vtkeras.planning.plan.in_order", lambda setting: ["fast", "slow"])
        patch.setattr("vtkeras.planning.plan.raced", lambda setting: 2)
        patch.setattr("vtkeras.planning.together.ON_THE_WAY", ("fast", "slow"))
        patch.setattr("vtkeras.planning.together.EPOCHS_EACH", 2)
        patch.setattr("vtkeras.planning.together.READINGS", 0)
        patch.setattr("vtkeras.planning.race.EARLY_THRESHOLD", 0.0)
        patch.setattr("vtkeras.planning.race.LEVEL_THRESHOLD", 0.0)
        patch.setitem(CANDIDATES, "fast", candidate(1e-3))
        patch.setitem(CANDIDATES, "slow", candidate(1e-4))
        patch.setattr("vtkeras.planning.plan.find", lambda name: None)
        patch.setattr("vtkeras.planning.plan.slowed", lambda call: (call(), 1.0))
        patch.setattr("vtkeras.planning.contender.Contender.best", -1.0)  # so that both together are better
        clock = Clock(60, now=map(float, itertools.count(step=8)).__next__)
        made = Plan(data, tmp_path_factory.mktemp("runs") / "run", clock, lines.append)
        made.run()
    made.lines = lines
    return made


def test_both_are_trained_and_kept(plan):
    told = "\n".join(plan.lines)
    assert "each gets half of the time, to answer as one" in told and "both as one: answers" in told
    table = (plan.folder / PLAN_TABLE).read_text(encoding="utf-8")
    assert table.count("kept beside it") == 1 and "| both as one |" in table


def test_the_run_says_what_both_say(plan):
    run = Run.open(plan.folder)
    assert isinstance(run.model, VideoTextEnsemble)
    assert load_config(str(plan.folder / SECOND_CONFIG)).train != run.config.train
    one, other = run.model.members
    rng = np.random.default_rng(0)
    tokens = rng.integers(4, 8, (2, *one.input["question_tokens"].shape[1:])).astype("int32")
    frames = rng.integers(0, 256, (2, *one.input["frames"].shape[1:]), "uint8")
    inputs = {"frames": frames, "frames_mask": np.ones((2, 2), bool), "question_tokens": tokens}
    found = [np.asarray(model(inputs)["answer"]) for model in (one, other, run.model)]
    np.testing.assert_allclose(found[2], (found[0] + found[1]) / 2, atol=1e-5)
    assert not np.allclose(found[0], found[1], atol=1e-4)
