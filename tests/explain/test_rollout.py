import numpy as np

from vtkeras.explain.rollout import cross_rollout, rollout


def scores(*heads):
    """(batch=1, heads, rows, columns)."""
    return np.array([heads], "float32")


# Two heads whose mean is [[0, 1], [0.5, 0.5]]; with half of each position kept: [[0.5, 0.5], [0.25, 0.75]].
FIRST = scores([[0, 1], [0.25, 0.75]], [[0, 1], [0.75, 0.25]])
# One head that reads position 0 only: [[1, 0], [0.5, 0.5]] with half kept.
SECOND = scores([[1, 0], [1, 0]])


def test_two_layers_by_hand():
    # [[1, 0], [0.5, 0.5]] @ [[0.5, 0.5], [0.25, 0.75]]
    #   row 0: 1 * [0.5, 0.5]                           = [0.5, 0.5]
    #   row 1: 0.5 * [0.5, 0.5] + 0.5 * [0.25, 0.75]    = [0.375, 0.625]
    np.testing.assert_allclose(rollout([FIRST, SECOND])[0], [[0.5, 0.5], [0.375, 0.625]], atol=1e-7)


def test_order_of_layers_matters():
    # [[0.5, 0.5], [0.25, 0.75]] @ [[1, 0], [0.5, 0.5]] = [[0.75, 0.25], [0.625, 0.375]]
    np.testing.assert_allclose(rollout([SECOND, FIRST])[0], [[0.75, 0.25], [0.625, 0.375]], atol=1e-7)


def test_one_reading_of_the_context_is_followed_back():
    # The word reads position 1 of the encoder's output, which is row 1 of the rollout above.
    word = scores([[0, 1]])
    np.testing.assert_allclose(cross_rollout([(None, word)], [FIRST, SECOND])[0], [[0.375, 0.625]], atol=1e-7)
    np.testing.assert_allclose(cross_rollout([(None, word)], [])[0], [[0, 1]])


def test_decoder_blocks_by_hand():
    # Block 1: nothing came yet, so reading other words brings nothing; then half of what is read:
    #   word 0 reads position 0: [0.5, 0], word 1 reads position 1: [0, 0.5].
    # Block 2: word 1 reads word 0 and itself equally: ([0, 0.5] + [0.25, 0.25]) / 2 = [0.125, 0.375],
    #   word 0 itself: [0.5, 0]. Then both read position 0: ([0.5, 0] + [1, 0]) / 2 = [0.75, 0] and
    #   ([0.125, 0.375] + [1, 0]) / 2 = [0.5625, 0.1875]. In shares: [1, 0] and [0.75, 0.25].
    causal = scores([[1, 0], [0.5, 0.5]])
    blocks = [(causal, scores([[1, 0], [0, 1]])), (causal, scores([[1, 0], [1, 0]]))]
    np.testing.assert_allclose(cross_rollout(blocks, [])[0], [[1, 0], [0.75, 0.25]], atol=1e-7)


def test_a_word_that_read_nothing_has_none():
    found = np.asarray(cross_rollout([(None, scores([[0, 0], [0.5, 0.5]]))], [FIRST]))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[0].sum(axis=-1), [0, 1])


def test_uniform_attention_stays_uniform():
    even = np.full((3, 2, 5, 5), 0.2, "float32")
    np.testing.assert_allclose(cross_rollout([(even, even)] * 2, [even, even]), 0.2, atol=1e-6)
