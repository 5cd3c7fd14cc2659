"""Reading caption files: a table as CSV or JSON, or JSON in the form of MSR-VTT or COCO.

Both come out as a list of `ClipRow`: one for each video, or segment of a video, with every text
that belongs to it. Whatever is wrong in a file is told with the row (the CSV's header is row 1) or
the entry it stands in.
"""

from __future__ import annotations

import hashlib
import math
import posixpath
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from vtkeras import keys
from vtkeras.data.caption_entries import Entry, csv_entries, is_json, json_entries, missing_columns
from vtkeras.data.column_names import other_times
from vtkeras.data.containers import EXTENSIONS
from vtkeras.data.drafts import Draft
from vtkeras.data.missing import settle
from vtkeras.data.paths import FileFinder
from vtkeras.data.text_files import SPREADSHEETS, Note, ignore, is_text, read_head, read_text
from vtkeras.errors import UserError

TEST_SHARE = VALIDATION_SHARE = 0.1
FEWEST_FILMS = 3  # that are divided as wholes, one for each split
FEWEST_LIKELY = 5  # names with several numbers, up to which they may be those of kinds of things as well as of films
# film_001, film-2, film_c03, film.part4, film 5, film (6), film007
NUMBERED = re.compile(r"(.+?)(?:[ _.-][A-Za-z]{0,4})?\(?\d+\)?", re.DOTALL)
CUT = re.compile(r"(.+)_(\d+(?:\.\d+)?)_(\d+(?:\.\d+)?)", re.DOTALL)  # ID_start_end, as MSVD and Kinetics have it


@dataclass(frozen=True)
class ClipRow:
    """A video, or a segment of one, and its texts.

    Attributes:
        clip_id: unique name of the clip.
        path: the video file, relative to the folder, with forward slashes.
        start: seconds where the segment begins; None is the start of the video.
        end: seconds where it ends; None is the end of the video.
        split: `train`, `validation`, `test` or a name of the user's own.
        captions: every right caption, each once, in the order of the file.
        questions: (question, answer) pairs, each once.
        labels: labels, each once.
        columns: for each question, or once for a clip that has none, the (name, value) pairs of the columns of the
            user's own; () if the table has none.
        film: what the file was cut out of; "" where the table does not tell.
    """

    clip_id: str
    path: str
    start: float | None
    end: float | None
    split: str
    captions: tuple[str, ...]
    questions: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]
    columns: tuple[tuple[tuple[str, str], ...], ...] = ()
    film: str = ""


def read_captions(
    captions_file: str | Path,
    folder: str | Path,
    seed: int = 0,
    note: Note = ignore,
    missing: Mapping[str, str] = MappingProxyType({}),
) -> list[ClipRow]:
    """Reads a caption file and checks it against the videos in `folder`.

    CSV: columns `path` (relative to `folder`) and `caption`, optionally `question`, `answer`,
    `label` (several joined by `|`), `split`, `start`, `end` (seconds) and `video_id`. Rows of the
    same video and segment make one clip, however the path to the video is written (`paths.FileFinder`).
    Separators and encodings that spreadsheets save are found out (`text_files`), and what other people call the
    columns is read as ours where the table would be refused else (`column_names`).

    A file that is not where its row says is looked for in all folders below, where one path ends with what is written,
    with or without the extension (`FileFinder.named`), or as `ID_start_end`, if that is how the video was cut; where
    there is none, its rows are left out, and told.

    JSON: a list of objects with the CSV's columns as fields (`.jsonl`: one on each line; `caption` may be a list of
    texts), `{"videos": [{"video_id" or "id", ...}], "sentences": [{"video_id", "caption"}]}`, or COCO's `images` and
    `annotations` with `image_id`. A video may name its `path`, `file` or `file_name`; else its file is the one in
    `folder` whose name, less the extension, is its id. `start` and `end` are seconds in that file. MSR-VTT's
    `start time` and `end time` are seconds in the film at `url`, out of which the file has been cut already: they
    count only for a video that names its file.

    When no split is given anywhere, one video in ten goes to test and one in ten to validation, by
    a hash of video and seed; with three videos or more, neither is empty. All clips of one video
    are always in the same split, those that were cut out of it to files of their own, too.

    Args:
        captions_file: the CSV or JSON file.
        folder: where the videos are.
        seed: makes the splits, where the file gives none.
        note: called with a sentence for what had to be assumed of the file.
        missing: what to do with empty cells, {column: way}; see `missing.read_ways`. They are left by default.

    Returns:
        The clips, in the order of the file.

    Raises:
        UserError: for anything amiss in the file, with the row or entry at fault; also where it names no fewer
            videos that are not there than ones that are.

    Example:
        >>> read_captions("captions.csv", "videos")[0].captions
        ('a cat jumps onto a table',)
    """
    captions_file, folder = Path(captions_file), Path(folder)
    if not captions_file.is_file():
        raise UserError(f"No captions file {captions_file}.")
    text = read_text(captions_file, note)
    make_entries = json_entries if is_json(captions_file, text) else csv_entries
    entries = make_entries(captions_file, text, note)

    def tell(told: str) -> None:
        note(f"{captions_file}: {told}")

    drafts = _gather(entries, folder, tell)
    _name_films(drafts, tell)
    kept, splits = settle(drafts, missing, lambda kept: _splits(kept, seed, tell), note)
    if not kept:
        empty = f": {drafts[0].where} has no caption, question with answer, or label" if drafts else ""
        raise UserError(f"{captions_file} describes no clip{empty}; give a clip a row with its path and such a text.")
    _tell_cases({label: None for draft in kept for label in draft.labels}, tell)
    return [_finished(draft, splits[draft.path]) for draft in kept]


