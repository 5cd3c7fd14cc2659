"""The entries of a captions file, one by one: the rows of a table, or the sentences of a JSON like MSR-VTT's or COCO's.

What they say together, of videos and clips, is for `captions`.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vtkeras import keys
from vtkeras.data.column_names import (
    ALL_NAMES,
    DURATION,
    END,
    KNOWN_COLUMNS,
    PLURALS,
    START,
    in_our_names,
    missing_column,
    missing_under_any_name,
    other_names,
    other_times,
    unread_lengths,
    unread_names,
)
from vtkeras.data.text_files import INVISIBLE, Note, Table, ignore, read_table, trimmed
from vtkeras.errors import UserError

MSR_VTT, COCO = ("videos", "sentences"), ("images", "annotations")  # names of the lists in their JSON files
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
SPLIT_NAMES = {
    "train": keys.TRAIN,
    "training": keys.TRAIN,
    "val": keys.VALIDATION,
    "valid": keys.VALIDATION,
    "validate": keys.VALIDATION,
    "validation": keys.VALIDATION,
    "dev": keys.VALIDATION,
    "test": keys.TEST,
    "testing": keys.TEST,
}


@dataclass
class Entry:
    """One line of a caption file, whichever form it came in.

    `where` names it in messages; `columns` are those of the user's own; `film` is what the file was cut out of, once
    that is found.
    """

    where: str
    path: str
    video_id: str = ""
    start: float | None = None
    end: float | None = None
    split: str = ""
    caption: str = ""
    question: str = ""
    answer: str = ""
    labels: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    film: str = ""


def csv_entries(path: Path, text: str, note: Note = ignore) -> Iterator[Entry]:
    """The rows of a CSV, with any of the separators that `read_table` knows; one that repeats another is left out.

    Args:
        path: of the file, for messages.
        text: its content.
        note: called with a sentence for what had to be assumed.

    Raises:
        UserError: names the row at fault.
    """
    table = _read_rows(path, text, note)
    _tell_times(path, table.header, note)
    _check_header(f"{path} row {table.header_row}", table.header)
    seen: dict[tuple[str, ...], int] = {}
    repeated: list[str] = []
    commas = clocks = False
    for number, cells in table.records(path):
        where = f"{path} row {number}"
        first = seen.setdefault(tuple(cells.values()), number)
        if first != number:
            repeated.append(f"row {number} repeats row {first}")
            continue
        times = [cells.get(name, "") for name in ("start", "end")]
        commas |= any("," in time for time in times)
        clocks |= any(":" in time for time in times)
        yield _row_entry(where, cells)
    if repeated:
        rows = "1 row is" if len(repeated) == 1 else f"{len(repeated)} rows are"
        note(f"{path}: {rows} left out, as {repeated[0]}{' and so on' * (len(repeated) > 1)}.")
    if commas:
        note(f"{path}: commas in start and end were read as decimal points.")
    if clocks:
        note(f"{path}: times like 1:30 were read as minutes and seconds.")


def is_json(path: Path, text: str) -> bool:
    """Whether a file of captions is JSON and no table."""
    return path.suffix.lower() in (".json", ".jsonl") or text.lstrip()[:1] == "{"


def missing_columns(path: Path, text: str) -> str:
    """The column that a table lacks under any name, quoted; "" if it lacks none."""
    return missing_under_any_name(_read_rows(path, text, ignore).header)


def _read_rows(path: Path, text: str, note: Note) -> Table:
    """The table, under the names that columns have here; a header of these wins over one of other names above it."""
    table = read_table(path, text, KNOWN_COLUMNS, lambda names: not missing_column(names), note)
    if missing_column(table.header):
        found = read_table(path, text, ALL_NAMES, lambda names: not missing_under_any_name(names), note)
        if missing_under_any_name(found.header):
            return table  # to be refused with the names that it has
        table = found
    _tell_names(path, table.header, note)
    return replace(table, header=in_our_names(table.header))


def _tell_names(path: Path, names: Sequence[str], note: Note) -> None:
    for other, known in other_names(names).items():
        note(f"{path}: its column {other} was read as {known}.")
    for other, known in unread_names(names).items():
        note(f"{path}: its column {other} is kept and not learned; call it {known} if that is what it is.")


def _tell_times(path: Path, names: Sequence[str], note: Note) -> None:
    if times := other_times(names):
        start, end = times
        note(
            f"{path}: its columns {start} and {end} do not cut the videos; if each row is a part of its video, call "
            "them start and end, in seconds."
        )
    for name in unread_lengths(names):
        note(
            f"{path}: its column {name} is not used, and parts last from start to the end of their video; if it tells "
            "how long they are, call it duration, in seconds."
        )
    if {START, DURATION} <= {*names} and END not in names:
        note(f"{path}: its column duration was read as seconds from start to the end of each part.")


def _object_entries(path: Path, rows: Iterable[tuple[str, Any]], note: Note) -> Iterator[Entry]:
    """The entries of JSON objects that are rows: what a CSV has as columns, they have as fields."""
    found: list[tuple[str, dict[str, Any]]] = []
    for where, row in rows:
        if not isinstance(row, dict):
            raise UserError(f"{where} is not an object.")
        found.append((where, {"_".join(name.lower().split()): value for name, value in row.items()}))
    names = list(dict.fromkeys(name for _, fields in found for name in fields))
    odd = {name for _, fields in found for name, value in fields.items() if not _is_plain(value)}
    told = [name for name in names if name not in PLURALS or name not in odd]  # such columns stay the user's own
    others = other_names(told)
    _tell_names(path, told, note)
    _tell_times(path, in_our_names(names), note)
    for where, row in found:
        fields = {others.get(name, name): value for name, value in row.items()}
        if missing := missing_column(list(fields)):
            called = [name for name, known in others.items() if missing == f"'{known}'"]
            elsewhere = f", which is '{called[0]}' in other rows" if called else ""
            named = ", ".join(row)[:200] or "nothing"
            raise UserError(f"{where} has no {missing}{elsewhere}; it names {named}: give all rows the same names.")
        several = fields.get("caption")
        for caption in (several or [None]) if isinstance(several, list) else [several]:
            texts = {**fields, "caption": caption} if "caption" in fields else fields
            yield _row_entry(where, {name: _cell(where, name, value) for name, value in texts.items()})


def _is_plain(value: Any) -> bool:
    """Whether a field is a text or a number, or a list of texts."""
    plain = value is None or isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return plain or isinstance(value, list) and all(isinstance(one, str) for one in value)


def _row_entry(where: str, cells: dict[str, str]) -> Entry:
    values = {name: trimmed(cell) for name, cell in cells.items()}
    start, end = (_seconds(where, name, values.get(name)) for name in (START, END))
    if start is not None and END not in values:
        end = _end_after(where, start, values.get(DURATION))
    if not values["path"]:
        raise UserError(f"{where} has no path.")
    return Entry(
        where=where,
        path=cells["path"],  # a name may begin or end with spaces
        video_id=values.get("video_id", ""),
        start=start,
        end=end,
        split=_split_name(where, values.get("split", "")),
        caption=values.get("caption", ""),
        question=values.get("question", ""),
        answer=_each(values.get("answer", "")),
        labels=_labels(values.get("label", "")),
        columns={name: value for name, value in values.items() if name and name not in KNOWN_COLUMNS},
    )


def _end_after(where: str, start: float, length: str | None) -> float | None:
    """By a column that may be called `duration` and yet hold words, or 0 for the rest of a video."""
    try:
        seconds = _seconds(where, DURATION, length)
    except UserError:
        return None
    return start + seconds if seconds else None


def _cell(where: str, name: str, value: Any) -> str:
    """A field of a JSON row as a CSV would have it."""
    if isinstance(value, list) and name in ("label", "answer") and all(isinstance(one, str) for one in value):
        return keys.LABEL_SEPARATOR.join(value)
    if isinstance(value, (dict, list, bool)) and name in KNOWN_COLUMNS:
        raise UserError(f"{where}: {name} {json.dumps(value)[:80]} is not a text.")
    return "" if value is None else str(_whole(value))


def _whole(value: Any) -> Any:
    """1 of 1.0, as a program writes a whole number that stood beside others."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_header(where: str, header: list[str]) -> None:
    if missing := missing_under_any_name(header):
        found = ", ".join(header) or "nothing"
        raise UserError(f"{where} names no column {missing}; it names {found[:200]}: give the columns their names.")
    for name in KNOWN_COLUMNS:
        if header.count(name) > 1:
            raise UserError(f"{where} names the column '{name}' twice.")


