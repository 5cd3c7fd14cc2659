"""Clips to look at: those of an ingested folder, and those of a folder with a captions.csv."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image

from vtkeras import keys
from vtkeras.data.captions import read_captions
from vtkeras.data.decoder import DecoderPool, EncodedClip, Request
from vtkeras.data.paths import small_letters
from vtkeras.data.text_files import read_text
from vtkeras.errors import UserError
from vtkeras.run_files import CAPTIONS_FILE, MANIFEST, SAMPLES
from vtkeras.workspace import media
from vtkeras.workspace.records import DamagedFile, parse_clip, read_records, read_texts

MOST_FRAMES = 64
THUMBNAIL_FRAMES = 3  # of which the one that shows something is taken


@dataclass(frozen=True)
class Clip:
    """A clip and what is known of it.

    Attributes:
        id: unique name within its folder.
        path: the video file, or the shard that holds the clip.
        captions: right captions.
        questions: questions that were asked about it.
        answers: the answer to each question.
        label: labels joined by `keys.LABEL_SEPARATOR`.
        split: one of `keys.SPLITS`; "" where none is given.
        start, end: seconds of the segment in the video file; None for its start and end.
        record: place within the shard; None for a video file.
    """

    id: str
    path: Path
    captions: tuple[str, ...]
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    label: str
    split: str = ""
    start: float | None = None
    end: float | None = None
    record: int | None = None

    @property
    def is_file(self) -> bool:
        """True for a video file, False for stored frames."""
        return self.record is None

    @property
    def is_segment(self) -> bool:
        """True for a part of a video file."""
        return self.start is not None or self.end is not None

    def bounds(self, info: media.VideoInfo) -> tuple[float, float]:
        """Seconds in the video file, which says `info` of itself, at which the clip begins and ends."""
        start = info.start if self.start is None else self.start
        return start, info.duration if self.end is None else min(self.end, info.duration)


def find_libraries(roots: Sequence[Path], runs: Sequence[Path] = ()) -> list[Path]:
    """Folders with clips: the samples of `runs`, then what lies below `roots`, each in order of name."""
    names = (MANIFEST, CAPTIONS_FILE)
    below = {path.parent for root in roots for name in names for path in Path(root).glob(f"**/{name}")}
    samples = {run / SAMPLES for run in runs if (run / SAMPLES / CAPTIONS_FILE).is_file()}
    return sorted(samples) + sorted(below - samples)


def list_clips(folder: str | Path) -> list[Clip]:
    """The clips of a folder.

    Args:
        folder: made by `vtkeras data ingest`, or holding videos and a captions.csv.

    Raises:
        UserError: if the folder is neither, or something in it is damaged.

    Example:
        >>> list_clips("saved_models/multitask/moving_digits/samples")[0].captions
        ('digit 3 is moving up and down',)
    """
    folder = Path(folder)
    if (folder / MANIFEST).is_file():
        return list(_stored_clips(folder))
    if not (folder / CAPTIONS_FILE).is_file():
        raise UserError(
            f"{folder} holds neither {MANIFEST} nor {CAPTIONS_FILE}: make it with `vtkeras data ingest`."
        )
    rows = read_captions(folder / CAPTIONS_FILE, folder)
    has_splits = "split" in read_text(folder / CAPTIONS_FILE).partition("\n")[0].lower()
    return [
        Clip(
            id=row.clip_id,
            path=folder / row.path,
            captions=row.captions,
            questions=tuple(question for question, _ in row.questions),
            answers=tuple(answer for _, answer in row.questions),
            label=keys.LABEL_SEPARATOR.join(row.labels),
            split=row.split if has_splits else "",
            start=row.start,
            end=row.end,
        )
        for row in rows
    ]


def read_clip(
    clip: Clip, num_frames: int = MOST_FRAMES, max_side: int | None = None
) -> tuple[np.ndarray, np.ndarray, str]:
    """The frames of a clip, those of a video file decoded in a process of its own, which a bad file cannot stall.

    Args:
        clip: from `list_clips`.
        num_frames: most frames to take of a video file; stored clips give all that they have.
        max_side: frames of a video file are scaled down until no side is longer; stored ones are as they are.

    Returns:
        frames uint8 (time, height, width, 3), times float32 (time,) in seconds, and a sentence on what is missing of
        the file, "" if nothing is.

    Raises:
        UserError: if the file or the shard is missing or damaged.
    """
    if clip.is_file:
        read = media.read_apart(clip.path, num_frames, max_side, start=clip.start, end=clip.end)
        return read.frames, read.times, read.reason
    found = next(_read_shard(clip.path, functools.partial(_parse_some, {clip.record})), None)
    if found is None:
        raise UserError(f"The shard {clip.path} is shorter than it was: run `vtkeras data ingest` again.")
    stored = found[1]
    return _decode_pictures(stored["frames"]), np.array(stored["times"], np.float32), ""


def read_stored(clips: Sequence[Clip]) -> Iterator[np.ndarray]:
    """The frames of clips of an ingested folder, as `read_clip` gives them, in the order of `list_clips`.

    Each shard is read once, however many of its clips are asked for.

    Args:
        clips: from `list_clips`, in its order.

    Raises:
        UserError: as `read_clip`.
    """
    for path, of_shard in groupby(clips, key=lambda clip: clip.path):
        wanted = {clip.record for clip in of_shard}
        for _, stored in _read_shard(path, functools.partial(_parse_some, wanted)):
            yield _decode_pictures(stored["frames"])


def read_thumbnail(clip: Clip, side: int) -> np.ndarray:
    """A small picture of a clip, uint8 (side, side, 3); a video file is decoded at about that size.

    Raises:
        UserError: as `read_clip`.
    """
    if clip.is_file:
        read = _decode(Request(str(clip.path), THUMBNAIL_FRAMES, clip.start, clip.end, max_side=2 * side))
        return media.thumbnail(_decode_pictures(read.frames), side)
    return media.thumbnail(read_clip(clip)[0], side)


def describe(clip: Clip) -> media.VideoInfo:
    """What the video file of a clip says of itself.

    Raises:
        UserError: as `read_clip`.
    """
    return _decode(Request(str(clip.path), 1, clip.start, clip.end, max_side=16)).info


def matches(clip: Clip, words: str) -> bool:
    """True if every one of `words` is somewhere in the clip's texts or name; see `small_letters`."""
    text = small_letters(" ".join([clip.id, *clip.captions, *clip.questions, *clip.answers, clip.label]))
    return all(word in text for word in small_letters(words).split())


