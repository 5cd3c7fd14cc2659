import keras
import numpy as np
import tensorflow as tf

from vtkeras.models.word_tagger import WordTagger


def test_errors_by_hand():
    tagger = WordTagger(4, dim=4)
    latents = np.ones((2, 4, 4, 2), "float32")
    tagger(latents)
    kernel, _ = tagger.judge.get_weights()
    tagger.judge.set_weights([np.zeros_like(kernel), np.array([9.0, 2.0, -1.0, 0.0])])
    # Words 1 and 3 are there: log(1 + e^-2) + log(1 + e^-1) + log 2; the padding, 0, does not count. Without words:
    # log(1 + e^2) + log(1 + e^-1) + log 2.
    found = tagger.errors(latents, np.array([[3, 1, 1, 0], [0, 0, 0, 0]], "int32"))
    np.testing.assert_allclose(found, [0.126928 + 0.313262 + 0.693147, 2.126928 + 0.313262 + 0.693147], rtol=1e-5)


def test_errors_count_by_what_frames_tell_of_a_word():
    tagger = WordTagger(4, dim=4, weighs=True)
    latents = np.ones((1, 4, 4, 2), "float32")
    tagger(latents)
    kernel, _ = tagger.judge.get_weights()
    tagger.judge.set_weights([np.zeros_like(kernel), np.array([9.0, 2.0, -1.0, 0.0])])
    tagger.usual_odds.assign([0.0, 0.0, 0.0, 20.0])
    tagger.usual_error.assign([0.0, 0.1, 0.8, 0.0])
    # Half of the captions have words 1 and 2, a doubt of log 2 = 0.6931, of which frames take 0.5931 of word 1, which
    # counts (0.6931 - 0.1) / (0.6931 + 0.02), and nothing of word 2; all captions have word 3, which nothing can show.
    np.testing.assert_allclose(tagger.shown()[1:], [0.831732, 0.0, 0.0], atol=1e-5)
    found = tagger.errors(latents, np.array([[1, 0, 0, 0]], "int32"))
    np.testing.assert_allclose(found, [0.831732 * 0.126928], rtol=1e-4)


def test_what_frames_tell_of_a_word_is_learned():
    rng, tagger = np.random.default_rng(0), WordTagger(4, dim=8, weighs=True)
    there = rng.integers(0, 2, (64, 2))
    latents = np.zeros((64, 4, 4, 2), "float32")
    latents[..., 0] = 2.0 * there[:, :1, None] - 1  # word 1 is seen, word 2 is not, and all captions have word 3
    tokens = np.stack([there[:, 0], 2 * there[:, 1], np.full(64, 3)], axis=1).astype("int32")
    tagger(latents)
    optimizer = keras.optimizers.Adam(0.02)
    for _ in range(250):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tagger.losses(latents, tokens))
        values = [variable.value for variable in tagger.trainable_variables]
        optimizer.apply(tape.gradient(loss, values), tagger.trainable_variables)
    shown = tagger.shown().numpy()
    assert shown[1] > 0.8 and shown[2] < 0.3
