"""Linear models on features whose meaning is known."""

import numpy as np
import pytest
import tensorflow as tf

from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.linear.models import ENCODER, LinearBaseline, LinearModels, Table
from vtkeras.tasks import HEADS
from vtkeras.tasks.predicted import Examples

NAMES = ("caption", "answer", "label", "contrastive")


def table(rng, clips, asked=True):
    """Clips that show one of three colours, the first three features; each is asked for it, and for nothing else."""
    colours = np.array(["red", "green", "blue"])
    shown = rng.integers(0, 3, clips)
    features = np.eye(3)[shown] + rng.normal(0, 0.1, (clips, 3))
    texts = [str(one) for one in colours[shown]]
    truths = {
        "caption": [[f"a {text} thing"] for text in texts],
        "answer": [[text] for text in texts],
        "label": texts,
        "contrastive": [f"a {text} thing" for text in texts],
    }
    questions = ["which colour?" if asked else f"what is it, {index % 10}?" for index in range(clips)]
    return Table(Examples([str(i) for i in range(clips)], questions, truths=truths), features, np.arange(clips))


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_linear_is_learned(asked):
    heads = [HEADS[name] for name in NAMES]
    rng = np.random.default_rng(0)
    train, test = table(rng, 120, asked), table(rng, 40, asked)
    said = LinearModels(heads, train).predict(test)
    assert set(said) == set(NAMES)
    for name in ("caption", "answer", "label"):
        head = HEADS[name]
        right = [head.correct(truth, text) for truth, text in zip(test.examples.truths[name], said[name].texts)]
        assert np.mean(right) > 0.95
    scores = HEADS["contrastive"].score(said["contrastive"], test.examples)
    assert scores["recall_at_1"] == 1.0


def test_one_answer_for_all_needs_no_model():
    rng = np.random.default_rng(0)
    train, test = table(rng, 60), table(rng, 10)
    train.examples.truths["answer"] = [["red"]] * 60
    assert LinearModels([HEADS["answer"]], train).predict(test)["answer"].texts == ["red"] * 10


def test_as_a_baseline_it_reads_each_clip_once(monkeypatch):
    class Brightness:
        def __call__(self, frames, training):
            return tf.reduce_mean(tf.cast(frames, tf.float32), axis=(2, 3, 4))[..., None, None]

    monkeypatch.setitem(FRAME_ENCODERS, ENCODER, lambda image_size, weights: Brightness())
    source = MovingDigits(train_clips=6, eval_clips=3, max_digits=1)
    sides = {}
    for split in ("train", "test"):
        clips = list(source.load(split).as_numpy_iterator())
        truths = {"label": [HEADS["label"].truth(clip) for clip in clips]}
        sides[split] = Examples([clip["video_id"].decode() for clip in clips], [""] * len(clips), truths=truths)
    lines = []
    baseline = LinearBaseline(source, source, report=lines.append)
    for _ in range(2):
        said = baseline(HEADS["label"], sides["train"], sides["test"])
        assert len(said.texts) == 3 and {*said.texts} <= {*sides["train"].truths["label"]}
    assert [line.split(": ")[1] for line in lines] == ["reading 6 clips", "reading 3 clips"]
