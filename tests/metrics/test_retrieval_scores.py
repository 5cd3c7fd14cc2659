import numpy as np
import pytest

from vtkeras.errors import UserError
from vtkeras.metrics import retrieval_ranks, retrieval_scores


def test_ranks_by_hand():
    similarity = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    assert retrieval_ranks(similarity).tolist() == [1, 2, 3]
    scores = retrieval_scores(similarity, ks=(1, 2))
    assert scores == pytest.approx({"r@1": 1 / 3, "r@2": 2 / 3, "median_rank": 2.0})


def test_ties_are_broken_against_us():
    assert retrieval_ranks(np.zeros((3, 3))).tolist() == [3, 3, 3]


def test_several_relevant_items():
    relevant = np.array([[True, True, False]])
    # The best relevant item counts, and the other one, though above it or tied, is no obstacle.
    assert retrieval_ranks(np.array([[0.2, 0.9, 0.5]]), relevant).tolist() == [1]
    assert retrieval_ranks(np.array([[0.5, 0.5, 0.5]]), relevant).tolist() == [2]
    assert retrieval_ranks(np.array([[0.1, 0.2, 0.5]]), relevant).tolist() == [2]


def test_ranks_equal_a_sort():
    rng = np.random.default_rng(0)
    similarity, relevant = rng.random((50, 80)), rng.random((50, 80)) < 0.1
    relevant[:, 0] = True
    for ranks, row, right in zip(retrieval_ranks(similarity, relevant), similarity, relevant, strict=True):
        assert ranks == 1 + np.flatnonzero(right[np.argsort(-row)])[0]


@pytest.mark.parametrize(
    "similarity, relevant, message",
    [
        (np.zeros((0, 3)), None, "none empty"),
        (np.zeros((2, 3)), np.ones((3, 2)), "both be"),
        (np.full((2, 2), np.nan), None, "NaN"),
        (np.zeros((2, 2)), np.array([[1, 0], [0, 0]]), "Query 1 has no relevant item"),
        (np.zeros((3, 2)), None, "Query 2 has no relevant item"),
    ],
)
def test_bad_input(similarity, relevant, message):
    with pytest.raises(UserError, match=message):
        retrieval_ranks(similarity, relevant)
