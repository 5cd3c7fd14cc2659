"""Subtitles and transcripts, read and written: cues (`cue_files`), JSON, and plain text without times."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Protocol

from vtkeras.data.cue_files import clean, clock_seconds, is_cue_file, read_cues, without_carried_lines
from vtkeras.data.text_files import read_text
from vtkeras.errors import UserError
from vtkeras.whole_files import write_text

MAX_BYTES = 20 * 1024**2
# A mark of a script that needs no space behind it, or another one before a space, with the quotes that close there.
_SENTENCE = re.compile(
    r"""\S.*?(?:[。！？।॥؟۔።။។][。！？।॥؟۔።။។!?]*[」』”’»）】》"']*|[.!?]+[)\]」』”’»）】》"']*(?=\s|$)|$)"""
)
_CLOCK = re.compile(r"\W{0,3}(?:\d+:)?\d{1,2}:\d{2}")
_UNREAD = (".ttml", ".dfxp", ".xml", ".sub", ".smi", ".scc", ".stl", ".srv1", ".srv2", ".srv3")
_LISTS = ("segments", "sentences", "cues", "transcription", "chunks", "events")
_START_NAMES = ("start", "begin", "from", "start_time", "startTime")
_END_NAMES, _LENGTH_NAMES = ("end", "to", "end_time", "endTime"), ("duration", "dur")


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
        path: WebVTT (.vtt), SubRip (.srt), SBV (.sbv), SubStation Alpha (.ass, .ssa), LRC (.lrc), what Whisper prints
            or writes as .tsv, JSON (a list of {"text", "start", "end"}, also under "segments" or "sentences", as
            Whisper writes it, whisper.cpp's, "chunks" of Hugging Face, or .jsonl), YouTube's .json3, or any other file
            as plain text. Of rolling subtitles each line is taken once.
        duration: seconds of the video.

    Raises:
        UserError: for a missing, binary, huge or malformed file; the line or entry is named.

    Example:
        >>> read_transcript("talk.vtt", duration=60).sentences[0]
        Sentence(text='good morning', start=0.5, end=2.0)
    """
    path = Path(path)
    notes: list[str] = []
    text = _read_text(path, notes)
    if path.suffix.lower() in (".json", ".json3", ".jsonl"):
        sentences = _from_json(path, text, notes)
    elif is_cue_file(path, text):
        sentences = _from_cues(path, text, notes)
    else:
        sentences = [Sentence(part) for part in _split_text(text)]
        if 2 * len(list(filter(_CLOCK.match, text.splitlines()))) > len(sentences):
            notes.append(f"{path} was read as plain text, its times as words: save it as SRT or WebVTT if they count.")
    sentences = [sentence for sentence in sentences if sentence.text]
    if not sentences:
        return Transcript(notes=(*notes, f"{path} holds no sentence."))
    return _with_corrected_times(path, sentences, duration, notes)


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


def _read_text(path: Path, notes: list[str]) -> str:
    if not path.is_file():
        raise UserError(f"No transcript file {path}.")
    if path.suffix.lower() in _UNREAD:
        raise UserError(f"{path}: subtitles of this form are not read; save them as SRT or WebVTT.")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is larger than the {MAX_BYTES // 1024**2} MB that a transcript may have.")
    text = read_text(path, notes.append)
    if "\0" in text:
        raise UserError(f"{path} holds NUL bytes, so it is no transcript.")
    return text


def _from_cues(path: Path, text: str, notes: list[str]) -> list[Sentence]:
    cues = read_cues(path, text)
    rolled = without_carried_lines(cues)
    if rolled is not None:
        notes.append(f"{path}: lines that stay on the screen while the next one appears were taken once.")
        cues = rolled
    return [Sentence(" ".join(cue.lines), cue.start, cue.end) for cue in cues]


def _from_json(path: Path, text: str, notes: list[str]) -> list[Sentence]:
    lines = path.suffix.lower() == ".jsonl"
    try:
        value = [json.loads(line) for line in text.splitlines() if line.strip()] if lines else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}.") from None
    if isinstance(value, dict):
        value = next((value[name] for name in _LISTS if name in value), None)
    if not isinstance(value, list):
        raise UserError(f'{path} is not a list of {{"text", "start", "end"}}, nor has one under "segments".')
    sentences = [_from_entry(f"{path}, entry {number}", entry) for number, entry in enumerate(value, start=1)]
    untimed = sum(sentence.start is None for sentence in sentences)
    if untimed in (0, len(sentences)):
        return sentences
    if 2 * untimed >= len(sentences):
        raise UserError(f"{path}: some entries have times and some have none.")
    notes.append(f"{path}: {untimed} of {len(sentences)} sentences have no time and were put after the one before.")
    return _with_times_of_others(sentences)


def _with_times_of_others(sentences: list[Sentence]) -> list[Sentence]:
    """Sentences without times as moments at the end of the one before, at first at the start of the video."""
    found: list[Sentence] = []
    for sentence in sentences:
        moment = found[-1].end if found else 0.0
        found.append(replace(sentence, start=moment, end=moment) if sentence.start is None else sentence)
    return found


def _from_entry(where: str, entry: object) -> Sentence:
    if isinstance(entry, str):
        return Sentence(clean(entry))
    if isinstance(entry, dict) and "tStartMs" in entry:
        return _from_event(where, entry)
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise UserError(f'{where} has no "text".')
    if isinstance(entry.get("offsets"), dict):  # whisper.cpp, in milliseconds
        times = {name: _number(where, entry["offsets"], (name,)) for name in ("from", "to")}
        entry = {"text": entry["text"], **{name: time / 1000 for name, time in times.items() if time is not None}}
    if isinstance(entry.get("timestamp"), list):  # Hugging Face
        entry = {"text": entry["text"], **dict(zip(("start", "end"), entry["timestamp"]))}
    start, end, length = (_number(where, entry, names) for names in (_START_NAMES, _END_NAMES, _LENGTH_NAMES))
    words = clean(entry["text"])
    if start is None:
        return Sentence(words)
    if end is None:
        end = start + (length or 0.0)
    return Sentence(words, start, end)


def _from_event(where: str, event: dict) -> Sentence:
    """An event of YouTube's subtitles, in milliseconds; one that only opens a window has no words."""
    pieces = [str(piece.get("utf8", "")) for piece in event.get("segs") or () if isinstance(piece, dict)]
    start, length = ((_number(where, event, (name,)) or 0.0) / 1000 for name in ("tStartMs", "dDurationMs"))
    return Sentence(clean("".join(pieces)), start, start + length)


def _number(where: str, entry: dict, names: tuple[str, ...]) -> float | None:
    value = next((entry[name] for name in names if entry.get(name) is not None), None)
    if value is None:
        return None
    try:
        clock = clock_seconds(value) if isinstance(value, str) else None
        number = float(str(value).removesuffix("s")) if clock is None else clock
    except (TypeError, ValueError):
        raise UserError(f"{where}: {str(value)[:40]!r} is not a time in seconds.") from None
    if not math.isfinite(number) or number < 0:
        raise UserError(f"{where}: {number} is not a time in seconds.")
    return number


def _with_corrected_times(
    path: Path, sentences: list[Sentence], duration: float, notes: list[str]
) -> Transcript:
    timed = [(one.start, one.end, one) for one in sentences if one.start is not None and one.end is not None]
    if not timed:
        return Transcript(tuple(sentences), tuple(notes))
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
    return [clean(part) for line in text.splitlines() for part in _SENTENCE.findall(line)]
