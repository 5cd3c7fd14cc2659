"""Captions with characters that no one wrote: control characters, private use, broken decoding."""

import unicodedata
from collections.abc import Iterable, Iterator

from vtkeras.data.cleaning.facts import Facts, each_caption
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.cleaning.options import CleaningOptions

_REPLACEMENT = "\ufffd"  # what a decoder puts where bytes are no text
_SPACES = "\t\n\r"


def control_characters(clips: Iterable[Facts], options: CleaningOptions) -> Iterator[Mark]:
    """Marks captions with a control character other than tab and line end, of private use, or U+FFFD.

    Format characters stay: joiners belong to Persian, to the scripts of India and to emoji. So do characters that are
    unassigned here: a newer Unicode has them, emoji above all.
    """
    return each_caption(clips, "control_characters", _fault)


def _fault(caption: str) -> str | None:
    found = {f"U+{ord(char):04X}" for char in caption if _is_stray(char)}
    return f"holds {', '.join(sorted(found))}" if found else None


def _is_stray(char: str) -> bool:
    return char == _REPLACEMENT or (char not in _SPACES and unicodedata.category(char) in ("Cc", "Co"))
