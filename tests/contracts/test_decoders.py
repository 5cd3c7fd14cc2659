"""What every decoding strategy must hold, with a small random `TextDecoder` behind it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from vtkeras.fusion import FUSIONS
from vtkeras.generation import DECODERS
from vtkeras.models import DecoderBlock, TextDecoder

PAD, START, END = 0, 2, 3
VOCABULARY, LENGTH, PLACES, DIM = 9, 7, 5, 8
RULES = {"forbidden_ids": (PAD, START)}
RNG = np.random.default_rng(1)
CONTEXT = RNG.normal(size=(3, PLACES, DIM)).astype("float32")
MASK = np.array([[True] * 5, [True, True, False, True, False], [False] * 5])


@pytest.fixture(scope="module")
def decoder():
    keras.utils.set_random_seed(2)
    blocks = [DecoderBlock(FUSIONS["cross_attention"](dim=DIM, num_heads=2)) for _ in range(2)]
    decoder = TextDecoder(VOCABULARY, LENGTH, blocks)
    decoder(np.ones((3, LENGTH), "int32"), CONTEXT, MASK)
    for variable in decoder.trainable_variables:
        variable.assign_add(RNG.normal(0, 0.3, variable.shape))
    return decoder


@pytest.fixture(params=DECODERS)
def name(request):
    return request.param


def decode(name, decoder, context, mask, **options):
    """Tokens, probabilities and scores; the whole cache is the state, memory too."""
    state = decoder.start(context, mask, LENGTH)
    starts = ops.full((ops.shape(context)[0],), START, "int32")
    return DECODERS[name](decoder.step, state, starts, END, LENGTH, **{**RULES, **options})


def lengths(tokens):
    """Tokens of every text, the end token included."""
    return [text.index(END) + 1 if END in text else LENGTH for text in np.asarray(tokens).tolist()]


@pytest.mark.parametrize("batch", [1, 3])
def test_shapes_and_ends(name, decoder, batch):
    found = decode(name, decoder, CONTEXT[:batch], MASK[:batch])
    assert found["tokens"].shape == found["probabilities"].shape == (batch, LENGTH)
    assert found["tokens"].dtype == "int32" and found["probabilities"].dtype == "float32"
    assert found["scores"].shape == (batch, LENGTH, 2, 2, PLACES)
    for row, length in enumerate(lengths(found["tokens"])):
        keys = ("tokens", "probabilities", "scores")
        tokens, probabilities, scores = (np.asarray(found[key])[row] for key in keys)
        assert not {PAD, START} & set(tokens[:length].tolist())
        assert not tokens[length:].any() and not probabilities[length:].any() and not scores[length:].any()
        assert (probabilities[:length] > 0).all() and (probabilities[:length] <= 1).all()


def test_equals_decoding_again_without_cache(name, decoder):
    found = decode(name, decoder, CONTEXT, MASK)
    tokens = np.asarray(found["tokens"])
    inputs = np.concatenate([np.full((3, 1), START), tokens[:, :-1]], axis=1)
    logits, scores = decoder(inputs, CONTEXT, MASK, return_scores=True)
    chances = np.take_along_axis(np.asarray(ops.softmax(logits)), tokens[:, :, None], axis=2)[:, :, 0]
    scores = np.transpose(np.asarray(scores), (1, 3, 0, 2, 4))  # (batch, length, blocks, heads, places)
    for row, length in enumerate(lengths(tokens)):
        np.testing.assert_allclose(
            np.log(found["probabilities"][row, :length]), np.log(chances[row, :length]), atol=1e-4
        )
        np.testing.assert_allclose(found["scores"][row, :length], scores[row, :length], atol=1e-5)


def test_in_the_graph_equals_eager(name, decoder):
    specs = [tf.TensorSpec((None, PLACES, DIM), tf.float32), tf.TensorSpec((None, PLACES), tf.bool)]
    run = tf.function(lambda context, mask: decode(name, decoder, context, mask), input_signature=specs)
    for batch in (3, 1):
        eager, graph = decode(name, decoder, CONTEXT[:batch], MASK[:batch]), run(CONTEXT[:batch], MASK[:batch])
        assert set(eager) == set(graph)
        for key in eager:
            np.testing.assert_allclose(graph[key], eager[key], atol=1e-5, err_msg=key)
    assert run(CONTEXT[:0], MASK[:0])["tokens"].shape == (0, LENGTH)  # an empty batch gives nothing


@pytest.mark.whole
def test_compiled_and_saved_it_writes_the_same(decoder, tmp_path):
    specs = [tf.TensorSpec((None, PLACES, DIM), tf.float32), tf.TensorSpec((None, PLACES), tf.bool)]
    module = tf.Module()
    module.weights = [variable.value for variable in decoder.variables]
    module.write = tf.function(
        lambda context, mask: decode("greedy", decoder, context, mask), input_signature=specs, jit_compile=True
    )
    tf.saved_model.save(module, str(tmp_path / "saved"))
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    for batch in (1, 3):
        given = CONTEXT[:batch], MASK[:batch]
        expected, found = decode("greedy", decoder, *given), loaded.write(*given)
        for key in expected:
            np.testing.assert_allclose(found[key], expected[key], atol=1e-5, err_msg=key)


def test_options_as_tensors(name, decoder):
    options = {
        "greedy": {},
        "beam": {"width": 2, "length_penalty": 1.5},
        "sample": {"temperature": 1.5, "top_k": 3, "top_p": 0.9, "seed": 4},
    }[name]
    limits = {"min_length": 2, "no_repeat_ngram": 2}

    def write(length, limits, options):
        state = decoder.start(CONTEXT, MASK, LENGTH)
        starts = ops.full((3,), START, "int32")
        return DECODERS[name](decoder.step, state, starts, END, length, **RULES, **limits, **options)

    as_tensors = [tf.nest.map_structure(tf.constant, values) for values in (5, limits, options)]
    plain, tensors = write(5, limits, options), tf.function(write)(*as_tensors)
    for key in plain:
        np.testing.assert_allclose(tensors[key], plain[key], atol=1e-5, err_msg=key)
    assert tensors["tokens"].shape == (3, 5)


def test_texts_that_end_at_once(name, decoder):
    def ending(tokens, index, state):
        logits, state, scores = decoder.step(tokens, index, state)
        return logits + 1e4 * ops.one_hot(END, VOCABULARY), state, scores

    starts = ops.full((3,), START, "int32")
    found = DECODERS[name](ending, decoder.start(CONTEXT, MASK, LENGTH), starts, END, LENGTH, **RULES)
    np.testing.assert_array_equal(found["tokens"], np.eye(1, LENGTH).repeat(3, axis=0) * END)
    np.testing.assert_allclose(found["probabilities"], np.eye(1, LENGTH).repeat(3, axis=0))


def test_minimum_length_and_no_repeat(name, decoder):
    found = decode(name, decoder, CONTEXT, MASK, min_length=3, no_repeat_ngram=1)
    for text, length in zip(np.asarray(found["tokens"]).tolist(), lengths(found["tokens"])):
        assert length > 3 and len(set(text[:length])) == length


def test_one_token_at_most(name, decoder):
    starts = ops.full((3,), START, "int32")
    found = DECODERS[name](decoder.step, decoder.start(CONTEXT, MASK, 1), starts, END, 1, **RULES)
    assert found["tokens"].shape == (3, 1) and np.all(np.asarray(found["tokens"]) > 0)