def json_entries(path: Path, text: str, note: Note = ignore) -> Iterator[Entry]:
    """The sentences of a JSON in the form of MSR-VTT or COCO, or the objects of a list, or of lines, that are rows.

    Args:
        path: of the file, for messages.
        text: its content.
        note: called with a sentence for what had to be assumed.

    Raises:
        UserError: names the entry at fault.
    """
    if path.suffix.lower() == ".jsonl":
        lines = ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())
        rows = ((f"{path} line {number}", line) for number, line in lines)
        yield from _object_entries(path, ((where, _parse_json(where, line)) for where, line in rows), note)
        return
    document = _parse_json(str(path), text)
    if isinstance(document, list):
        rows = ((f"{path} entry {number}", row) for number, row in enumerate(document, start=1))
        yield from _object_entries(path, rows, note)
        return
    if not isinstance(document, dict):
        raise UserError(
            f"{path} must hold a list of rows, or an object with 'videos' and 'sentences', or with 'images' and "
            "'annotations'."
        )
    clips, sentences = COCO if COCO[0] in document and "videos" not in document else MSR_VTT
    videos = _json_videos(path, document, clips)
    for where, sentence in _json_list(path, document, sentences):
        video_id = _json_id(where, sentence, ("video_id", "image_id"))
        if video_id not in videos:
            raise UserError(f"{where} is about '{video_id}', which is not among the {clips}.")
        video = videos[video_id]
        video.described = True
        texts = {name: _json_text(where, sentence, name) for name in ("caption", "question", "answer")}
        yield video.entry(where, **{**texts, "answer": _each(texts["answer"])})
    for video in videos.values():
        if not video.described:
            yield video.entry(video.where)


