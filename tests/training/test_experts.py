"""Linear models beside a network."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.sentences import tiny_sentence_encoder
from tests.linear.test_models import make_preprocessor, table
from vtkeras.data.sources.base import Source
from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.errors import UserError
from vtkeras.linear.models import LinearModels
from vtkeras.models import LinearClasses, LinearExperts, LinearSentences, LinearSpace
from vtkeras.pretrained.packages import find
from vtkeras.run_files import LINEAR_FILE
from vtkeras.tasks import HEADS
from vtkeras.training.experts import FittedLinear, WithVectors, _keep, add_experts, check_linear
from vtkeras.training.fit import train
from vtkeras.training.resume import is_whole
from vtkeras.training.run import Run, load_model
from vtkeras.workspace.runs import has_sentence_encoder


class Clips(Source):
    def load(self, split, epoch=0):
        return tf.data.Dataset.from_tensor_slices({"video_id": [str(row) for row in range(4)]})


def test_examples_have_the_vector_of_their_clip():
    source = Clips()
    source.options = None
    with_vectors = WithVectors(source, {str(row): np.full(2, row, "float32") for row in range(4)})
    assert [one["linear"].tolist() for one in with_vectors.load("test").as_numpy_iterator()] == [
        [row, row] for row in range(4)
    ]


def test_where_no_head_has_a_linear_model_an_empty_file_tells_that_none_is_missing(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.linear.fits.MOST_CHOICES", 2)
    models = LinearModels([HEADS["answer"]], table(np.random.default_rng(0), 30), make_preprocessor())
    spec = {"frame_features": tf.TensorSpec((2, 1, 3), tf.float32)}
    features = SimpleNamespace(encoder=keras.layers.Identity(), spec=spec)
    trainer = SimpleNamespace(data=None, model=None)
    assert add_experts(trainer, tmp_path, FittedLinear(models, features), print) == {}
    assert [(file.name, file.stat().st_size) for file in tmp_path.iterdir()] == [(LINEAR_FILE, 0)]
    config = tiny_config("model.linear_size=32")
    run = Run(tmp_path, config, None, (), None, None)
    assert run.lacks == "" and is_whole(tmp_path, config) and not has_sentence_encoder(tmp_path)
    (tmp_path / LINEAR_FILE).unlink()
    assert run.lacks and not is_whole(tmp_path, config)


def test_linear_models_of_which_none_has_a_say_are_not_kept(tmp_path):
    encoder = FRAME_ENCODERS["efficientnet_tiny"](image_size=32, motion=False)
    space = LinearSpace(3, 8, 2, name="contrastive")
    space.share.assign(0.0)
    _keep(LinearExperts(encoder, 96, 2, 32, 3, {}, space), tmp_path)  # the encoder would read each clip for nothing
    assert (tmp_path / LINEAR_FILE).stat().st_size == 0


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_sentences_and_a_space_without_a_say_are_not_kept(share, tmp_path):
    encoder = FRAME_ENCODERS["efficientnet_tiny"](image_size=32, motion=False)
    sentences = LinearSentences(5, 3, 4, name="caption")
    space = LinearSpace(3, 8, 2, tiny_sentence_encoder(), name="contrastive")
    for layer in (space, sentences):
        layer.share.assign(share)
    label = LinearClasses(2, 3, name="label")
    experts = LinearExperts(encoder, 96, 2, 32, 3, {"label": label}, space, sentences)
    frames, mask = np.full((1, 2, 32, 32, 3), 99, "uint8"), np.ones((1, 2), bool)
    experts(frames, mask)
    experts.reduce.kernel.assign(np.random.default_rng(0).normal(size=experts.reduce.kernel.shape))
    _keep(experts, tmp_path)
    again = load_model(tmp_path / LINEAR_FILE)
    assert set(again.shares) == {"label", *(("caption", "contrastive") if share else ())}
    assert has_sentence_encoder(tmp_path) == bool(share)  # by which search says what it does with unknown words
    np.testing.assert_allclose(again(frames, mask), experts(frames, mask), rtol=1e-4)


@pytest.mark.parametrize("search, told", [("minlm", "model.linear_search"), ("minilm", "pretrained install")])
def test_what_could_not_be_fitted_is_refused_before_training(search, told, tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.pretrained.packages.find", lambda name: None if name == "minilm" else find(name))
    config = tiny_config("model.linear_size=32", f"model.linear_search={search}")
    with pytest.raises(UserError, match=told):
        check_linear(config)
    with pytest.raises(UserError, match=told):
        train(config, tmp_path / "run", report=str)
    assert not (tmp_path / "run").exists()
