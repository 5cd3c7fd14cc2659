"""Words are counted as people count them, in scripts with and without spaces."""

import pytest

from tests.fixtures.cleaning import faults
from vtkeras.data.cleaning.length import count_words, length


@pytest.mark.parametrize(
    "text, words",
    [("", 0), ("...!", 0), ("a cat !", 2), ("don't walk 3.5 m", 4), ("一只猫。", 3), ("баба и кот", 3),
     ("बिल्ली कूदती है", 3), ("แมว", 1), ("แมวนอน", 2), ("猫 and 犬", 3), ("猫がいる", 2), ("プレイステーション", 3)],
)  # fmt: skip
def test_count_words(text, words):
    assert count_words(text) == words


def test_limits():
    found = faults(length, "cat", "a cat", "a cat and a dog", least_words=2, most_words=4)
    assert found == {
        "cat": ("length", "number of words: 1, at least 2"),
        "a cat and a dog": ("length", "number of words: 5, at most 4"),
    }
