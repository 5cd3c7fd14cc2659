"""Subtitles and transcripts, read and written: WebVTT, SubRip (SRT), JSON, and plain text without times."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from html import escape, unescape
from pathlib import Path
from typing import Protocol

from vtkeras.errors import UserError
from vtkeras.run_files import write_text

MAX_BYTES = 20 * 1024**2
_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_CUE_TIMES = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}", re.MULTILINE)
_TAGS = re.compile(r"<[^<>]{0,200}>")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|(?<=[。！？])")
_START_NAMES, _END_NAMES, _LENGTH_NAMES = ("start", "begin", "from"), ("end", "to"), ("duration", "dur")


@dataclass(frozen=True)
class Sentence:
    """A sentence of a transcript, or a subtitle.

    Attributes:
        text: the words, without markup.
        start, end: seconds; None where the transcript has no times.
    """

    text: str
    start: float | None = None
    end: float | None = None

    @property
    def middle(self) -> float:
        """Seconds; 0 without times."""
        return ((self.start or 0.0) + (self.end or 0.0)) / 2


class Cue(Protocol):
    """What can be written as a subtitle: a `Sentence`, or anything else with a text and times in seconds."""

    @property
    def text(self) -> str: ...
    @property
    def start(self) -> float | None: ...
    @property
    def end(self) -> float | None: ...


@dataclass(frozen=True)
class Transcript:
    """The sentences of a video, in the order of time.

    Attributes:
        sentences: all of them with times, or all without.
        notes: a sentence for each thing that was corrected or left out.
    """

    sentences: tuple[Sentence, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def timed(self) -> bool:
        """Whether the sentences have times."""
        return bool(self.sentences) and self.sentences[0].start is not None


def read_transcript(path: str | Path, duration: float) -> Transcript:
    """Reads a transcript or subtitles, and corrects their times.

    Sentences are sorted by time; an end before its start is the start; what begins past the end of the
    video is left out. Each correction becomes a note.

    Args:
        path: WebVTT (.vtt), SubRip (.srt), JSON (a list of {"text", "start", "end"}, also under
            "segments" or "sentences"), or any other file as plain text.
        duration: seconds of the video.

    Raises:
        UserError: for a missing, binary, huge or malformed file; the line or entry is named.

    Example:
        >>> read_transcript("talk.vtt", duration=60).sentences[0]
        Sentence(text='good morning', start=0.5, end=2.0)
    """
    path = Path(path)
    text = _read_text(path)
    if path.suffix.lower() == ".json":
        sentences = _from_json(path, text)
    elif path.suffix.lower() in (".vtt", ".srt") or _CUE_TIMES.search("\n".join(text.splitlines()[:10])):
        sentences = _from_cues(path, text)
    else:
        sentences = [Sentence(part) for part in _split_text(text)]
    sentences = [sentence for sentence in sentences if sentence.text]
    if not sentences:
        return Transcript(notes=(f"{path} holds no sentence.",))
    return _with_corrected_times(path, sentences, duration)


def to_webvtt(cues: Iterable[Cue]) -> str:
    """Subtitles in WebVTT form, which players and browsers show over a video; cues without words are left out.

    Example:
        >>> print(to_webvtt([Sentence("a < b", 0, 2)]))
        WEBVTT
        <BLANKLINE>
        00:00:00.000 --> 00:00:02.000
        a &lt; b
    """
    # "-->" and "<" within the words would be read as marks.
    blocks = [f"{times}\n{escape(words, quote=False)}" for times, words in _timed(cues, ".")]
    return "\n\n".join(["WEBVTT", *blocks])


def to_srt(cues: Iterable[Cue]) -> str:
    """Subtitles in SubRip form, numbered; cues without words are left out."""
    blocks = [f"{times}\n{words.replace('-->', '->')}" for times, words in _timed(cues, ",")]
    return "\n\n".join(f"{number}\n{block}" for number, block in enumerate(blocks, start=1))


def to_json(cues: Iterable[Cue]) -> str:
    """Subtitles as a JSON list of {"text", "start", "end"}."""
    values = [{"text": cue.text, "start": cue.start, "end": cue.end} for cue in cues]
    return json.dumps(values, ensure_ascii=False, indent=1)


FORMATS: dict[str, Callable[[Iterable[Cue]], str]] = {".vtt": to_webvtt, ".srt": to_srt, ".json": to_json}


def write_subtitles(path: str | Path, cues: Iterable[Cue]) -> None:
    """Writes a subtitle file; the form follows from the name: `.srt`, `.json`, and WebVTT for any other.

    Args:
        path: the file.
        cues: texts with times.

    Raises:
        UserError: if the file cannot be written.

    Example:
        >>> write_subtitles("film.srt", [Sentence("good morning", 0.5, 2.0)])
    """
    write_text(path, FORMATS.get(Path(path).suffix.lower(), to_webvtt)(cues) + "\n")


def _timed(cues: Iterable[Cue], point: str) -> Iterator[tuple[str, str]]:
    """The line of times and the words, on one line, of each cue that has words."""
    for cue in cues:
        # A blank line would end the cue.
        if words := " ".join(cue.text.split()):
            start = cue.start or 0.0
            end = max(start + 0.001, cue.end or start)
            yield f"{_timestamp(start, point)} --> {_timestamp(end, point)}", words


def _timestamp(seconds: float, point: str) -> str:
    rest, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}{point}{thousandths:03d}"


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"No transcript file {path}.")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is larger than the {MAX_BYTES // 1024**2} MB that a transcript may have.")
    data = path.read_bytes()
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text in UTF-8: save the transcript as UTF-8.") from None
    if "\0" in text:
        raise UserError(f"{path} holds NUL bytes, so it is no transcript.")
    return text


def _from_cues(path: Path, text: str) -> list[Sentence]:
    sentences, lines = [], text.splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if "-->" not in line:
            continue  # headers, notes, styles and cue names
        found = _CUE_TIMES.match(line)
        if not found:
            raise UserError(f"{path}, line {number}: '{line.strip()[:60]}' is not a pair of times.")
        words = []
        while number < len(lines) and lines[number].strip() and "-->" not in lines[number]:
            words.append(lines[number])
            number += 1
        values = found.groups()
        sentences.append(Sentence(_clean(" ".join(words)), _seconds(*values[:4]), _seconds(*values[4:])))
    return sentences


def _from_json(path: Path, text: str) -> list[Sentence]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}.") from None
    if isinstance(value, dict):
        value = next((value[name] for name in ("segments", "sentences", "cues") if name in value), None)
    if not isinstance(value, list):
        raise UserError(f'{path} is not a list of {{"text", "start", "end"}}, nor has one under "segments".')
    sentences = [_from_entry(f"{path}, entry {number}", entry) for number, entry in enumerate(value, start=1)]
    timed = {sentence.start is not None for sentence in sentences}
    if len(timed) > 1:
        raise UserError(f"{path}: some entries have times and some have none.")
    return sentences


def _from_entry(where: str, entry: object) -> Sentence:
    if isinstance(entry, str):
        return Sentence(_clean(entry))
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise UserError(f'{where} has no "text".')
    start, end, length = (_number(where, entry, names) for names in (_START_NAMES, _END_NAMES, _LENGTH_NAMES))
    if start is None:
        return Sentence(_clean(entry["text"]))
    if end is None:
        end = start + (length or 0.0)
    return Sentence(_clean(entry["text"]), start, end)


def _number(where: str, entry: dict, names: tuple[str, ...]) -> float | None:
    value = next((entry[name] for name in names if entry.get(name) is not None), None)
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UserError(f"{where}: {str(value)[:40]!r} is not a time in seconds.") from None
    if not math.isfinite(number) or number < 0:
        raise UserError(f"{where}: {number} is not a time in seconds.")
    return number


def _with_corrected_times(path: Path, sentences: list[Sentence], duration: float) -> Transcript:
    timed = [(one.start, one.end, one) for one in sentences if one.start is not None and one.end is not None]
    if not timed:
        return Transcript(tuple(sentences))
    notes = []
    starts = [start for start, _, _ in timed]
    if any(later < earlier for earlier, later in zip(starts, starts[1:])):
        notes.append(f"{path}: its times are out of order; the sentences were sorted.")
    backward = sum(end < start for start, end, _ in timed)
    if backward:
        notes.append(
            f"{path}: {backward} of {len(sentences)} sentences end before they start; their start is kept."
        )
    inside = sorted((one for one in timed if one[0] < duration), key=lambda one: one[0])
    if len(inside) < len(sentences):
        notes.append(
            f"{path}: {len(sentences) - len(inside)} of {len(sentences)} sentences begin past the end of the "
            f"video ({duration:.1f} s) and were left out."
        )
    kept = tuple(replace(one, end=min(max(end, start), duration)) for start, end, one in inside)
    return Transcript(kept, tuple(notes))


def _split_text(text: str) -> list[str]:
    return [_clean(part) for line in text.splitlines() for part in _SENTENCE_END.split(line)]


def _clean(text: str) -> str:
    return " ".join(unescape(_TAGS.sub("", text)).split())


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000
