"""Subtitle files as cues: WebVTT, SubRip, YouTube's SBV and (Advanced) SubStation Alpha."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

from vtkeras.errors import UserError

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_ARROW_TIMES = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}")
_SBV_TIMES = re.compile(rf"^\s*{_TIME},{_TIME}\s*$")
_DIALOGUE = re.compile(rf"^Dialogue:[^,]*,\s*{_TIME}\s*,\s*{_TIME}\s*,(?:[^,]*,){{6}}(.*)$")
_MARKUP = re.compile(r"<[^<>]{0,200}>|\{\\[^{}]{0,200}\}")
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}.*?(?:\{[^{}]*\\p0[^{}]*\}|$)")
_BRACES = re.compile(r"\{[^{}]*\}")
_NO_WORDS = ("NOTE", "STYLE", "REGION")  # first words of WebVTT's blocks that are no cues
_SAME_TIME = 0.5  # seconds between cues that follow each other at once
_MOMENT = 0.1  # seconds; a shorter cue only holds a line for the next one


@dataclass(frozen=True)
class TimedLines:
    """The lines that a player shows from `start` to `end`, in seconds, without markup."""

    start: float
    end: float
    lines: tuple[str, ...]


def is_cue_file(path: Path, text: str) -> bool:
    """Whether a file is one of these, by its ending or because a pair of times stands near its beginning."""
    head = text.splitlines()[:10]
    return path.suffix.lower() in (".vtt", ".srt", ".sbv", ".ass", ".ssa") or any(map(_ARROW_TIMES.match, head))


def read_cues(path: Path, text: str) -> list[TimedLines]:
    """The cues of a file, in its order.

    A blank line inside a cue does not end it: what follows, up to the next pair of times, belongs to it.

    Args:
        path: of the file; its ending says what it is, for messages too.
        text: its content.

    Raises:
        UserError: naming a line with an arrow that is no pair of times.

    Example:
        >>> read_cues(Path("a.srt"), "1\\n00:00:01,000 --> 00:00:02,500\\n<i>hello</i>\\n")
        [TimedLines(start=1.0, end=2.5, lines=('hello',))]
    """
    lines, ending = text.splitlines(), path.suffix.lower()
    if ending in (".ass", ".ssa"):
        said = filter(None, map(_DIALOGUE.match, lines))
        return [_timed_lines(one, _without_codes(one.group(9)).split("\n")) for one in said]
    pattern = _SBV_TIMES if ending == ".sbv" else _ARROW_TIMES
    times = {number: found for number, line in enumerate(lines) if (found := pattern.match(line))}
    for number, line in enumerate(lines):
        if "-->" in line and number not in times and pattern is _ARROW_TIMES:
            raise UserError(f"{path}, line {number + 1}: '{line.strip()[:60]}' is not a pair of times.")
    is_webvtt = ending == ".vtt" or text.startswith("WEBVTT")
    ends = [*list(times)[1:], len(lines) + 1]
    return [
        _timed_lines(found, _body(lines[number + 1 : end], is_webvtt, end > len(lines) or ending == ".sbv"))
        for (number, found), end in zip(times.items(), ends)
    ]


def _without_codes(text: str) -> str:
    """A line of SubStation Alpha without drawings, overrides and comments; its spaces and line ends as such."""
    text = _BRACES.sub("", _DRAWING.sub("", text))
    return text.replace("\\h", " ").replace("\\N", "\n").replace("\\n", "\n")


def without_carried_lines(cues: list[TimedLines]) -> list[TimedLines] | None:
    """The cues of rolling subtitles, each line once, at the time at which it appears.

    Such subtitles, as YouTube makes by itself and live television shows, keep a line on the screen while the next
    one is written below it, so that a cue begins with lines of the one before.

    Args:
        cues: in order of time.

    Returns:
        The cues with their new lines alone; None for subtitles that do not roll, where a repeated line was said twice.
    """
    carried = [_carried(before, cue) for before, cue in zip(cues, cues[1:])]
    rolls = [
        count > 0 and (len(cue.lines) > count or cue.end - cue.start < _MOMENT) for count, cue in zip(carried, cues[1:])
    ]
    if not any(rolls) or 2 * sum(rolls) < len(rolls):
        return None
    fresh = (replace(cue, lines=cue.lines[count:]) for cue, count in zip(cues, [0, *carried]))
    return [cue for cue in fresh if cue.lines]


def clean(text: str) -> str:
    """Words without tags, overrides, entities and needless spaces."""
    return " ".join(unescape(_MARKUP.sub("", text)).split())


def seconds_of(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    """Seconds of the parts of a time.

    Args:
        hours: digits; None or "" where the time has none.
        minutes: digits.
        seconds: digits, without the fraction.
        fraction: one to three digits after the point: "5" is 500 ms, "05" is 50 ms.
    """
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000


def clock_seconds(text: str) -> float | None:
    """Seconds of a time such as `00:01:02,500`; None for another text."""
    found = re.fullmatch(rf"\s*{_TIME}\s*", text)
    return seconds_of(*found.groups()) if found else None


def _timed_lines(times: re.Match[str], lines: list[str]) -> TimedLines:
    values = times.groups()
    cleaned = tuple(filter(None, map(clean, lines)))
    return TimedLines(seconds_of(*values[:4]), seconds_of(*values[4:8]), cleaned)


def _body(lines: list[str], is_webvtt: bool, is_nameless: bool) -> list[str]:
    """The lines between two pairs of times that are words: not the next cue's name, nor a note."""
    if not is_nameless:
        lines = _without_name(lines, is_webvtt)
    blocks = list(_blocks(lines))
    own = [] if not lines or not lines[0].strip() else blocks[:1]  # words of the cue, whatever they begin with
    noted = [block for block in blocks[len(own) :] if not is_webvtt or block[0].split()[0] not in _NO_WORDS]
    return [line for block in (*own, *noted) for line in block]


def _without_name(lines: list[str], is_webvtt: bool) -> list[str]:
    """The lines before a pair of times without the name of its cue: in WebVTT a line, elsewhere a number.

    It stands right before the times, or alone between blank lines.
    """
    said = len(lines)
    while not is_webvtt and said and not lines[said - 1].strip():
        said -= 1
    alone = said > 1 and not lines[said - 2].strip()
    number = said > 0 and lines[said - 1].strip().isdigit()
    named = alone if is_webvtt else number and (alone or said == len(lines))
    return lines[: said - 1] if named or is_webvtt and number else lines


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def _carried(before: TimedLines, cue: TimedLines) -> int:
    """How many of a cue's first lines were the last ones before."""
    if cue.start - before.end > _SAME_TIME:
        return 0
    longest = min(len(before.lines), len(cue.lines))
    return next((count for count in range(longest, 0, -1) if before.lines[-count:] == cue.lines[:count]), 0)
