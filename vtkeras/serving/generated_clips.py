"""Generated clips as files: mp4, GIF, a contact sheet, and a JSON that says where they come from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vtkeras.data.contact_sheet import SHEET, contact_sheet
from vtkeras.data.mp4 import write_video
from vtkeras.errors import UserError
from vtkeras.explain.animation import as_gif, as_png, enlarge
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.run_files import write_bytes, write_json

if TYPE_CHECKING:  # pages import this file, and no TensorFlow
    from vtkeras.serving.generator import Generator

FPS = 8
AT_ONCE = 8  # clips that are made before they are written
SIDE = 256  # pixels of a GIF's longer side
SHEET_CLIPS = 64  # at most, on a contact sheet
TABLE = "generation.json"


def write_clips(
    generator: Generator, prompt: str, count: int, seed: int, out: Path, report: Callable[[str], None] = print
) -> list[dict]:
    """Makes clips of a prompt with the seeds `seed`, `seed + 1` and so on, and writes each as soon as it is made.

    Writes NAME.mp4 and NAME.gif of every clip, contact_sheet.png with a row for each, and generation.json with the
    prompt, the model, and every clip's seed and seconds. After Ctrl-C the files of the clips that were made are there.

    Args:
        generator: makes them.
        prompt: what is to be seen.
        count: how many clips.
        seed: of the first.
        out: the folder.
        report: called with a line for each clip.

    Returns:
        the entries of the clips in generation.json.

    Raises:
        UserError: for a prompt that the model cannot read, or a folder that cannot be written or holds other clips.
    """
    prompt = generator.check(prompt)
    _refuse_others(out, {"prompt": prompt, "seed": seed, "model": generator.info})
    made: list[dict] = []
    rows: list[np.ndarray] = []
    with interrupt_between_steps() as end_of_step:
        try:
            for first in range(seed, seed + count, AT_ONCE):
                seeds = list(range(first, min(first + AT_ONCE, seed + count)))
                began = time.perf_counter()
                clips = generator.best(prompt, seeds)
                seconds = (time.perf_counter() - began) / len(seeds)
                for own, clip in zip(seeds, clips):
                    files = write_clip(out, f"seed_{own}", clip)
                    made.append({**files, "seed": own, "seconds": round(seconds, 3)})
                    rows.append(clip)
                    report(f"{out / made[-1]['mp4']}: seed {own}, {seconds:.2f} s")
                end_of_step()
        finally:
            if made:
                write_bytes(out / SHEET, as_png(contact_sheet(np.stack(rows[:SHEET_CLIPS]))))
                write_json(out / TABLE, {"prompt": prompt, "seed": seed, "model": generator.info, "clips": made})
    return made


def _refuse_others(out: Path, asked: dict) -> None:
    """Refuses a folder whose clips were not made of the same words, seeds and weights: these would be written over."""
    try:
        there = json.loads((out / TABLE).read_text(encoding="utf-8"))
        same = all(there[key] == value for key, value in asked.items())
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError, KeyError):
        same = False
    if not same:
        raise UserError(f"{out} holds other clips, which would be lost: choose another --out.")


def write_clip(out: Path, name: str, clip: np.ndarray) -> dict[str, str]:
    """Writes NAME.mp4 and an enlarged NAME.gif of a clip uint8 (time, height, width, 3).

    Args:
        out: the folder.
        name: of both files, without an ending.
        clip: uint8 (time, height, width, 3), RGB, at `FPS` frames a second.

    Returns:
        {"mp4": file name, "gif": file name}.

    Raises:
        UserError: if the folder cannot be written.
    """
    names = {kind: f"{name}.{kind}" for kind in ("mp4", "gif")}
    write_video(out / names["mp4"], clip, FPS)
    write_bytes(out / names["gif"], as_gif(np.stack([enlarge(frame, SIDE) for frame in clip]), FPS))
    return names
