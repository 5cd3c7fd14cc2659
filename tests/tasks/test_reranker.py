"""The best of several drafts: by hand, and with a real generator and a real captioner."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.test_cli import refused
from vtkeras.config import save_config
from vtkeras.errors import UserError
from vtkeras.export import export_run
from vtkeras.serving.generator import Generator
from vtkeras.tasks import task_of
from vtkeras.tasks.reranker import Reranker
from vtkeras.training.fit import train
from vtkeras.training.run import Run, check_captioner

TEXT, DRAFTS = "digit 3 is moving up and down", 5


class Brightness:
    """Finds words the likelier the brighter the clip; of "dark", the darker."""

    def likelihood(self, frames, text):
        bright = tf.reduce_mean(tf.cast(frames, tf.float32), axis=(1, 2, 3, 4))
        return tf.where(tf.equal(text, "dark"), -bright, bright)


def test_each_text_gets_the_draft_that_shows_it_best():
    shades = np.array([[10, 10], [90, 20], [30, 5]])  # of three drafts of two texts

    def draw(draft):
        clips = np.broadcast_to(shades[draft][:, None, None, None, None], (2, 2, 4, 4, 3)).astype("uint8")
        return {"clips": tf.constant(clips), "motion": tf.constant([[float(draft)], [10.0 + draft]])}

    best = Reranker(Brightness(), 3)(draw, tf.constant(["bright", "dark"]))
    assert best["clips"].numpy()[:, 0, 0, 0, 0].tolist() == [90, 5]
    assert best["motion"].numpy().tolist() == [[1], [12]]


@pytest.fixture(scope="module")
def reranked(video_run, exported_run, tmp_path_factory):
    """The small generator's run, whose drafts the small captioner ranks."""
    run = Run.open(video_run)
    folder = shutil.copytree(video_run, tmp_path_factory.mktemp("reranked") / "run")
    model = run.config.model.model_copy(update={"reranker": str(exported_run), "drafts": DRAFTS})
    save_config(run.config.model_copy(update={"model": model}), folder / "config.yaml")
    return folder


def test_a_clip_is_the_likeliest_of_its_drafts(reranked, video_run, exported_run):
    seeds, text = tf.constant([3, 4], tf.int64), tf.constant([TEXT] * 2)
    reader, captioner = Run.open(reranked).reader(), Run.open(exported_run).reader()
    chosen = reader.best_noise(text, seeds)
    clips = reader.generate(text, seeds).numpy().astype(int)
    rendered = reader.render(text, chosen["content"], chosen["motion"])
    np.testing.assert_allclose(clips, rendered, atol=1)
    drafts = []
    for draft in range(DRAFTS):  # parts of a draft are drawn after those of the draft before
        content, motion = (
            tf.stack([tf.random.stateless_normal(shape, (seed, 2 * draft + place), alg="philox") for seed in seeds])
            for place, shape in enumerate([(3,), (2,)])
        )
        drafts.append(reader.render(text, content, motion))
    likely = [tf.reduce_prod(_likelihoods(captioner, draft, text), axis=1).numpy() for draft in drafts]
    best = np.argmax(likely, axis=0)
    assert best.any()  # not the first draft, which a model without a reranker makes
    for row, draft in enumerate(best):
        np.testing.assert_allclose(clips[row], drafts[draft][row], atol=1)
    np.testing.assert_allclose(Run.open(video_run).reader().generate(text, seeds), drafts[0], atol=1)


def _likelihoods(captioner, clips, text):
    read = captioner.explain_caption(clips, text)
    return tf.where(read["token_ids"] > 0, read["probabilities"], 1.0)


@pytest.mark.whole
def test_the_exported_model_chooses_too(reranked):
    export_run(reranked, report=str)
    generator, reader = Generator.load(reranked), Run.open(reranked).reader()
    seeds = list(range(10))  # more than are made at once
    clips = generator.generate([TEXT] * 10, generator.best_noise(TEXT, seeds))
    expected = reader.generate(tf.constant([TEXT] * 10), tf.constant(seeds, tf.int64))
    np.testing.assert_allclose(clips.astype(int), expected, atol=1)
    np.testing.assert_allclose(generator.best(TEXT, seeds).astype(int), expected, atol=1)


def test_a_reranker_must_write_captions(video_run, video_config, tmp_path, monkeypatch, capsys):
    for named, told in ((video_run, "writes no captions: name a run"), (tmp_path, "is not a run: name a run")):
        with pytest.raises(UserError, match=f"model.reranker.*{named}.*{told} that writes captions of the same data"):
            train(video_config(f"model.reranker={named}"), tmp_path / "run", report=str)
    assert not (tmp_path / "run" / "checkpoints").exists()
    told = refused(monkeypatch, capsys, "train", "--config", "demo", "--set", "model.drafts=1", "--out", tmp_path / "a")
    assert "model.drafts" in told and "2" in told


def test_a_reranker_must_fit(exported_run, tiny_config, vocabulary, video_config):
    config = tiny_config(f"model.reranker={exported_run}")
    heads = task_of(config).active_heads(config, vocabulary)
    with pytest.raises(UserError, match="model.reranker does nothing for the task 'multitask': set it to null"):
        check_captioner("model.reranker", config, heads, vocabulary)
    config = video_config(f"model.reranker={exported_run}")
    heads = task_of(config).active_heads(config, vocabulary)
    check_captioner("model.reranker", config, heads, vocabulary)
    cats = replace(vocabulary, words=("a", "cat", "digit"))
    with pytest.raises(UserError, match="does not know most words of the captions, e.g. 'a': name a run"):
        check_captioner("model.reranker", config, heads, cats)
    config = video_config(f"train.judge={exported_run}")
    check_captioner("train.judge", config, heads, vocabulary)
    with pytest.raises(UserError, match="train.judge .* does not know most words .*, or set train.judge to null"):
        check_captioner("train.judge", config, heads, cats)
    config = video_config("train.judge=saved_models/multitask/moving_digits")  # its vocabulary is an older one
    check_captioner("train.judge", config, heads, vocabulary)
    with pytest.raises(UserError, match="train.judge .* does not know most words"):
        check_captioner("train.judge", config, heads, replace(vocabulary, words=("my", "cats", "sleep")))
