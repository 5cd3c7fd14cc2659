"""Video from words, through training, resuming, evaluation and export, with the smallest generator there can be."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tests.test_cli import call, refused
from vtkeras.data.preprocess import Preprocessor
from vtkeras.errors import UserError
from vtkeras.evaluation.evaluate import evaluate
from vtkeras.evaluation.judges import Judge, with_judge
from vtkeras.tasks import task_of
from vtkeras.tasks.heads.video import RealClip, VideoHead
from vtkeras.tasks.predicted import Examples, Predicted
from vtkeras.training.fit import train
from vtkeras.training.run import Run, load_model, make_source
from vtkeras.training.state import model_variables, read_meta

# A process of its own that may import nothing but TensorFlow and tensorflow-text.
LOADER = """
import sys
import numpy as np, tensorflow as tf, tensorflow_text
sys.modules["vtkeras"] = sys.modules["keras_nlp"] = None
model = tf.saved_model.load(sys.argv[1])
text, seed = tf.constant(["digit 3 is moving up and down"]), tf.constant([7], tf.int64)
noise, picture = model.noise(seed), np.full((1, 16, 16, 3), 200, "uint8")
going_on = model.render_from(text, noise["content"], noise["motion"], picture)
np.savez(sys.argv[2], clips=model.generate(text, seed), going_on=going_on)
"""


@pytest.mark.whole
def test_going_on_equals_never_having_stopped(video_run, video_config, tmp_path):
    learning = ("train.learning_rate=0.01",)
    lines = []
    train(video_config("train.stages=[{epochs: 1}, {epochs: 1}]", *learning), tmp_path / "whole", report=str)
    train(video_config("train.stages=[{epochs: 1}]", *learning), tmp_path / "half", report=str)
    train(video_config("train.stages=[{epochs: 1}, {epochs: 1}]", *learning), tmp_path / "half", True, lines.append)
    assert any("going on after epoch 1" in line for line in lines)
    whole, half = (model_variables(Run.open(tmp_path / name).model) for name in ("whole", "half"))
    for key, variable in whole.items():
        np.testing.assert_allclose(variable, half[key], atol=1e-6, err_msg=key)
    logged = [path.name for path in (tmp_path / "half" / "logs").iterdir()]
    assert "samples" in logged  # a grid of clips after every epoch


def test_the_loss_is_the_sum_of_its_terms_and_falls(video_run):
    assert read_meta(video_run / "checkpoints" / "last.npz")["epoch"] == 2
    run = Run.open(video_run)
    assert run.title == "tiny (tiny)"
    loss = run.heads[0].loss(run.config)
    np.testing.assert_allclose(loss.call(None, tf.constant([[1.0, 2.0], [0.5, 0.0]])), [3.0, 0.5])


def test_same_seed_same_clip_whatever_is_beside_it(video_run):
    reader = Run.open(video_run).reader()
    text = "digit 3 is moving up and down"
    alone = reader.generate(tf.constant([text]), tf.constant([7], tf.int64)).numpy()
    beside = reader.generate(tf.constant([text] * 3), tf.constant([5, 7, 7], tf.int64)).numpy()
    assert alone.shape == (1, 3, 16, 16, 3) and alone.dtype == np.uint8
    for other in beside[1:]:
        np.testing.assert_allclose(other, alone[0].astype(int), atol=1)  # a batch of another size may round otherwise
    assert (beside[0] != alone[0]).any()
    drawn = reader.noise(tf.range(400, dtype=tf.int64))
    assert {part: value.shape[1:] for part, value in drawn.items()} == {"content": (3,), "motion": (2,)}
    values = np.concatenate([drawn["content"].numpy().ravel(), drawn["motion"].numpy().ravel()])
    assert abs(values.mean()) < 0.1 and abs(values.std() - 1) < 0.1


@pytest.mark.whole
def test_evaluate_shows_it_between_real_and_random_clips(video_run, tiny_model, tiny_config, vocabulary):
    run, lines = Run.open(video_run), []
    config = tiny_config()
    task = task_of(config)
    heads = task.active_heads(config, vocabulary)
    judge = Judge(task.reader(tiny_model, Preprocessor(config.data, vocabulary), heads), "tiny")
    reader = with_judge(run.reader(), judge)
    results = evaluate({"ours": reader}, make_source(run.config), run.preprocessor, ["test"], report=lines.append)
    systems = results["splits"]["test"]["systems"]
    assert set(systems) == {"ours", "real clips", "random real clips", "training clips of the nearest caption"}
    assert all(0 <= row["matched"] <= 1 and row["judge_frechet"] >= 0 for row in systems.values())
    assert systems["training clips of the nearest caption"]["nearest_median"] < 1e-3  # they are training clips
    assert systems["real clips"]["nearest_median"] > 0.01
    assert systems["ours"]["movement_distance"] > systems["real clips"]["movement_distance"]


@pytest.mark.whole
def test_the_export_needs_no_vtkeras(video_run, tmp_path):
    command = [sys.executable, "-c", LOADER, str(video_run / "saved_model"), str(tmp_path / "found.npz")]
    subprocess.run(command, check=True, capture_output=True)
    found = np.load(tmp_path / "found.npz")
    reader = Run.open(video_run).reader()
    expected = reader.generate(tf.constant(["digit 3 is moving up and down"]), tf.constant([7], tf.int64))
    np.testing.assert_allclose(found["clips"].astype(int), expected, atol=1)
    np.testing.assert_array_equal(found["going_on"][:, 0], np.full((1, 16, 16, 3), 200))
    np.testing.assert_allclose(found["going_on"][:, 1:].astype(int), found["clips"][:, 1:], atol=1)
    told = json.loads((video_run / "endpoints.json").read_text())
    names = ["generate", "noise", "best_noise", "render", "render_from"]
    assert [one["name"] for one in told["heads"][0]["endpoints"]] == names
    weights = load_model(video_run / "model.keras").get_weights()
    assert all(map(np.array_equal, weights, reader.model.get_weights()))


@pytest.mark.whole
def test_evaluate_on_the_command_line(video_run, exported_run, tmp_path, monkeypatch, capsys):
    run = shutil.copytree(video_run, tmp_path / "run")
    code, output = call("evaluate", run, "--split", "test", "--limit", 4, "--judge", exported_run)
    assert code == 0 and f"judge: {exported_run}" in output
    header, _, ours, real = (run / "metrics.md").read_text().splitlines()[2:6]
    assert header.startswith("| system | as asked % (judge tiny) |") and "nearest training clip, p10" in header
    assert ours.startswith("| tiny (tiny) |") and real.startswith("| real clips |")
    assert "the judge chose among the drafts" not in output
    config = run / "config.yaml"
    chosen = config.read_text().replace("reranker: null", f"reranker: {exported_run.parent}/./{exported_run.name}")
    config.write_text(chosen.replace("drafts: 4", "drafts: 2"))
    code, output = call("evaluate", run, "--split", "test", "--limit", 4, "--judge", exported_run)
    assert code == 0 and "the judge chose among the drafts, too" in output
    told = refused(monkeypatch, capsys, "evaluate", exported_run, "--judge", exported_run)
    assert "--judge does nothing for a run of the task 'multitask'" in told


def test_a_clip_without_a_caption_counts_for_nothing():
    """A judge that always reads "a dog": of two clips that were asked for, one is right."""
    judge = SimpleNamespace(name="toy", read=lambda clips: (["a dog"] * len(clips), np.zeros((len(clips), 2))))
    head, clips = VideoHead(judge), np.zeros((3, 2, 8, 8, 3), "uint8")
    truths = [RealClip(clip, captions) for clip, captions in zip(clips, (["a dog"], [], ["a cat"]))]
    row = head.score(Predicted(values=clips), Examples(truths={"video": truths}))
    assert row["matched"] == row["matched_blurred"] == 0.5
    assert head.score(Predicted(values=clips[:1]), Examples(truths={"video": truths[1:2]})) == {}


def test_a_judge_must_write_captions(video_run, video_config, tmp_path):
    with pytest.raises(UserError, match="writes no captions"):
        train(video_config(f"train.judge={video_run}"), tmp_path / "run", report=str)


def test_mistakes_in_the_generator(video_config, tmp_path):
    with pytest.raises(UserError, match="model.generator 'tyni' is unknown: use one of"):
        train(video_config("model.generator=tyni"), tmp_path / "run", report=str)
    with pytest.raises(UserError, match="model.generator_options: got an unexpected keyword argument 'steps'"):
        train(video_config("model.generator_options={steps: 3}"), tmp_path / "run", report=str)
