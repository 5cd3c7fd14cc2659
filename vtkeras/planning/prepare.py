"""From what a user has, a folder of videos and a table, to clips that training reads, within a share of the time."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vtkeras import keys
from vtkeras.data.caption_entries import SPLIT_NAMES
from vtkeras.data.captions import ClipRow, lacking_columns
from vtkeras.data.containers import EXTENSIONS
from vtkeras.data.decoder import DecoderPool, Request
from vtkeras.data.ingest import begun_with, ingest
from vtkeras.data.manifest import Manifest
from vtkeras.data.paths import files_below
from vtkeras.data.text_files import TABLES, ignore, is_text
from vtkeras.errors import UserError
from vtkeras.planning.clock import Clock
from vtkeras.planning.speed import NEARLY
from vtkeras.run_files import CONFIG_FILE, DATA, MANIFEST, write_text

DECODING = 0.15  # share of the time in which clips are decoded
TRYING = 1.0  # seconds for which clips are decoded to measure the speed
FEWEST = 20  # clips of a split that are taken even so
FRAMES, SIDE = 16, 224  # that are stored of a clip
FEWEST_TRAINING = 2  # clips to learn from
VALIDATION_SHARE = 0.1  # of the training clips, where the table names splits but no validation
NAMES = ("captions", "labels", "annotations", "metadata", "data")
EVERY_SECONDS = 10.0
MOST_TOLD = 10  # clips that are set aside


def ingested_folder(
    data: str | Path, captions: str | Path | None, folder: str | Path, clock: Clock, report: Callable[[str], None]
) -> Path:
    """The folder of stored clips that a plan reads: `data` itself if `vtkeras data ingest` made it, else a new one.

    Clips are left out where decoding all would take more than its share of the time, and told so; the same again where
    a run into this folder was stopped.

    Args:
        data: folder of videos and images with a table of captions, or of stored clips.
        captions: the table; None takes the only one in `data`, or without any the names of its subfolders as labels.
        folder: the run folder, in which stored clips go into `data`.
        clock: the budget.
        report: called with lines of progress.

    Raises:
        UserError: for a folder without a table, or a table with a mistake.
    """
    data = Path(data)
    if not data.is_dir():
        raise UserError(f"{data} is no folder: give one with videos or pictures.")
    if (data / MANIFEST).is_file():
        if captions:
            raise UserError(
                f"{data} holds ingested clips with their texts: leave --captions out, or give the folder of the videos."
            )
        return data
    table = Path(captions) if captions else table_of(data, Path(folder), report)
    if table is None:
        raise UserError(
            f"{data} needs one table with a row for each clip (columns path, and any of caption, question with answer, "
            "label), or two and more subfolders of clips, one for each label, and has neither: name the table with "
            "--captions FILE."
        )
    out = Path(folder) / DATA
    report(f"reading {data} with {table}")
    told = time.monotonic()
    broken: dict[str, str] = {}

    def select_clips(rows: list[ClipRow]) -> list[ClipRow]:
        whole = [row for row in rows if row.path not in broken]
        rows, begun = with_validation(whole), begun_with(out)
        again = [row for row in rows if row.clip_id in begun]
        if again and all(row.split != keys.VALIDATION for row in again):  # training clips had to take their place
            again = with_validation([row for row in whole if row.clip_id in begun])
        if begun and len(again) == len(begun):  # of a plan that was stopped: what is stored stays
            report(f"going on with the {len(again)} clips that were chosen before")
            return again
        speed = clips_per_second(data, rows)
        most = int(speed * clock.share(DECODING))
        if NEARLY * len(rows) <= most:
            return rows
        kept = subsample(rows, most)
        if len(kept) < len(rows):
            report(f"decoding {len(rows)} clips would take {len(rows) / speed:.0f} s: {len(kept)} of them are taken")
        return kept

    def progress(done: int, total: int, note: str) -> None:
        nonlocal told
        if time.monotonic() - told > EVERY_SECONDS or done == total:
            told = time.monotonic()
            report(f"read {done} of {total} clips")

    def store(note: Callable[[str], None]) -> Manifest:
        return ingest(data, table, out, FRAMES, SIDE, select=select_clips, progress=progress, note=note)

    manifest = store(report)
    broken.update(manifest.set_aside)
    if keys.VALIDATION not in manifest.splits and broken:
        report("no validation clip decodes: training clips take their place")
        shutil.rmtree(out)
        manifest = store(ignore)  # the table was told of already
        broken.update(manifest.set_aside)
    if broken:
        some = ", for instance" * (len(broken) > MOST_TOLD)
        report(f"set aside because they do not decode: {len(broken)}{some}:")
        for path, reason in [*broken.items()][:MOST_TOLD]:
            report(f"  {path} {reason.removeprefix(f'{path} ')}")
    return out


def table_of(data: Path, out: Path, report: Callable[[str], None]) -> Path | None:
    """The table of a folder, or one that is made from its subfolders; None where there is neither.

    A table without a usual name that describes no clips, as statistics that came along, makes way for subfolders.
    """
    table = find_table(data)
    if table is None or table.stem.lower() in NAMES:
        return table or table_from_folders(data, out, report)
    if lacking := lacking_columns(table):
        if made := table_from_folders(data, out, report):
            report(f"subfolders are taken as labels, since {table.name} describes no clips: it has no column {lacking}")
            return made
    return table


def find_table(folder: Path) -> Path | None:
    """The one table of a folder: `captions.csv` or another usual name, else the only table.

    Raises:
        UserError: if there are several and none has a usual name.
    """
    tables = sorted(file for file in folder.iterdir() if file.suffix.lower() in TABLES and file.is_file())
    for name in NAMES:
        for file in tables:
            if file.stem.lower() == name:
                return file
    if len(tables) > 1:
        found = ", ".join(file.name for file in tables)
        raise UserError(f"{folder} holds several tables, {found}: name the one to take with --captions FILE.")
    return tables[0] if tables else None


def table_from_folders(data: Path, out: Path, report: Callable[[str], None]) -> Path | None:
    """Writes a table whose labels are the names of the subfolders that clips lie in; None where there are no two.

    Where these have all one name, as in `cats/videos` and `dogs/videos`, the folders above them are taken. Hidden
    folders and runs are passed over. Where each clip lies at least two levels down, and each folder at the top
    has the name of a split, one of them that of training, these are the splits.

    Args:
        data: folder whose subfolders hold videos or pictures.
        out: folder where `labels.csv` is written.
        report: called with a line of what is taken as splits and as labels.

    Returns:
        The path of the table, whose paths are relative to `data`; or None.

    Raises:
        UserError: if the table cannot be written.
    """
    files = sorted(files_below(data, passed_over=lambda name: name.startswith(".")))
    runs = {file.parent for file in files if file.name == CONFIG_FILE} - {Path()}
    clips = [file for file in files if file.suffix.lower() in EXTENSIONS
             and file.parent != Path() and runs.isdisjoint(file.parents)]  # fmt: skip
    unreadable = [clip for clip in clips if not is_text(str(clip))]
    if unreadable:
        clips = [clip for clip in clips if is_text(str(clip))]
        report(f"{len(unreadable)} clips are left out, whose names or folders are not UTF-8: rename them")
    tops = sorted({clip.parts[0] for clip in clips})
    splits = {SPLIT_NAMES.get(top.lower()) for top in tops}
    split = all(len(clip.parts) > 2 for clip in clips) and keys.TRAIN in splits and None not in splits
    labels = _labels([clip.parent.parts[split:] for clip in clips])
    different = sorted({*labels})
    if len(different) < 2:
        return None
    if split:
        report(f"the folders {', '.join(tops)} are taken as splits, those within them as labels")
    some = f" and {len(different) - MOST_TOLD} others" if len(different) > MOST_TOLD else ""
    report(f"labels by the folders of the clips: {', '.join(different[:MOST_TOLD])}{some}")
    rows = [("path", "label", "split")]
    rows += [(clip.as_posix(), label, clip.parts[0]) for clip, label in zip(clips, labels, strict=True)]
    text = io.StringIO()
    csv.writer(text).writerows(row if split else row[:2] for row in rows)
    write_text(out / "labels.csv", text.getvalue())
    return out / "labels.csv"


def _labels(folders: list[tuple[str, ...]]) -> list[str]:
    """The name of each clip's folder; where all have one name, that of the folder above, as far up as there are any."""
    for level in range(1, 1 + min(map(len, folders), default=0)):
        names = [parts[-level] for parts in folders]
        if len({*names}) > 1:
            return names
    return []


