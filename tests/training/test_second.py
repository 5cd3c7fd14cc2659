"""`model.second`: the network of another run answers beside a run's own."""

import shlex
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.training.test_fit import FAST, ONE_EPOCH, conv  # noqa: F401  a fixture
from vtkeras import keys
from vtkeras.config import load_config
from vtkeras.errors import UserError
from vtkeras.export import export_run
from vtkeras.models import VideoTextEnsemble, VideoTextModel
from vtkeras.run_files import BEST, CHECKPOINTS, CONFIG_FILE, README, SAVED_MODEL, SECOND_CONFIG, SECOND_FILE
from vtkeras.training.fit import train
from vtkeras.training.run import Run
from vtkeras.training.second import second_run

CAPTIONS = (*FAST, ONE_EPOCH, "task=captioning", "data.options={train_clips: 8, eval_clips: 4}")


@pytest.fixture(scope="module")
def runs(tiny_config, tmp_path_factory):
    """A run, and another one that names it as its second."""
    home = tmp_path_factory.mktemp("second")
    first = train(tiny_config(*CAPTIONS, "train.seed=1"), home / "first", report=str)
    return first, train(tiny_config(*CAPTIONS, f"model.second={first}"), home / "both", report=str)


def inputs_of(model, batch=2):
    rng = np.random.default_rng(0)
    return {
        keys.FRAMES: rng.integers(0, 256, (batch, model.num_frames, model.image_size, model.image_size, 3), "uint8"),
        keys.FRAMES_MASK: np.ones((batch, model.num_frames), bool),
        keys.CAPTION_TOKENS: rng.integers(4, 20, (batch, 22)).astype("int32"),
    }


def test_both_answer_as_one_and_each_is_as_it_was_trained(runs):
    first, both = (Run.open(run).model for run in runs)
    assert isinstance(both, VideoTextEnsemble)
    inputs = inputs_of(first)
    logits = [np.asarray(model(inputs)["caption"]) for model in (*both.members, both, first)]
    np.testing.assert_allclose(logits[2], (logits[0] + logits[1]) / 2, atol=1e-5)
    np.testing.assert_allclose(logits[1], logits[3], atol=1e-5)
    assert not np.allclose(logits[0], logits[1], atol=1e-3)


def test_the_run_does_not_need_the_other_one_any_more(runs):
    hidden = runs[0].rename(runs[0].with_name("hidden"))
    try:
        assert isinstance(Run.open(runs[1]).model, VideoTextEnsemble)
    finally:
        hidden.rename(runs[0])
    assert load_config(str(runs[1] / SECOND_CONFIG)).train.seed == 1


def test_what_stood_beside_an_older_run_does_not_stand_beside_a_new_one(runs, tiny_config, tmp_path):
    again = shutil.copytree(runs[1], tmp_path / "again")
    shutil.rmtree(again / CHECKPOINTS)
    train(tiny_config(*CAPTIONS), again, report=str)
    assert isinstance(Run.open(again).model, VideoTextModel)


def test_going_on_keeps_the_second_network(runs, tiny_config, tmp_path):
    longer = shutil.copytree(runs[1], tmp_path / "longer")
    before = (longer / SECOND_FILE).read_bytes()
    config = tiny_config(*CAPTIONS, f"model.second={runs[0]}", "train.stages=[{epochs: 2}]")
    hidden = runs[0].rename(runs[0].with_name("hidden"))
    try:
        train(config, longer, resume=True, report=str)
    finally:
        hidden.rename(runs[0])
    assert (longer / SECOND_FILE).read_bytes() == before


def test_linear_models_are_weighed_beside_both(runs, tiny_config, tmp_path, monkeypatch):
    weighed = []
    monkeypatch.setattr("vtkeras.training.fit.check_linear", lambda config: None)
    monkeypatch.setattr("vtkeras.training.fit.fit_linear", lambda *arguments: None)
    monkeypatch.setattr("vtkeras.training.fit.add_experts", lambda *arguments: weighed.append(arguments[4:]))
    config = tiny_config(*CAPTIONS, f"model.second={runs[0]}", "model.linear_size=32")
    train(config, tmp_path / "run", report=str)
    ((prepared, network),) = weighed
    assert prepared is None and isinstance(network, VideoTextEnsemble)


