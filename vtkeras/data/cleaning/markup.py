"""Captions with mark-up: tags, entities, links, codes of subtitles."""

import re
from collections.abc import Iterable, Iterator

from vtkeras.data.cleaning.facts import Facts, each_caption
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.cleaning.options import CleaningOptions

_MARKUP = re.compile(
    r"""</?[a-z][\w-]*(?:\s+[\w-]+\s*=\s*[^<>]*)?\s*/?>  # <b>, </b>, <br/>, <font color="red">
    | &(?:[a-z]+|\#\d+|\#x[\da-f]+);                     # &amp; &#39;
    | \{\\[^{}]*\}                                       # {\an8}
    | \[\[[^\[\]]*\]\] | \[[^\[\]]*\]\([^()]*\)          # [[link]], [text](address)
    | \bhttps?://\S+""",
    re.IGNORECASE | re.VERBOSE,
)


def markup(clips: Iterable[Facts], options: CleaningOptions) -> Iterator[Mark]:
    """Marks captions with mark-up, which is no part of what a clip shows."""
    return each_caption(clips, "markup", _fault)


def _fault(caption: str) -> str | None:
    found = _MARKUP.search(caption)
    return f"holds {found.group()[:40]}" if found else None
