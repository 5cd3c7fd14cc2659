"""Dense captions as text: written, read back, and what does not follow the form."""

import pytest
import tensorflow as tf

from vtkeras.config import DataConfig
from vtkeras.data.events import (
    TIME_BINS,
    TIME_TOKENS,
    Event,
    has_times,
    read_events,
    without_times,
    write_events,
)
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.dense_digits import DenseDigits
from vtkeras.data.text import END, build_vocabulary
from vtkeras.errors import UserError

TEXTS = {"questions": [], "answers": [], "labels": []}


def test_written_in_order_of_time_and_read_back_within_half_a_bin():
    events = [Event(0.62, 0.9, "a dog  barks"), Event(0.1, 0.5, "a cat jumps")]
    text = write_events(events)
    # 0.1 * 31 = 3.1, 0.5 * 31 = 15.5 (to the even 16), 0.62 * 31 = 19.22, 0.9 * 31 = 27.9
    assert text == "<t=3> <t=16> a cat jumps <t=19> <t=28> a dog barks"
    found = read_events(text)
    assert [event.text for event in found] == ["a cat jumps", "a dog barks"]
    for event, true in zip(found, reversed(events)):
        assert abs(event.start - true.start) <= 0.5 / 31 and abs(event.end - true.end) <= 0.5 / 31


@pytest.mark.parametrize(
    "text, events",
    [
        ("", []),
        ("a cat", []),  # no times
        ("<t=3> a cat", []),  # one time
        ("<t=3> <t=9>", []),  # no words
        ("<t=9> <t=3> a cat", []),  # ends before it begins
        ("<t=3> <t=3> a cat", []),  # takes no time
        ("<t=3> <t=9> a cat <t=12>", [(3, 9, "a cat")]),
        ("<t=1> <t=3> <t=9> a cat", [(3, 9, "a cat")]),  # the two times before the words count
        ("by the way <t=3><t=9>a < b", [(3, 9, "a < b")]),
        ("<t=3> <t=99> a cat", [(3, 31, "a cat")]),  # later than the end
    ],
)
def test_read(text, events):
    assert read_events(text) == [Event(start / 31, end / 31, words) for start, end, words in events]


def test_without_times():
    assert without_times("<t=3> <t=9> a cat <t=12>") == "a cat"
    assert has_times("a <t=0>") and not has_times("a t=0")


def test_every_time_is_one_token_and_comes_back():
    vocabulary = build_vocabulary({**TEXTS, "captions": ["<t=0> <t=31> a cat"]}, 100)
    assert vocabulary.times == TIME_TOKENS and len(set(vocabulary.tokens)) == len(vocabulary.tokens)
    preprocessor = Preprocessor(DataConfig(caption_length=8), vocabulary)
    text = "<t=4> <t=31> a cat"
    _, tokens = preprocessor.caption(tf.constant([text]))
    first = vocabulary.tokens.index("<t=0>")
    assert tokens.numpy()[0, :2].tolist() == [first + 4, first + TIME_BINS - 1]
    assert preprocessor.to_text(tokens).numpy().tolist() == [text.encode()]
    # What somebody writes is never the token that ends a text.
    _, tokens = preprocessor.caption(tf.constant([f"{END} a"]))
    assert tokens.numpy()[0, 0] != vocabulary.tokens.index(END)


def test_captions_without_times_have_no_time_tokens():
    vocabulary = build_vocabulary({**TEXTS, "captions": ["a cat"]}, 100)
    assert vocabulary.times == () and "<t=0>" not in vocabulary.tokens


def test_dense_digits_shows_what_its_caption_says():
    source = DenseDigits(seed=2, augment=False)
    counts = set()
    for index in range(20):
        example = source.example("test", 0, index)
        events = read_events(example["captions"][0])
        counts.add(len(events))
        lit = example["frames"].reshape(48, -1).max(axis=1) > 0
        expected = [False] * 48
        for event in events:
            for frame in range(round(event.start * 48), round(event.end * 48)):
                expected[frame] = True
        # A time is right within half of 48 / 31 frames, at both ends of each event.
        assert sum(one != other for one, other in zip(lit, expected)) <= 2 * len(events)
        assert all(one.end < other.start for one, other in zip(events, events[1:]))
    assert counts == {1, 2, 3, 4}


def test_events_that_do_not_fit():
    with pytest.raises(UserError, match="5 events do not fit into 48 frames"):
        DenseDigits(max_events=5)
