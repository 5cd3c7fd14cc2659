import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.layers import MaskedMax, MaskedMean

SEQUENCE = np.array([[[1.0, -5.0], [3.0, -1.0], [9.0, 7.0]]] * 2, "float32")
MASK = np.array([[True, True, False], [False, False, False]])


def test_mean_by_hand():
    # Row 0: (1 + 3) / 2 and (-5 - 1) / 2; row 1 has nothing left in.
    np.testing.assert_allclose(MaskedMean()(SEQUENCE, mask=MASK), [[2, -3], [0, 0]])
    np.testing.assert_allclose(MaskedMean()(SEQUENCE)[0], [13 / 3, 1 / 3], rtol=1e-6)


def test_max_by_hand():
    # Row 0: max(1, 3) and max(-5, -1), not the 0 of an empty place; row 1 has nothing left in.
    np.testing.assert_allclose(MaskedMax()(SEQUENCE, mask=MASK), [[3, -1], [0, 0]])
    np.testing.assert_allclose(MaskedMax()(SEQUENCE)[0], [9, 7])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mean_of_a_long_sequence_in_half_precision(policy):
    # 2,000 places of 40: the sum 80,000 is beyond float16, and bfloat16 cannot count past 256 by ones.
    pool = MaskedMean(dtype=policy)
    found = pool(np.full((1, 2000, 1), 40.0), mask=np.ones((1, 2000), bool))
    assert keras.backend.standardize_dtype(found.dtype) == policy.removeprefix("mixed_")
    np.testing.assert_allclose(tf.cast(found, "float32"), [[40]], rtol=1e-2)


@pytest.mark.parametrize("pool", [MaskedMean, MaskedMax])
def test_no_mask_goes_on(pool):
    embedded = keras.layers.Embedding(3, 2, mask_zero=True)(np.array([[1, 0]]))
    found = pool()(embedded)
    assert found.shape == (1, 2) and getattr(found, "_keras_mask", None) is None
