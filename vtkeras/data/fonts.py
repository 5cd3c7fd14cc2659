"""Fonts for words of any language in pictures."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont

NO_CHARACTER = "\uffff"  # in its place a font draws what it draws for every character that it lacks
NO_FONT = "LastResort"  # begins the names of fonts that draw a box with the script's name in place of a character
MOST_LISTED = 20


def own_font(size: int, bold: bool = False) -> FreeTypeFont:
    """DejaVu Sans, which matplotlib carries: Latin, Greek, Cyrillic, Arabic and Hebrew letters.

    Args:
        size: pixels.
        bold: its bold face.
    """
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return _open(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


@functools.lru_cache(maxsize=4096)
def font_of(text: str, size: int, bold: bool = False) -> FreeTypeFont | None:
    """The first font that has all characters of a text: DejaVu Sans, or one that is installed; None if there is none.

    Args:
        text: to be drawn.
        size: pixels.
        bold: of DejaVu Sans, its bold face.

    Example:
        >>> font_of("кот", 13).getname()
        ('DejaVu Sans', 'Book')
    """
    own = own_font(size, bold)
    if _has(own, text):
        return own
    for path in _installed():
        try:
            font = _open(path, size)
        except OSError:  # damaged, or of pictures in another size
            continue
        if _has(font, text):
            return font
    return None


def drawable(word: str, number: int, size: int) -> tuple[str, FreeTypeFont]:
    """What to draw for a word, and its font: the word, or its number where no font has its characters."""
    font = font_of(word, size)
    return (word, font) if font else (str(number), own_font(size))


def lacking(words: Sequence[str], size: int) -> str:
    """A sentence on the words that `drawable` gives a number for; "" where there are none.

    Args:
        words: whose numbers count from 1; empty strings are not drawn.
        size: pixels.
    """
    numbers = [f"{number} {word}" for number, word in enumerate(words, start=1) if not font_of(word, size)]
    if not numbers:
        return ""
    listed = ", ".join(numbers[:MOST_LISTED]) + (", ..." if len(numbers) > MOST_LISTED else "")
    return (
        f"No font here has the characters of some words, so the pictures show their numbers: {listed}. "
        "Install a font that has them, e.g. Noto Sans of the language."
    )


def _has(font: FreeTypeFont, text: str) -> bool:
    missing = _pixels(font, NO_CHARACTER)
    return all(_pixels(font, letter) != missing for letter in set(text) if not letter.isspace())


def _pixels(font: FreeTypeFont, letter: str) -> tuple:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


@functools.lru_cache(maxsize=16)
def _open(path: Path, size: int) -> FreeTypeFont:
    return ImageFont.truetype(str(path), size)


@functools.cache
def _installed() -> list[Path]:
    from matplotlib import font_manager  # takes a while, and few words need it

    found = [Path(path) for path in font_manager.findSystemFonts()]
    usual = [path for path in found if not path.name.startswith(NO_FONT)]
    return sorted(usual, key=lambda path: ("Regular" not in path.name, path.name))