def with_validation(rows: list[ClipRow]) -> list[ClipRow]:
    """Puts some training videos into the validation split where a table with splits leaves that empty.

    Every tenth of those in the order of their labels, so that each label has its share.
    """
    if any(row.split == keys.VALIDATION for row in rows):
        return rows
    labels = {row.path: row.labels for row in rows if row.split == keys.TRAIN}
    videos = sorted(labels, key=lambda path: (labels[path], _rank(path)))
    if len(videos) < FEWEST_TRAINING + 1:
        found = len({row.path for row in rows})
        raise UserError(
            f"A plan needs {FEWEST_TRAINING + 1} videos or pictures for training at least, one of them to choose by; "
            f"there are {len(videos)} (and {found - len(videos)} of other splits): bring more."
        )
    count = max(1, round(len(videos) * VALIDATION_SHARE))
    taken = {videos[len(videos) * (2 * place + 1) // (2 * count)] for place in range(count)}
    return [replace(row, split=keys.VALIDATION) if row.path in taken else row for row in rows]


def clips_per_second(folder: Path, rows: list[ClipRow], now: Callable[[], float] = time.monotonic) -> float:
    """How many clips are decoded in a second, measured on a few, twice as many each time."""
    chosen = sorted(rows, key=lambda row: _rank(row.clip_id))
    requests = [Request(str(folder / row.path), FRAMES, row.start, row.end, SIDE) for row in chosen]
    with DecoderPool(time_limit=60.0) as pool:
        list(pool.decode(requests[: 2 * pool.workers]))  # starts the processes
        begin, done, spent = now(), 0, 0.0
        while done < len(requests) and spent < TRYING:
            done += len(list(pool.decode(requests[done : 2 * done + pool.workers])))
            spent = now() - begin
        return done / max(spent, 1e-3)


def subsample(rows: list[ClipRow], most: int) -> list[ClipRow]:
    """About `most` rows, of every split its share but at least `FEWEST`, always the same ones."""
    kept: list[ClipRow] = []
    for split in keys.in_order(row.split for row in rows):
        own = sorted((row for row in rows if row.split == split), key=lambda row: _rank(row.clip_id))
        kept += own[: max(FEWEST, round(most * len(own) / len(rows)))]
    return kept


def _rank(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