@dataclass
class _Video:
    where: str
    video_id: str
    path: str
    start: float | None
    end: float | None
    split: str
    labels: tuple[str, ...]
    described: bool = False

    def entry(self, where: str, caption: str = "", question: str = "", answer: str = "") -> Entry:
        texts = (caption, question, answer, self.labels)
        return Entry(where, self.path, self.video_id, self.start, self.end, self.split, *texts)


def _json_videos(path: Path, document: dict, clips: str) -> dict[str, _Video]:
    videos: dict[str, _Video] = {}
    for where, entry in _json_list(path, document, clips):
        video_id = _json_id(where, entry, ("video_id", "id"))
        if video_id in videos:
            raise UserError(f"{where} repeats the id '{video_id}' of {videos[video_id].where}.")
        fields = ("path", "file", *(["file_name"] if clips == COCO[0] else []))
        named = next(filter(None, (_json_text(where, entry, name) for name in fields)), "")
        # See `read_captions` on when MSR-VTT's times count.
        names = {"start": "start time", "end": "end time"} if named else {}
        start, end = (
            _seconds(where, name, entry.get(name, entry.get(names.get(name)))) for name in ("start", "end")
        )
        videos[video_id] = _Video(
            where=where,
            video_id=video_id,
            path=named or video_id,  # which is found by its name
            start=start,
            end=end,
            split=_split_name(where, _json_text(where, entry, "split")),
            labels=_labels(_json_text(where, entry, "label")),
        )
    return videos


def _parse_json(where: str, text: str) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"it holds {constant}, which is not a JSON number")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise UserError(f"{where} is not a captions file: it is nested too deep.") from None
    except ValueError as error:
        raise UserError(f"{where} is not valid JSON: {error}.") from None


def _json_list(path: Path, document: dict, name: str) -> Iterator[tuple[str, dict]]:
    entries = document.get(name)
    if not isinstance(entries, list):
        raise UserError(f"{path} holds no list '{name}'.")
    for index, entry in enumerate(entries):
        where = f"{path} {name}[{index}]"
        if not isinstance(entry, dict):
            raise UserError(f"{where} is not an object.")
        yield where, entry


def _json_id(where: str, entry: dict, names: tuple[str, ...]) -> str:
    for name in names:
        value = _whole(entry.get(name))
        if isinstance(value, (int, str)) and not isinstance(value, bool) and str(value):
            return str(value)
        if value is not None:
            raise UserError(f"{where}: {name} {json.dumps(value)[:80]} is not an id.")
    raise UserError(f"{where} has no {' or '.join(names)}.")


def _json_text(where: str, entry: dict, name: str) -> str:
    value = entry.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UserError(f"{where}: {name} {json.dumps(value)[:80]} is not a text.")
    return trimmed(value)


def _split_name(where: str, text: str) -> str:
    name = text.strip().lower()
    known = name in SPLIT_NAMES or not name.isalpha()
    meant = [] if known else difflib.get_close_matches(name, SPLIT_NAMES, n=1, cutoff=0.75)
    if meant:
        raise UserError(f"{where}: unknown split '{text}': is {meant[0]} meant, or {meant[0]}_2?")
    if name and not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        raise UserError(
            f"{where}: '{text[:80]}' cannot name a split: use train, validation, test, or up to 40 letters a to z, "
            "digits, _ and -."
        )
    return SPLIT_NAMES.get(name, name)


def _seconds(where: str, name: str, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else _clock_seconds(str(value))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise UserError(f"{where}: {name} '{value}' is not a number of seconds.")
    return seconds


def _clock_seconds(text: str) -> float:
    """Seconds out of `1.5`, `1,5`, `1:30` or `0:01:30`."""
    parts = text.replace(",", ".", 1).split(":")
    signed = len(parts) > 1 and not parts[-1].strip()[:1].isdigit()
    if len(parts) > 3 or signed or not all(part.strip().isdigit() for part in parts[:-1]):
        raise ValueError(text)
    return sum(float(part) * 60**place for place, part in enumerate(reversed(parts)))


def _each(answers: str) -> str:
    """Several right answers, each without spaces and invisible characters at its ends."""
    return keys.LABEL_SEPARATOR.join(map(trimmed, answers.split(keys.LABEL_SEPARATOR)))


def _labels(text: str) -> tuple[str, ...]:
    """Labels in one form of Unicode, with single spaces, so that what looks the same is one class."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return tuple(one for label in text.split(keys.LABEL_SEPARATOR) if (one := " ".join(label.split())))
