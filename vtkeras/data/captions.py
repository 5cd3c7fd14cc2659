"""Reading caption files: a CSV, or JSON in the form of MSR-VTT.

Both come out as a list of `ClipRow`: one for each video, or segment of a video, with every text
that belongs to it. Whatever is wrong in a file is told with the row (the CSV's header is row 1) or
the entry it stands in.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from vtkeras import keys
from vtkeras.data.containers import EXTENSIONS
from vtkeras.errors import UserError

REQUIRED_COLUMNS = ("path", "caption")
OPTIONAL_COLUMNS = ("question", "answer", "label", "split", "start", "end", "video_id")
MAX_CELL = 16 * 1024**2
TEST_SHARE = VALIDATION_SHARE = 0.1

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


@dataclass(frozen=True)
class ClipRow:
    """A video, or a segment of one, and its texts.

    Attributes:
        clip_id: unique name of the clip.
        path: the video file, relative to the folder, with forward slashes.
        start: seconds where the segment begins; None is the start of the video.
        end: seconds where it ends; None is the end of the video.
        split: one of `keys.SPLITS`.
        captions: every right caption, each once, in the order of the file.
        questions: (question, answer) pairs, each once.
        labels: labels, each once.
    """

    clip_id: str
    path: str
    start: float | None
    end: float | None
    split: str
    captions: tuple[str, ...]
    questions: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]


def read_captions(captions_file: str | Path, folder: str | Path, seed: int = 0) -> list[ClipRow]:
    """Reads a caption file and checks it against the videos in `folder`.

    CSV: columns `path` (relative to `folder`) and `caption`, optionally `question`, `answer`,
    `label` (several joined by `|`), `split`, `start`, `end` (seconds) and `video_id`. Rows of the
    same video and segment make one clip.

    JSON: `{"videos": [{"video_id" or "id", ...}], "sentences": [{"video_id", "caption"}]}`. A video
    may name its `path` or `file`; else its file is the one in `folder` whose name, less the
    extension, is its id. `start` and `end` are seconds in that file. MSR-VTT's `start time` and
    `end time` are seconds in the film at `url`, out of which the file has been cut already: they
    count only for a video that names its file.

    When no split is given anywhere, one video in ten goes to test and one in ten to validation, by
    a hash of video and seed; with three videos or more, neither is empty. All clips of one video
    are always in the same split.

    Args:
        captions_file: the CSV or JSON file.
        folder: where the videos are.
        seed: makes the splits, where the file gives none.

    Returns:
        The clips, in the order of the file.

    Raises:
        UserError: for anything amiss in the file, with the row or entry at fault.

    Example:
        >>> read_captions("captions.csv", "videos")[0].captions
        ('a cat jumps onto a table',)
    """
    captions_file, folder = Path(captions_file), Path(folder)
    if not captions_file.is_file():
        raise UserError(f"No captions file {captions_file}.")
    text = read_text(captions_file)
    is_json = captions_file.suffix.lower() == ".json" or text.lstrip()[:1] == "{"
    entries = _json_entries(captions_file, text, folder) if is_json else _csv_entries(captions_file, text)
    drafts = _gather(entries, folder)
    if not drafts:
        raise UserError(f"{captions_file} describes no clip.")
    splits = _splits(drafts, seed)
    return [draft.finish(splits[draft.path]) for draft in drafts]


@dataclass
class _Entry:
    """One line of a caption file, whichever form it came in; `where` names it in messages."""

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


@dataclass
class _Draft:
    """A clip while its texts are being gathered."""

    where: str
    clip_id: str
    path: str
    start: float | None
    end: float | None
    split: str = ""
    # Dicts without values are sets that keep their order.
    captions: dict[str, None] = field(default_factory=dict)
    questions: dict[tuple[str, str], None] = field(default_factory=dict)
    labels: dict[str, None] = field(default_factory=dict)

    def add(self, entry: _Entry) -> None:
        if entry.caption:
            self.captions[entry.caption] = None
        if entry.question:
            self.questions[entry.question, entry.answer] = None
        self.labels.update(dict.fromkeys(entry.labels))

    def finish(self, split: str) -> ClipRow:
        return ClipRow(
            clip_id=self.clip_id,
            path=self.path,
            start=self.start,
            end=self.end,
            split=split,
            captions=tuple(self.captions),
            questions=tuple(self.questions),
            labels=tuple(self.labels),
        )


def _gather(entries: Iterable[_Entry], folder: Path) -> list[_Draft]:
    drafts: dict[str, _Draft] = {}
    for entry in entries:
        _check_texts(entry)
        _check_path(entry, folder)
        clip_id = entry.video_id or _derived_id(entry)
        draft = drafts.get(clip_id)
        if draft is None:
            draft = drafts[clip_id] = _Draft(entry.where, clip_id, entry.path, entry.start, entry.end)
        elif (draft.path, draft.start, draft.end) != (entry.path, entry.start, entry.end):
            raise UserError(
                f"{entry.where}: the video_id '{clip_id}' is already that of another video or segment; "
                f"see {draft.where}."
            )
        if entry.split and draft.split and entry.split != draft.split:
            raise _two_splits(entry.where, entry.path, entry.split, draft.split, draft.where)
        draft.split = draft.split or entry.split
        draft.add(entry)
    return list(drafts.values())


def _derived_id(entry: _Entry) -> str:
    if entry.start is None and entry.end is None:
        return entry.path
    bounds = ["" if time is None else f"{time:g}" for time in (entry.start, entry.end)]
    return f"{entry.path}#{'-'.join(bounds)}"


def _check_texts(entry: _Entry) -> None:
    for name in ("path", "video_id", "caption", "question", "answer", "labels"):
        value = getattr(entry, name)
        text = "".join(value)
        if "\0" in text:
            raise UserError(f"{entry.where}: {name} holds a NUL byte.")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise UserError(f"{entry.where}: {name} holds half of a surrogate pair, which is no text.")
    if bool(entry.question) != bool(entry.answer):
        lacking, given = ("answer", "question") if entry.question else ("question", "answer")
        raise UserError(f"{entry.where} has no {lacking} to its {given}.")
    if not (entry.caption or entry.question or entry.labels):
        raise UserError(f"{entry.where} has no caption, question or label.")
    if (entry.start or 0.0) >= (math.inf if entry.end is None else entry.end):
        raise UserError(f"{entry.where}: end {entry.end:g} is not after start {entry.start or 0:g}.")


def _check_path(entry: _Entry, folder: Path) -> None:
    path = PurePosixPath(entry.path)
    if path.is_absolute() or PureWindowsPath(entry.path).drive or ".." in path.parts:
        raise UserError(f"{entry.where}: the path '{entry.path}' leads out of {folder}.")
    try:
        found = (folder / path).is_file()
    except OSError:  # a name too long for the file system
        found = False
    if not found:
        raise UserError(f"{entry.where}: there is no video '{entry.path[:200]}' in {folder}.")


def _splits(drafts: list[_Draft], seed: int) -> dict[str, str]:
    """The split of each video, by path."""
    given: dict[str, _Draft] = {}
    for draft in drafts:
        if draft.split:
            first = given.setdefault(draft.path, draft)
            if first.split != draft.split:
                raise _two_splits(draft.where, draft.path, draft.split, first.split, first.where)
    paths = list(dict.fromkeys(draft.path for draft in drafts))
    if not given:
        return _made_splits(paths, seed)
    for draft in drafts:
        if draft.path not in given:
            raise UserError(f"{draft.where} has no split, though others have: give all or none.")
    return {path: given[path].split for path in paths}


def _made_splits(paths: list[str], seed: int) -> dict[str, str]:
    ranked = sorted(paths, key=lambda path: hashlib.sha256(f"{seed}:{path}".encode()).digest())
    least = 1 if len(ranked) >= 3 else 0
    tests = max(least, round(len(ranked) * TEST_SHARE))
    validations = max(least, round(len(ranked) * VALIDATION_SHARE))
    names = [keys.TEST] * tests + [keys.VALIDATION] * validations
    names += [keys.TRAIN] * (len(ranked) - len(names))
    return dict(zip(ranked, names, strict=True))


def _two_splits(where: str, path: str, split: str, first_split: str, first_where: str) -> UserError:
    return UserError(f"{where}: the video '{path}' is in {split} here and in {first_split} in {first_where}.")


def read_text(path: Path) -> str:
    """The text of a UTF-8 file; raises a `UserError` with the line that is none."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path} line {line} is not UTF-8; save the file in that encoding.") from None


