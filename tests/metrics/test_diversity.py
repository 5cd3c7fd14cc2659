import pytest

from vtkeras.errors import UserError
from vtkeras.metrics import (
    DIVERSITY_METRICS,
    DistinctNgrams,
    RepeatedNgrams,
    RepetitionRate,
    distinct,
    repeated_4grams,
    repetition_rate,
)


@pytest.mark.parametrize(
    "text, stutters",
    [
        ("a man walks", 0.0),
        ("a man man walks", 1.0),
        ("up and down and up and down", 0.0),  # "up and down" returns, but not at once
        ("up and down up and down", 1.0),
        ("a b c d a b c d", 1.0),
        ("a b c d e a b c d e", 0.0),  # phrases up to 4 tokens count
        ("", 0.0),
    ],
)
def test_repetition(text, stutters):
    assert repetition_rate([text]) == stutters


def test_repetition_rate_is_a_share_of_texts():
    assert repetition_rate(["a a", "a b", "", "b b b b"]) == 2 / 4


def test_repeated_4grams_by_hand():
    # "a b a b a b a": abab, baba, abab, baba: 2 of 4 occurred before. "x y z w": 0 of 1.
    assert repeated_4grams(["a b a b a b a", "x y z w"]) == 2 / 5
    assert repeated_4grams(["too short"]) == 0.0


def test_distinct_by_hand():
    texts = ["a cat sat", "a cat ran"]
    assert distinct(texts, order=1) == 4 / 6  # a, cat, sat, ran
    assert distinct(texts, order=2) == 3 / 4  # a cat, cat sat, cat ran
    assert distinct(["a"], order=2) == 0.0


@pytest.mark.parametrize("make", [RepetitionRate, RepeatedNgrams, lambda: DistinctNgrams(2)])
def test_streaming_equals_the_whole(unusual_corpus, make):
    _, predictions = unusual_corpus
    whole, streamed = make(), make()
    whole.update_state(predictions)
    streamed.update_state(["noise noise noise noise noise noise"])
    streamed.reset_state()
    streamed.update_state(predictions[:100])
    streamed.update_state(predictions[100:])
    assert streamed.result() == whole.result() > 0


@pytest.mark.parametrize("name", DIVERSITY_METRICS)
def test_no_predictions_and_empty_ones(name):
    with pytest.raises(UserError, match="no predictions"):
        DIVERSITY_METRICS[name]([])
    assert DIVERSITY_METRICS[name](["", ""]) == 0.0
