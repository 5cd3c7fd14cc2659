"""Linear models beside a network."""

from types import SimpleNamespace

import keras
import numpy as np
import tensorflow as tf

from tests.linear.test_models import make_preprocessor, table
from vtkeras.data.sources.base import Source
from vtkeras.linear.models import LinearModels
from vtkeras.tasks import HEADS
from vtkeras.training.experts import FittedLinear, WithVectors, add_experts


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


def test_where_no_head_has_a_linear_model_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.linear.fits.MOST_CHOICES", 2)
    models = LinearModels([HEADS["answer"]], table(np.random.default_rng(0), 30), make_preprocessor())
    spec = {"frame_features": tf.TensorSpec((2, 1, 3), tf.float32)}
    features = SimpleNamespace(encoder=keras.layers.Identity(), spec=spec)
    trainer = SimpleNamespace(data=None, model=None)
    assert add_experts(trainer, tmp_path, FittedLinear(models, features), print) == {}
    assert not [*tmp_path.iterdir()]