def lacking_columns(captions_file: str | Path) -> str:
    """The column that a captions file lacks to describe clips, a path or any text; "" for one that lacks none.

    A spreadsheet's own file, and JSON whose first entry cannot be read, lack one. Other mistakes are for
    `read_captions` to tell. Of a CSV the beginning alone is read.
    """
    path = Path(captions_file)
    try:
        text = read_head(path)
        if is_json(path, text):
            next(json_entries(path, read_text(path)), None)
            return ""
        return missing_columns(path, text)
    except UserError as error:
        return f"that is read: {error}" if path.suffix.lower() in (".json", ".jsonl", *SPREADSHEETS) else ""


def _tell_cases(labels: Iterable[str], note: Note) -> None:
    """Tells of labels that differ in case alone, of which a model can tell none apart."""
    written: dict[str, list[str]] = {}
    for label in labels:
        written.setdefault(label.casefold(), []).append(label)
    several = [own for own in written.values() if len(own) > 1]
    if several:
        (one, other, *_), more = several[0], f", and so do {len(several) - 1} more" if len(several) > 1 else ""
        note(f"labels '{one}' and '{other}' differ in case alone{more}: write them alike where they mean one class.")


def _finished(draft: Draft, split: str) -> ClipRow:
    return ClipRow(
        clip_id=draft.clip_id,
        path=draft.path,
        start=draft.start,
        end=draft.end,
        split=split,
        captions=tuple(draft.captions),
        questions=tuple(draft.questions),
        labels=tuple(draft.labels),
        columns=tuple(tuple(draft.columns.get(pair, {}).items()) for pair in draft.questions or [("", "")])
        if draft.columns
        else (),
        film=draft.film,
    )


def _gather(entries: Iterable[Entry], folder: Path, note: Note) -> list[Draft]:
    drafts: dict[str, Draft] = {}
    finder, entries = FileFinder(folder), [*entries]
    finder.expect(entry.path for entry in entries)
    lost: list[Entry] = []
    renamed: dict[str, str] = {}
    cut: dict[str, str] = {}
    for entry in entries:
        _check_texts(entry)
        path = finder.find(entry.path)
        if path is None and (path := _the_one(entry, entry.path, finder)) is not None:
            renamed[entry.path] = path
        elif path is None and (path := _find_cut(entry, finder)) is not None:
            cut[entry.path] = path
            entry.film = _without_extension(entry.path)
            entry.start = entry.end = None
        if path is None:
            lost.append(entry)
        elif not is_text(path):
            raise UserError(
                f"{entry.where}: '{entry.path[:200]}' is a file or lies in a folder whose name is not UTF-8: rename it."
            )
        else:
            entry.path = path
            _add(entry, drafts)
    if renamed:
        written, path = next(iter(renamed.items()))
        count = len({*renamed.values()})
        files = "1 file was" if count == 1 else f"{count} files were"
        note(f"{files} found by the name alone, the first '{written[:200]}' as {path}.")
    if cut:
        written, path = next(iter(cut.items()))
        note(f"start and end tell what videos were cut from, the first '{path}' from '{written[:200]}'.")
    if lost:
        _leave_out(lost, {draft.path for draft in drafts.values()}, finder, note)
    return list(drafts.values())


