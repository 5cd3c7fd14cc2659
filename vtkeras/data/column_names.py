"""Names of columns: those that tables of captions have here, and what other people call the same things.

Other names count only in a table that would be refused without them, so that a column of the user's own keeps its name;
plurals of ours always do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

PATH, TEXT_COLUMNS = "path", ("caption", "question", "label")
OPTIONAL_COLUMNS = ("answer", "split", "start", "end", "video_id")
KNOWN_COLUMNS = (PATH, *TEXT_COLUMNS, *OPTIONAL_COLUMNS)
OTHER_NAMES = {
    PATH: (
        *("file", "filename", "file_name", "filepath", "file_path", "relative_path"),
        *("video", "video_path", "video_file", "video_name", "videoname", "clip", "clip_name", "clip_path"),
        *("image", "image_path", "image_file", "image_name", "img", "picture"),
        *("video_id", "videoid", "clip_id", "image_id", "youtube_id", "ytid", "id"),
    ),
    "caption": ("captions", "description", "descriptions", "sentence", "text", "title", "comment"),
    "label": ("labels", "class_name", "class", "category", "action", "tag", "tags"),
    "answer": ("answers",),
}
PLURALS = {"captions": "caption", "labels": "label", "answers": "answer"}
# What may be seconds in the file, or in a film that the file was cut from already, or no seconds at all: only the owner
# of a table knows.
OTHER_TIMES = (
    *(("start_time", "end_time"), ("time_start", "time_end"), ("start_seconds", "end_seconds"), ("t_start", "t_end")),
    *(("begin_time", "end_time"), ("start_frame", "end_frame"), ("start_ms", "end_ms"), ("onset", "offset")),
    ("from", "to"),
)
START, END, DURATION = "start", "end", "duration"
_LENGTHS = (DURATION, "length", "dur", "len", "duration_seconds", "length_seconds")
_TIME_WORDS = {START: START, "begin": START, END: END, "stop": END, **dict.fromkeys(_LENGTHS, DURATION)}
_TIME_NAME = re.compile(rf"({'|'.join(_TIME_WORDS)})(?:[ _]+secs?|[ _]+s|[ _]*[(\[](?:s|secs?|seconds)[)\]])?")
_LENGTH_NAME = re.compile(r"(?:.*_)?(?:duration|dur|length|len|frames)(?:_.*|[ (\[].*)?")  # in whatever unit
ALL_NAMES = {*KNOWN_COLUMNS, *(name for names in OTHER_NAMES.values() for name in names)}


def missing_column(names: Sequence[str]) -> str:
    """The column that a table of captions with columns `names` lacks, quoted; empty if it lacks none."""
    texts = " or ".join(f"'{name}'" for name in TEXT_COLUMNS)
    return f"'{PATH}'" if PATH not in names else "" if {*TEXT_COLUMNS} & {*names} else texts


def other_names(names: Sequence[str]) -> dict[str, str]:
    """Which columns of a table stand for those that it lacks: {name in the table: what it is here}.

    Args:
        names: of the table's columns, in lower case, spaces as underscores.

    Returns:
        Only plurals and `time_names` where there are a path and a text; else each of path, caption and label that is
        not among the names is looked for, too, and an answer where there is a question.

    Example:
        >>> other_names(["filename", "description", "mood"])
        {'filename': 'path', 'description': 'caption'}
    """
    if missing_column(names):
        return {**_looked_for(names), **time_names(names)}
    asked = "question" in names
    plurals = {other: known for other, known in PLURALS.items() if asked or known != "answer"}
    found = {other: known for other, known in plurals.items() if other in names and known not in names}
    return {**found, **time_names(names)}


def time_names(names: Sequence[str]) -> dict[str, str]:
    """As `other_names`, of the columns that say when parts begin and end, or how long they are.

    They count where they tell both: `stop` alone may be that of a bus. Beside `start` or `end`, `end_time` and the like
    count as well, since they go by the same clock.

    Example:
        >>> time_names(["begin", "stop (s)"]), time_names(["start", "end_time"]), time_names(["stop", "caption"])
        ({'begin': 'start', 'stop (s)': 'end'}, {'end_time': 'end'}, {})
    """
    found: dict[str, str] = {known: known for known in (START, END) if known in names}
    told = ((name, _TIME_WORDS[match.group(1)]) for name in names if (match := _TIME_NAME.fullmatch(name)))
    beside = ((name, known) for pair in OTHER_TIMES if found for name, known in zip(pair, (START, END)))
    for name, known in (*told, *(one for one in beside if one[0] in names)):
        found.setdefault(known, name)
    if END in found:
        found.pop(DURATION, None)
    if START not in found or len(found) < 2:
        return {}
    return {name: known for known, name in found.items() if name != known}


def unread_lengths(names: Sequence[str]) -> list[str]:
    """Columns that may say how long parts are, in a table that says, in our names, only where these start.

    Example:
        >>> unread_lengths(["start", "length_ms"]), unread_lengths(["start", "end", "length_ms"])
        (['length_ms'], [])
    """
    only_start = START in names and not {END, DURATION} & {*names}
    return [name for name in names if only_start and _LENGTH_NAME.fullmatch(name)]


def unread_names(names: Sequence[str]) -> dict[str, str]:
    """As `other_names`, of the columns that may well be meant and yet do not count.

    Example:
        >>> unread_names(["path", "caption", "category"])
        {'category': 'label'}
    """
    read = other_names(names)
    found = {other: known for other, known in _looked_for(names).items() if known not in read.values()}
    return {other: known for other, known in found.items() if known != PATH}


def _looked_for(names: Sequence[str]) -> dict[str, str]:
    wanted = [PATH, "caption", "label", *(["answer"] if "question" in names else [])]
    lacking = [known for known in wanted if known not in names]
    found = {known: next((other for other in OTHER_NAMES[known] if other in names), None) for known in lacking}
    return {other: known for known, other in found.items() if other}


def other_times(names: Iterable[str]) -> tuple[str, str] | None:
    """The columns of a table that may say where clips begin and end, of one that has neither `start` nor `end`."""
    found = {*names}
    return None if {START, END} & found else next((pair for pair in OTHER_TIMES if {*pair} <= found), None)


def in_our_names(names: Sequence[str]) -> list[str]:
    """Names of columns, with ours in place of `other_names`."""
    others = other_names(names)
    return [others.get(name, name) for name in names]


def missing_under_any_name(names: Sequence[str]) -> str:
    """As `missing_column`, of a table whose columns may have `other_names`."""
    return missing_column(in_our_names(names))
