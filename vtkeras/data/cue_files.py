"""Subtitle files as cues: WebVTT, SubRip, YouTube's SBV, (Advanced) SubStation Alpha, LRC, and what Whisper prints."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import groupby, pairwise
from pathlib import Path

from vtkeras.errors import UserError

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_ARROW_TIMES = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}")
_LIKE_TIMES = re.compile(r"^[\s\d:.,]*\d[\s\d:.,]*-->|-->\s*\d+:\d")
_PRINTED = re.compile(rf"^\s*\[({_TIME}\s*-->\s*{_TIME})\][ \t]*", re.MULTILINE)
_LRC_TIMES = re.compile(rf"\s*\[{_TIME}\]")
_WHISPER_TSV = "start\tend\ttext"
_SBV_TIMES = re.compile(rf"^\s*{_TIME},{_TIME}\s*$")
_DIALOGUE = re.compile(rf"^Dialogue:[^,]*,\s*{_TIME}\s*,\s*{_TIME}\s*,(?:[^,]*,){{6}}(.*)$")
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|<[\d:.]{5,20}>|\{\\[^{}]{0,200}\}")
_PATH = re.compile(r"[A-Za-z]:\\")  # of Windows, whose parts may begin with N
_LINE_BREAKS = {".sbv": "[br]"}  # within a line; of other forms "\\N"
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
    head = text.lstrip().splitlines()[:10]
    timed = any(map(_ARROW_TIMES.match, head)) or any(map(_PRINTED.match, head)) or head[:1] == [_WHISPER_TSV]
    return timed or path.suffix.lower() in (".vtt", ".srt", ".sbv", ".ass", ".ssa", ".lrc")


def read_cues(path: Path, text: str) -> list[TimedLines]:
    """The cues of a file, in its order; of several with the same times and words, as of layers, the first.

    A blank line inside a cue does not end it: what follows, up to the next pair of times, belongs to it.

    Args:
        path: of the file; its ending says what it is, for messages too.
        text: its content.

    Raises:
        UserError: naming a line that is to hold times and does not.

    Example:
        >>> read_cues(Path("a.srt"), "1\\n00:00:01,000 --> 00:00:02,500\\n<i>hello</i>\\n")
        [TimedLines(start=1.0, end=2.5, lines=('hello',))]
    """
    ending = path.suffix.lower()
    if ending in (".ass", ".ssa"):
        said = filter(None, map(_DIALOGUE.match, text.splitlines()))
        cues = [_timed_lines(one, _without_codes(one.group(9)).split("\n")) for one in said]
    elif ending == ".lrc":
        cues = _from_lrc(text)
    elif text.lstrip().startswith(_WHISPER_TSV):
        cues = _from_whisper_tsv(path, text)
    else:
        cues = _from_blocks(path, text)
    return list(dict.fromkeys(cues))


def _from_blocks(path: Path, text: str) -> list[TimedLines]:
    ending = path.suffix.lower()
    plain = _PRINTED.sub(r"\1\n", text)
    lines, is_nameless = plain.splitlines(), ending == ".sbv" or plain != text
    pattern = _SBV_TIMES if ending == ".sbv" else _ARROW_TIMES
    times = {number: found for number, line in enumerate(lines) if (found := pattern.match(line))}
    for number, line in enumerate(lines):
        like_times = _LIKE_TIMES.search(line) or not times
        if "-->" in line and number not in times and like_times and pattern is _ARROW_TIMES:
            raise UserError(f"{path}, line {number + 1}: '{line.strip()[:60]}' is not a pair of times.")
    is_webvtt = ending == ".vtt" or text.startswith("WEBVTT")
    if not times and text.strip() and not is_webvtt:
        raise UserError(f"{path} has no pair of times such as 00:00:01,000 --> 00:00:02,500.")
    ends = [*list(times)[1:], len(lines) + 1]
    bodies = [
        _body(lines[number + 1 : end], is_webvtt, end > len(lines) or is_nameless) for number, end in zip(times, ends)
    ]
    mark = _LINE_BREAKS.get(ending, "\\N")
    return [
        _timed_lines(found, [part for line in body for part in ([line] if _PATH.search(line) else line.split(mark))])
        for found, body in zip(times.values(), bodies)
    ]


def _from_whisper_tsv(path: Path, text: str) -> list[TimedLines]:
    """What Whisper writes as .tsv: milliseconds and words, with tabs between them."""
    cues = []
    for number, line in enumerate(text.lstrip().splitlines()[1:], start=2):
        start, end, words = [*line.split("\t", 2), "", ""][:3]
        if line.strip() and not (start.isdecimal() and end.isdecimal()):
            raise UserError(f"{path}, line {number}: '{line[:60]}' does not begin with two times in milliseconds.")
        if line.strip():
            cues.append(TimedLines(int(start) / 1000, int(end) / 1000, (clean(words),)))
    return cues


def _from_lrc(text: str) -> list[TimedLines]:
    """Lines of a song, each up to the next one; one line may stand for several times."""
    found = []
    for line in text.splitlines():
        words, times = line, []
        while match := _LRC_TIMES.match(words):
            words = words[match.end() :]
            times.append(seconds_of(*match.groups()))
        found += [(start, clean(words)) for start in times]
    found.sort(key=lambda one: one[0])
    ends = [start for start, _ in found[1:]] + [math.inf]
    return [TimedLines(start, end, (words,)) for (start, words), end in zip(found, ends) if words]


def _without_codes(text: str) -> str:
    """A line of SubStation Alpha without drawings, overrides and comments; its spaces and line ends as such."""
    text = _BRACES.sub("", _DRAWING.sub("", text))
    return text.replace("\\h", " ").replace("\\N", "\n").replace("\\n", "\n")


def without_carried_lines(cues: list[TimedLines]) -> list[TimedLines] | None:
    """The cues of rolling subtitles, each line once, at the time at which it appears.

    Such subtitles, as YouTube makes by itself and live television shows, keep a line on the screen while the next
    one is written below it, so that a cue begins with lines of the one before; or they write a line word by word. A
    film may do so in parts.

    Args:
        cues: in order of time.

    Returns:
        The cues with their new lines alone; None for subtitles that do not roll, where a repeated line was said twice.
    """
    grows = [_grows(before, cue) for before, cue in pairwise(cues)]
    whole = _whole_lines(cues, _in_stretches(grows, grows))
    carried = [_carried(before, cue) for before, cue in pairwise(whole)]
    rolls = [
        count > 0 and (len(cue.lines) > count or cue.end - cue.start < _MOMENT)
        for count, cue in zip(carried, whole[1:])
    ]
    rolling = _in_stretches([count > 0 for count in carried], rolls)
    if len(whole) == len(cues) and not any(rolling):
        return None
    counts = [count if repeated else 0 for count, repeated in zip(carried, rolling)]
    fresh = (replace(cue, lines=cue.lines[count:]) for cue, count in zip(whole, [0, *counts]))
    return [cue for cue in fresh if cue.lines]


def _grows(before: TimedLines, cue: TimedLines) -> bool:
    """Whether a cue goes on to write the last line of the one before."""
    if not before.lines or len(cue.lines) < len(before.lines) or cue.start - before.end > _SAME_TIME:
        return False
    last = len(before.lines) - 1
    written, further = before.lines[last], cue.lines[last].removeprefix(before.lines[last])[:1]
    goes_on = cue.lines[last].startswith(written) and further and (further == " " or not further.isascii())
    return bool(goes_on) and before.lines[:last] == cue.lines[:last]


def _whole_lines(cues: Sequence[TimedLines], grows: Sequence[bool]) -> list[TimedLines]:
    """The last cue of each that is written word by word, from the time at which its first word appears."""
    whole: list[TimedLines] = []
    for cue, goes_on in zip(cues, [False, *grows]):
        start = whole.pop().start if goes_on else cue.start
        whole.append(replace(cue, start=start))
    return whole


def _in_stretches(holds: Sequence[bool], sure: Sequence[bool]) -> list[bool]:
    """Which of the steps that hold what stood before do so on purpose: two sure ones in a row, or most of several."""
    most = len(sure) > 2 and 2 * sum(sure) >= len(sure)
    found: list[bool] = []
    for held, steps in groupby(zip(holds, sure), key=lambda step: step[0]):
        stretch = [one for _, one in steps]
        found += [held and (most or sum(stretch) > 1)] * len(stretch)
    return found


def clean(text: str) -> str:
    """Words without tags, overrides, entities and needless spaces."""
    return " ".join(unescape(_MARKUP.sub("", text)).split())


def seconds_of(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    """Seconds of the parts of a time.

    Args:
        hours: digits; None or "" where the time has none.
        minutes: digits.
        seconds: digits, without the fraction.
        fraction: one to three digits after the point: "5" is 500 ms, "05" is 50 ms; None or "" if there is none.
    """
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int((fraction or "").ljust(3, "0")) / 1000


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
    """How many of a cue's first lines were the last ones before; after a pause only those that were held for it."""
    is_held = before.end - before.start < _MOMENT and len(cue.lines) > len(before.lines)
    if cue.start - before.end > _SAME_TIME and not is_held:
        return 0
    longest = min(len(before.lines), len(cue.lines))
    return next((count for count in range(longest, 0, -1) if before.lines[-count:] == cue.lines[:count]), 0)