def _add(entry: Entry, drafts: dict[str, Draft]) -> None:
    """Adds an entry to the draft of its clip."""
    clip_id = entry.video_id or _with_times(entry.path, entry)
    draft = drafts.get(clip_id)
    if draft and draft.path == entry.path and (draft.start, draft.end) != (entry.start, entry.end):
        clip_id = _with_times(clip_id, entry)  # the video_id is that of the whole film
        draft = drafts.get(clip_id)
    if draft is None:
        draft = drafts[clip_id] = Draft(entry.where, clip_id, entry.path, entry.start, entry.end, entry.film)
    elif (draft.path, draft.start, draft.end) != (entry.path, entry.start, entry.end):
        raise UserError(
            f"{entry.where}: the video_id '{clip_id}' is already that of another video or segment; see {draft.where}: "
            "give each a name of its own, or take the column out."
        )
    if entry.split and draft.split and entry.split != draft.split:
        raise _two_splits(entry.where, entry.path, entry.split, draft.split, draft.where)
    draft.split = draft.split or entry.split
    draft.add(entry)


def _with_times(name: str, entry: Entry) -> str:
    """The name of a segment: that of its video, and its times."""
    if entry.start is None and entry.end is None:
        return name
    bounds = ["" if time is None else f"{time:.12g}" for time in (entry.start, entry.end)]
    return f"{name}#{'-'.join(bounds)}"


def _check_texts(entry: Entry) -> None:
    for name in ("path", "video_id", "caption", "question", "answer", "labels"):
        value = getattr(entry, name)
        text = "".join(value)
        if "\0" in text:
            raise UserError(f"{entry.where}: {name} holds a NUL byte.")
        if not is_text(text):
            raise UserError(f"{entry.where}: {name} holds half of a surrogate pair, which is no text.")
    if (entry.start or 0.0) >= (math.inf if entry.end is None else entry.end):
        raise UserError(f"{entry.where}: end {entry.end:g} is not after start {entry.start or 0:g}.")


def _find_cut(entry: Entry, finder: FileFinder) -> str | None:
    """The file that was cut out of a video from its start to its end, by the names of MSVD and Kinetics."""
    start, end = _bounds(entry)
    if start is None or end is None:
        return None
    stem = _without_extension(entry.path)
    names = (f"{stem}_{start:g}_{end:g}", f"{stem}_{start:06.0f}_{end:06.0f}")
    return next(filter(None, (_the_one(entry, name, finder) for name in names)), None)


def _without_extension(path: str) -> str:
    return posixpath.splitext(path.strip())[0] if path.lower().endswith(EXTENSIONS) else path.strip()


def _bounds(entry: Entry) -> tuple[float | None, float | None]:
    """Start and end, also under the names that do not cut a video."""
    names = other_times(entry.columns)
    if names is None or (entry.start, entry.end) != (None, None):
        return entry.start, entry.end
    try:
        start, end = (float(entry.columns[name]) for name in names)
    except ValueError:
        return None, None
    return (start, end) if 0 <= start < end < math.inf else (None, None)


def _the_one(entry: Entry, name: str, finder: FileFinder) -> str | None:
    """The one file whose path ends with a name; None where there is none."""
    found = finder.named(name)
    if len(found) > 1:
        raise UserError(
            f"{entry.where}: both '{found[0]}' and '{found[1]}' could be '{name[:200]}': write the one that is "
            "meant."
        )
    return found[0] if found else None


def _name_films(drafts: list[Draft], note: Note) -> None:
    """Takes files that are called `ID_start_end` as cut out of a film, where most are called so and all may be.

    Fewer films than labels, or than `FEWEST_LIKELY`, may be names of kinds of things.
    """
    stems = {draft.path: posixpath.splitext(posixpath.basename(draft.path))[0] for draft in drafts if not draft.film}
    cut = {path: found for path, stem in stems.items() if (found := CUT.fullmatch(stem))}
    kinds = len({tuple(draft.labels) for draft in drafts})
    films = {found[1] for found in cut.values()}
    ordered = all(float(found[2]) < float(found[3]) for found in cut.values())
    if ordered and 2 * len(cut) > len(stems) and max(kinds, FEWEST_LIKELY) < len(films) < len(cut):
        for draft in drafts:
            if found := cut.get(draft.path):
                draft.film = found[1]
        path, found = next(iter(cut.items()))
        note(f"names of files tell what they were cut from, the first '{path}' from '{found[1]}'.")


