"""From what a user has, a folder of videos and a table, to clips that training reads, within a share of the time."""

from __future__ import annotations

import hashlib
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vtkeras import keys
from vtkeras.data.captions import ClipRow
from vtkeras.data.decoder import DecoderPool, Request
from vtkeras.data.ingest import begun_with, ingest
from vtkeras.data.manifest import Manifest, is_ingested
from vtkeras.data.text_files import ignore
from vtkeras.errors import UserError
from vtkeras.planning.clock import Clock
from vtkeras.planning.folder_tables import MOST_TOLD, needed_table
from vtkeras.planning.speed import NEARLY
from vtkeras.run_files import DATA

DECODING = 0.15  # share of the time in which clips are decoded
TRYING = 1.0  # seconds for which clips are decoded to measure the speed
FEWEST, FEWEST_OTHERS = 20, 5  # clips of training, and of each other split, that are taken even so
FRAMES, SIDE = 16, 224  # that are stored of a clip
FEWEST_TRAINING = 2  # clips to learn from
VALIDATION_SHARE = 0.1  # of the training clips, where the table names splits but no validation
LONGER = 2.0  # times that decoding takes what was foreseen, from which on it is told
EVERY_SECONDS = 10.0


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
    if is_ingested(data):
        if captions:
            raise UserError(
                f"{data} holds ingested clips with their texts: leave --captions out, or give the folder of the videos."
            )
        return data
    table = Path(captions) if captions else needed_table(data, Path(folder), report)
    report(f"reading {data} with {table}")
    storing = _Storing(data, table, Path(folder) / DATA, clock, report)
    storing.run()
    return storing.out


class _Storing:
    """Decodes the clips of a folder, as many as there is time for.

    Attributes:
        broken: {path: why it does not decode}.
        until: seconds of the clock at which decoding has taken `LONGER` times what was foreseen, and it is told.
    """

    def __init__(self, data: Path, table: Path, out: Path, clock: Clock, report: Callable[[str], None]):
        self.data, self.table, self.out = data, table, out
        self.clock, self.report = clock, report
        self.told = time.monotonic()
        self.broken: dict[str, str] = {}
        self.until = math.inf

    def run(self) -> None:
        """Stores the clips, and tells which do not decode."""
        manifest = self._store(self.report)
        if keys.VALIDATION not in manifest.splits and self.broken:
            self.report("no validation clip decodes: training clips take their place")
            shutil.rmtree(self.out)
            manifest = self._store(ignore)  # the table was told of already
        if manifest.partial:
            count, (_, reason) = len(manifest.partial), manifest.partial[0]
            self.report(f"clips of which a part is missing or damaged, and the rest is taken: {count}; {reason}")
        if self.broken:
            some = ", for instance" * (len(self.broken) > MOST_TOLD)
            self.report(f"set aside because they do not decode: {len(self.broken)}{some}:")
            for path, reason in [*self.broken.items()][:MOST_TOLD]:
                self.report(f"  {path} {reason.removeprefix(f'{path} ')}")

    def _store(self, note: Callable[[str], None]) -> Manifest:
        manifest = ingest(
            self.data, self.table, self.out, FRAMES, SIDE, select=self._choose, progress=self._progress, note=note
        )
        self.broken.update(manifest.set_aside)
        return manifest

    def _choose(self, rows: list[ClipRow]) -> list[ClipRow]:
        """The clips that were chosen before, where a plan was stopped; else those that there is time for."""
        whole = [row for row in rows if row.path not in self.broken]
        rows, begun = with_validation(whole), begun_with(self.out)
        again = [row for row in rows if row.clip_id in begun]
        if again and all(row.split != keys.VALIDATION for row in again):  # training clips had to take their place
            again = with_validation([row for row in whole if row.clip_id in begun])
        if begun and len(again) == len(begun):
            self.report(f"going on with the {len(again)} clips that were chosen before")
            return again
        return self._in_time(rows)

    def _in_time(self, rows: list[ClipRow]) -> list[ClipRow]:
        speed = clips_per_second(self.data, rows)
        most = int(speed * self.clock.share(DECODING))
        kept = rows if NEARLY * len(rows) <= most else subsample(rows, most)
        if len(kept) < len(rows):
            whole, part = (f"{len(some) / speed:.0f} s" for some in (rows, kept))
            self.report(
                f"decoding {len(rows)} clips would take {whole}: {len(kept)} of them are taken, "
                f"which takes about {part}"
            )
        self.until = self.clock.spent() + LONGER * len(kept) / speed + EVERY_SECONDS
        return kept

    def _progress(self, done: int, total: int, note: str) -> None:
        if self.clock.spent() > self.until and done < total:
            self.until = math.inf
            self.report(
                f"note: decoding takes more than {LONGER:g} times as long as was foreseen by a few clips, as where "
                "some take much longer than others; Ctrl-C stops it, and then the same command goes on with it"
            )
        if time.monotonic() - self.told > EVERY_SECONDS or done == total:
            self.told = time.monotonic()
            self.report(f"read {done} of {total} clips")


