"""CrossAttention against arithmetic by hand, keras.layers.MultiHeadAttention, and its own promises."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.layers import CrossAttention, causal_mask, masked_softmax


def with_weights(layer, query_width, context_width, **weights):
    """Builds `layer` and sets each projection's kernel; biases stay 0."""
    layer.build((1, None, query_width), (1, None, context_width))
    for name, kernel in weights.items():
        getattr(layer, f"{name}_projection").kernel.assign(np.asarray(kernel, "float32"))
    return layer


def random_layer(query_width=5, context_width=7, **options):
    layer = CrossAttention(**{"dim": 8, "num_heads": 2, **options})
    layer.build((None, None, query_width), (None, None, context_width))
    rng = np.random.default_rng(1)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return layer


def random_inputs(query_width=5, context_width=7, query_length=3, context_length=6):
    rng = np.random.default_rng(2)
    query = rng.normal(size=(2, query_length, query_width)).astype("float32")
    return query, rng.normal(size=(2, context_length, context_width)).astype("float32")


def test_by_hand():
    # One head of width 4, so logits are divided by sqrt(4) = 2. The query projection repeats the
    # query's one number 4 times, the key projection the context's. Query 1, context 0 and log 3:
    # logits 4 * 1 * 0 / 2 = 0 and 4 * 1 * (log 3) / 2 = 2 log 3; softmax of (0, log 9) = (0.1, 0.9).
    # Values are 10 times the context: 0 and 10 log 3. Output, first of 4 columns: 9 log 3.
    layer = with_weights(
        CrossAttention(dim=4, num_heads=1),
        1,
        1,
        query=[[1, 1, 1, 1]],
        key=[[1, 1, 1, 1]],
        value=[[10, 10, 10, 10]],
        output=[[1], [0], [0], [0]],
    )
    output, scores = layer(np.array([[[1.0]]]), np.array([[[0.0], [np.log(3)]]]), return_scores=True)
    np.testing.assert_allclose(scores, [[[[0.1, 0.9]]]], atol=1e-6)
    np.testing.assert_allclose(output, [[[9 * np.log(3)]]], atol=1e-5)


def test_heads_read_apart():
    # Two heads of width 1. Head 0 has key = context, head 1 key = -context; query 1, context 0 and
    # log 3: scores (1/4, 3/4) and (3/4, 1/4). Values 4 and 8: head 0 gives 4 * 1/4 + 8 * 3/4 = 7,
    # head 1 gives 4 * 3/4 + 8 * 1/4 = 5.
    layer = with_weights(
        CrossAttention(dim=2, num_heads=2),
        2,
        2,
        query=[[1, 1], [0, 0]],
        key=[[1, -1], [0, 0]],
        value=[[0, 0], [1, 1]],
        output=np.eye(2),
    )
    context = np.array([[[0.0, 4.0], [np.log(3), 8.0]]])
    output, scores = layer(np.array([[[1.0, 0.0]]]), context, return_scores=True)
    np.testing.assert_allclose(scores, [[[[0.25, 0.75]], [[0.75, 0.25]]]], atol=1e-6)
    np.testing.assert_allclose(output, [[[7, 5]]], atol=1e-5)


def by_numpy(layer, query, context, mask):
    """The definition, one position at a time."""
    dense = {name: getattr(layer, f"{name}_projection") for name in ("query", "key", "value")}
    weights = {name: np.asarray(part.kernel) for name, part in dense.items()}
    biases = {name: np.asarray(part.bias) for name, part in dense.items()}
    width = layer.dim // layer.num_heads
    joined = np.zeros((*query.shape[:2], layer.dim))
    for batch, row, head in itertools.product(*map(range, (*query.shape[:2], layer.num_heads))):
        part = slice(head * width, (head + 1) * width)
        q = query[batch, row] @ weights["query"][:, part] + biases["query"][part]
        k = context[batch] @ weights["key"][:, part] + biases["key"][part]
        v = context[batch] @ weights["value"][:, part] + biases["value"][part]
        powers = np.exp(k @ q / np.sqrt(width)) * mask[batch]
        joined[batch, row, part] = powers / powers.sum() @ v
    return joined @ np.asarray(layer.output_projection.kernel) + np.asarray(layer.output_projection.bias)