def _split_name(where: str, text: str) -> str:
    name = text.strip().lower()
    if name and name not in _SPLIT_NAMES:
        raise UserError(f"{where}: unknown split '{text}'; use train, validation or test.")
    return _SPLIT_NAMES.get(name, "")


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


# CSV


def _csv_entries(path: Path, text: str) -> Iterator[_Entry]:
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
        yield _Entry(
            where=where,
            path=values["path"],
            video_id=values.get("video_id", ""),
            start=_seconds(where, "start", values.get("start")),
            end=_seconds(where, "end", values.get("end")),
            split=_split_name(where, values.get("split", "")),
            caption=values["caption"],
            question=values.get("question", ""),
            answer=values.get("answer", ""),
            labels=_labels(values.get("label", "")),
        )


def csv_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Numbered rows of a CSV file's text, blank ones left out; raises a `UserError` for what is no CSV."""
    limit = csv.field_size_limit(MAX_CELL)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise UserError(f"{path} is not a valid CSV file: {error}.") from None
    finally:
        csv.field_size_limit(limit)
    for number, cells in enumerate(rows, start=1):
        if cells:
            yield number, cells


def _check_header(path: Path, header: list[str]) -> None:
    for name in REQUIRED_COLUMNS:
        if name not in header:
            found = ", ".join(header) or "nothing"
            raise UserError(f"{path} row 1 names no column '{name}'; it names {found[:200]}.")
    known = REQUIRED_COLUMNS + OPTIONAL_COLUMNS
    for name in known:
        if header.count(name) > 1:
            raise UserError(f"{path} row 1 names the column '{name}' twice.")


# JSON


def _json_entries(path: Path, text: str, folder: Path) -> Iterator[_Entry]:
    document = _parse_json(path, text)
    videos = _json_videos(path, document, folder)
    for where, sentence in _json_list(path, document, "sentences"):
        video_id = _json_id(where, sentence, ("video_id",))
        if video_id not in videos:
            raise UserError(f"{where} is about video '{video_id}', which is not among the videos.")
        video = videos[video_id]
        video.described = True
        yield _Entry(
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
