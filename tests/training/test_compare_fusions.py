"""Transfer from a run, and every fusion trained alike."""

import json

import numpy as np
import pytest

from vtkeras.data.text import build_vocabulary
from vtkeras.errors import UserError
from vtkeras.tasks import TASKS
from vtkeras.training.fusions import compare_fusions
from vtkeras.training.run import Run, make_source
from vtkeras.training.transfer import VIDEO_PARTS, start_from

STATEMENTS = (
    "task=classification",
    "data.source=statements",
    "data.options={max_digits: 1, train_clips: 16, eval_clips: 8}",
    "model.single_label=true",
    "model.fusion_layers=1",
    "model.decoder_layers=1",
    "model.frame_trainable=false",
    "model.temporal_trainable=false",
    "model.cache_features=true",
)


def words(config):
    return build_vocabulary(make_source(config).texts(), 4000)


def build(config):
    task, vocabulary = TASKS[config.task], words(config)
    return task.build(config, vocabulary, task.active_heads(config, vocabulary))


def test_start_from_takes_frozen_video_encoders(tiny_config, exported_run):
    config = tiny_config(*STATEMENTS)
    model = build(config)
    before = model.heads["label"].get_weights()
    start_from(model, words(config), exported_run, report=str)
    trained = Run.open(exported_run).model
    for part in VIDEO_PARTS:
        mine, theirs = (getattr(one, part).get_weights() for one in (model, trained))
        for weight, other in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(weight, other)
    for after, own in zip(model.heads["label"].get_weights(), before, strict=True):  # other labels there
        np.testing.assert_array_equal(after, own)


def test_start_from_takes_the_parts_that_are_named(tiny_config, exported_run):
    config = tiny_config(*STATEMENTS)
    model = build(config)
    before = model.text_encoder.get_weights()
    start_from(model, words(config), exported_run, VIDEO_PARTS, report=str)
    for after, own in zip(model.text_encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(after, own)
    with pytest.raises(UserError, match="no part 'wings': use some of frame_encoder, "):
        start_from(model, words(config), exported_run, ("wings",), report=str)


def test_start_from_other_sizes(tiny_config, exported_run):
    for change, folder, sentence in (
        ("model.temporal_layers=2", exported_run, "temporal encoder of .* has other sizes"),
        ("model.temporal_layers=1", exported_run / "nothing", "is not a run"),
    ):
        config = tiny_config(*STATEMENTS, change)
        with pytest.raises(UserError, match=sentence):
            start_from(build(config), words(config), folder, report=str)


def test_frozen_encoders_stay(tiny_config):
    model = build(tiny_config(*STATEMENTS))
    assert not model.frame_encoder.trainable_variables and not model.temporal_encoder.trainable_variables
    assert model.text_encoder.trainable_variables and model.fusion[0].trainable_variables
    assert build(tiny_config()).temporal_encoder.trainable_variables


@pytest.mark.whole
def test_fusions_are_trained_alike(tiny_config, exported_run, tmp_path):
    config = tiny_config(*STATEMENTS, f"train.start_from={exported_run}")
    said = []
    results = compare_fusions(config, tmp_path, ["early", "concat"], limit=6, report=said.append)
    runs = [Run.open(tmp_path / name) for name in ("early", "concat")]
    assert [run.config.model.fusion for run in runs] == ["early", "concat"]
    first, second = (run.config.model_dump() for run in runs)
    for values, fusion in ((first, "early"), (second, "concat")):
        assert values.pop("name") == f"tiny_{fusion}" and values["model"].pop("fusion") == fusion
    assert first == second
    for one, other in zip(runs[0].model.frame_encoder.get_weights(), runs[1].model.frame_encoder.get_weights()):
        np.testing.assert_array_equal(one, other)
    assert len(list((tmp_path / "features").glob("train-*"))) == 1  # computed once for both
    systems = results["splits"]["test"]["systems"]
    assert list(systems)[:2] == ["early", "concat"] and "text only (no video)" in systems
    assert "caption_exact" not in systems["early"]  # that head was not trained
    assert 0 <= systems["early"]["label_accuracy"] <= 1
    assert results["splits"]["test"]["weights"] == {
        name: run.model.count_params() for name, run in zip(("early", "concat"), runs)
    }
    assert json.loads((tmp_path / "metrics.json").read_text()) == results

    again = []
    assert compare_fusions(config, tmp_path, ["early", "concat"], limit=6, report=again.append) == results
    assert sum("is trained already" in line for line in again) == 2


def test_an_unknown_fusion(tiny_config, tmp_path):
    with pytest.raises(UserError, match="no fusion 'glue': use one of cross_attention"):
        compare_fusions(tiny_config(*STATEMENTS), tmp_path, ["glue"])
