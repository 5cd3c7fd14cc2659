"""Captions of a network and of a linear model of sentences, together."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.models import LinearExperts, LinearSentences
from vtkeras.models.linear_sentences import NEVER_NEW
from vtkeras.tasks import TASKS

TASK = TASKS["captioning"]
SENTENCES = ["digit 3 is moving up and down", "digit 4 is moving left and right", "digit 5 is moving up and down"]


@pytest.fixture(scope="module")
def sentences(preprocessor):
    """A linear model of two components, which says the first sentence for (1, 0) and the second for (0, 1)."""
    tokens = preprocessor.caption(tf.constant(SENTENCES))[1].numpy()
    layer = LinearSentences(3, 2, tokens.shape[1], offered=2, name="caption")
    layer.kernel.assign([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
    layer.tokens.assign(tokens)
    return layer


@pytest.fixture(scope="module")
def read(tiny_model, preprocessor, sentences):
    """Makes a reader and what it reads of two clips, with the linear model or without."""
    shape = (2, preprocessor.config.num_frames, preprocessor.config.image_size, preprocessor.config.image_size, 3)
    frames = np.random.default_rng(0).integers(0, 256, shape, "uint8")
    experts = LinearExperts(keras.layers.Identity(), 3, 2, 16, 2, {}, sentences=sentences)

    def read(beside=True):
        reader = TASK.reader(tiny_model, preprocessor, TASK.heads, experts=experts if beside else None)
        video = reader.encode_video(*preprocessor.clips(tf.constant(frames)))
        return reader, {**video, keys.LINEAR: tf.eye(2)}

    return read


def captions(reader, video):
    return [text.decode() for text in reader.write_caption(video)["caption"].numpy()]


@pytest.mark.whole
def test_the_share_says_whose_sentence_is_taken(read, sentences):
    alone = captions(*read(beside=False))
    sentences.share.assign(0.0)
    assert captions(*read()) == alone
    both, without = (reader.write_caption(video)["score"] for reader, video in (read(), read(beside=False)))
    np.testing.assert_allclose(both, without, rtol=1e-3)  # the only sentence is not a sure one for that
    sentences.share.assign(1e3)
    sentences.new.assign(NEVER_NEW)
    assert captions(*read()) == SENTENCES[:2] != alone


def test_a_caption_is_as_sure_as_the_linear_model_whose_it_is(read, sentences):
    sentences.share.assign(1e3)
    sentences.new.assign(NEVER_NEW)
    reader, video = read()
    # Of three sentences one is e^3 times as likely as each other one: e^3 / (e^3 + 2) = 0.909. What the network, which
    # has learned nothing, thinks of its words counts a thousandth.
    found = reader.write_caption(video)
    np.testing.assert_allclose(found["score"], [0.909, 0.909], atol=0.04)
    assert tf.reduce_max(tf.reduce_prod(tf.where(found["token_ids"] > 0, found["probabilities"], 1.0), axis=1)) < 1e-3


def test_candidates_are_weighed_by_the_likelihood_of_their_words(read, sentences):
    reader, video = read()
    candidates, network, linear = reader.weigh_sentences(video)
    assert network.shape == linear.shape == (2, 3)
    tokens = candidates["tokens"].numpy().reshape(2, 3, -1)
    for place in range(3):
        found = reader.read_back(tokens[:, place], video)
        product = np.where(tokens[:, place] > 0, found["probabilities"], 1.0).prod(axis=1)
        np.testing.assert_allclose(np.exp(network[:, place]), product, rtol=1e-3)


def test_a_text_is_read_back_as_it_was_written(read):
    reader, video = read(beside=False)
    written = reader.write_greedily(video, max_length=reader.preprocessor.config.caption_length)
    found = reader.read_back(written["tokens"], video)
    np.testing.assert_allclose(found["probabilities"], written["probabilities"], atol=1e-4)
    np.testing.assert_allclose(found["scores"], written["scores"], atol=1e-4)