def _stored_clips(folder: Path) -> Iterator[Clip]:
    for name, split in _shards(folder / MANIFEST):
        for number, stored in enumerate(_read_shard(folder / name, read_texts)):
            texts = {key: tuple(text.decode("utf-8", "replace") for text in stored[key]) for key in stored}
            yield Clip(
                id=texts["video_id"][0],
                path=folder / name,
                captions=texts["captions"],
                questions=texts["questions"],
                answers=texts["answers"],
                label=texts["label"][0],
                split=split,
                record=number,
            )


def _shards(manifest: Path) -> list[tuple[str, str]]:
    """File name and split of every shard."""
    try:
        values = json.loads(manifest.read_text(encoding="utf-8"))
        return [(shard["name"], shard["split"]) for shard in values["shards"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"{manifest} is damaged: run `vtkeras data ingest` again.") from None


def _decode(request: Request) -> EncodedClip:
    [read] = _decoders().decode([request])
    if isinstance(read, UserError):
        raise read
    return read


@functools.cache
def _decoders() -> DecoderPool:
    """Processes that stay: to start one for each of many small pictures would take longer than to decode them."""
    return DecoderPool(time_limit=media.TIME_LIMIT)


def _decode_pictures(files: Sequence[bytes]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files])


def _parse_some(places: set[int | None], path: Path) -> Iterator[tuple[dict, dict]]:
    return (parse_clip(record) for place, record in enumerate(read_records(path)) if place in places)


def _read_shard(path: Path, read: Callable[[Path], Iterator]) -> Iterator:
    try:
        yield from read(path)
    except (DamagedFile, OSError):
        raise UserError(
            f"The shard {path} is missing or damaged: run the same `vtkeras data ingest` again."
        ) from None