@pytest.mark.parametrize(
    "query_width,context_width,dim,heads,output", [(5, 7, 8, 2, None), (1, 1, 3, 3, 2), (6, 6, 6, 1, 9)]
)
def test_any_widths_against_numpy(query_width, context_width, dim, heads, output):
    layer = random_layer(query_width, context_width, dim=dim, num_heads=heads, output_dim=output)
    query, context = random_inputs(query_width, context_width)
    mask = np.array([[1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 0]], bool)
    found = layer(query, context, context_mask=mask)
    assert found.shape == (2, 3, output or query_width)
    assert found.shape == layer.compute_output_shape(query.shape, context.shape)
    np.testing.assert_allclose(found, by_numpy(layer, query, context, mask), atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_against_keras(causal):
    ours = random_layer(dim=8, num_heads=2)
    theirs = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    query, context = random_inputs(query_length=6)
    theirs.build(query.shape, context.shape)
    for name in ("query", "key", "value"):
        kernel, bias = getattr(ours, f"{name}_projection").get_weights()
        getattr(theirs, f"{name}_dense").set_weights([kernel.reshape(-1, 2, 4), bias.reshape(2, 4)])
    kernel, bias = ours.output_projection.get_weights()
    theirs._output_dense.set_weights([kernel.reshape(2, 4, -1), bias])
    mask = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 1, 0]], bool)
    allowed = np.broadcast_to(mask[:, None], (2, 6, 6)) & (np.tri(6, dtype=bool) if causal else True)
    expected, expected_scores = theirs(query, context, attention_mask=allowed, return_attention_scores=True)
    found, scores = ours(query, context, context_mask=mask, causal=causal, return_scores=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-5)


def test_scores_sum_to_one_and_are_zero_where_masked():
    query, context = random_inputs()
    mask = np.array([[1, 0, 1, 1, 0, 1], [0, 0, 0, 1, 0, 0]], bool)
    _, scores = random_layer()(query, context, context_mask=mask, return_scores=True)
    scores = np.asarray(scores)
    assert scores.shape == (2, 2, 3, 6)
    np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-6)
    assert (scores[0][..., ~mask[0]] == 0).all()
    np.testing.assert_allclose(scores[1][..., 3], 1, atol=1e-6)


def test_masked_context_does_not_matter():
    layer = random_layer()
    query, context = random_inputs()
    mask = np.array([[1, 1, 0, 0, 1, 0]] * 2, bool)
    before = np.asarray(layer(query, context, context_mask=mask))
    context[:, [2, 3, 5]] = 1e4
    np.testing.assert_allclose(layer(query, context, context_mask=mask), before, atol=1e-6)


def test_causal_mask():
    # Query 0 reads context 0, query 1 reads 0 and 1.
    np.testing.assert_array_equal(causal_mask(2, 3), [[True, False, False], [True, True, False]])


def test_causal_position_does_not_see_later_ones():
    layer = random_layer()
    query, context = random_inputs(query_length=6)
    before = np.asarray(layer(query, context, causal=True))
    context[:, 4:] += 1
    after = np.asarray(layer(query, context, causal=True))
    np.testing.assert_allclose(after[:, :4], before[:, :4], atol=1e-6)
    assert np.abs(after[:, 4:] - before[:, 4:]).min(-1).max() > 1e-3


def test_fully_padded_context_gives_zeros_and_finite_gradients():
    # Heads give zeros, so what is left is the output projection's bias, here 0.
    layer = random_layer()
    layer.output_projection.bias.assign(np.zeros(5))
    query, context = map(tf.constant, random_inputs())
    mask = np.array([[False] * 6, [True] * 6])
    with tf.GradientTape() as tape:
        tape.watch([query, context])
        output, scores = layer(query, context, context_mask=mask, return_scores=True)
        total = tf.reduce_sum(output**2)
    assert (np.asarray(output[0]) == 0).all() and (np.asarray(scores[0]) == 0).all()
    assert np.abs(output[1]).min() > 0
    gradients = tape.gradient(total, [query, context, *layer.trainable_variables])
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert (np.asarray(gradients[0][0]) == 0).all() and np.abs(gradients[0][1]).max() > 0


def test_masked_softmax_by_hand():
    # exp(0) = 1 and exp(log 3) = 3; the 50 is hidden.
    found = masked_softmax(np.array([[0, np.log(3), 50]], "float32"), np.array([[True, True, False]]))
    np.testing.assert_allclose(found, [[0.25, 0.75, 0]], atol=1e-6)


def test_gate_starts_closed_and_learns():
    layer = CrossAttention(dim=8, num_heads=2, gated=True)
    query, context = map(tf.constant, random_inputs())
    with tf.GradientTape() as tape:
        output = layer(query, context)
        total = tf.reduce_sum(output)
    assert (np.asarray(output) == 0).all()
    assert abs(float(tape.gradient(total, layer.gate.value))) > 1e-3
    layer.gate.assign(np.arctanh(0.5))  # half open
    open_layer = CrossAttention(dim=8, num_heads=2)
    open_layer.build(query.shape, context.shape)
    open_layer.set_weights([weight for weight in layer.get_weights() if weight.shape])
    np.testing.assert_allclose(layer(query, context), 0.5 * open_layer(query, context), atol=1e-6)


