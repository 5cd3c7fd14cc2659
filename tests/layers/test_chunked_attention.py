"""Attention by chunks against attention in one piece: outputs, gradients, masks, dropout, memory, files."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import vtkeras.layers.cross_attention as plain_module
from vtkeras.layers import CrossAttention, causal_mask, masked_softmax
from vtkeras.layers.attention_memory import KeysAndValues, ProjectedContext, SharedContext
from vtkeras.layers.chunked_attention import chunked_attention
from vtkeras.layers.cross_attention import few_scores, folding_pays

BATCH, HEADS, ROWS, LENGTH, WIDTH, CONTEXT_WIDTH = 2, 3, 5, 37, 4, 6
SEED = tf.constant([7, 9], "int64")


def normal(*shape, seed=0, scale=1.0):
    return tf.constant(np.random.default_rng([seed, *shape]).normal(0, scale, shape), "float32")


QUERY = normal(BATCH, HEADS, ROWS, WIDTH, scale=0.5)
PARTS = {
    "keys_and_values": [normal(BATCH, HEADS, LENGTH, WIDTH, seed=seed) for seed in (1, 2)],
    "projected": [
        normal(BATCH, LENGTH, CONTEXT_WIDTH),
        normal(CONTEXT_WIDTH, 2 * HEADS * WIDTH, scale=0.4),
        normal(2 * HEADS * WIDTH),
    ],
    "shared": [normal(BATCH, LENGTH, WIDTH)],
}
MEMORIES = {
    "keys_and_values": KeysAndValues,
    "projected": lambda *parts: ProjectedContext(*parts, heads=HEADS),
    "shared": SharedContext,
}
MASK = np.random.default_rng(3).random((BATCH, 1, 1, LENGTH)) < 0.7
MASK[1] = False  # the second example may read nothing


def close(found, expected):
    """Equal within 1e-5, of the largest entry where that is above 1."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))


def in_one_piece(query, memory, mask, causal, weights=lambda scores: scores):
    """The definition, with all scores at once."""
    key, value = memory.load(memory.parts, memory.weights)
    readable = np.ones((BATCH, HEADS, ROWS, LENGTH), bool) if mask is None else mask
    if causal:
        readable = readable & np.asarray(causal_mask(ROWS, LENGTH))
    return weights(masked_softmax(query @ tf.linalg.matrix_transpose(key), readable)) @ value


def with_gradients(attention, kind, *options):
    """Output, and gradients of query and of what keys and values come from, of a random sum of the output."""
    tensors = [QUERY, *PARTS[kind]]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        output = attention(tensors[0], MEMORIES[kind](*tensors[1:]), *options)
        total = tf.reduce_sum(output * normal(*output.shape, seed=5))
    return [output, *tape.gradient(total, tensors)]


@pytest.mark.parametrize("kind", MEMORIES)
@pytest.mark.parametrize("mask,causal", itertools.product([None, MASK], [False, True]))
def test_output_and_gradients_equal_attention_in_one_piece(kind, mask, causal):
    expected = with_gradients(in_one_piece, kind, mask, causal)
    for chunk_length in (1, 8, 37, 100):  # 8 does not divide 37: the last chunk of 5 begins early
        found = with_gradients(chunked_attention, kind, mask, causal, 0.0, None, chunk_length)
        for mine, theirs in zip(found, expected, strict=True):
            close(mine, theirs)
    if mask is not None:
        assert (np.asarray(found[0][1]) == 0).all() and (np.asarray(found[1][1]) == 0).all()
        assert np.abs(found[1][0]).max() > 0


@pytest.mark.parametrize("jit", [False, True])
def test_in_a_graph_of_unknown_lengths(jit):
    kind = "projected"
    expected = with_gradients(in_one_piece, kind, MASK, True)
    signature = [tf.TensorSpec([None] * 4), tf.TensorSpec([None, None, CONTEXT_WIDTH])]

    @tf.function(jit_compile=jit, input_signature=[*signature, tf.TensorSpec((None, 1, 1, None), "bool")])
    def both(query, context, mask):
        query = tf.ensure_shape(query, (None, HEADS, None, WIDTH))
        with tf.GradientTape() as tape:
            tape.watch([query, context])
            memory = MEMORIES[kind](context, *PARTS[kind][1:])
            output = chunked_attention(query, memory, mask, causal=True, chunk_length=8)
            total = tf.reduce_sum(output * normal(*QUERY.shape, seed=5))
        return [output, *tape.gradient(total, [query, context])]

    for mine, theirs in zip(both(QUERY, PARTS[kind][0], MASK), expected):
        close(mine, theirs)


def test_softmax_under_way_is_rescaled_by_hand():
    # Scores 0, log 3 and then, in a chunk of its own, 200, whose exponential no float32 holds: beside
    # it the others are nothing. Read without it, values 4 and 8 give (4 * 1 + 8 * 3) / 4 = 7.
    key = np.array([0, np.log(3), 200], "float32").reshape(1, 1, 3, 1)
    value = np.array([4, 8, 5], "float32").reshape(1, 1, 3, 1)
    memory, query = KeysAndValues(tf.constant(key), tf.constant(value)), tf.ones((1, 1, 1, 1))
    np.testing.assert_allclose(chunked_attention(query, memory, chunk_length=1), [[[[5]]]])
    mask = np.array([[[[True, True, False]]]])
    np.testing.assert_allclose(chunked_attention(query, memory, mask, chunk_length=1), [[[[7]]]], atol=1e-6)


