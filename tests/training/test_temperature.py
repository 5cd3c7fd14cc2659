"""Probabilities of classes that come true."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from vtkeras.models import ClassLogits
from vtkeras.run_files import BEST, CHECKPOINTS
from vtkeras.tasks import TASKS
from vtkeras.tasks.predicted import ClassProbabilities, Predicted
from vtkeras.training import temperature
from vtkeras.training.state import load_state, model_variables, save_state
from vtkeras.training.temperature import TEMPERATURES, best_temperature, calibrate_classes, is_calibrated, scale_logits

CAT, DOG = frozenset({"cat"}), frozenset({"dog"})


def said(probability, count, several=False):
    return ClassProbabilities(("cat", "dog"), np.array([[probability, 1 - probability]] * count), several)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(
    "logit, expected",
    [
        (np.log(4), 1.0),  # 0.8 is said of what is right 800 times of 1,000
        (2 * np.log(4), 2.0),  # 16/17 is said
        (np.log(4) / 2, 0.5),  # 2/3 is said
        (50.0, 8.0),  # as far as it goes
    ],
)
def test_logits_are_divided_by_how_much_too_sure_they_are(several, logit, expected):
    truths = [CAT] * 800 + [DOG] * 200
    assert best_temperature(said(1 / (1 + np.exp(-logit)), 1000, several), truths) == expected


@pytest.mark.parametrize("several", [False, True])
def test_it_is_near_the_best_of_all_numbers(several):
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=5, size=(400, 3))
    shares = np.exp(logits / 2.2) / np.exp(logits / 2.2).sum(axis=1, keepdims=True)
    right = np.array([rng.choice(3, p=row) for row in shares])
    likely = 1 / (1 + np.exp(-logits)) if several else np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = best_temperature(
        ClassProbabilities(("a", "b", "c"), likely, several), [frozenset("abc"[one]) for one in right]
    )

    def negative_log_likelihood(one):
        scaled = logits / one
        if several:
            return np.logaddexp(0, scaled).sum() - scaled[range(400), right].sum()
        return (np.log(np.exp(scaled).sum(axis=1)) - scaled[range(400), right]).sum()

    best = minimize_scalar(negative_log_likelihood, bounds=(0.3, 9), method="bounded").x
    assert 2**-0.13 < found / best < 2**0.13


def test_little_is_changed_where_little_is_known():
    assert best_temperature(said(0.9, 0), []) == 1.0
    assert best_temperature(said(0.9, 5), [frozenset()] * 5) == 1.0  # no truth is known
    assert best_temperature(said(0.99, 2), [CAT, DOG]) < best_temperature(said(0.99, 200), [CAT, DOG] * 100)


class Asked:
    """A trainer whose head says "cat" with logits of its own bias, whatever it is shown."""

    def __init__(self, folder, splits=("train", "validation")):
        layer = ClassLogits(2, with_video=True, with_question=False, name="label_logits")
        layer.build({"video": {"pooled": (None, 3), "sequence": (None, 2, 3)}})
        layer.logits.bias.assign([2 * np.log(4), 0.0])
        self.model = SimpleNamespace(heads={"label": layer}, variables=layer.logits.variables)
        self.heads = (TASKS["classification"].heads[0],)
        self.data = SimpleNamespace(source=SimpleNamespace(splits=lambda: splits), preprocessor=None)
        self.config = SimpleNamespace(train=SimpleNamespace(score_examples=0))
        self.task = SimpleNamespace(reader=lambda model, preprocessor, heads: "reader")
        (folder / CHECKPOINTS).mkdir()
        self.best = folder / CHECKPOINTS / BEST
        save_state(self.best, model_variables(layer.logits), {"epoch": 3})

    @property
    def bias(self):
        return self.model.heads["label"].logits.bias.numpy()


def variables(model):
    return model_variables(model.heads["label"].logits)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    trainer = Asked(tmp_path)

    def read(source, split, heads, preprocessor, systems, limit):
        (head,) = heads
        odds = np.exp(trainer.bias[0])
        truths = {head.name: ["cat"] * 80 + ["dog"] * 20}
        return SimpleNamespace(truths=truths), {"": {head.name: Predicted(classes=said(odds / (1 + odds), 100))}}

    monkeypatch.setattr(temperature, "read_split", read)
    monkeypatch.setattr(temperature, "model_variables", variables)
    return trainer


def test_the_best_weights_are_changed_and_kept(asked, tmp_path):
    told = []
    assert calibrate_classes(asked, tmp_path, told.append) == {"Labels": 2.0}
    np.testing.assert_allclose(asked.bias, [np.log(4), 0.0], rtol=1e-5)
    layer = asked.model.heads["label"].logits
    layer.bias.assign([0.0, 0.0])
    assert load_state(asked.best, model_variables(layer)) == {"epoch": 3, "calibrated": True}
    np.testing.assert_allclose(layer.bias.numpy(), [np.log(4), 0.0], rtol=1e-5)
    assert "labels by 2.0" in told[0]


def test_the_second_time_nothing_changes(asked, tmp_path):
    calibrate_classes(asked, tmp_path, print)
    written = asked.best.read_bytes()
    told = []
    assert calibrate_classes(asked, tmp_path, told.append) == {}
    assert asked.best.read_bytes() == written and not told
    save_state(asked.best, variables(asked.model), {"epoch": 4})  # better ones, of a training that went on
    assert calibrate_classes(asked, tmp_path, told.append) == {"Labels": 1.0}


def test_without_validation_or_weights_nothing_is_done(tmp_path):
    trainer = Asked(tmp_path, splits=("train",))
    assert scale_logits(trainer, trainer.model, trainer.data.source) == {}
    assert scale_logits(trainer, SimpleNamespace(), trainer.data.source) == {}  # it makes clips
    assert not is_calibrated(tmp_path)
    trainer.best.unlink()
    assert is_calibrated(tmp_path) and calibrate_classes(trainer, tmp_path, print) == {}


def test_temperatures_hold_one():
    assert 1.0 in TEMPERATURES