def test_a_second_network_that_does_not_fit_is_told(runs, tiny_config, tmp_path):
    broken = shutil.copytree(runs[1], tmp_path / "broken")
    other = train(tiny_config(*CAPTIONS, "data.num_frames=3"), tmp_path / "other", report=str)
    Run.open(other).model.save(broken / SECOND_FILE)
    with pytest.raises(UserError, match="second.keras does not fit the run.*Remove it, or train anew"):
        Run.open(broken)


def test_the_readme_has_the_commands_for_both(runs, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.export.saved_model.calibrate_novelty", lambda run, report: None)
    monkeypatch.setattr("vtkeras.export.saved_model.write_saved_model", lambda *arguments: None)
    out = export_run(runs[1], tmp_path / "my out", report=str)
    lines = (out / README).read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line.startswith("vtkeras train")]
    assert [shlex.split(line)[3:] for line in commands] == [
        [str(out / SECOND_CONFIG), "--out", "runs/tiny-second"],
        [str(out / CONFIG_FILE), "--out", "runs/tiny", "--set", "model.second=runs/tiny-second"],
    ]
    assert load_config(str(out / SECOND_CONFIG)).train.seed == 1


@pytest.mark.whole
def test_what_is_exported_says_the_same(runs, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.export.saved_model.calibrate_novelty", lambda run, report: None)
    out = export_run(runs[1], tmp_path / "out", report=str)
    assert not (out / CHECKPOINTS / BEST).exists() and not (out / SECOND_FILE).exists()
    frames = tf.constant(np.random.default_rng(1).integers(0, 256, (2, 5, 40, 48, 3), dtype="uint8"))
    said = [reader.caption(frames) for reader in (Run.open(runs[1]).reader(), Run.open(out).reader())]
    exported = tf.saved_model.load(str(out / SAVED_MODEL))
    said.append(exported.caption(frames))
    for one in said[1:]:
        assert one["caption"].numpy().tolist() == said[0]["caption"].numpy().tolist()
        np.testing.assert_allclose(one["probabilities"], said[0]["probabilities"], atol=1e-4)


@pytest.mark.parametrize(
    "changed, told",
    [
        ("data.num_frames=3", "does not fit. An ensemble needs .* alike but for their frame encoders"),
        ("task=retrieval", "does not fit"),
        ("data.caption_length=12", "does not fit"),
        ("model.decoder_layers=2", "does not fit"),
    ],
)
def test_a_run_that_does_not_fit_is_refused_before_training(changed, told, runs, tiny_config, tmp_path):
    with pytest.raises(UserError, match=f"model.second: {runs[0]} .*{told}.*name a run of the same data"):
        train(tiny_config(*CAPTIONS, changed, f"model.second={runs[0]}"), tmp_path / "run", report=str)
    assert not (tmp_path / "run" / CHECKPOINTS).exists()


def test_a_run_that_knows_other_words_is_refused(runs, tiny_config):
    first = Run.open(runs[0])
    cats = replace(first.preprocessor.vocabulary, tokens=(*first.preprocessor.vocabulary.tokens, "cat"))
    with pytest.raises(UserError, match=f"{runs[0]} knows other words, answers or labels: name a run"):
        second_run(tiny_config(*CAPTIONS, f"model.second={runs[0]}"), first.model, cats)


def test_neither_two_networks_nor_what_is_no_run_can_be_second(runs, tiny_config, tmp_path):
    with pytest.raises(UserError, match="model.second: .*An ensemble is made of networks.*set it to null"):
        train(tiny_config(*CAPTIONS, f"model.second={runs[1]}"), tmp_path / "run", report=str)
    with pytest.raises(UserError, match=f"model.second: {tmp_path} is not a run.*set it to null"):
        train(tiny_config(*CAPTIONS, f"model.second={tmp_path}"), tmp_path / "before", report=str)
    assert not (tmp_path / "before").exists()  # told before anything is read or written
