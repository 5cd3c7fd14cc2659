"""Linear models as layers say what they say as models."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.linear.test_models import NAMES, table
from vtkeras.config import DataConfig
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import build_vocabulary
from vtkeras.linear.experts import choose_shares, fit_experts
from vtkeras.linear.models import LinearModels
from vtkeras.models import ClassLogits
from vtkeras.tasks import HEADS
from vtkeras.tasks.predicted import Predicted
from vtkeras.training.experts import WithVectors

COLOURS = ("red", "green", "blue")


@pytest.fixture(scope="module")
def preprocessor():
    texts = {"captions": [f"a {one} thing" for one in COLOURS], "questions": ["which colour?"],
             "answers": list(COLOURS), "labels": list(COLOURS)}  # fmt: skip
    config = DataConfig(num_frames=2, image_size=16, caption_length=8, question_length=6)
    vocabulary = build_vocabulary(texts, 100)
    return Preprocessor(config, vocabulary, Preprocessor(config, vocabulary))


@pytest.mark.parametrize("single, often", [(True, True), (False, True), (True, False)])
def test_layers_say_what_the_models_say(preprocessor, single, often):
    rng = np.random.default_rng(0)
    # As `pool` makes features: four statistics of each of three channels.
    train, test = table(rng, 120, asked=often), table(rng, 40, asked=often)
    train.features, test.features = (np.tile(one.features, 4).astype("float32") for one in (train, test))
    heads = [HEADS[name] for name in NAMES]
    network = {"answer": ClassLogits(3), "label": ClassLogits(3, single=single)}
    experts = fit_experts(network, heads, train, preprocessor, keras.layers.Identity(), channels=3)
    said = LinearModels(heads, train).predict(test)
    clips = experts.vectors(test.features)
    tokens = preprocessor.question(tf.constant(test.examples.questions))
    for name, names in (("answer", preprocessor.vocabulary.answers), ("label", preprocessor.vocabulary.labels)):
        logits = np.asarray(experts.classes[name](clips, tokens))
        assert [names[place] for place in logits.argmax(axis=1)] == said[name].texts
        assert experts.classes[name].several == (name == "label" and not single)
    texts = preprocessor.match(tf.constant(list(dict.fromkeys(test.examples.truths["contrastive"]))))
    found = np.asarray(experts.space.embed_video(clips)) @ np.asarray(experts.space.embed_text(texts)).T
    assert (found.argmax(axis=1) == said["contrastive"].values.argmax(axis=1)).mean() > 0.9


@pytest.mark.parametrize("single", [True, False])
def test_a_label_that_counts_more_is_likelier(preprocessor, single):
    rng = np.random.default_rng(0)
    train = table(rng, 60)
    train.features = rng.normal(size=(len(train.features), 12)).astype("float32")  # which tell nothing
    logits = []
    for weights in ({}, {"red": 50.0}):
        config = preprocessor.config.model_copy(update={"label_weights": weights})
        weighted = Preprocessor(config, preprocessor.vocabulary, preprocessor.beside)
        network = {"label": ClassLogits(3, single=single)}
        experts = fit_experts(network, [HEADS["label"]], train, weighted, keras.layers.Identity(), channels=3)
        logits.append(np.asarray(experts.classes["label"](experts.vectors(train.features)))[:, 0].mean())
    assert logits[1] > logits[0] + 1


class Asked:
    """A reader that is right as often as the share of its linear model says."""

    def __init__(self, preprocessor, share):
        self.heads, self.preprocessor, self.share = (HEADS["label"],), preprocessor, share

    def ask(self, batch):
        return {"label": {"right": tf.fill(tf.shape(batch["video_id"]), float(self.share))}}


def test_the_share_that_does_best_is_kept(preprocessor, monkeypatch):
    rng = np.random.default_rng(0)
    train = table(rng, 60)
    train.features = np.tile(train.features, 4).astype("float32")
    experts = fit_experts({"label": ClassLogits(3)}, [HEADS["label"]], train, preprocessor, keras.layers.Identity(), 3)
    share, best = experts.shares["label"], 0.5

    def collect(self, outputs, reader, examples):
        right = int(len(examples.ids) * (1 - abs(float(outputs["right"][0]) - best)))
        truths = examples.truths["label"]
        return Predicted(truths[:right] + ["none"] * (len(truths) - right))

    monkeypatch.setattr(type(HEADS["label"]), "collect", collect)
    found = choose_shares(experts, Asked(preprocessor, share), Clips())
    assert found == {"label": (0.5, pytest.approx(1.0))} and float(share) == 0.5


class Clips:
    def load(self, split, epoch=0):
        rows = {"video_id": [str(row) for row in range(4)], "label": ["red"] * 4}
        return tf.data.Dataset.from_tensor_slices(rows)


def test_examples_have_the_vector_of_their_clip():
    source = Clips()
    source.options = None
    with_vectors = WithVectors(source, {str(row): np.full(2, row, "float32") for row in range(4)})
    assert [one["linear"].tolist() for one in with_vectors.load("test").as_numpy_iterator()] == [
        [row, row] for row in range(4)
    ]