@pytest.mark.parametrize("dtype,tolerance", [("float16", 0.01), ("bfloat16", 0.06)])
def test_half_precision_keeps_a_float32_softmax(dtype, tolerance):
    expected = in_one_piece(QUERY, MEMORIES["projected"](*PARTS["projected"]), MASK, False)
    memory = MEMORIES["projected"](*[tf.cast(part, dtype) for part in PARTS["projected"]])
    output = chunked_attention(tf.cast(QUERY, dtype), memory, MASK, chunk_length=8)
    assert output.dtype == dtype
    np.testing.assert_allclose(tf.cast(output, "float32"), expected, atol=tolerance)
    # 300 equal scores: sums of weights that float16 would round to 1/256 steps are exact in float32.
    same = KeysAndValues(tf.zeros((1, 1, 300, 1), dtype), tf.ones((1, 1, 300, 1), dtype))
    output = chunked_attention(tf.zeros((1, 1, 1, 1), dtype), same, chunk_length=7)
    np.testing.assert_allclose(tf.cast(output, "float32"), 1)


def test_dropout_drops_weights_and_scales_the_rest():
    # All scores equal and the values a unit matrix, so the output shows each weight: 1 / 64, and after
    # dropout of a quarter 0 or (4 / 3) / 64. 3,840 draws: a share of 1/4 within 0.03 (4 deviations).
    value = tf.eye(64, batch_shape=[2, 3])
    memory = KeysAndValues(tf.zeros((2, 3, 64, 1)), value)
    query = tf.zeros((2, 3, 10, 1))

    def drop(seed):
        return np.asarray(chunked_attention(query, memory, dropout=0.25, seed=seed, chunk_length=16))

    found = drop(SEED) * 64
    assert ((found == 0) | (np.abs(found - 4 / 3) < 1e-5)).all() and abs((found == 0).mean() - 0.25) < 0.03
    chunks = (found == 0).reshape(60, 4, 16)
    assert all((chunks[:, i] != chunks[:, j]).any() for i, j in itertools.combinations(range(4), 2))
    np.testing.assert_allclose(drop(SEED), found / 64, atol=1e-6)
    assert (drop(SEED + 1) != found / 64).any()


@pytest.mark.parametrize("jit", [False, True])
def test_backward_pass_drops_what_the_forward_pass_dropped(jit):
    # Against the derivative along a random direction, from both sides.
    kind = "projected"
    tensors = [QUERY, *PARTS[kind]]

    @tf.function(jit_compile=jit)
    def total(*tensors):
        memory = MEMORIES[kind](*tensors[1:])
        output = chunked_attention(tensors[0], memory, MASK, dropout=0.4, seed=SEED, chunk_length=8)
        return tf.reduce_sum(output * normal(*output.shape, seed=5))

    @tf.function(jit_compile=jit)
    def gradients(*tensors):
        return tf.gradients(total(*tensors), tensors)

    for number, (tensor, gradient) in enumerate(zip(tensors, gradients(*tensors))):
        step = normal(*tensor.shape, seed=8, scale=1e-2)
        moved = [[t + sign * step if i == number else t for i, t in enumerate(tensors)] for sign in (1, -1)]
        along = (float(total(*moved[0])) - float(total(*moved[1]))) / 2
        np.testing.assert_allclose(along, float(tf.reduce_sum(gradient * step)), rtol=0.01, atol=2e-4)


def layer_and_inputs(rows, length, **options):
    layer = CrossAttention(**{"dim": 8, "num_heads": 2, **options})
    layer.build((None, None, 5), (None, None, 7))
    for number, variable in enumerate(layer.trainable_variables):
        variable.assign(normal(*variable.shape, seed=number, scale=0.5))
    return layer, normal(2, rows, 5), normal(2, length, 7)


def layer_results(layer, query, context, **call):
    with tf.GradientTape() as tape:
        tape.watch([query, context])
        output = layer(query, context, **call)
        total = tf.reduce_sum(output * normal(*output.shape, seed=5))
    variables = [v for v in layer.trainable_variables if v.path.split("/")[-2:] != ["key", "bias"]]
    return [output, *tape.gradient(total, [query, context, *variables])]


def every_way(monkeypatch):
    """Sets the layer's rules to each combination of (in one piece or by chunks, folded or projected)."""
    for few, folds in itertools.product([True, False], repeat=2):
        monkeypatch.setattr(plain_module, "few_scores", lambda *_, few=few: few)
        monkeypatch.setattr(plain_module, "folding_pays", lambda *_, folds=folds: folds)
        yield few, folds


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_layer_gives_the_same_every_way(monkeypatch, causal, masked):
    layer, query, context = layer_and_inputs(rows=3, length=150)
    mask = np.random.default_rng(4).random((2, 150)) < 0.5 if masked else None
    results = []
    for _ in every_way(monkeypatch):
        results.append(layer_results(layer, query, context, context_mask=mask, causal=causal))
    for found in results[:-1]:
        for mine, theirs in zip(found, results[-1], strict=True):
            close(mine, theirs)


