"""Two contenders whose networks answer as one."""

import itertools
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


def contender(name, best=0.5, epoch=8, augmented=False):
    training = SimpleNamespace(epoch=epoch)
    return SimpleNamespace(name=name, best=best, training=training, epoch_seconds=10.0, augmented=augmented)


@pytest.mark.parametrize(
    "winner, others, seconds, chosen",
    [
        (contender("fine"), ["pyramid"], 120, "pyramid"),  # each comes to 8 + 12 epochs
        (contender("fine"), ["pyramid"], 119, None),
        (contender("fine"), [], 999, None),
        (contender("fine"), ["small"], 999, None),  # which reads other frames
        (contender("small"), ["fine"], 999, None),
        (contender("fine", augmented=True), ["pyramid"], 999, None),  # gains more by more epochs
    ],
)
def test_a_second_network_needs_time_and_the_same_frames(winner, others, seconds, chosen):
    found = second_of(winner, [contender(name) for name in others], seconds)
    assert (found and found.name) == chosen


@pytest.fixture(scope="module")
def plan(data, tmp_path_factory):  # noqa: F811
    """A plan whose two candidates both have time for an epoch more."""
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vtkeras.planning.plan.in_order", lambda setting: ["fast", "slow"])
        patch.setattr("vtkeras.planning.plan.raced", lambda setting: 2)
        patch.setattr("vtkeras.planning.together.ON_THE_WAY", ("fast", "slow"))
        patch.setattr("vtkeras.planning.together.EPOCHS_EACH", 2)
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
