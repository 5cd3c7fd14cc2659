"""A sentence encoder that travels with a model."""

import keras
import numpy as np
import tensorflow as tf
from fixtures.pretrained import needs
from fixtures.sentences import PIECES, tiny_sentence_encoder

from vtkeras.pretrained.sentence_encoder import MOST_WORD_PIECES, SentenceEncoder, _tokenizer, load_minilm


def test_word_pieces_by_hand():
    tokens = np.asarray(tiny_sentence_encoder().tokenize(["A dog runs", "cäts", "", "Zebra"]))  # accents are dropped
    assert tokens.tolist() == [[2, 5, 6, 9, 3], [2, 7, 8, 3, 0], [2, 3, 0, 0, 0], [2, 1, 3, 0, 0]]


def test_a_long_text_is_cut():
    assert tiny_sentence_encoder().tokenize(["dog " * 1000, "dog"]).shape == (2, MOST_WORD_PIECES)


def test_a_sentence_is_the_mean_of_its_word_pieces_and_padding_tells_nothing():
    encoder = tiny_sentence_encoder()
    tokens = np.asarray(encoder.tokenize(["a dog runs", "cats"]))
    found = np.asarray(encoder(tokens))
    inputs = {"token_ids": tokens[1:, :4], "padding_mask": np.ones((1, 4), bool), "segment_ids": np.zeros((1, 4), int)}
    mean = np.asarray(encoder.backbone(inputs)["sequence_output"]).mean(axis=1)
    np.testing.assert_allclose(found[1], mean[0] / np.linalg.norm(mean), atol=1e-5)


def test_in_a_graph_it_says_the_same():
    encoder = tiny_sentence_encoder()
    signature = [tf.TensorSpec((None,), tf.string)]
    embed = tf.function(lambda texts: encoder(encoder.tokenize(texts)), input_signature=signature)
    texts = ["a dog runs", "cats", ""]
    np.testing.assert_allclose(embed(tf.constant(texts)), encoder(encoder.tokenize(texts)), atol=1e-5)


def test_it_comes_back_from_its_config():
    encoder = tiny_sentence_encoder()
    again = SentenceEncoder.from_config(encoder.get_config())
    again.set_weights(encoder.get_weights())
    tokens = encoder.tokenize(["a dog runs"])
    np.testing.assert_array_equal(again(tokens), encoder(tokens))
    assert again.pieces == PIECES and not again.trainable_variables


def test_word_pieces_are_numbers_in_any_precision(monkeypatch):
    monkeypatch.setattr("vtkeras.pretrained.sentence_encoder._tokenizer", _tokenizer.__wrapped__)  # which keeps none
    encoder = tiny_sentence_encoder()
    before = keras.mixed_precision.dtype_policy()
    try:
        keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
        tokens = encoder.tokenize(["cats"])
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    assert np.asarray(tokens).tolist() == [[2, 7, 8, 3]] and encoder(tokens).dtype == "float32"


@needs("minilm")
def test_minilm_has_its_own_pieces():
    encoder = load_minilm()
    assert len(encoder.pieces) == encoder.backbone.vocabulary_size
    assert np.asarray(encoder.tokenize(["a dog"])).tolist() == [[101, 1037, 3899, 102]]
