"""EfficientNet-Lite: its shape, and that it is the published network."""

from pathlib import Path

import keras
import numpy as np
import pytest
from fixtures.pretrained import needs
from fixtures.torch_files import write_checkpoint

from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.encoders.efficientnet_lite import VARIANTS, efficientnet_lite, efficientnet_lite_classifier
from vtkeras.errors import UserError

# Logits and features of the package efficientnet-lite-pytorch 0.1.0 under torch 2.13, with the weights of the packages
# and the pictures below as (pixels - 127) / 128.
REFERENCE = np.load(Path(__file__).parents[1] / "fixtures" / "efficientnet_lite.npz")


def picture(size):
    """Smooth coloured noise, uint8 (1, size, size, 3)."""
    coarse = np.random.default_rng(size).integers(0, 256, (8, 8, 3)).astype("float32")
    place = np.linspace(0, 7, size)
    low = np.minimum(place.astype(int), 6)
    part = (place - low).astype("float32")
    rows = coarse[low] * (1 - part)[:, None, None] + coarse[low + 1] * part[:, None, None]
    both = rows[:, low] * (1 - part)[None, :, None] + rows[:, low + 1] * part[None, :, None]
    return both.round().astype("uint8")[None]


@pytest.mark.parametrize("name,millions", [("efficientnet_lite0", 4.7), ("efficientnet_lite2", 6.1)])
def test_has_as_many_weights_as_published(name, millions):
    model = efficientnet_lite_classifier(name, weights=None)
    assert round(sum(weight.size for weight in map(np.asarray, model.trainable_variables)) / 1e6, 1) == millions
    assert model.output_shape == (None, 1000)


@pytest.mark.whole
def test_any_size_and_gradients():
    model = efficientnet_lite("efficientnet_lite0", None)
    assert model(np.zeros((1, 97, 64, 3))).shape == (1, 4, 2, 1280)
    backbone = efficientnet_lite("efficientnet_lite0", 32)
    model = keras.Sequential([backbone, keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    before = [np.array(weight) for weight in model.trainable_variables]
    model.train_on_batch(np.random.default_rng(0).normal(size=(2, 32, 32, 3)), np.ones((2, 1)))
    changed = [np.abs(weight - old).max() > 0 for weight, old in zip(model.trainable_variables, before)]
    assert np.mean(changed) > 0.9


def logits(model, pixels):
    """What the classifier gives before its softmax."""
    dense = model.get_layer("fc")
    pooled = keras.Model(model.inputs, model.get_layer("pool").output).predict_on_batch(pixels)
    return pooled @ dense.kernel + dense.bias


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in VARIANTS])
def test_equals_the_reference(name):
    size = VARIANTS[name][2]
    model = efficientnet_lite_classifier(name)
    np.testing.assert_allclose(logits(model, picture(size))[0], REFERENCE[f"{name}_{size}_logits"], atol=1e-3)
    encoder = FRAME_ENCODERS[name](97, weights="imagenet")
    found = np.reshape(encoder(picture(97)[None]), (4, 4, 1280))
    np.testing.assert_allclose(found, REFERENCE[f"{name}_97_features"], atol=1e-3)


def test_the_reference_can_differ():
    model = efficientnet_lite_classifier("efficientnet_lite0", weights=None)
    assert np.abs(logits(model, picture(224))[0] - REFERENCE["efficientnet_lite0_224_logits"]).max() > 1


def test_weights_of_another_network_are_refused(tmp_path):
    arrays = {"_conv_stem.weight": np.zeros((32, 3, 3, 3), "float32"), "_bn0.weight": np.zeros(16, "float32")}
    path = write_checkpoint(tmp_path / "other.pth", arrays)
    with pytest.raises(UserError, match="other.pth holds no weights of efficientnet_lite0: gamma of layer bn0 is of"):
        FRAME_ENCODERS["efficientnet_lite0"](32, weights=str(path))
    path = write_checkpoint(tmp_path / "less.pth", {"_conv_stem.weight": arrays["_conv_stem.weight"]})
    with pytest.raises(UserError, match="gamma of layer bn0 is missing"):
        FRAME_ENCODERS["efficientnet_lite0"](32, weights=str(path))
