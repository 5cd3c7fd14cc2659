"""Dense captions as text: ``<t=3> <t=7> a cat jumps <t=9> <t=31> a dog barks``.

Before the words of each event stand the times where it begins and ends (Yang et al., "Vid2Seq: Large-Scale
Pretraining of a Visual Language Model for Dense Video Captioning", 2023). ``<t=n>`` is the time n / 31 of
the video, so that ``<t=0>`` is its beginning and ``<t=31>`` its end. A model that reads 8 to 32 frames of a
video cannot tell more times apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

TIME_BINS = 32
TIME_TOKENS = tuple(f"<t={number}>" for number in range(TIME_BINS))

_TIME = re.compile(r"<t=(\d{1,4})>")
_WORDS = r"(?!<t=\d{1,4}>)\S(?:(?!<t=\d{1,4}>).)*"
_EVENT = re.compile(rf"<t=(\d{{1,4}})>\s*<t=(\d{{1,4}})>\s*({_WORDS})", re.DOTALL)


@dataclass(frozen=True)
class Event:
    """Something that happens in a video, and when.

    Attributes:
        start, end: shares of the video, 0 to 1.
        text: what happens.
    """

    start: float
    end: float
    text: str


def write_events(events: Iterable[Event]) -> str:
    """The dense caption of some events, in order of time.

    Example:
        >>> write_events([Event(0.5, 1.0, "a dog barks"), Event(0.0, 0.4, "a cat jumps")])
        '<t=0> <t=12> a cat jumps <t=16> <t=31> a dog barks'
    """
    ordered = sorted(events, key=lambda event: (event.start, event.end))
    parts = [(_time_token(one.start), _time_token(one.end), *one.text.split()) for one in ordered]
    return " ".join(word for part in parts for word in part)


def read_events(text: str) -> list[Event]:
    """The events of a dense caption, in the order they are written in.

    What does not follow the form is left out: words that two times do not stand before, times without
    words, and events that do not end after their beginning.

    Example:
        >>> read_events("<t=0> <t=31> a cat jumps <t=5> and")
        [Event(start=0.0, end=1.0, text='a cat jumps')]
    """
    found = []
    for begin, end, words in _EVENT.findall(text):
        start, stop = (min(int(number), TIME_BINS - 1) / (TIME_BINS - 1) for number in (begin, end))
        if stop > start:
            found.append(Event(start, stop, " ".join(words.split())))
    return found


def has_times(text: str) -> bool:
    """True for a text with time tokens."""
    return bool(_TIME.search(text))


def without_times(text: str) -> str:
    """The words alone.

    Example:
        >>> without_times("<t=0> <t=31> a cat jumps")
        'a cat jumps'
    """
    return " ".join(_TIME.sub(" ", text).split())


def _time_token(share: float) -> str:
    return TIME_TOKENS[round(min(max(share, 0.0), 1.0) * (TIME_BINS - 1))]