def _leave_out(lost: list[Entry], found: set[str], finder: FileFinder, note: Note) -> None:
    """Tells of entries without a video, or refuses them where they name as many videos as there are, or more."""
    first, *others = lost
    missing = {posixpath.normpath(entry.path) for entry in lost}
    if len(missing) >= len(found):
        more = f" (nor for {len(others)} more, the next is {others[0].where})" if others else ""
        raise UserError(
            f"{first.where}: there is no video '{first.path[:200]}' in {finder.folder}{more}: put it there, or take "
            "the row out."
        )
    clips = f"{len(missing)} of {len(missing) + len(found)} videos"
    note(f"{clips} are not in {finder.folder} and are left out, the first is '{first.path[:200]}' ({first.where}).")


def _splits(drafts: list[Draft], seed: int, note: Note) -> dict[str, str]:
    """The split of each video, by path."""
    given: dict[str, Draft] = {}
    for draft in drafts:
        if draft.split:
            first = given.setdefault(draft.path, draft)
            if first.split != draft.split:
                raise _two_splits(draft.where, draft.path, draft.split, first.split, first.where)
    paths = list(dict.fromkeys(draft.path for draft in drafts))
    if not given:
        films = _films(drafts, note)
        labels = {films[draft.path]: tuple(draft.labels) for draft in reversed(drafts)}
        splits = _made_splits(list(dict.fromkeys(films.values())), seed, labels)
        whole = [path for path, film in films.items() if film == path]
        if likely := _likely_parts(whole, len({*labels.values()})):
            note(
                f"files such as '{likely[0]}' and '{likely[1]}' may be parts of one film, and splits are made by "
                "chance: if they are, name the split of each in a column `split`, the same for all parts of a film."
            )
        return {path: splits[film] for path, film in films.items()}
    for draft in drafts:
        if draft.path not in given:
            raise UserError(f"{draft.where} has no split, though others have: give all or none.")
    return {path: given[path].split for path in paths}


def _films(drafts: list[Draft], note: Note) -> dict[str, str]:
    """{path: the film that it was cut out of, or itself}; each itself where films are fewer than splits."""
    films = {draft.path: draft.film or draft.path for draft in drafts}
    if (count := len({*films.values()})) < min(FEWEST_FILMS, len(films)):
        note(
            f"all clips were cut out of {count} film{'s' * (count > 1)}, too few to divide: splits have parts of the "
            "same one, and figures are too good for others."
        )
        return {path: path for path in films}
    return films


def _likely_parts(paths: Sequence[str], kinds: int) -> Sequence[str]:
    """Two files whose names differ by a number at the end, where many names do, and more than there are labels."""
    parts: dict[str, list[str]] = {}
    for path in paths:
        stem = posixpath.splitext(path)[0]
        if not posixpath.basename(stem).isdigit() and (found := NUMBERED.fullmatch(stem)):
            parts.setdefault(found[1], []).append(path)
    films = [own for own in parts.values() if len(own) > 1]
    likely = len(films) > max(kinds, FEWEST_LIKELY) and 2 * sum(map(len, films)) > len(paths)
    return films[0][:2] if likely else ()


def _made_splits(paths: list[str], seed: int, labels: Mapping[str, Hashable]) -> dict[str, str]:
    """Deals videos by chance, so that each label has its share of every split, as far as it has enough videos."""
    by_chance = sorted(paths, key=lambda path: hashlib.sha256(f"{seed}:{path}".encode()).digest())
    same: dict[Hashable, list[str]] = {}
    for path in by_chance:
        same.setdefault(labels[path], []).append(path)
    places = {path: (place + 0.5) / len(own) for own in same.values() for place, path in enumerate(own)}
    ranked = sorted(by_chance, key=places.__getitem__)
    least = 1 if len(ranked) >= 3 else 0
    tests = max(least, round(len(ranked) * TEST_SHARE))
    validations = max(least, round(len(ranked) * VALIDATION_SHARE))
    names = [keys.TEST] * tests + [keys.VALIDATION] * validations
    names += [keys.TRAIN] * (len(ranked) - len(names))
    return dict(zip(ranked, names, strict=True))


def _two_splits(where: str, path: str, split: str, first_split: str, first_where: str) -> UserError:
    return UserError(f"{where}: the video '{path}' is in {split} here and in {first_split} in {first_where}.")
