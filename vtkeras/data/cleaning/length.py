"""Captions that are too short or too long."""

import re
from collections.abc import Iterable, Iterator

from vtkeras.data.cleaning.facts import Facts, each_caption
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.cleaning.options import CleaningOptions

# Thai, Lao, Myanmar, Khmer, kana, Han: scripts without spaces between words.
_UNSPACED = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")


def length(clips: Iterable[Facts], options: CleaningOptions) -> Iterator[Mark]:
    """Marks captions with fewer or more words than the options allow."""

    def fault(caption: str) -> str | None:
        words = count_words(caption)
        if words < options.least_words:
            return f"number of words: {words}, at least {options.least_words}"
        return f"number of words: {words}, at most {options.most_words}" if words > options.most_words else None

    return each_caption(clips, "length", fault)


def count_words(text: str) -> int:
    """Words between spaces that hold a letter or digit; of scripts without spaces each letter counts.

    Example:
        >>> count_words("a cat !"), count_words("一只猫。")
        (2, 3)
    """
    letters = ((word, sum(char.isalnum() for char in _UNSPACED.findall(word))) for word in text.split())
    return sum(unspaced or any(map(str.isalnum, word)) for word, unspaced in letters)
