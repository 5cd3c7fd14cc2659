"""The captions.csv of a set."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

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
