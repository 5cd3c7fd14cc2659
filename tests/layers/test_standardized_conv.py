"""Convolutions with standardised kernels."""

import keras
import numpy as np
import pytest

from vtkeras.layers import StandardizedConv2D


@pytest.fixture
def layer():
    layer = StandardizedConv2D(4, 3, padding="same", name="conv")
    layer.build((None, 16, 16, 8))
    return layer


def test_equals_a_plain_convolution_with_the_standardised_kernel(layer):
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 8)).astype("float32")
    kernel = np.array(layer.kernel)
    plain = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)
    plain.build(images.shape)
    apart = (kernel - kernel.mean(axis=(0, 1, 2))) / np.sqrt(kernel.var(axis=(0, 1, 2)) * 72 + 1e-4)
    plain.kernel.assign(apart)
    layer.gain.assign([1, 2, 3, 4])
    np.testing.assert_allclose(layer(images), plain(images) * np.array([1, 2, 3, 4.0]), rtol=1e-3, atol=1e-3)


def test_size_of_the_kernel_does_not_matter(layer):
    images = np.random.default_rng(0).normal(size=(1, 16, 16, 8)).astype("float32")
    before = np.array(layer(images))
    layer.kernel.assign(10 * layer.kernel + 3)
    np.testing.assert_allclose(before, layer(images), atol=0.02)


def test_keeps_the_variance_of_its_input(layer):
    images = np.random.default_rng(0).normal(size=(8, 16, 16, 8)).astype("float32")
    assert np.array(layer(images))[:, 1:-1, 1:-1].var() == pytest.approx(1, abs=0.1)


def test_a_keras_file_keeps_the_gain(layer, tmp_path):
    layer.gain.assign([1, 2, 3, 4])
    keras.Sequential([keras.Input((16, 16, 8)), layer]).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras").layers[0]
    for mine, their in zip(layer.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(their, mine)
