"""The entries of a captions file, one by one: the rows of a CSV, or the sentences of a JSON like MSR-VTT's.

What they say together, of videos and clips, is for `captions`.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vtkeras import keys
from vtkeras.data.containers import EXTENSIONS
from vtkeras.data.text_files import csv_rows
from vtkeras.errors import UserError

PATH, TEXT_COLUMNS = "path", ("caption", "question", "label")
OPTIONAL_COLUMNS = ("answer", "split", "start", "end", "video_id")
KNOWN_COLUMNS = (PATH, *TEXT_COLUMNS, *OPTIONAL_COLUMNS)

_SPLIT_NAMES = {
    "train": keys.TRAIN,
    "training": keys.TRAIN,
    "val": keys.VALIDATION,
    "validate": keys.VALIDATION,
    "validation": keys.VALIDATION,
    "dev": keys.VALIDATION,
    "test": keys.TEST,
    "testing": keys.TEST,
}


@dataclass
class Entry:
    """One line of a caption file, whichever form it came in.

    `where` names it in messages; `columns` are those of the user's own.
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


def csv_entries(path: Path, text: str) -> Iterator[Entry]:
    """The rows of a CSV.

    Args:
        path: of the file, for messages.
        text: its content.

    Raises:
        UserError: names the row at fault.
    """
    rows = csv_rows(path, text)
    header = [name.strip().lower() for name in next(rows, (1, []))[1]]
    _check_header(path, header)
    seen: dict[tuple[str, ...], int] = {}
    for number, cells in rows:
        where = f"{path} row {number}"
        if len(cells) != len(header):
            raise UserError(f"{where} has {len(cells)} cells where the header has {len(header)}.")
        first = seen.setdefault(tuple(cells), number)
        if first != number:
            raise UserError(f"{where} repeats row {first}.")
        values = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        if not values["path"]:
            raise UserError(f"{where} has no path.")
        yield Entry(
            where=where,
            path=values["path"],
            video_id=values.get("video_id", ""),
            start=_seconds(where, "start", values.get("start")),
            end=_seconds(where, "end", values.get("end")),
            split=_split_name(where, values.get("split", "")),
            caption=values.get("caption", ""),
            question=values.get("question", ""),
            answer=values.get("answer", ""),
            labels=_labels(values.get("label", "")),
            columns={name: value for name, value in values.items() if name and name not in KNOWN_COLUMNS},
        )


def _check_header(path: Path, header: list[str]) -> None:
    missing = PATH if PATH not in header else "" if {*TEXT_COLUMNS} & {*header} else TEXT_COLUMNS[0]
    if missing:
        found = ", ".join(header) or "nothing"
        raise UserError(f"{path} row 1 names no column '{missing}'; it names {found[:200]}.")
    for name in KNOWN_COLUMNS:
        if header.count(name) > 1:
            raise UserError(f"{path} row 1 names the column '{name}' twice.")


def json_entries(path: Path, text: str, folder: Path) -> Iterator[Entry]:
    """The sentences of a JSON in the form of MSR-VTT.

    Args:
        path: of the file, for messages.
        text: its content.
        folder: holds the videos.

    Raises:
        UserError: names the entry at fault.
    """
    document = _parse_json(path, text)
    videos = _json_videos(path, document, folder)
    for where, sentence in _json_list(path, document, "sentences"):
        video_id = _json_id(where, sentence, ("video_id",))
        if video_id not in videos:
            raise UserError(f"{where} is about video '{video_id}', which is not among the videos.")
        video = videos[video_id]
        video.described = True
        yield Entry(
            where=where,
            path=video.path,
            video_id=video_id,
            start=video.start,
            end=video.end,
            split=video.split,
            caption=_json_text(where, sentence, "caption"),
            question=_json_text(where, sentence, "question"),
            answer=_json_text(where, sentence, "answer"),
            labels=video.labels,
        )
    for video in videos.values():
        if not video.described:
            raise UserError(f"{video.where} has no sentence.")


@dataclass
class _Video:
    where: str
    path: str
    start: float | None
    end: float | None
    split: str
    labels: tuple[str, ...]
    described: bool = False


def _json_videos(path: Path, document: dict, folder: Path) -> dict[str, _Video]:
    videos: dict[str, _Video] = {}
    stems = _files_by_stem(folder)
    for where, entry in _json_list(path, document, "videos"):
        video_id = _json_id(where, entry, ("video_id", "id"))
        if video_id in videos:
            raise UserError(f"{where} repeats the id '{video_id}' of {videos[video_id].where}.")
        named = _json_text(where, entry, "path") or _json_text(where, entry, "file")
        # See `read_captions` on when MSR-VTT's times count.
        names = {"start": "start time", "end": "end time"} if named else {}
        start, end = (
            _seconds(where, name, entry.get(name, entry.get(names.get(name)))) for name in ("start", "end")
        )
        videos[video_id] = _Video(
            where=where,
            path=named or _file_of(where, video_id, stems),
            start=start,
            end=end,
            split=_split_name(where, _json_text(where, entry, "split")),
            labels=_labels(_json_text(where, entry, "label")),
        )
    return videos


def _files_by_stem(folder: Path) -> dict[str, list[str]]:
    stems: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in EXTENSIONS:
            stems.setdefault(file.stem, []).append(file.relative_to(folder).as_posix())
    return stems


def _file_of(where: str, video_id: str, stems: dict[str, list[str]]) -> str:
    files = stems.get(video_id, [])
    if len(files) > 1:
        raise UserError(f"{where}: both '{files[0]}' and '{files[1]}' could be video '{video_id}'.")
    if not files:
        raise UserError(f"{where}: there is no file for video '{video_id}', e.g. '{video_id}.mp4'.")
    return files[0]


def _parse_json(path: Path, text: str) -> dict:
    def refuse(constant: str) -> None:
        raise ValueError(f"it holds {constant}, which is not a JSON number")

    try:
        document = json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise UserError(f"{path} is not a captions file: it is nested too deep.") from None
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}.") from None
    if not isinstance(document, dict):
        raise UserError(f"{path} must hold an object with 'videos' and 'sentences'.")
    return document


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
        value = entry.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
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
    return value.strip()


def _split_name(where: str, text: str) -> str:
    name = text.strip().lower()
    meant = difflib.get_close_matches(name, _SPLIT_NAMES, n=1, cutoff=0.75)
    if name.isalpha() and meant and name not in _SPLIT_NAMES:
        raise UserError(f"{where}: unknown split '{text}': is {meant[0]} meant, or {meant[0]}_2?")
    if name and not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        raise UserError(
            f"{where}: '{text[:80]}' cannot name a split: use train, validation, test, or up to 40 letters a to z, "
            "digits, _ and -."
        )
    return _SPLIT_NAMES.get(name, name)


def _seconds(where: str, name: str, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise UserError(f"{where}: {name} '{value}' is not a number of seconds.")
    return seconds


def _labels(text: str) -> tuple[str, ...]:
    return tuple(label.strip() for label in text.split(keys.LABEL_SEPARATOR) if label.strip())
