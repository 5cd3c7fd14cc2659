"""Scores of dense captions, by hand."""

import itertools

import numpy as np
import pytest

from vtkeras.errors import UserError
from vtkeras.metrics import dense_scores
from vtkeras.metrics.dense import best_in_order, overlaps

TRUE = [(0.0, 4.0, "a cat jumps"), (6.0, 10.0, "a dog barks")]


def test_overlaps_by_hand():
    # (0, 4) and (2, 6): 2 of 6 seconds. (0, 4) and (1, 3): 2 of 4. (6, 10) and (2, 6): they only touch.
    found = overlaps(TRUE, [(2.0, 6.0, ""), (1.0, 3.0, "")])
    np.testing.assert_allclose(found, [[1 / 3, 1 / 2], [0, 0]])


def test_all_right():
    assert dense_scores([TRUE], [TRUE]) == pytest.approx(
        dict.fromkeys(("precision", "recall", "soda_precision", "soda_recall", "soda", "exact"), 1.0)
    )


def test_by_hand():
    # Found: the cat in (0, 2), overlap 1/2 with the first; the dog, exactly; a cow that is not there.
    found = [(0.0, 2.0, "a cat jumps"), (6.0, 10.0, "a dog barks"), (11.0, 12.0, "a cow")]
    scores = dense_scores([TRUE], [found])
    # Overlaps 1/2, 1, 0: at 0.3 and 0.5 two found events of three count, at 0.7 and 0.9 one.
    assert scores["precision"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 / 3) / 4)
    assert scores["recall"] == pytest.approx((1 + 1 + 1 / 2 + 1 / 2) / 4)
    # Matched in order: 1/2 * 1 + 1 * 1 = 3/2, of three found and two true ones.
    assert scores["soda_precision"] == pytest.approx(0.5) and scores["soda_recall"] == pytest.approx(0.75)
    assert scores["soda"] == pytest.approx(2 * 0.5 * 0.75 / 1.25)
    assert scores["exact"] == 1.0


def test_events_are_the_same_whatever_their_case_and_marks():
    assert dense_scores([[(0.0, 4.0, "A cat jumps.")]], [[(0.0, 4.0, "a cat jumps")]])["exact"] == 1.0


def test_words_and_order_count():
    swapped = [(0.0, 4.0, "a dog barks"), (6.0, 10.0, "a cat jumps")]
    scores = dense_scores([TRUE], [swapped], caption_score=lambda one, other: float(one == other))
    assert scores["precision"] == scores["recall"] == 1.0  # the times are right
    assert scores["soda"] == 0.0 and scores["exact"] == 0.0


def test_no_keras_metric_is_made_for_a_pair_of_events(monkeypatch):
    def made(*arguments, **options):
        raise AssertionError

    monkeypatch.setattr("keras.metrics.Metric.__init__", made)
    scores = dense_scores([[(0.0, 4.0, "the big cat sat")]], [[(0.0, 4.0, "the cat")]])
    assert scores["soda"] == pytest.approx(2.44 * 0.5 / 1.94)  # precision 1, recall 1/2, beta 1.2


def test_mean_over_videos_and_a_video_in_which_nothing_was_found():
    scores = dense_scores([TRUE, TRUE], [TRUE, []])
    assert set(scores.values()) == {0.5}


def test_order_of_lists_does_not_matter():
    assert dense_scores([TRUE[::-1]], [TRUE])["soda"] == pytest.approx(1.0)


def test_best_in_order_equals_trying_everything():
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores = rng.random((4, 3))
        best = 0.0
        for size in range(4):
            for rows in itertools.combinations(range(4), size):
                for columns in itertools.combinations(range(3), size):
                    best = max(best, sum(scores[pair] for pair in zip(rows, columns)))
        assert best_in_order(scores) == pytest.approx(best)


@pytest.mark.parametrize(
    "true, found, told", [([], [], "0 videos"), ([TRUE], [], "do not fit"), ([[]], [[]], "no true event")]
)
def test_bad_input(true, found, told):
    with pytest.raises(UserError, match=told):
        dense_scores(true, found)
