"""The score that tells the best weights, of heads whose figures are given."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from vtkeras.tasks import HEADS
from vtkeras.training import validation
from vtkeras.training.callbacks import Checkpoints
from vtkeras.training.validation import SCORE, ValidationScore, judged


def made(monkeypatch, figures, baselines, **options):
    """A score of heads with these figures and baselines."""
    heads = [SimpleNamespace(name=name, field="", goals={"x": 1.0}, headline="x") for name in figures]
    monkeypatch.setattr(validation, "read_split", lambda *arguments: (None, {SCORE: dict.fromkeys(figures)}))
    monkeypatch.setattr(validation, "goal_row", lambda head, said, examples: {})
    monkeypatch.setattr(validation, "figure", lambda head, row: figures[head.name])
    monkeypatch.setattr(validation, "_baseline", lambda head, examples: baselines[head.name])
    return ValidationScore(SimpleNamespace(heads=heads, preprocessor=None), None, **options)


@pytest.mark.parametrize(
    "figure, baseline, share",
    [(0.75, 0.5, 0.5), (0.25, 0.5, -0.5), (0.98, 0.99, 0.9), (0.9, 0.8, 0.5), (1.0, 0.9999, 1.0)],
)
def test_a_share_of_what_is_left_to_gain(monkeypatch, figure, baseline, share):
    score = made(monkeypatch, {"label": figure, "answer": 1.0}, {"label": baseline, "answer": 0.0})
    assert score.measure() == pytest.approx((share + 1) / 2)
    assert score.shares == pytest.approx({"label": share, "answer": 1.0})


@pytest.mark.parametrize("baseline", [1.0, 1 - 1e-9])
def test_a_head_whose_most_common_text_is_always_right_counts_only_alone(monkeypatch, baseline):
    score = made(monkeypatch, {"label": 1.0, "answer": 0.7}, {"label": baseline, "answer": 0.4})
    assert score.measure() == pytest.approx(0.5) and score.shares == pytest.approx({"answer": 0.5})
    assert score.spread == pytest.approx(1 / 0.6)
    assert made(monkeypatch, {"label": 1.0}, {"label": baseline}).measure() == pytest.approx(1.0)


def test_the_error_of_a_score_is_the_mean_of_its_heads(monkeypatch):
    bases = {"label": 0.99, "answer": 0.5, "caption": 0.0}
    score = made(monkeypatch, {"label": 0.5, "answer": 0.5, "caption": None}, bases)
    score.measure()
    assert score.spread == pytest.approx((5 + 2) / 2)


def test_of_heads_with_the_same_truth_the_first_counts():
    heads = [HEADS[name] for name in ("caption", "answer", "written_answer", "label", "contrastive")]
    assert [head.name for head in judged(heads)] == ["caption", "answer", "label", "contrastive"]
    assert judged([HEADS["written_answer"]]) == [HEADS["written_answer"]]


@pytest.mark.parametrize(
    "trained, stored, best",
    [
        ("val_score", "val_score", math.inf),  # of a version whose baselines went up to 1
        ("val_score", "val_score, baselines to 0.8", -0.65),
        ("val_loss", "val_loss", -0.65),
    ],
)
def test_a_best_score_by_another_rule_does_not_count(trained, stored, best):
    start = {"best": -0.65, "figure": stored}
    assert Checkpoints(Path(), SimpleNamespace(figure=trained), start).best == best


def test_epochs_that_are_read(monkeypatch):
    score = made(monkeypatch, {"label": 0.5}, {"label": 0.0}, every=2, first=3, last=5)
    logs = [{} for _ in range(6)]
    for epoch, log in enumerate(logs):
        score.on_epoch_end(epoch, log)
    assert [log.get(f"val_{SCORE}") for log in logs] == [None, None, None, 0.5, 0.5, 0.5]
