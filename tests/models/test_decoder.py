"""The caption decoder: one step at a time equals all positions at once."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.fusion import FUSIONS
from vtkeras.models import DecoderBlock, TextDecoder

CAUSAL = [name for name, fusion in FUSIONS.items() if fusion.causal]
RNG = np.random.default_rng(0)
TOKENS = np.array([[2, 5, 9, 4, 7, 3], [2, 8, 8, 3, 0, 0]])
CONTEXT = RNG.normal(size=(2, 7, 8)).astype("float32")
MASK = np.array([[True] * 7, [True, True, False, True, False, False, False]])


def make(fusion="cross_attention", **options):
    keras.utils.set_random_seed(5)
    blocks = [
        DecoderBlock(FUSIONS[fusion](dim=8, num_heads=2, dropout=0.3, name="fusion"), name=f"block_{index}")
        for index in range(2)
    ]
    decoder = TextDecoder(vocabulary_size=12, max_length=6, blocks=blocks, **options)
    decoder(TOKENS, CONTEXT, MASK)
    for variable in decoder.trainable_variables:  # biases and positions large enough to matter
        variable.assign_add(RNG.normal(0, 0.2, variable.shape))
    return decoder


@pytest.fixture(scope="module", params=CAUSAL)
def decoder(request):
    return make(request.param)


def test_shapes(decoder):
    logits, scores = decoder(TOKENS, CONTEXT, MASK, return_scores=True)
    assert logits.shape == (2, 6, 12) and logits.dtype == "float32"
    assert [score.shape for score in scores] == [(2, 2, 6, 7)] * 2
    np.testing.assert_allclose(np.sum(scores, axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize("mask", [MASK, None, np.zeros((2, 7), bool)], ids=["masked", "whole", "nothing"])
def test_cached_steps_equal_the_whole(decoder, mask):
    logits, scores = decoder(TOKENS, CONTEXT, context_mask=mask, return_scores=True)
    cache = decoder.start(CONTEXT, mask, 6)
    for index in range(6):
        step_logits, cache, step_scores = decoder.step(TOKENS[:, index], index, cache)
        np.testing.assert_allclose(step_logits, logits[:, index], atol=1e-5)
        assert step_scores.shape == (2, 2, 2, 7)  # batch, blocks, heads, context
        for block in range(2):
            np.testing.assert_allclose(step_scores[:, block], scores[block][:, :, index], atol=1e-5)


def test_look_gives_what_a_call_gives(decoder):
    logits, scores = decoder(TOKENS, CONTEXT, MASK, return_scores=True)
    same_logits, looks = decoder.look(TOKENS, CONTEXT, MASK)
    np.testing.assert_allclose(same_logits, logits, atol=1e-6)
    for (self_scores, same_scores), block_scores in zip(looks, scores, strict=True):
        np.testing.assert_allclose(same_scores, block_scores, atol=1e-6)
        np.testing.assert_allclose(np.sum(self_scores, axis=-1), 1, atol=1e-6)
        assert (np.triu(self_scores, k=1) == 0).all()  # no word reads the words after it


def test_a_word_does_not_see_the_words_after_it(decoder):
    other = TOKENS.copy()
    other[:, 4:] = 11
    before, after = decoder(TOKENS, CONTEXT, MASK), decoder(other, CONTEXT, MASK)
    np.testing.assert_allclose(after[:, :4], before[:, :4], atol=1e-5)
    assert np.abs(after[:, 4:] - before[:, 4:]).max() > 1e-3


def test_rare_tokens_begin_150_times_less_likely():
    lowered = make(rare=[4, 11])
    plain = make()
    plain.set_weights(lowered.get_weights())
    difference = lowered(TOKENS, CONTEXT, MASK) - plain(TOKENS, CONTEXT, MASK)
    np.testing.assert_allclose(difference, np.tile(-5.0 * np.isin(range(12), [4, 11]), (2, 6, 1)), atol=1e-4)


def test_not_causal_fusion_is_refused():
    blocks = [DecoderBlock(FUSIONS["co_attention"](dim=8, num_heads=2))]
    with pytest.raises(ValueError, match="CoAttentionFusion is not causal"):
        TextDecoder(12, 6, blocks)


def test_word_dropout_in_training_only():
    # With nearly every word hidden, each text is read as unknown words only.
    decoder = make(word_dropout=0.999)
    for block in decoder.blocks:  # leave word dropout as the only chance
        for layer in block._flatten_layers():
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
    plain = decoder(TOKENS, CONTEXT, MASK)
    np.testing.assert_allclose(decoder(TOKENS, CONTEXT, MASK, training=False), plain, atol=1e-6)
    hidden = decoder(np.ones_like(TOKENS), CONTEXT, MASK)
    np.testing.assert_allclose(decoder(TOKENS, CONTEXT, MASK, training=True), hidden, atol=1e-5)


@pytest.mark.parametrize("policy,tolerance", [("mixed_float16", 0.05), ("mixed_bfloat16", 0.3)])
def test_mixed_precision_steps(policy, tolerance, float32_after):
    exact = make()
    keras.mixed_precision.set_global_policy(policy)
    decoder = make()
    decoder.set_weights(exact.get_weights())
    logits = decoder(TOKENS, CONTEXT, MASK)
    assert logits.dtype == "float32"
    np.testing.assert_allclose(logits, exact(TOKENS, CONTEXT, MASK), atol=tolerance)
    cache = decoder.start(tf.cast(CONTEXT, decoder.compute_dtype), MASK, 6)
    for index in range(6):
        step_logits, cache, _ = decoder.step(TOKENS[:, index], index, cache)
        np.testing.assert_allclose(step_logits, logits[:, index], atol=tolerance)


def test_round_trip(decoder, tmp_path):
    inputs = keras.Input((6,), dtype="int32"), keras.Input((7, 8)), keras.Input((7,), dtype="bool")
    model = keras.Model(inputs, decoder(*inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded([TOKENS, CONTEXT, MASK]), model([TOKENS, CONTEXT, MASK]), atol=1e-6)
