"""Captions in another script or language than the rest."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from vtkeras.data.cleaning.facts import Facts, each_caption, without
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.cleaning.options import CleaningOptions
from vtkeras.errors import lookup

_NAMES = {"cjk": "han", "hiragana": "japanese", "katakana": "japanese", "katakana-hiragana": "japanese"}
_READ_THRESHOLD = 0.8  # of the captions must read as languages of the folder, or none is judged
_LEAST_WORDS = 4  # that a language is told from
_VOUCHED = 1 / 3  # of a caption's words, that captions in the folder's languages use, too
_LATIN = "latin"  # whose letters are in texts of all scripts, for names
_RUN = 2  # letters
_SEEN = 1e-6  # probability of a language below which it is not kept: of 97, few have more
_MARKS = ".,;:!?¡¿\"'«»„“”()"
_MIXED = {"fullwidth", "halfwidth", "modifier", "mathematical", "double-struck", "script", "black-letter"}


def language(clips: Sequence[Facts], options: CleaningOptions) -> Iterator[Mark]:
    """Marks captions whose letters are mostly of a script that captions here are not written in, or whose words are
    of another language than those of the folder.

    Latin letters are used for names in all scripts: such a caption is right where it has two letters of a script of the
    folder on end. The model of languages (Lui and Baldwin, 2012, langid.py: 97 languages by their groups of bytes)
    guesses wrong in short texts and of names and loan words; so a caption is marked only where it is next to certain
    that it is in none of the folder's languages, and where captions that are in them use few of its words.
    """
    other_scripts = list(_scripts(clips, options))
    yield from other_scripts
    yield from _languages(without(clips, other_scripts), options)


def _scripts(clips: Sequence[Facts], options: CleaningOptions) -> Iterator[Mark]:
    written = Counter(filter(None, (script_of(caption) for clip in clips for caption in clip.captions)))
    least = options.script_share * written.total()
    expected = {name.lower() for name in options.scripts} or {name for name, count in written.items() if count >= least}
    allowed = expected | ({"han"} if "japanese" in expected else set())  # Japanese may do without kana

    if not expected:
        return iter(())

    def fault(caption: str) -> str | None:
        script = script_of(caption)
        beside = _scripts_beside_latin(caption) if script == _LATIN else set()
        known = script is None or bool(allowed & {script, *beside})
        return None if known else f"written in {script}, not in {' or '.join(sorted(expected))}"

    return each_caption(clips, "language", fault)


def _languages(clips: Sequence[Facts], options: CleaningOptions) -> Iterator[Mark]:
    captions = {caption for clip in clips for caption in clip.captions}
    shares: Counter[str] = Counter()
    for caption in (caption for clip in clips for caption in clip.captions):
        shares.update(languages_of(caption))
    total = shares.total()
    common = {name for name, share in shares.items() if share >= options.language_share * total}
    here = {name.lower() for name in options.languages} or common
    if not options.languages and sum(shares[name] for name in here) < _READ_THRESHOLD * total:
        return
    ours = {word for caption in captions if _likeliest(caption) in here for word in _words(caption)}

    def fault(caption: str) -> str | None:
        found, words = languages_of(caption), _words(caption)
        known = not found or sum(found.get(name, 0.0) for name in here) >= options.language_doubt
        known = known or sum(word in ours for word in words) >= _VOUCHED * len(words)
        return None if known else f"reads as '{_likeliest(caption)}', not as {' or '.join(sorted(here))}"

    yield from each_caption(clips, "language", fault)


def check_names(options: CleaningOptions) -> None:
    """Refuses languages and scripts that no caption can be in.

    Raises:
        UserError: naming the first of them.
    """
    for name in options.languages:
        lookup(dict.fromkeys(_identifier().nb_classes), name.lower(), "languages")
    for name in options.scripts:
        lookup(dict.fromkeys(_all_scripts()), name.lower(), "scripts")


@cache
def _all_scripts() -> list[str]:
    return sorted({script for code in range(0x20, 0x30000) if (script := _script(chr(code)))})


@cache
def languages_of(text: str) -> dict[str, float]:
    """How probable each language is, by its code in ISO 639-1; {} of a text of fewer than four words of letters.

    Those that are next to impossible are left out: a folder may have a million captions.
    Words with a capital, but for the first, are left out where others have none: names are of no language.

    Example:
        >>> found = languages_of("ein Hund läuft über die Straße")
        >>> max(found, key=found.get)
        'de'
    """
    words = [word for word in text.split() if word.strip(_MARKS).isalpha()]
    if len(words) < _LEAST_WORDS:
        return {}
    plain = [word for place, word in enumerate(words) if not place or not word.strip(_MARKS)[0].isupper()]
    words = plain if len(plain) > 1 else words
    ranked = _identifier().rank(" ".join(words).lower())
    return {name: float(share) for name, share in ranked if share > _SEEN}


def _likeliest(text: str) -> str | None:
    found = languages_of(text)
    return max(found, key=found.__getitem__) if found else None


def _words(text: str) -> list[str]:
    stripped = (word.strip(_MARKS) for word in text.lower().split())
    return [word for word in stripped if word.isalpha()]


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)


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


def _scripts_beside_latin(text: str) -> set[str]:
    """The other scripts of which a text has a run of letters, whatever stands between them."""
    runs = groupby(filter(None, map(_script, text)))
    return {script for script, run in runs if script != _LATIN and len(list(run)) >= _RUN}


@cache
def _script(char: str) -> str | None:
    """Unicode names a letter by its script first: CYRILLIC SMALL LETTER A."""
    if not char.isalpha():
        return None
    first = unicodedata.name(char, "").split(" ")[0].lower()
    return None if first in _MIXED or not first else _NAMES.get(first, first)
