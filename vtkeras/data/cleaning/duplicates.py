"""Captions that say again what another caption of the clip says, and captions that are on too many clips."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from vtkeras.data.cleaning.facts import Facts
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.cleaning.options import CleaningOptions

DUPLICATE, COMMONPLACE = "duplicate", "commonplace"
_SAYS_SOMETHING = re.compile(r"(?<=\d)[-.,:/](?=\d)|(?<!\w)-(?=\d)|[#%‰&@]")  # "3.5 m", "-5 degrees", "C#", "50%"
_MINUS = str.maketrans("–−", "--")


def duplicates(clips: Sequence[Facts], options: CleaningOptions) -> Iterator[Mark]:
    """Marks captions that differ from an earlier one of the same clip in case, punctuation or spaces alone.

    Several clips may share a caption, unless `most_clips` limits that.
    """
    clips_with = Counter(plain for clip in clips for plain in set(map(plain_words, clip.captions)))
    for clip in clips:
        first: dict[str, str] = {}
        for caption in clip.captions:
            plain = plain_words(caption)
            if options.most_clips and clips_with[plain] > options.most_clips:
                yield clip.mark(COMMONPLACE, f"on {clips_with[plain]} clips, at most {options.most_clips}", caption)
            elif plain in first:
                yield clip.mark(DUPLICATE, f"says what “{first[plain]}” says", caption)
            else:
                first[plain] = caption


def plain_words(text: str) -> str:
    """A text without case, repeated spaces, and punctuation other than that of numbers and signs such as % and #.

    Example:
        >>> plain_words("A  cat, again!"), plain_words("It is -5.5 degrees.")
        ('a cat again', 'it is -5.5 degrees')
    """
    text = unicodedata.normalize("NFKC", text).casefold().translate(_MINUS)
    kept = {found.start() for found in _SAYS_SOMETHING.finditer(text)}
    chars = (" " if _says_nothing(char) and place not in kept else char for place, char in enumerate(text))
    return " ".join("".join(chars).split())


def _says_nothing(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "PZ" or category in ("Cc", "Cf")
