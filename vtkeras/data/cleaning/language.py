"""Captions in another script than the rest."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from vtkeras.data.cleaning.facts import Facts, each_caption
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.cleaning.options import CleaningOptions

_NAMES = {"cjk": "han", "hiragana": "japanese", "katakana": "japanese", "katakana-hiragana": "japanese"}
_MIXED = {"fullwidth", "halfwidth", "modifier", "mathematical", "double-struck", "script", "black-letter"}


def language(clips: Sequence[Facts], options: CleaningOptions) -> Iterator[Mark]:
    """Marks captions whose letters are mostly of a script that captions here are not written in.

    Languages that share a script are not told apart.
    """
    written = Counter(filter(None, (script_of(caption) for clip in clips for caption in clip.captions)))
    least = options.script_share * written.total()
    expected = {name.lower() for name in options.scripts} or {name for name, count in written.items() if count >= least}
    allowed = expected | ({"han"} if "japanese" in expected else set())  # Japanese may do without kana

    def fault(caption: str) -> str | None:
        script = script_of(caption)
        known = script is None or script in allowed
        return None if known else f"written in {script}, not in {' or '.join(sorted(expected))}"

    return each_caption(clips, "language", fault)


def script_of(text: str) -> str | None:
    """The script of most letters; None of a text without letters. Han with kana is Japanese.

    Example:
        >>> script_of("a cat"), script_of("кошка"), script_of("猫がいる"), script_of("3.5")
        ('latin', 'cyrillic', 'japanese', None)
    """
    counts = Counter(filter(None, map(_script, text)))
    if counts["japanese"]:
        counts["japanese"] += counts.pop("han", 0)
    return counts.most_common(1)[0][0] if counts.total() else None


@cache
def _script(char: str) -> str | None:
    """Unicode names a letter by its script first: CYRILLIC SMALL LETTER A."""
    if not char.isalpha():
        return None
    first = unicodedata.name(char, "").split(" ")[0].lower()
    return None if first in _MIXED or not first else _NAMES.get(first, first)