def with_validation(rows: list[ClipRow]) -> list[ClipRow]:
    """Puts some training videos into the validation split where a table with splits leaves that empty.

    Every tenth of those in the order of their labels, so that each label has its share. Files that were cut out of one
    film stay together where there are films enough.

    Raises:
        UserError: if there are too few clips to learn from.
    """
    training = [row for row in rows if row.split == keys.TRAIN]
    if any(row.split == keys.VALIDATION for row in rows):
        if len(training) < FEWEST_TRAINING:
            raise UserError(
                f"A plan needs {FEWEST_TRAINING} clips for training at least; there are {len(training)} (and "
                f"{len(rows) - len(training)} of other splits): write `train` into the column split of more rows."
            )
        return rows
    films = {row.path: row.film or row.path for row in rows}
    if len({films[row.path] for row in training}) < FEWEST_TRAINING + 1:
        films = {path: path for path in films}
    labels = {films[row.path]: row.labels for row in training}
    videos = sorted(labels, key=lambda film: (labels[film], _rank(film)))
    if len(videos) < FEWEST_TRAINING + 1:
        found = len({row.path for row in rows})
        raise UserError(
            f"A plan needs {FEWEST_TRAINING + 1} videos or pictures for training at least, one of them to choose by; "
            f"there are {len(videos)} (and {found - len(videos)} of other splits): bring more."
        )
    count = max(1, round(len(videos) * VALIDATION_SHARE))
    taken = {videos[len(videos) * (2 * place + 1) // (2 * count)] for place in range(count)}
    moved = {row.path for row in training if films[row.path] in taken}
    return [replace(row, split=keys.VALIDATION) if row.path in moved else row for row in rows]


def clips_per_second(folder: Path, rows: list[ClipRow], now: Callable[[], float] = time.monotonic) -> float:
    """How many clips are decoded in a second, measured on a few, twice as many each time."""
    chosen = sorted(rows, key=_by_rank)
    requests = [Request(str(folder / row.path), FRAMES, row.start, row.end, SIDE) for row in chosen]
    with DecoderPool(time_limit=60.0) as pool:
        list(pool.decode(requests[: 2 * pool.workers]))  # starts the processes
        begin, done, spent = now(), 0, 0.0
        while done < len(requests) and spent < TRYING:
            done += len(list(pool.decode(requests[done : 2 * done + pool.workers])))
            spent = now() - begin
        return done / max(spent, 1e-3)


def subsample(rows: list[ClipRow], most: int) -> list[ClipRow]:
    """About `most` rows, always the same ones.

    Splits other than training get their share; where that is few, up to `FEWEST` clips each, but together at most half,
    and at least `FEWEST_OTHERS`. All else is for training, `FEWEST` clips at least.
    """
    splits = {split: [row for row in rows if row.split == split] for split in keys.in_order(row.split for row in rows)}
    others = [split for split in splits if split != keys.TRAIN]
    even = most // (2 * max(1, len(others)))
    fewest = max(FEWEST_OTHERS, min(FEWEST, even))
    counts = {split: max(fewest, min(even, round(most * len(splits[split]) / len(rows)))) for split in others}
    taken = sum(min(counts[split], len(splits[split])) for split in others)
    counts[keys.TRAIN] = max(FEWEST, most - taken)
    return [row for split, own in splits.items() for row in sorted(own, key=_by_rank)[: counts[split]]]


def _by_rank(row: ClipRow) -> bytes:
    return _rank(row.clip_id)


def _rank(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
