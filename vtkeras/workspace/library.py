"""Clips to look at: those of an ingested folder, and those of a folder with a captions.csv."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from vtkeras import keys
from vtkeras.data.captions import read_captions
from vtkeras.data.paths import small_letters
from vtkeras.data.text_files import read_text
from vtkeras.data.video import read_frames
from vtkeras.errors import UserError
from vtkeras.run_files import CAPTIONS_FILE, MANIFEST, SAMPLES
from vtkeras.workspace.records import DamagedFile, parse_clip, read_records

MOST_FRAMES = 64


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


def find_libraries(roots: Sequence[Path], runs: Sequence[Path] = ()) -> list[Path]:
    """Folders with clips: the samples of `runs`, then what lies below `roots`, each in order of name."""
    names = (MANIFEST, CAPTIONS_FILE)
    below = {path.parent for root in roots for name in names for path in Path(root).glob(f"**/{name}")}
    samples = {run / SAMPLES for run in runs if (run / SAMPLES / CAPTIONS_FILE).is_file()}
    return sorted(samples) + sorted(below - samples)


def list_clips(folder: str | Path, most: int = 2000) -> list[Clip]:
    """The clips of a folder.

    Args:
        folder: made by `vtkeras data ingest`, or holding videos and a captions.csv.
        most: clips to list; those after are left out.

    Raises:
        UserError: if the folder is neither, or something in it is damaged.

    Example:
        >>> list_clips("saved_models/multitask/moving_digits/samples")[0].captions
        ('digit 3 is moving up and down',)
    """
    folder = Path(folder)
    if (folder / MANIFEST).is_file():
        return list(islice(_stored_clips(folder), most))
    if not (folder / CAPTIONS_FILE).is_file():
        raise UserError(
            f"{folder} holds neither {MANIFEST} nor {CAPTIONS_FILE}: make it with `vtkeras data ingest`."
        )
    rows = read_captions(folder / CAPTIONS_FILE, folder)[:most]
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
) -> tuple[np.ndarray, np.ndarray]:
    """The frames of a clip.

    Args:
        clip: from `list_clips`.
        num_frames: most frames to take of a video file; stored clips give all that they have.
        max_side: frames of a video file are scaled down until no side is longer; stored ones are as they are.

    Returns:
        frames uint8 (time, height, width, 3), and times float32 (time,) in seconds.

    Raises:
        UserError: if the file or the shard is missing or damaged.
    """
    if clip.is_file:
        read = read_frames(clip.path, num_frames, clip.start, clip.end, max_side)
        return read.frames, read.times
    found = next(islice(_clips(clip.path), clip.record, None), None)
    if found is None:
        raise UserError(f"The shard {clip.path} is shorter than it was: run `vtkeras data ingest` again.")
    stored = found[1]
    frames = [np.asarray(Image.open(io.BytesIO(frame)).convert("RGB")) for frame in stored["frames"]]
    return np.stack(frames), np.array(stored["times"], np.float32)


def matches(clip: Clip, words: str) -> bool:
    """True if every one of `words` is somewhere in the clip's texts or name; see `small_letters`."""
    text = small_letters(" ".join([clip.id, *clip.captions, *clip.questions, *clip.answers, clip.label]))
    return all(word in text for word in small_letters(words).split())


def _stored_clips(folder: Path) -> Iterator[Clip]:
    for name, split in _shards(folder / MANIFEST):
        for number, (stored, _) in enumerate(_clips(folder / name)):
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


def _clips(path: Path) -> Iterator[tuple[dict, dict]]:
    try:
        yield from map(parse_clip, read_records(path))
    except (DamagedFile, OSError):
        raise UserError(
            f"The shard {path} is missing or damaged: run the same `vtkeras data ingest` again."
        ) from None