def test_layer_trains_with_dropout_every_way(monkeypatch):
    for way in every_way(monkeypatch):
        layer, query, context = layer_and_inputs(rows=3, length=150, dropout=0.5)
        plain = layer_and_inputs(rows=3, length=150)[0](query, context)
        np.testing.assert_allclose(layer(query, context), plain, atol=1e-5, err_msg=str(way))
        first, *gradients = layer_results(layer, query, context, training=True)
        assert np.abs(first - layer(query, context, training=True)).max() > 1e-3, way
        assert all(np.isfinite(gradient).all() and np.abs(gradient).max() > 0 for gradient in gradients), way


def test_folded_scores_are_those_of_the_projected_context(monkeypatch):
    layer, query, context = layer_and_inputs(rows=3, length=150)
    scores = {}
    for few, folds in every_way(monkeypatch):
        scores[few, folds] = layer(query, context, return_scores=True)[1]
    for found in scores.values():
        np.testing.assert_allclose(found, scores[True, False], atol=1e-6)


def test_rules_by_hand():
    # 2 * 512 * 512 = 2^19 scores are held, one row more is not; nor is what is not known beforehand.
    assert few_scores(2, 512, 512) and not few_scores(2, 513, 512)
    assert not few_scores(2, None, 512) and not few_scores(2, 512, None)
    # A context position of width 10 with dim 6, 3 heads and 2 rows: projected 6 * (10 + 2) = 72 products
    # for key and scores, folded 3 * 2 * 10 = 60; folding costs 2 * 6 * 10 = 120, so it pays above 10
    # positions, and is tried from 64 on. With 3 rows: 6 * 13 = 78 against 90.
    assert folding_pays(2, 64, 10, 6, 3) and not folding_pays(2, 63, 10, 6, 3)
    assert not folding_pays(3, 64, 10, 6, 3)
    assert folding_pays(2, None, 10, 6, 3) and not folding_pays(None, 64, 10, 6, 3)


def largest_tensor(function):
    """The most elements that a tensor has in a function's graph or in one that it calls."""
    names = [inner.signature.name for inner in function.graph.as_graph_def().library.function]
    sizes = []
    for graph in [function.graph, *(function.graph._get_function(name).graph for name in names)]:
        for op in graph.get_operations():
            sizes += [tensor.shape.num_elements() or 0 for tensor in op.outputs if tensor.shape.rank]
    return max(sizes)


@pytest.mark.parametrize("rows", [8, 512])
def test_no_tensor_of_query_times_context(rows):
    # Context 2 x 65,536 x 7; 8 rows are folded, 512 projected. Scores would be 2 x 2 x rows x 65,536.
    length = 2**16
    layer, *_ = layer_and_inputs(rows=1, length=1)

    def largest(return_scores):
        @tf.function
        def step(query, context):
            with tf.GradientTape() as tape:
                tape.watch([query, context])
                output = layer(query, context, return_scores=return_scores)
                total = tf.reduce_sum((output[0] if return_scores else output) ** 2)
            return tape.gradient(total, [query, context])

        shapes = tf.TensorSpec((2, rows, 5)), tf.TensorSpec((2, length, 7))
        return largest_tensor(step.get_concrete_function(*shapes))

    scores = 2 * 2 * rows * length
    assert largest(return_scores=True) >= scores
    assert 2 * length * 7 <= largest(return_scores=False) <= max(2 * length * 8, 2 * 2**19) < scores


def test_files_hold_a_model_that_reads_by_chunks(tmp_path):
    # A context of unknown length is read by chunks; the saved function must need nothing of Python's.
    query, context = keras.Input((3, 5)), keras.Input((None, 7))
    mask = keras.Input((None,), dtype="bool")
    layer, words, video = layer_and_inputs(rows=3, length=300)
    model = keras.Model([query, context, mask], layer(query, context, context_mask=mask))
    inputs = [words, video, tf.constant(np.random.default_rng(4).random((2, 300)) < 0.5)]
    expected, scores = layer(words, video, context_mask=inputs[2], return_scores=True)
    np.testing.assert_allclose(model(inputs), expected, atol=1e-6)
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "model.keras")(inputs), expected, atol=1e-6)
    model.export(tmp_path / "saved_model", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "saved_model")
    np.testing.assert_allclose(loaded.serve(inputs), expected, atol=1e-6)


def test_quantised_projections_are_called_and_not_read():
    layer, query, context = layer_and_inputs(rows=3, length=150)
    before = layer(query, context)
    for part in (layer.key_projection, layer.value_projection):
        part.quantize("int8")
    np.testing.assert_allclose(layer(query, context), before, atol=0.2)
