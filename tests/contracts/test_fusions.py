"""What every fusion strategy must hold."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.fusion import FUSIONS

RNG = np.random.default_rng(0)
QUERY = RNG.normal(size=(2, 5, 8)).astype("float32")
CONTEXT = RNG.normal(size=(2, 6, 8)).astype("float32")
QUERY_MASK = np.array([[True] * 5, [True, True, False, False, False]])
CONTEXT_MASK = np.array([[True, False, True, True, True, False], [True] * 6])
CAUSAL = [name for name, fusion in FUSIONS.items() if fusion.causal]


@pytest.fixture(params=FUSIONS)
def fusion(request):
    return make(request.param)


def make(name, **options):
    keras.utils.set_random_seed(4)
    fusion = FUSIONS[name](**{"dim": 8, "num_heads": 2, **options})
    fusion(QUERY, CONTEXT)
    return fusion


def test_shapes_and_scores(fusion):
    output, scores = fusion(QUERY, CONTEXT, QUERY_MASK, CONTEXT_MASK, return_scores=True)
    assert output.shape == (2, 5, 8) == fusion.compute_output_shape(QUERY.shape, CONTEXT.shape)
    assert scores.shape == (2, 2, 5, 6) and scores.dtype == "float32"
    np.testing.assert_allclose(np.asarray(scores).sum(-1), 1, atol=1e-6)
    assert (np.asarray(scores)[0][..., [1, 5]] == 0).all()
    np.testing.assert_allclose(fusion(QUERY, CONTEXT, QUERY_MASK, CONTEXT_MASK), output, atol=1e-6)


def test_context_mask_hides(fusion):
    before = fusion(QUERY, CONTEXT, QUERY_MASK, CONTEXT_MASK)
    hidden, seen = CONTEXT.copy(), CONTEXT.copy()
    hidden[0, [1, 5]] = 100
    seen[0, 0] += np.arange(8)
    np.testing.assert_allclose(fusion(QUERY, hidden, QUERY_MASK, CONTEXT_MASK), before, atol=1e-5)
    assert np.abs(fusion(QUERY, seen, QUERY_MASK, CONTEXT_MASK) - before).max() > 1e-3


def test_query_padding_changes_nothing(fusion):
    before = fusion(QUERY, CONTEXT, QUERY_MASK, CONTEXT_MASK)
    padded = QUERY.copy()
    padded[1, 2:] = 100
    after = fusion(padded, CONTEXT, QUERY_MASK, CONTEXT_MASK)
    np.testing.assert_allclose(np.asarray(after)[QUERY_MASK], np.asarray(before)[QUERY_MASK], atol=1e-5)
    assert np.isfinite(after).all()


def test_nothing_to_read_is_finite(fusion):
    nothing = np.array([[False] * 6, [True] * 6])
    for query_mask in (QUERY_MASK, np.zeros((2, 5), bool), None):
        output, scores = fusion(
            QUERY, CONTEXT, query_mask=query_mask, context_mask=nothing, return_scores=True
        )
        assert np.isfinite(output).all()
        assert (np.asarray(scores)[0] == 0).all()


@pytest.mark.parametrize("name", CAUSAL)
def test_causal_means_blind_to_later_positions(name):
    fusion = make(name)
    later = QUERY.copy()
    later[:, 3:] += 1
    before, after = fusion(QUERY, CONTEXT), fusion(later, CONTEXT)
    np.testing.assert_allclose(after[:, :3], before[:, :3], atol=1e-6)
    one = fusion.step(QUERY[:, 2:3], fusion.prepare(CONTEXT, CONTEXT_MASK))
    np.testing.assert_allclose(one, fusion(QUERY, CONTEXT, context_mask=CONTEXT_MASK)[:, 2:3], atol=1e-5)


@pytest.mark.parametrize("name", sorted(set(FUSIONS) - set(CAUSAL)))
def test_not_causal_is_said_with_reason(name):
    fusion = make(name)
    later = QUERY.copy()
    later[:, 3:] = RNG.normal(size=(2, 2, 8))
    assert np.abs(fusion(later, CONTEXT)[:, :3] - fusion(QUERY, CONTEXT)[:, :3]).max() > 1e-5


def test_there_is_a_fusion_for_the_decoder():
    assert "cross_attention" in CAUSAL and "co_attention" not in CAUSAL


def test_round_trip(fusion, tmp_path):
    query, context = keras.Input((5, 8)), keras.Input((6, 8))
    masks = keras.Input((5,), dtype="bool"), keras.Input((6,), dtype="bool")
    model = keras.Model([query, context, *masks], fusion(query, context, *masks, return_scores=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    inputs = [QUERY, CONTEXT, QUERY_MASK, CONTEXT_MASK]
    for before, after in zip(model(inputs), loaded(inputs)):
        np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize("name", FUSIONS)
def test_training_lowers_the_loss_and_reaches_every_weight(name):
    fusion = make(name, dropout=0.1)
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(fusion.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            output = fusion(QUERY, CONTEXT, QUERY_MASK, CONTEXT_MASK, training=True)
            # The query shall become the mean of what it may read.
            loss = tf.reduce_mean((output - CONTEXT.mean(1, keepdims=True)) ** 2)
        gradients = tape.gradient(loss, fusion.trainable_variables)
        optimizer.apply_gradients(zip(gradients, fusion.trainable_variables))
        return loss, gradients

    losses = []
    for _ in range(20):
        loss, gradients = step()
        assert all(gradient is not None and np.isfinite(gradient).all() for gradient in gradients)
        losses.append(loss)
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", FUSIONS)
def test_mixed_precision(name, policy):
    output, scores = make(name, dtype=policy)(QUERY, CONTEXT, QUERY_MASK, CONTEXT_MASK, return_scores=True)
    assert output.dtype == policy.removeprefix("mixed_") and scores.dtype == "float32"
    exact = make(name)(QUERY, CONTEXT, QUERY_MASK, CONTEXT_MASK)
    np.testing.assert_allclose(tf.cast(output, "float32"), exact, atol=0.15)
