"""Characters and how they are written as word pieces. No TensorFlow here: pages read word pieces, too.

A word is what stands between two spaces. Its first piece is written as it is, the further ones with `##` before
them, so that `can't,` is `can ##' ##t ##,` and `一只猫` is `一 ##只 ##猫`, and pieces put together give the text.
Two letters or more behind a mark begin as a word does, behind the piece `JOIN`: `well-known` is `well ##- JOIN known`,
so that a word has one first piece wherever it stands.
A character without a piece is spelled by its UTF-8 bytes, each as two halves; a word whose first character has no
piece to begin with is begun by `WORD_START`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import groupby

CONTINUES = "##"
# Code points for private use: in texts they are spelled, so that a piece never stands for a text's own.
HIGH_HALVES = tuple(chr(0xE000 + half) for half in range(16))
LOW_HALVES = tuple(chr(0xE010 + half) for half in range(16))
WORD_START = chr(0xE020)
JOIN = "\x01"  # a control character: no normalised text has one
SPELLING_PIECES = (WORD_START, *(CONTINUES + half for half in (*HIGH_HALVES, *LOW_HALVES)))

_PRIVATE_USE = range(0xE000, 0xE100)
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF))  # Thai, Lao, Burmese, Khmer, kana
_IDEOGRAPHS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
_SPELLED = re.compile(f"(?:[{HIGH_HALVES[0]}-{HIGH_HALVES[-1]}][{LOW_HALVES[0]}-{LOW_HALVES[-1]}])+")


def normalise(text: str, keep_case: bool = False) -> str:
    """Lower case, composed characters and single spaces: the form in which texts are learned and compared.

    Example:
        >>> normalise("  Up AND\\tdown ")
        'up and down'
    """
    text = unicodedata.normalize("NFC", text if keep_case else text.lower())
    return " ".join("".join(" " if _is_space(char) else char for char in text).split())


@cache
def _is_space(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Zs", "Zl", "Zp")


@cache
def stands_alone(char: str) -> bool:
    """Whether a character is a piece of its own: a mark, a symbol, a joiner or an ideograph.

    Example:
        >>> [stands_alone(char) for char in "a'猫"]
        [False, True, True]
    """
    ideograph = any(first <= ord(char) <= last for first, last in _IDEOGRAPHS)
    return ideograph or is_mark(char)


def is_mark(char: str) -> bool:
    """Whether a character is a mark, a symbol or a joiner."""
    return unicodedata.category(char)[0] in "PS" or unicodedata.category(char) == "Cf"


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without marks; ideographs are words of their own.

    Example:
        >>> words_of("A well-known cat: 猫.")
        ['a', 'well', 'known', 'cat', '猫']
    """
    return [part for part in parts_of(normalise(text)) if part != " " and not is_mark(part[0])]


def parts_of(text: str) -> list[str]:
    """The words, marks and spaces of a normalised text, which they give when put together.

    Example:
        >>> parts_of("a well-known 一只猫")
        ['a', ' ', 'well', '-', 'known', ' ', '一', '只', '猫']
    """
    runs = groupby(text, lambda char: char == " " or stands_alone(char))
    return [part for alone, run in runs for part in (run if alone else ["".join(run)])]


def is_unspaced(char: str) -> bool:
    """Whether a letter is of a script that has no spaces between words."""
    return any(first <= ord(char) <= last for first, last in _UNSPACED)


def is_writable(char: str, begins: bool) -> bool:
    """Whether a character may have a piece; the others are always spelled.

    Args:
        char: the character.
        begins: whether the piece would begin a word: no text may begin as `[END]` does.
    """
    return char != "#" and not (begins and char == "[") and ord(char) not in _PRIVATE_USE


def is_spelled(piece: str) -> bool:
    """Whether a word piece is a part of a character that the vocabulary lacks."""
    return piece in SPELLING_PIECES


def join(pieces: list[str]) -> str:
    """The text of one word's pieces.

    Example:
        >>> join(["can", "##'", "##t"])
        "can't"
    """
    text = "".join(piece.removeprefix(CONTINUES) for piece in pieces).replace(WORD_START, "").replace(JOIN, "")
    return _SPELLED.sub(lambda found: _bytes_of(found.group()).decode("utf-8", "replace"), text)


def _bytes_of(halves: str) -> bytes:
    pairs = zip(halves[::2], halves[1::2])
    return bytes(16 * HIGH_HALVES.index(high) + LOW_HALVES.index(low) for high, low in pairs)
