"""The embedded data as video files, so that everything can be tried the way a user's own videos are."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from vtkeras import keys
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.data.video import write_video

FPS = 8
SHARES = ((keys.TRAIN, 0.8), (keys.VALIDATION, 0.9), (keys.TEST, 1.0))


def make_videos(out: str | Path, clips: int, seed: int = 0, report: Callable[[str], None] = print) -> Path:
    """Writes clips of `moving_digits` as mp4 files and a captions.csv beside them.

    80 % of the clips are of the train split, 10 % of validation, 10 % of test. What is already
    there is not written again.

    Args:
        out: folder, made if missing.
        clips: number of clips.
        seed: as for `MovingDigits`.
        report: called with a line at the end.

    Returns:
        The captions file.

    Example:
        >>> make_videos("data/moving_digits", clips=60)
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    source = MovingDigits(seed=seed)
    rows = []
    for index in range(clips):
        split = next(name for name, share in SHARES if index < share * clips)
        example = source.example(split, 0, index)
        name = f"{split}_{index:04d}.mp4"
        if not (out / name).is_file():
            write_video(out / name, example[keys.FRAMES], fps=FPS)
        texts = [example[key] for key in (keys.QUESTION, keys.ANSWER, keys.LABEL)]
        rows.append([name, example[keys.CAPTIONS][0], *texts, split])
    captions = out / "captions.csv"
    with open(captions, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", "caption", "question", "answer", "label", "split"])
        table.writerows(rows)
    report(f"{clips} clips in {out}; try: vtkeras data ingest {out} --captions {captions} --out {out}_ingested")
    return captions