@pytest.mark.parametrize("policy,tolerance", [("mixed_float16", 0.01), ("mixed_bfloat16", 0.05)])
def test_mixed_precision(policy, tolerance):
    exact, mixed = random_layer(), random_layer(dtype=policy)
    query, context = random_inputs()
    mask = np.array([[1, 1, 1, 0, 0, 0], [0] * 6], bool)
    expected, expected_scores = exact(query, context, context_mask=mask, return_scores=True)
    output, scores = mixed(query, context, context_mask=mask, return_scores=True)
    assert keras.backend.standardize_dtype(output.dtype) == policy.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(scores.dtype) == "float32"
    assert all(keras.backend.standardize_dtype(v.dtype) == "float32" for v in mixed.trainable_variables)
    np.testing.assert_allclose(tf.cast(output, "float32"), expected, atol=tolerance * 5)
    np.testing.assert_allclose(scores, expected_scores, atol=tolerance)


def test_large_logits_in_float16():
    # Query and key 150 each in 4 places: the product 4 * 150 * 150 = 90,000 is beyond float16, the logit
    # 45,000 is not. Position 1 is hidden, so position 0 gets all.
    layer = with_weights(
        CrossAttention(dim=4, num_heads=1, dtype="mixed_float16"),
        1,
        1,
        query=[[1] * 4],
        key=[[1] * 4],
        value=[[1] * 4],
        output=[[1], [0], [0], [0]],
    )
    output, scores = layer(
        np.array([[[150.0]]]), np.array([[[150.0], [150.0]]]), np.array([[True, False]]), return_scores=True
    )
    np.testing.assert_allclose(scores, [[[[1, 0]]]], atol=1e-6)
    np.testing.assert_allclose(tf.cast(output, "float32"), [[[150]]], rtol=1e-3)


def test_dropout_in_training_only():
    layer = random_layer(dropout=0.5)
    query, context = random_inputs()
    plain = random_layer()(query, context)
    np.testing.assert_allclose(layer(query, context), plain, atol=1e-6)
    np.testing.assert_allclose(layer(query, context, training=False), plain, atol=1e-6)
    first, scores = layer(query, context, training=True, return_scores=True)
    assert np.abs(first - layer(query, context, training=True)).max() > 1e-3
    np.testing.assert_allclose(np.asarray(scores).sum(-1), 1, atol=1e-6)  # returned before dropout


def test_cached_context_equals_call():
    layer = random_layer()
    query, context = random_inputs()
    np.testing.assert_allclose(layer.attend(query, *layer.project_context(context)), layer(query, context), atol=1e-6)


def test_blind_channels_do_not_guide_but_are_read():
    layer, (query, context) = CrossAttention(dim=8, num_heads=2, blind_channels=2), random_inputs()
    layer.build(query.shape, context.shape)
    changed = context.copy()
    changed[..., -2:] += 1
    (before, scores), (after, same) = (layer(query, c, return_scores=True) for c in (context, changed))
    np.testing.assert_allclose(scores, same, atol=1e-6)
    assert np.abs(after - before).max() > 1e-3


def test_blind_channels_stay_blind_in_training():
    query, context = random_inputs()
    inputs = keras.Input(query.shape[1:]), keras.Input(context.shape[1:])
    layer = CrossAttention(dim=8, num_heads=2, blind_channels=2)
    model = keras.Model(inputs, layer(*inputs))
    model.compile(keras.optimizers.AdamW(0.1), loss="mse")
    before = np.asarray(layer.key_projection.kernel)
    model.fit([query, context], np.ones_like(query), epochs=3, verbose=0)
    after = np.asarray(layer.key_projection.kernel)
    np.testing.assert_array_equal(after[-2:], 0)
    assert np.abs(after[:-2] - before[:-2]).max() > 1e-3


def test_config_round_trip():
    layer = CrossAttention(dim=8, num_heads=2, output_dim=3, dropout=0.25, gated=True, blind_channels=1, name="reader")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is CrossAttention and copy.get_config() == layer.get_config()
    assert (copy.dim, copy.num_heads, copy.output_dim, copy.dropout, copy.gated) == (8, 2, 3, 0.25, True)


def test_saved_model_file(tmp_path):
    query, context = keras.Input((3, 5)), keras.Input((6, 7))
    mask = keras.Input((6,), dtype="bool")
    model = keras.Model([query, context, mask], random_layer()(query, context, context_mask=mask))
    model.save(tmp_path / "model.keras")
    inputs = [*random_inputs(), np.array([[1, 1, 0, 0, 1, 0]] * 2, bool)]
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "model.keras")(inputs), model(inputs), atol=1e-6)


def test_heads_must_divide():
    with pytest.raises(ValueError, match="dim 8 is not a multiple of num_heads 3"):
        CrossAttention(dim=8, num_heads=3)
