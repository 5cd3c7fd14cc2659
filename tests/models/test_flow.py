import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import parse_config
from vtkeras.errors import UserError
from vtkeras.models import Parts
from vtkeras.models.flow import shifted
from vtkeras.models.generators import build_generator

TOKENS = ["[PAD]", "[UNK]", "[START]", "[END]", "left", "right"]
SIZES = {"dim": 8, "num_heads": 2, "text_layers": 1}
OPTIONS = {"latent_channels": 2, "codec_dim": 8, "flow_dim": 8, "flow_blocks": 2, "motion_dim": 8, "steps": 3}


def flow(data=None, **options):
    """A flow with random weights over clips of 4 frames, 16 x 16 pixels."""
    keras.utils.set_random_seed(3)
    config = parse_config(
        {
            "data": {"num_frames": 4, "image_size": 16, "caption_length": 4, **(data or {})},
            "model": {**SIZES, "generator": "flow", "generator_options": {**OPTIONS, **options}},
        }
    )
    return build_generator(config, Parts(config, TOKENS))


@pytest.fixture(scope="module")
def model():
    """Every weight has a part in what it makes, which is mostly grey."""
    model, rng = flow(), np.random.default_rng(4)
    model.set_weights([weight + rng.normal(scale=0.1, size=weight.shape) for weight in model.get_weights()])
    model.codec.paint.bias.assign(np.full(3, 0.5))
    return model


def a_batch(model, size, seed=0):
    rng = np.random.default_rng(seed)
    draws = {name: rng.normal(size=(size, *shape)) for name, shape in model.draws["normal"].items()}
    draws |= {name: rng.uniform(size=(size, *shape)) for name, shape in model.draws["uniform"].items()}
    return {
        keys.MATCH_TOKENS: np.tile([[2, 4, 5, 0]], (size, 1)).astype("int32"),
        keys.FRAMES: rng.integers(0, 256, (size, 4, 16, 16, 3)).astype("uint8"),
        keys.FRAMES_MASK: np.ones((size, 4), bool),
        **{name: value.astype("float32") for name, value in draws.items()},
    }


def some_noise(model, size, seed=1):
    rng = np.random.default_rng(seed)
    return {part: rng.normal(size=(size, *shape)).astype("float32") for part, shape in model.noise_shapes.items()}


def test_losses_are_one_row_an_example(model):
    losses = model(a_batch(model, 3))["video"]
    assert losses.shape == (3, len(model.terms)) and np.isfinite(losses).all()
    # Codec and motion learn of the first of every two clips, and its error stands for both.
    for place in (1, 2):
        assert losses[0, place] == losses[1, place] != losses[2, place]


def test_codec_and_motion_can_learn_of_every_clip(model):
    batch, every = a_batch(model, 3), flow(share=1)
    every.set_weights(model.get_weights())
    losses, half = every(batch)["video"].numpy(), model(batch)["video"].numpy()
    assert (losses[0, 1:3] != losses[1, 1:3]).all()
    np.testing.assert_allclose(losses[::2], half[::2], rtol=1e-5)


@pytest.mark.whole
def test_training_lowers_every_loss():
    model = flow()
    batch = a_batch(model, 8)
    batch[keys.FRAMES] = np.stack([np.roll(batch[keys.FRAMES][:, 0], place, axis=1) for place in range(4)], axis=1)

    def losses():
        return model(batch)["video"].numpy().mean(axis=0)

    def fit(epochs):
        loss = lambda y_true, y_pred: keras.ops.sum(y_pred, axis=-1)  # noqa: E731
        model.compile(keras.optimizers.Adam(0.01), loss, run_eagerly=True)  # its graph takes longer than 50 steps
        model.fit(batch, np.zeros((8, 4)), batch_size=8, epochs=epochs, verbose=0)

    before = losses()
    fit(6)
    between = losses()
    assert (between[1:] < before[1:]).all()
    model.codec.trainable = False  # so that the latents stay, which grow as the codec learns
    fit(12)
    assert losses()[0] < between[0]


def test_frames_that_fill_a_clip_up_do_not_count(model):
    batch = a_batch(model, 1)
    batch[keys.FRAMES_MASK][:, 2:] = False
    other = {**batch, keys.FRAMES: batch[keys.FRAMES].copy()}
    other[keys.FRAMES][:, 2] = 255  # the motion's code looks at frames 0, 1 and 3
    np.testing.assert_allclose(model(batch)["video"], model(other)["video"], rtol=1e-5)


def test_generated_clips(model):
    tokens, noise = np.array([[2, 4, 0, 0], [2, 5, 0, 0]], "int32"), some_noise(model, 2)
    clips = model.generate(tokens, noise)
    assert clips.shape == (2, 4, 16, 16, 3) and float(tf.reduce_min(clips)) >= 0 and float(tf.reduce_max(clips)) <= 1
    alone = model.generate(tokens[1:], {part: value[1:] for part, value in noise.items()})
    np.testing.assert_allclose(alone[0], clips[1], atol=1e-5)


