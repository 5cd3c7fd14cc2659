"""Sentence encoders put texts of one meaning near each other."""

import numpy as np
import pytest
from fixtures.pretrained import needs

from vtkeras.pretrained.sentences import SENTENCE_ENCODERS, to_unit_length


def test_unit_length():
    np.testing.assert_allclose(to_unit_length(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0, 0]], atol=1e-7)


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in SENTENCE_ENCODERS])
def test_meanings(name):
    texts = ["a dog runs over the grass", "a puppy is running on a lawn", "the stock market fell"]
    vectors = SENTENCE_ENCODERS[name]()(texts)
    assert vectors.shape[0] == 3 and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]
    np.testing.assert_allclose(SENTENCE_ENCODERS[name]()(texts[:1]), vectors[:1], atol=1e-4)  # alone as among others


@needs("use")
def test_languages():
    dogs = SENTENCE_ENCODERS["use"]()(["a dog", "ein Hund", "un chien", "un perro", "собака", "一只狗", "a car"])
    assert (dogs[0] @ dogs[1:6].T > dogs[0] @ dogs[6] + 0.2).all()
