"""Captions that are too short or too long."""

import math
import re
from collections.abc import Iterable, Iterator

from vtkeras.data.cleaning.facts import Facts, each_caption
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.cleaning.options import CleaningOptions

# Scripts without spaces between words: Han; and those of sounds, which are Thai, Lao, Myanmar, Khmer and kana.
_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_SOUNDS = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff]")
_LETTERS_A_WORD = 4  # of scripts of sounds, about


def length(clips: Iterable[Facts], options: CleaningOptions) -> Iterator[Mark]:
    """Marks captions with fewer or more words than the options allow."""

    def fault(caption: str) -> str | None:
        words = count_words(caption)
        if words < options.least_words:
            return f"number of words: {words}, at least {options.least_words}"
        return f"number of words: {words}, at most {options.most_words}" if words > options.most_words else None

    return each_caption(clips, "length", fault)


def count_words(text: str) -> int:
    """Words between spaces that hold a letter or digit.

    Of scripts without spaces each Han character counts, and each four letters of the others, about as long as a word.

    Example:
        >>> count_words("a cat !"), count_words("一只猫。"), count_words("แมวนอน")
        (2, 3, 2)
    """
    return sum(_unspaced_words(word) or any(map(str.isalnum, word)) for word in text.split())


def _unspaced_words(text: str) -> int:
    letters = sum(map(str.isalnum, _SOUNDS.findall(text)))
    return len(_HAN.findall(text)) + math.ceil(letters / _LETTERS_A_WORD)
