"""Races of candidates whose scores are known, on a clock that only their training moves."""

import math
from types import SimpleNamespace

import pytest

from vtkeras.errors import UserError
from vtkeras.planning.candidates import CANDIDATES
from vtkeras.planning.clock import Clock
from vtkeras.planning.race import Race, level
from vtkeras.training.callbacks import LossNotFinite


class Runner:
    """Scores of a candidate after each round, which takes as long as it is given; NaN is a loss that is no number."""

    spread = 1.0

    def __init__(self, name, time, *scores):
        self.name, self.time, self.scores = name, time, list(scores)
        self.best, self.rounds, self.released = -math.inf, 0, False

    def advance(self, seconds):
        self.time.now += seconds
        score = self.scores[min(self.rounds, len(self.scores) - 1)]
        self.rounds += 1
        if math.isnan(score):
            raise LossNotFinite
        self.best = score

    def release(self):
        self.released = True

    def describe(self):
        return f"score {self.best}"


LEARNING = ("small", "frozen", "small_apart", "small_still")  # the first one may catch up with those that are frozen


def race(minutes, clips=10_000, report=str, most=None, among=LEARNING, **scores):
    """The winner's name, and {name: rounds}, of a race among candidates with these scores."""
    time = SimpleNamespace(now=0.0)
    runners = {name: Runner(name, time, *found) for name, found in zip(among, scores.values())}
    names = dict(zip(runners, scores))
    one = Race(Clock(minutes, now=lambda: time.now), clips, report)
    winner = one.run(list(runners), runners.__getitem__, most)
    assert {*one.contenders, *one.dropped} == {runner for runner in runners.values() if runner.rounds}
    assert all(runner.released == (runner in one.dropped) for runner in runners.values())
    return names[winner.name], {names[name]: runner.rounds for name, runner in runners.items()}


@pytest.mark.parametrize("clips, scored", [(40, 40), (10_000, 500)])
def test_chance_is_that_of_the_clips_that_are_scored(clips, scored):
    assert Race(Clock(10), clips, str).clips == scored


def test_who_falls_far_behind_is_dropped_at_once_and_others_after_two_rounds():
    assert race(10, a=[0.2, 0.9], b=[0.5]) == ("b", {"a": 1, "b": 1})
    assert race(10, a=[0.3, 0.3, 0.9], b=[0.5]) == ("b", {"a": 2, "b": 2})
    assert race(10, a=[0.3, 0.9], b=[0.5]) == ("a", {"a": 2, "b": 2})


def test_who_may_catch_up_gets_more_rounds_while_there_is_time():
    # 0.04 + 0.04 of the time, then 0.08 for each of two until 0.45 would be exceeded: three rounds each.
    assert race(10, a=[0.41, 0.5, 0.5], b=[0.5, 0.6, 0.7]) == ("b", {"a": 3, "b": 3})


def test_of_those_that_are_level_at_the_end_the_most_promising_wins():
    assert race(10, a=[0.45], b=[0.5])[0] == "a"


def test_of_frozen_ones_the_best_wins_after_two_rounds_at_most():
    frozen = [name for name, one in CANDIDATES.items() if one.frozen]
    assert frozen == ["fine", "pyramid", "frozen"]
    assert race(10, among=frozen, a=[0.45], b=[0.5]) == ("b", {"a": 1, "b": 1})  # further than chance, 0.005, explains
    assert race(10, clips=25, among=frozen, a=[0.45], b=[0.5]) == ("b", {"a": 2, "b": 2})  # no further than 0.1
    assert race(10, clips=25, among=frozen, a=[0.5, 0.5], b=[0.55, 0.45]) == ("a", {"a": 2, "b": 2})
    # One that learns from scratch may catch up: with it among those that are left, it goes on.
    assert race(10, among=("fine", "small"), a=[0.45], b=[0.5]) == ("a", {"a": 3, "b": 3})
    assert race(10, among=("fine", "small", "frozen"), a=[0.45], b=[0.5], c=[0.47])[0] == "c"


def test_a_third_begins_only_if_another_round_of_all_fits():
    assert race(10, a=[0.5], b=[0.5], c=[0.5])[1] == {"a": 2, "b": 2, "c": 2}
    lines = []
    assert race(10, report=lines.append, a=[0.5], b=[0.5], c=[0.5], d=[0.5])[1]["d"] == 0  # 4 * 0.04 + 4 * 0.08 > 0.45
    left = [line.split("not tried: ")[1] for line in lines if "not tried" in line]
    assert left == [CANDIDATES["small_still"].title]


def test_what_was_never_to_be_tried_is_not_told_as_left_out():
    lines = []
    race(10, report=lines.append, most=2, a=[0.5], b=[0.5], c=[0.5])
    assert not [line for line in lines if "not tried" in line]


def test_it_ends_when_all_that_are_left_have_the_highest_score():
    assert race(10, a=[1.0], b=[1.0]) == ("a", {"a": 1, "b": 0})  # by so many clips, the first one is enough
    assert race(10, clips=99, a=[1.0], b=[1.0])[1] == {"a": 1, "b": 1}
    assert race(10, clips=99, a=[0.9, 1.0], b=[1.0])[1] == {"a": 2, "b": 2}


def test_who_has_a_loss_that_is_no_number_is_dropped():
    lines = []
    assert race(10, report=lines.append, a=[math.nan], b=[0.5])[0] == "b"
    assert race(10, a=[0.5, math.nan], b=[0.5]) == ("b", {"a": 2, "b": 2})
    assert sum("dropped, its loss is no finite number" in line for line in lines) == 1
    with pytest.raises(UserError, match="every candidate .* instead"):
        race(10, a=[math.nan])


def test_who_is_alone_is_followed_only_where_its_loss_is_no_number():
    assert race(10, most=1, a=[0.2], b=[0.5]) == ("a", {"a": 1, "b": 0})
    assert race(10, most=1, a=[math.nan], b=[0.5], c=[0.9]) == ("b", {"a": 1, "b": 1, "c": 0})


@pytest.mark.parametrize("clips, least", [(10_000, 0.4), (25, 0.4), (16, 0.375)])
def test_what_chance_explains_is_not_behind(clips, least):
    assert level([0.5, 0.1], clips) == pytest.approx(least)


def test_a_score_over_a_high_baseline_has_the_greater_error(monkeypatch):
    assert level([0.5, 0.1], 100, share=1.0, spread=2.5) == pytest.approx(0.375)  # 2.5 times 0.05 lower
    frozen = ("fine", "frozen")
    assert race(10, clips=100, among=frozen, a=[0.5], b=[0.4])[1] == {"a": 1, "b": 1}
    monkeypatch.setattr(Runner, "spread", 2.5)
    assert race(10, clips=100, among=frozen, a=[0.5], b=[0.4])[1] == {"a": 2, "b": 2}  # not dropped at once


def test_scores_below_zero_have_a_level_below_them():
    assert level([-0.2, -0.5], 10_000) == pytest.approx(-0.24)
