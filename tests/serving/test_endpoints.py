"""Endpoints opened for calls alone give what `tf.saved_model.load` gives, and need no Keras."""

import gc
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  for `tf.saved_model.load`
from tensorflow.python.eager import context

from vtkeras.run_files import SAVED_MODEL, shipped_model
from vtkeras.serving.endpoints import open_saved_model

FOLDER = shipped_model("multitask", "moving_digits") / SAVED_MODEL
CLIPS = np.random.default_rng(0).integers(0, 256, (2, 4, 32, 32, 3), np.uint8)


class Doubled(tf.Module):
    def __init__(self, factor):
        self.factor = tf.Variable(factor)

    @tf.function(
        input_signature=[tf.TensorSpec((None,), tf.float32, name="x"), tf.TensorSpec((), tf.float32, name="y")]
    )
    def scaled(self, x, y):
        return tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, v * self.factor), (0, x))[1] + y


@pytest.mark.whole
def test_outputs_are_those_of_tensorflows_loader():
    opened, loaded = open_saved_model(FOLDER), tf.saved_model.load(str(FOLDER))
    assert set(vars(opened)) == set(loaded.signatures) - {"serving_default"}
    for name, texts in {"caption": [], "answer": [["how many digits are there?"] * 2], "embed_video": []}.items():
        expected, found = getattr(loaded, name)(CLIPS, *texts), getattr(opened, name)(CLIPS, *texts)
        if name == "embed_video":
            expected, found = {"embedding": expected}, {"embedding": found}
        assert set(found) == set(expected)
        for key, value in expected.items():
            if value.dtype == tf.string:
                assert found[key].numpy().tolist() == value.numpy().tolist()
            else:
                np.testing.assert_allclose(found[key], value, atol=1e-4)


def test_two_models_whose_functions_have_the_same_names(tmp_path):
    for factor in (2.0, 3.0):
        tf.saved_model.save(Doubled(factor), str(tmp_path / str(factor)))
    # of one folder, for the numbers in the names depend on what else was traced
    two, again, three = (open_saved_model(tmp_path / folder) for folder in ("2.0", "2.0", "3.0"))
    assert two.scaled([1.0, 5.0], 1.0).numpy().tolist() == [5.0, 21.0]
    assert again.scaled(y=0.0, x=[1.0]).numpy().tolist() == [4.0]
    assert three.scaled([1.0], 0.0).numpy().tolist() == [9.0]


def test_a_model_that_is_gone_takes_its_functions_along(tmp_path):
    tf.saved_model.save(Doubled(2.0), str(tmp_path))
    opened = open_saved_model(tmp_path)
    name = opened.scaled._name
    assert context.context().has_function(name)
    del opened
    gc.collect()
    assert not context.context().has_function(name)


@pytest.mark.whole
def test_a_prediction_imports_no_keras():
    question = "how many digits are there?"
    program = (
        "import sys\nimport numpy as np\nfrom vtkeras.serving.predictor import Predictor\n"
        f"predictor = Predictor({str(FOLDER.parent)!r})\nclip = np.zeros((2, 32, 32, 3), np.uint8)\n"
        f"predictor.caption(clip), predictor.answer(clip, {question!r}), predictor.classify(clip)\n"
        "print(*{'keras', 'keras_nlp', 'tensorflow_text', 'sklearn', 'matplotlib'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"
