import numpy as np
import pytest

from vtkeras.data.spelling import JOIN, WORD_START
from vtkeras.explain import attention_tables
from vtkeras.serving.results import Caption

TIMES = np.array([0.0, 0.5, 1.0], "float32")


def attention(*by_frame):
    """(words, heads=2, time, rows=1, columns=2): head 0 as given, head 1 all on the first frame."""
    grids = np.zeros((len(by_frame), 2, len(by_frame[0]), 1, 2), "float32")
    for word, shares in enumerate(by_frame):
        grids[word, 0, :, 0, 1] = shares
        grids[word, 1, 0, 0, 0] = 1.0
    return grids


@pytest.fixture
def caption():
    frames = np.zeros((3, 2, 2, 3), "uint8")
    return Caption(
        "a cat", 0.4, ["a", "cat"], [0.5, 0.8], attention([0.5, 0.5, 0], [0, 0, 1]), frames, [0, 2, 2]
    )


def test_head_or_mean(caption):
    np.testing.assert_allclose(
        attention_tables.frame_sums(attention_tables.of_head(caption.attention, 0)), [[0.5, 0.5, 0], [0, 0, 1]]
    )
    mean = attention_tables.frame_sums(attention_tables.of_head(caption.attention))
    np.testing.assert_allclose(mean, [[0.75, 0.25, 0], [0.5, 0, 0.5]])  # e.g. (0.5 + 1) / 2 = 0.75
    np.testing.assert_allclose(mean.sum(axis=1), 1)


def test_repeats_are_left_out():
    assert attention_tables.real_frames([0, 0, 0]) == [0]
    assert attention_tables.real_frames([1, 3, 5]) == [0, 1, 2]


def test_most_looked_at():
    table = attention_tables.most_looked_at(np.array([0.2, 0.5, 0.3]), TIMES, count=2)
    assert (
        list(table.frame) == [2, 3]
        and list(table.seconds) == [0.5, 1.0]
        and list(table.attention) == [0.5, 0.3]
    )


def test_pieces_become_words(caption):
    grids = np.concatenate([caption.attention, caption.attention[:1]])
    words, joined, probabilities = attention_tables.join_pieces(["cat", "##s", "run"], grids, [0.5, 0.5, 0.9])
    assert words == ["cats", "run"] and probabilities == [0.25, 0.9]
    np.testing.assert_allclose(joined[0], (grids[0] + grids[1]) / 2)
    np.testing.assert_allclose(joined.sum(axis=(2, 3, 4)), 1)


def test_marks_and_ideographs_are_words_and_spelled_characters_are_read():
    halves = ["##\ue00c", "##\ue013", "##\ue00a", "##\ue019"]  # C3 A9
    pieces = ["一", "##只", "##猫", "can", "##'", "##t", "##-", JOIN, "it", "##?", WORD_START, *halves]
    words = ["一", "只", "猫", "can", "'t", "-", "it", "?", "é"]
    assert attention_tables.join_pieces(pieces, np.ones((15, 1, 1, 1, 1)))[0] == words


def test_odd_pieces():
    grids = np.ones((1, 1, 1, 1, 1))
    assert attention_tables.join_pieces(["##s"], grids)[::2] == (["s"], [1.0])
    assert attention_tables.join_pieces([], grids[:0])[0] == []
