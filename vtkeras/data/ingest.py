"""From a folder of videos and a captions file to TFRecord shards: `vtkeras data ingest`.

Which clip goes into which shard is settled before the first video is opened, and written to
`plan.json`. Every finished shard leaves a record beside it. A rerun skips the shards whose record
and checksum hold and makes the others again, byte for byte what they would have been, so a run may
be killed anywhere. A shard that lacks clips for a passing reason, e.g. a disk that was away, is made
again, too, and replaced unless a clip that it holds is missing this time.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from vtkeras import keys
from vtkeras.data.captions import ClipRow, read_captions
from vtkeras.data.cleaning.marks import UNCLEANED, Cleaning
from vtkeras.data.containers import EXTENSIONS, MAX_SIDE
from vtkeras.data.decoder import DecoderPool, EncodedClip, Request
from vtkeras.data.manifest import VERSION, WRITERS, Manifest, Shard
from vtkeras.data.paths import files_below
from vtkeras.data.shards import sha256_of, write_shard
from vtkeras.data.text_files import Note, ignore
from vtkeras.errors import PassingError, UserError
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.run_files import LABELS_TABLE
from vtkeras.whole_files import TEMPORARY, locked, write_json

PLAN = "plan.json"

Progress = Callable[[int, int, str], None]


def ingest(
    folder: str | Path,
    captions_file: str | Path,
    out: str | Path,
    num_frames: int = 16,
    max_side: int = 128,
    seed: int = 0,
    clips_per_shard: int = 64,
    progress: Progress = lambda done, total, note: None,
    time_limit: float = 120.0,
    select: Callable[[list[ClipRow]], list[ClipRow]] = list,
    note: Note = ignore,
    missing: Mapping[str, str] = MappingProxyType({}),
) -> Manifest:
    """Decodes every clip once and stores it; continues where an earlier run stopped.

    A video that does not decode, or takes too long, is set aside with its reason in the manifest; where that may be
    gone at the next try (`PassingError`), the next run tries it again.
    Videos are decoded in child processes (see `decoder`), so that none can stop the run.

    Args:
        folder: where the videos are.
        captions_file: CSV or JSON; see `captions.read_captions`.
        out: folder for the shards; made if missing.
        num_frames: most frames stored of each clip, at even distances.
        max_side: longest side of a stored frame, in pixels.
        seed: makes the splits, where the captions file gives none, and the order of the clips.
        clips_per_shard: most clips in one shard file.
        progress: called as `progress(done, total, note)` after each clip.
        time_limit: seconds a video may take.
        select: takes the clips of the file and gives those that are to be stored.
        note: called with a sentence for what had to be assumed of the captions file; the manifest keeps them.
        missing: what to do with its empty cells, {column: way}; see `missing.read_ways`.

    Returns:
        The manifest, also written to `out/manifest.json`.

    Raises:
        UserError: for bad input, a full disk, an `out` made with other input or options, or when
            not a single clip decodes. Finished shards stay as they are.

    Example:
        >>> ingest("videos", "captions.csv", "data/cats").examples("train")
        800
    """
    folder, out = Path(folder), Path(out)
    sizes = {"num_frames": num_frames, "max_side": max_side, "seed": seed, "clips_per_shard": clips_per_shard}
    _check_options(sizes)
    check_folder(folder)
    options = {**sizes, "missing": dict(missing)} if missing else sizes
    notes: list[str] = []

    def noted(sentence: str) -> None:
        notes.append(sentence)
        note(sentence)

    rows = select(read_captions(captions_file, folder, seed, noted, missing))
    batches = _batches(rows, seed, clips_per_shard)
    plan = _plan(folder, captions_file, rows, batches, options)
    with locked(out, WRITERS), DecoderPool(time_limit=time_limit) as pool, interrupt_between_steps() as end_of_step:

        def tell(done: int, note: str) -> None:
            progress(done, len(rows), note)
            end_of_step()

        _settle(out, plan)
        shards, done = [], 0
        for batch in batches:
            shard = _finished(out, batch)
            if shard is None or shard.passing:
                clips = _decode(pool, folder, batch, options)
                shard = _write(out, batch, _reported(clips, tell, done), folder, shard)
            else:
                tell(done + len(batch.rows), f"{batch.name} is already there")
            done += len(batch.rows)
            shards.append(shard)
        manifest = Manifest(options, plan["captions_sha256"], tuple(shards), _cleaning(out), tuple(notes))
        if not manifest.stored:
            first = manifest.set_aside[0][1]
            raise UserError(f"None of the {len(rows)} clips in {folder} can be decoded. The first: {first}")
        manifest.save(out)
    return manifest


@dataclass(frozen=True)
class _Batch:
    """The clips that one shard is to hold."""

    name: str
    split: str
    rows: tuple[ClipRow, ...]


def _check_options(options: dict[str, int]) -> None:
    limits = {"num_frames": 4096, "max_side": MAX_SIDE, "clips_per_shard": 100_000}
    for name, limit in limits.items():
        if not 1 <= options[name] <= limit:
            raise UserError(f"{name} must be from 1 to {limit}, not {options[name]}.")


def check_folder(folder: Path) -> None:
    """Raises `UserError` for what is no folder, or holds no video or picture."""
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: give one with videos or pictures.")
    if not any(file.suffix.lower() in EXTENSIONS for file in files_below(folder)):
        raise UserError(f"{folder} holds no video ({', '.join(EXTENSIONS)}).")


def _batches(rows: list[ClipRow], seed: int, clips_per_shard: int) -> list[_Batch]:
    """Cuts each split into shards, its clips shuffled: files are often sorted by what they show."""
    batches = []
    for split in keys.in_order(row.split for row in rows):
        chosen = sorted((row for row in rows if row.split == split), key=lambda row: _rank(row, seed))
        for number, start in enumerate(range(0, len(chosen), clips_per_shard)):
            part = tuple(chosen[start : start + clips_per_shard])
            batches.append(_Batch(f"{split}-{number:05d}.tfrecord", split, part))
    return batches


def _rank(row: ClipRow, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{row.clip_id}".encode()).digest()


def _plan(
    folder: Path, captions_file: str | Path, rows: list[ClipRow], batches: list[_Batch], options: dict
) -> dict:
    # Sizes stand for the videos' contents: reading all of them first would take as long as decoding.
    sizes = sorted({f"{row.path} {(folder / row.path).stat().st_size}" for row in rows})
    return {
        "version": VERSION,
        "options": options,
        "captions_sha256": sha256_of(captions_file),
        "videos_sha256": hashlib.sha256("\n".join(sizes).encode()).hexdigest(),
        "shards": {batch.name: [row.clip_id for row in batch.rows] for batch in batches},
    }


def _settle(out: Path, plan: dict) -> None:
    """Writes the plan, or makes sure that it is the one `out` was begun with."""
    path = out / PLAN
    way_out = "choose another --out or delete that folder."
    if not path.exists():
        if any(not file.name.startswith(TEMPORARY) and file.name != LABELS_TABLE for file in out.iterdir()):
            raise UserError(f"{out} is not empty and was not made by ingest: {way_out}")
        write_json(path, plan)
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        options = before["options"]
        changed = [
            f"{name} {options.get(name, 'left')}, now {plan['options'].get(name, 'left')}"
            for name in {**options, **plan["options"]}
            if options.get(name) != plan["options"].get(name)
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is damaged: {way_out}") from None
    if changed:
        raise UserError(f"{out} was made with other options ({'; '.join(changed)}): {way_out}")
    if before.get("captions_sha256") != plan["captions_sha256"]:
        raise UserError(f"{out} was made from another captions file: {way_out}")
    if before != plan:
        how = "from other videos, another choice of them or by another version"
        if {**before, "shards": plan["shards"]} == plan and begun_with(out) == _clips(plan["shards"]):
            how = "by a version that divides these clips into other splits"
        raise UserError(f"{out} was made {how}: {way_out}")


def begun_with(out: str | Path) -> set[str]:
    """The clips that an earlier run into a folder was to store; none where there was no such run."""
    try:
        return _clips(json.loads((Path(out) / PLAN).read_text(encoding="utf-8"))["shards"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()  # a damaged plan is told by `ingest`


def _clips(shards: dict[str, list[str]]) -> set[str]:
    return {clip for clips in shards.values() for clip in clips}


def _cleaning(out: Path) -> Cleaning:
    """What `vtkeras data clean` marked after an earlier run: the clips are the same ones."""
    try:
        return Manifest.load(out).cleaning
    except UserError:  # no manifest yet, or a damaged one
        return UNCLEANED


def _record_path(out: Path, batch: _Batch) -> Path:
    return (out / batch.name).with_suffix(".json")


def _finished(out: Path, batch: _Batch) -> Shard | None:
    """The record of a shard that an earlier run finished, if the file is still what it was."""
    try:
        shard = Shard.from_json(json.loads(_record_path(out, batch).read_text(encoding="utf-8")))
        return shard if sha256_of(out / batch.name) == shard.sha256 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _decode(
    pool: DecoderPool, folder: Path, batch: _Batch, options: dict
) -> Iterator[tuple[ClipRow, EncodedClip | UserError]]:
    requests = [
        Request(str(folder / row.path), options["num_frames"], row.start, row.end, options["max_side"])
        for row in batch.rows
    ]
    return zip(batch.rows, pool.decode(requests), strict=True)


def _reported(clips: Iterator, tell: Callable[[int, str], None], done: int) -> Iterator:
    for number, (row, clip) in enumerate(clips, start=done + 1):
        tell(number, f"set aside: {clip}" if isinstance(clip, UserError) else row.path)
        yield row, clip


def _write(
    out: Path,
    batch: _Batch,
    clips: Iterator[tuple[ClipRow, EncodedClip | UserError]],
    folder: Path,
    before: Shard | None,
) -> Shard:
    """Writes a shard and its record; where a clip of the shard `before` does not decode this time, that one stays."""
    kept: list[tuple[ClipRow, EncodedClip]] = []
    set_aside: list[tuple[str, str]] = []
    partial: list[tuple[str, str]] = []
    passing = 0
    for row, clip in clips:
        # The manifest names files relative to the folder.
        if isinstance(clip, UserError):
            set_aside.append((row.path, str(clip).replace(f"{folder}/", "")))
            passing += isinstance(clip, PassingError)
            continue
        kept.append((row, clip))
        if clip.reason:
            partial.append((row.path, clip.reason.replace(f"{folder}/", "")))
    if before and Counter(path for path, _ in set_aside) - Counter(path for path, _ in before.set_aside):
        return before
    shard = Shard(
        name=batch.name,
        split=batch.split,
        sha256=write_shard(out / batch.name, kept),
        clips=len(kept),
        examples=sum(max(1, len(row.questions)) for row, _ in kept),
        set_aside=tuple(set_aside),
        partial=tuple(partial),
        passing=passing,
    )
    write_json(_record_path(out, batch), asdict(shard))
    return shard
