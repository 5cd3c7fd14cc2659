import json

import pytest

from vtkeras.config import Config, save_config
from vtkeras.errors import UserError
from vtkeras.workspace import runs

METRICS = {
    "test": {"examples": 8, "systems": {"a": {"bleu4": 0.5, "cider": None}, "b": {"bleu4": 0.1, "cider": None}}}
}


@pytest.fixture
def run(tmp_path):
    """What a run folder lists of itself; the weights are no weights."""
    folder = tmp_path / "runs" / "one"
    (folder / "saved_model" / "variables").mkdir(parents=True)
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"")
    (folder / "saved_model" / "variables" / "variables.index").write_bytes(b"abc")
    save_config(Config(name="one"), folder / "config.yaml")
    return folder


def test_card(run):
    (run / "metrics.json").write_text(json.dumps(METRICS))
    card = runs.read_card(run)
    assert (card.name, card.task, card.data) == ("one", "multitask", "moving_digits")
    assert card.model_hash == "ba7816bf8f01"  # the SHA-256 of "abc"
    assert card.metrics.to_dict("records") == [
        {"split": "test", "examples": 8, "system": "a", "bleu4": 0.5},
        {"split": "test", "examples": 8, "system": "b", "bleu4": 0.1},
    ]


def test_card_before_evaluation(run):
    assert runs.read_card(run).metrics.empty


@pytest.mark.parametrize("text", ["", "[]", '{"test": 1}', '{"test": {"examples": 1}}', "{"])
def test_damaged_metrics(run, text):
    (run / "metrics.json").write_text(text)
    with pytest.raises(UserError, match="vtkeras evaluate"):
        runs.read_metrics(run)


def test_lost_weights(run):
    (run / "saved_model" / "variables" / "variables.index").unlink()
    (run / "saved_model" / "variables").rmdir()
    with pytest.raises(UserError, match="vtkeras export"):
        runs.read_card(run)


def test_exported_and_not(run, tmp_path):
    trained = tmp_path / "runs" / "two"
    for folder in (run, trained):
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "checkpoints" / "best.npz").write_bytes(b"")
    roots = [tmp_path / "runs", tmp_path / "none", tmp_path]
    assert runs.exported(roots) == [run] and runs.unexported(roots) == [trained]
    assert runs.exported([]) == []


def test_models_of_several_tasks_come_first(run, tmp_path):
    for name, text in (("a", "task: captioning\n"), ("b", "{")):
        (tmp_path / "runs" / name / "saved_model").mkdir(parents=True)
        (tmp_path / "runs" / name / "saved_model" / "saved_model.pb").write_bytes(b"")
        (tmp_path / "runs" / name / "config.yaml").write_text(text)
    assert [folder.name for folder in runs.exported([tmp_path])] == ["one", "a", "b"]
