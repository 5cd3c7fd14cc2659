"""The embedded data as video files, so that everything can be tried the way a user's own videos are."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vtkeras import keys
from vtkeras.data.long_digits import FPS, SHOT_SECONDS, LongDigits
from vtkeras.data.mp4 import write_video
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.data.subtitles import write_subtitles
from vtkeras.errors import command
from vtkeras.run_files import ANNOTATIONS, CAPTIONS_FILE
from vtkeras.whole_files import replacing, write_json

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
    captions = out / CAPTIONS_FILE
    with replacing(captions) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", "caption", "question", "answer", "label", "split"])
        table.writerows(rows)
    ingest = command("data", "ingest", out, "--captions", captions, "--out", f"{out}_ingested")
    report(f"{clips} clips in {out}; try: {ingest}")
    return captions


def make_long_videos(
    out: str | Path,
    videos: int,
    scenes: int,
    seed: int,
    lag: float = 0.0,
    remarks: bool = False,
    report: Callable[[str], None] = print,
) -> None:
    """Writes videos of `long_digits` as mp4 files, each with its transcript, and an annotations.json.

    Args:
        out: folder for the files.
        videos: how many.
        scenes: shots of two seconds in each.
        seed: another seed gives other videos.
        lag: seconds that the narrator speaks behind the picture.
        remarks: the narrator makes remarks, instead of saying what is seen.
        report: called with lines of progress.
    """
    out = Path(out)
    source = LongDigits(scenes=scenes, seed=seed, lag=lag, remarks=remarks)
    entries = []
    for number in range(videos):
        name = f"long_{number:02d}"
        film = list(source.film(number))
        write_video(out / f"{name}.mp4", np.concatenate([scene.frames for scene in film]), fps=FPS)
        transcript = source.transcript(film)
        write_subtitles(out / f"{name}.json", transcript)
        scores = np.stack([scene.opinions for scene in film], axis=1).tolist()
        entries.append(
            {"video": f"{name}.mp4", "segment": SHOT_SECONDS, "transcript": f"{name}.json", "scores": scores}
        )
        report(f"{name}.mp4: {scenes} scenes, {len(transcript)} sentences")
    write_json(out / ANNOTATIONS, entries)
    report(f"ready: {command('evaluate-summary', out)}; {command('train-scorer', out)}")