def test_the_candidate_with_the_words_is_taken(model):
    tokens, noise = np.array([[2, 4, 0, 0]], "int32"), some_noise(model, 1)
    alone = {}
    for place in range(model.candidates):
        same = np.repeat(noise["content"][:, place : place + 1], model.candidates, axis=1)
        alone[place] = model.generate(tokens, {**noise, "content": same}).numpy()
    latents = model._draw(noise["content"][0], model.text_encoder(tokens))
    errors = model.tagger.errors(latents, np.repeat(tokens, model.candidates, axis=0)).numpy()
    assert len(set(errors)) == model.candidates
    np.testing.assert_allclose(model.generate(tokens, noise), alone[errors.argmin()], atol=1e-5)


@pytest.fixture(scope="module")
def shown():
    """A flow whose frames show "left", 4, and not "right", 5."""
    model, rng = flow(shown_words=0.5), np.random.default_rng(4)
    model.set_weights([weight + rng.normal(scale=0.1, size=weight.shape) for weight in model.get_weights()])
    model.codec.paint.bias.assign(np.full(3, 0.5))
    model.tagger.usual_odds.assign(np.zeros(6))
    model.tagger.usual_error.assign([0.69, 0.69, 0.69, 0.69, 0.1, 0.6])  # of ln 2, 0.69, that the words are in doubt
    return model


def test_words_that_no_frame_shows_do_not_steer_the_first_frame(shown):
    def clip(*tokens):
        return shown.generate(np.array([tokens], "int32"), noise).numpy()

    noise = some_noise(shown, 1)
    noise["content"][:] = noise["content"][:, :1]  # whichever is taken
    one, both, neither = clip(2, 4, 0, 0), clip(2, 4, 5, 0), clip(2, 5, 0, 0)
    np.testing.assert_allclose(one[:, 0], both[:, 0], atol=1e-6)
    assert np.abs(one[:, 1:] - both[:, 1:]).max() > 1e-4  # the motion reads every word
    assert np.abs(one[:, 0] - neither[:, 0]).max() > 1e-4


def test_every_part_learns_with_shown_words(shown):
    batch = a_batch(shown, 2)
    batch["wordless"][:] = 1.0  # no latent is learned without its words
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(shown(batch)["video"])
    variables = shown.shown_words.trainable_variables + [shown.tagger.usual_odds, shown.tagger.usual_error]
    for gradient in tape.gradient(loss, [variable.value for variable in variables]):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0


def test_a_file_brings_shown_words_back(shown, tmp_path):
    shown.save(tmp_path / "flow.keras")
    again = keras.saving.load_model(tmp_path / "flow.keras")
    tokens, noise = np.array([[2, 4, 5, 0]], "int32"), some_noise(shown, 1)
    np.testing.assert_allclose(again.generate(tokens, noise), shown.generate(tokens, noise), atol=1e-6)
    assert [part.name for part in again.parts()][-1] == "shown_words" and again.share == shown.share


def test_a_given_first_frame_stays(model):
    first = np.random.default_rng(2).uniform(size=(1, 16, 16, 3)).astype("float32")
    clip = model.generate(np.array([[2, 4, 0, 0]], "int32"), some_noise(model, 1), first_frame=first)
    np.testing.assert_array_equal(clip[:, 0], first)


def test_each_noise_draws_its_part(model):
    tokens, noise, other = np.array([[2, 4, 0, 0]], "int32"), some_noise(model, 1), some_noise(model, 1, seed=9)
    clip = model.generate(tokens, noise).numpy()
    moved = model.generate(tokens, {**noise, "motion": other["motion"]}).numpy()
    drawn = model.generate(tokens, {**noise, "content": other["content"]}).numpy()
    np.testing.assert_array_equal(moved[:, 0], clip[:, 0])
    assert np.abs(moved[:, 1:] - clip[:, 1:]).max() > 1e-4 and np.abs(drawn[:, 0] - clip[:, 0]).max() > 1e-4


def test_a_file_brings_the_model_back(model, tmp_path):
    model.save(tmp_path / "flow.keras")
    again = keras.saving.load_model(tmp_path / "flow.keras")
    tokens, noise = np.array([[2, 4, 0, 0]], "int32"), some_noise(model, 1)
    np.testing.assert_allclose(again.generate(tokens, noise), model.generate(tokens, noise), atol=1e-6)
    assert again.draws == model.draws


def test_shifted_times_by_hand():
    # 0.5 / (0.5 + 3 * 0.5) = 1 / 4; the ends stay.
    np.testing.assert_allclose(shifted(np.array([0, 0.5, 1]), 3.0), [0, 0.25, 1])


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ({"image_size": 40}, {}, "data.image_size 40 is not a multiple of 16"),
        ({"num_frames": 1}, {}, "data.num_frames 1: the flow needs 2 frames"),
        ({}, {"wings": 2}, "wings"),
    ],
)
def test_what_cannot_be_built_is_told(data, options, message):
    with pytest.raises(UserError, match=message):
        flow(data, **options)
