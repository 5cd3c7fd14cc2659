"""The generator that trains against discriminators: shapes, what it depends on, its losses by hand, and a file."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from vtkeras import keys
from vtkeras.models import Parts
from vtkeras.models.adversarial import _divergence, _draw, _squared_error
from vtkeras.models.generators import build_generator

SIZES = "{content_dim: 4, motion_dim: 3, channels: 4, discriminator_channels: 4}"
CLIP = (2, 16, 16, 3)
TOKENS = tf.constant([[2, 5, 6, 0], [2, 7, 0, 0]])
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model(tiny_config, vocabulary):
    keras.utils.set_random_seed(3)
    config = tiny_config(
        "task=text_to_video", "model.generator=adversarial", f"model.generator_options={SIZES}", "data.num_frames=2",
        "data.image_size=16", "data.caption_length=4", "model.dim=8", "model.dropout=0",
    )  # fmt: skip
    return build_generator(config, Parts(config, vocabulary.tokens))


def noise(seed=0):
    drawn = np.random.default_rng(seed).normal(size=(2, 7)).astype("float32")
    return {"content": drawn[:, :4], "motion": drawn[:, 4:]}


def test_clips_depend_on_words_noise_and_the_given_picture(model):
    assert model.noise_shapes == {"content": (4,), "motion": (3,)}
    assert model.draws == {"normal": {"posterior_content": (4,), "posterior_motion": (3,)}}
    clips = model.generate(TOKENS, noise()).numpy()
    assert clips.shape == (2, *CLIP) and 0 <= clips.min() < clips.max() <= 1
    picture = tf.constant(RNG.uniform(size=(2, 16, 16, 3)), tf.float32)
    others = [
        model.generate(TOKENS[::-1], noise()),
        model.generate(TOKENS, {**noise(), "content": noise(1)["content"]}),
        model.generate(TOKENS, {**noise(), "motion": noise(1)["motion"]}),
        model.generate(TOKENS, noise(), picture),
    ]
    assert all(np.abs(other - clips).max() > 1e-5 for other in others)
    # The picture stands for the content, whatever its noise.
    again = model.generate(TOKENS, {**noise(), "content": noise(1)["content"]}, picture)
    np.testing.assert_allclose(again, others[-1], atol=1e-6)
    # A clip does not depend on what is beside it.
    alone = model.generate(TOKENS[:1], {part: value[:1] for part, value in noise().items()})
    np.testing.assert_allclose(alone, clips[:1], atol=1e-5)


def batch(mask=((True, True), (True, True))):
    drawn = {f"posterior_{part}": value for part, value in noise().items()}
    frames = np.random.default_rng(1).integers(0, 256, (2, *CLIP)).astype("uint8")
    inputs = {keys.MATCH_TOKENS: TOKENS, keys.FRAMES: frames, keys.FRAMES_MASK: np.array(mask), **drawn}
    return {name: tf.constant(value) for name, value in inputs.items()}


def test_its_losses_are_those_of_an_autoencoder(model):
    losses = model(batch())["video"].numpy()
    assert losses.shape == (2, len(model.terms)) and (losses > 0).all()
    real = tf.cast(batch()[keys.FRAMES], tf.float32) / 255
    words = model.text_encoder(TOKENS)
    found = model.encoder({keys.FRAMES: real, keys.POOLED: words[keys.POOLED]})
    drawn = {part: _draw(found[part], noise()[part]) for part in found}
    error = np.mean((model.generate(TOKENS, drawn) - real) ** 2, axis=(1, 2, 3, 4))
    np.testing.assert_allclose(losses[:, 0], 100 * error, rtol=1e-4)
    padded = model(batch(mask=((True, False), (True, True))))["video"].numpy()
    assert padded[0, 0] != losses[0, 0] and padded[1, 0] == pytest.approx(losses[1, 0])


def test_the_parts_of_its_losses_by_hand():
    # Mean 1 and variance 1: 1/2; mean 0 and variance e: (e - 1 - 1) / 2.
    gaussian = ops.array([[[1.0, 0.0], [0.0, 1.0]]])
    np.testing.assert_allclose(_divergence(gaussian), [0.5 + (np.e - 2) / 2], rtol=1e-6)
    np.testing.assert_allclose(_draw(gaussian, ops.array([[2.0, -1.0]])), [[3.0, -np.exp(0.5)]], rtol=1e-6)
    real = np.zeros((1, 2, 1, 1, 2), "float32")
    made = real + np.array([1.0, 3.0], "float32")[:, None, None, None]
    for mask, expected in (([True, True], 5), ([True, False], 1), ([False, False], 0)):
        np.testing.assert_allclose(_squared_error(real, made, ops.array([mask])), [expected])


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_discriminators_look_at_frames_and_words(model, spectral_norm):
    clips = tf.constant(RNG.uniform(size=(2, *CLIP)), tf.float32)
    found = model.discriminators(spectral_norm=spectral_norm)
    assert list(found) == ["frame", "video"]
    for name, one in found.items():
        scores = one({keys.FRAMES: clips, keys.MATCH_TOKENS: TOKENS}, training=spectral_norm)
        assert scores.shape[0] == 2 and (name == "video" or scores.shape == (2, 2))
        other = one({keys.FRAMES: clips, keys.MATCH_TOKENS: TOKENS[::-1]})
        assert np.abs(scores - other).max() > 1e-6
        turned = one({keys.FRAMES: clips[:, ::-1], keys.MATCH_TOKENS: TOKENS})
        backwards = turned[:, ::-1] if name == "frame" else turned
        close = np.allclose(backwards, one({keys.FRAMES: clips, keys.MATCH_TOKENS: TOKENS}), atol=1e-5)
        assert close == (name == "frame"), "only the one that sees the clip knows the order of frames"
    if spectral_norm:
        normed = [layer for layer in found["frame"].layers if isinstance(layer, keras.layers.SpectralNormalization)]
        assert normed
    mine = found["frame"].get_layer("text_encoder").trainable_variables
    assert all(one is not other for one in mine for other in model.text_encoder.trainable_variables)


def test_round_trip_through_a_file(model, tmp_path):
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_allclose(copy(batch())["video"], model(batch())["video"], rtol=1e-5)
    np.testing.assert_allclose(copy.generate(TOKENS, noise()), model.generate(TOKENS, noise()), atol=1e-6)
    assert copy.discriminator == model.discriminator == {"channels": 4, "num_heads": 2}
