"""The files of a set: clips, and captions.csv."""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vtkeras.data.mp4 import write_video

COLUMNS = ("path", "caption", "question", "answer", "kind", "label", "split")


@dataclass
class Clip:
    """What captions.csv says of a video or an image.

    Attributes:
        path: relative to the folder.
        split: its name.
        caption: a sentence; "" for none.
        label: labels joined by `|`.
        questions: (question, answer, kind of question).
    """

    path: str
    split: str
    caption: str = ""
    label: str = ""
    questions: list[tuple[str, str, str]] = field(default_factory=list)


def write_set(out: Path, sizes: dict[str, int], fps: int, play: Callable[[str, int], tuple[np.ndarray, Clip]]) -> None:
    """Writes clips as mp4 files, with captions.csv beside them.

    Args:
        out: the folder.
        sizes: {split: clips}.
        fps: frames a second.
        play: (split, number) to frames and what is said of them; their path is set here.
    """
    rows = []
    for split, count in sizes.items():
        (out / split).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            frames, clip = play(split, index)
            clip.path = f"{split}/{index:04d}.mp4"
            write_video(out / clip.path, frames, fps)
            rows.append(clip)
    write_captions(out, rows)


def write_captions(out: Path, clips: Iterable[Clip]) -> None:
    """Writes captions.csv, a row for each question, one for a clip that has none."""
    with open(out / "captions.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for clip in clips:
            for asked in clip.questions or [("", "", "")]:
                table.writerow([clip.path, clip.caption, *asked, clip.label, clip.split])


def split_sizes(clips: int, shares: dict[str, float]) -> dict[str, int]:
    """How many clips each split gets, one at least; the first split takes the rest."""
    first, *others = shares
    sizes = {split: max(1, round(clips * shares[split])) for split in others}
    return {first: max(1, clips - sum(sizes.values())), **sizes}
