"""Runs of older versions give the figures that they gave."""

import csv
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from vtkeras.cli import app
from vtkeras.config import load_config
from vtkeras.errors import UserError
from vtkeras.migrate import migrate_run
from vtkeras.migrate.weights import old_layer_order
from vtkeras.training.fit import train
from vtkeras.training.run import Run
from vtkeras.training.state import read_meta

FIXTURES = Path(__file__).parents[1] / "fixtures"
FILES = ("checkpoints/best.npz", "model.keras", "metrics.json", "metrics.md", "classes.md", "predictions.csv")


@pytest.fixture
def old(tmp_path):
    """A run of before the renames with all its kinds of files, after one of its two epochs."""
    shutil.copytree(FIXTURES / "old_run", tmp_path / "run")
    shutil.copy(tmp_path / "run" / "checkpoints" / "best.npz", tmp_path / "run" / "checkpoints" / "last.npz")
    return tmp_path / "run"


def assert_same_predictions(folder):
    stored = np.load(folder / "predictions.npz")
    reader = Run.open(folder).reader()
    frames, questions, captions = (stored[name] for name in ("frames", "questions", "captions"))
    found = {
        "caption_probabilities": reader.explain_caption(frames, captions)["probabilities"],
        "answer_probabilities": reader.answer(frames, questions)["probabilities"],
        "written_answer_score": reader.write_answer(frames, questions)["score"],
        "label_probabilities": reader.classify(frames, questions)["probabilities"],
        "video_embedding": reader.embed_video(frames),
        "text_embedding": reader.embed_text(captions),
    }
    for name, values in found.items():
        np.testing.assert_allclose(values, stored[name], rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """The same run, migrated; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("migrated") / "run"
    shutil.copytree(FIXTURES / "old_run", folder)
    shutil.copy(folder / "checkpoints" / "best.npz", folder / "checkpoints" / "last.npz")
    lines = []
    migrate_run(folder, report=lines.append)
    assert [line.split(":")[0] for line in lines] == [
        "checkpoints/best.npz", "checkpoints/last.npz", "model.keras", "metrics.md", "classes.md", "metrics.json",
        "predictions.csv", "config.yaml",
    ]  # fmt: skip
    return folder


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.whole
def test_same_predictions(migrated):
    assert_same_predictions(migrated)


@pytest.mark.whole
def test_nothing_is_left_to_do(migrated):
    before = content(migrated)
    done = CliRunner().invoke(app, ["migrate", str(migrated)])
    assert "nothing was rewritten" in done.output and "migrated:" not in done.output
    assert content(migrated) == before


@pytest.mark.whole
def test_old_files_are_kept(migrated):
    for name in FILES:
        assert (migrated / f"{name}.old").read_bytes() == (FIXTURES / "old_run" / name).read_bytes()


@pytest.mark.parametrize("removed", ["model.keras", "checkpoints"])
def test_old_run_is_refused(old, removed):
    shutil.rmtree(old / removed) if (old / removed).is_dir() else (old / removed).unlink()
    with pytest.raises(UserError, match=f"older vtkeras: run `vtkeras migrate {old}`"):
        Run.open(old)


@pytest.mark.whole
def test_keras_file_alone(old):
    shutil.rmtree(old / "checkpoints")
    migrate_run(old, report=str)
    assert_same_predictions(old)


@pytest.mark.whole
def test_a_copy_leaves_the_run_as_it_was(old, tmp_path, migrated):
    before = content(old)
    done = CliRunner().invoke(app, ["migrate", str(old), "--out", str(tmp_path / "copy")])
    assert not done.exit_code and "migrated" in done.output
    assert content(old) == before
    copy = content(tmp_path / "copy")
    assert set(copy) == {path for path in content(migrated) if path.suffix != ".old"}
    tables = {path: text for path, text in content(migrated).items() if path.suffix in (".md", ".csv", ".yaml")}
    assert {path: copy[path] for path in tables} == tables


@pytest.mark.whole
def test_trained_on_features(tmp_path):
    # Its frame encoder came last in the order of variables.
    shutil.copytree(FIXTURES / "old_features", tmp_path / "run")
    migrate_run(tmp_path / "run", report=str)
    assert_same_predictions(tmp_path / "run")


@pytest.mark.whole
def test_tables_and_config(migrated):
    figures = json.loads((FIXTURES / "old_run" / "metrics.json").read_text())["test"]
    with open(FIXTURES / "old_run" / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    today = json.loads((migrated / "metrics.json").read_text())
    assert today["columns"]["unended_rate"] == {
        "title": "unended %", "unit": "%", "better": "lower", "listed": True
    }  # fmt: skip
    assert today["splits"]["test"]["systems"] == figures["systems"]
    (details,) = today["splits"]["test"]["details"].values()
    assert set(details["answer"]["confusions"][0]) == {"actual", "predicted", "count"}
    with open(migrated / "predictions.csv", newline="") as file:
        renamed = list(csv.DictReader(file))
    assert [row["caption_predicted"] for row in renamed] == [row["caption_said"] for row in rows]
    assert not [name for name in renamed[0] if name.endswith(("_said", "_right"))]
    values = yaml.safe_load((migrated / "config.yaml").read_text())
    assert values["model"]["temporal_encoder"] == "spatial_softmax"
    assert values["model"]["temporal_options"] == {"num_tokens": 4}
    assert values["train"]["stages"][1]["self_critical"] == 1.0


@pytest.mark.slow
def test_training_goes_on(migrated, tmp_path):
    old = shutil.copytree(migrated, tmp_path / "run")
    lines = []
    train(load_config(str(old / "config.yaml")), old, resume=True, report=lines.append)
    assert any("going on after epoch 1" in line for line in lines)
    assert read_meta(old / "checkpoints" / "last.npz")["epoch"] == 2


def test_checkpoint_of_another_run(old):
    values = yaml.safe_load((old / "config.yaml").read_text())
    values["model"]["dim"] = 16
    (old / "config.yaml").write_text(yaml.safe_dump(values))
    before = (old / "checkpoints" / "best.npz").read_bytes()
    with pytest.raises(UserError, match="best.npz is of another model than .*config.yaml"):
        migrate_run(old, report=str)
    assert (old / "checkpoints" / "best.npz").read_bytes() == before


def test_no_run(tmp_path):
    with pytest.raises(UserError, match="is not a run"):
        migrate_run(tmp_path)


@pytest.mark.parametrize(
    "fusions,classes,data,model,order",
    [
        (1, (1, 1), {}, {}, "frame text time fusion_0 video_ text_ answer decoder pair label"),
        (2, (0, 0), {"answer_length": 4}, {"cache_features": True},
         "time text fusion_0 video_ text_ fusion_1 decoder pair frame"),
        (2, (0, 0), {}, {"feature_augmentation": "rotate_motion"},
         "frame turned time text video_ text_ decoder pair fusion_0 fusion_1"),
        (2, (1, 1), {"answer_length": 4, "questions_per_clip": 3},
         {"cache_features": True, "feature_augmentation": "rotate_motion"},
         "text turned time fusion_0 fusion_1 decoder video_ text_ answer pair label frame"),
        (3, (0, 1), {"answer_length": 4, "questions_per_clip": 3}, {},
         "frame text time fusion_0 fusion_1 fusion_2 decoder video_ text_ pair label"),
    ],
)  # fmt: skip
def test_order_of_the_old_layers(fusions, classes, data, model, order):
    # As the models of that time ordered their variables.
    config = SimpleNamespace(
        data=SimpleNamespace(**{"answer_length": 0, "questions_per_clip": 1, **data}),
        model=SimpleNamespace(
            **{"fusion_layers": fusions, "cache_features": False, "feature_augmentation": None, **model}
        ),
    )
    short = {
        "frame_encoder": "frame", "text_encoder": "text", "temporal_encoder": "time", "turned_motion": "turned",
        "video_projection": "video_", "text_projection": "text_", "answer_logits": "answer", "decoder": "decoder",
        "embedding_pair": "pair", "label_logits": "label", **{(name := f"fusion_{index}"): name for index in range(3)},
    }  # fmt: skip
    found = old_layer_order(config, SimpleNamespace(answers=classes[0], labels=classes[1]))
    assert [short[name] for name in found if name in short] == order.split()
