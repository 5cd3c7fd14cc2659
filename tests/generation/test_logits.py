import numpy as np
import pytest
from keras import ops

from vtkeras.generation.logits import repeats, restrict

END = 3


def left(logits):
    """Tokens of the first row that are not ruled out."""
    return np.flatnonzero(np.isfinite(np.asarray(logits)[0])).tolist()


@pytest.mark.parametrize(
    "tokens, index, size, expected",
    [
        ([1, 2, 1, 0], 3, 2, [2]),  # "1 2" is there, so after 1 no 2
        ([1, 2, 4, 0], 3, 2, []),  # nothing follows a 4 yet
        ([1, 2, 1, 4, 1], 5, 2, [2, 4]),
        ([1, 1, 0, 0], 2, 2, [1]),  # "1 1" overlaps with itself
        ([1, 2, 1, 2, 0], 4, 3, [1]),  # "1 2 1" is there, so after "1 2" no 1
        ([1, 2, 1, 2, 0], 3, 3, []),  # of three tokens only "1 2 1" is there
        ([4, 2, 0, 0], 2, 1, [2, 4]),  # no token twice
        ([2, 2, 2, 2], 0, 1, []),  # nothing written yet
        ([2, 2, 2, 2], 1, 2, []),
        ([2, 2, 2, 2], 3, 4, []),
    ],
)
def test_repeats_by_hand(tokens, index, size, expected):
    found = repeats(ops.array([tokens], "int32"), index, size, vocabulary=5)
    assert np.flatnonzero(np.asarray(found)[0]).tolist() == expected


def test_rows_have_their_own_repeats():
    tokens = ops.array([[1, 2, 1, 0], [2, 1, 2, 0]], "int32")
    np.testing.assert_array_equal(np.argwhere(repeats(tokens, 3, 2, 5)), [[0, 2], [1, 1]])


def test_no_rules_change_nothing():
    logits = ops.array([[1.0, 2.0]])
    assert restrict(logits, ops.zeros((1, 4), "int32"), 0, END) is logits


@pytest.mark.parametrize("index, ends", [(0, False), (1, False), (2, True)])
def test_minimum_length(index, ends):
    found = restrict(ops.zeros((1, 5)), ops.zeros((1, 4), "int32"), index, END, min_length=2)
    assert left(found) == ([0, 1, 2, 3, 4] if ends else [0, 1, 2, 4])


def test_forbidden_tokens():
    found = restrict(ops.ones((1, 5)), ops.zeros((1, 4), "int32"), 0, END, forbidden_ids=(0, 2))
    assert left(found) == [1, 3, 4]


def test_an_ngram_longer_than_the_text_is_no_rule():
    found = restrict(ops.ones((1, 5)), ops.zeros((1, 4), "int32"), 0, END, no_repeat_ngram=9)
    assert left(found) == [0, 1, 2, 3, 4]


def test_the_end_stays_where_nothing_else_does():
    rules = {"forbidden_ids": (0, 1, 2), "min_length": 4, "no_repeat_ngram": 1}
    found = restrict(ops.ones((2, 5)), ops.array([[4, 0, 0, 0], [0, 0, 0, 0]], "int32"), 1, END, **rules)
    assert left(found) == [3] and left(found[1:]) == [4]
