"""Generated clips as files: mp4, GIF, a contact sheet, and a JSON that says where they come from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vtkeras.data.contact_sheet import SHEET, SHOWN_FRAMES, contact_sheet
from vtkeras.data.mp4 import write_video
from vtkeras.data.video import read_frames
from vtkeras.errors import UserError
from vtkeras.explain.animation import as_gif, as_png, enlarge
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.path_checks import own_folder
from vtkeras.whole_files import write_bytes, write_json

if TYPE_CHECKING:  # pages import this file, and no TensorFlow
    from vtkeras.serving.generator import Generator

FPS = 8
AT_ONCE = 8  # clips that are made before they are written
SIDE = 256  # pixels of a GIF's longer side
SHEET_CLIPS = 64  # at most, on a contact sheet
TABLE = "generation.json"
SESSION, ROUNDS = "session.json", "round_*"  # what a session in a terminal writes
KINDS = ("mp4", "gif")


def write_clips(
    generator: Generator, prompt: str, count: int, seed: int, out: Path, report: Callable[[str], None] = print
) -> list[dict]:
    """Makes clips of a prompt with the seeds `seed`, `seed + 1` and so on, and writes each as soon as it is made.

    Writes NAME.mp4 and NAME.gif of every clip, generation.json with the prompt, the model, and every clip's seed and
    seconds, and contact_sheet.png with a row for each. The JSON is written first and after every few clips. Clips that
    it lists are not made again, so that after Ctrl-C or a kill the same call goes on.

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
        UserError: for a prompt that the model cannot read, or a folder that cannot be written or holds other files.
    """
    prompt = generator.check(prompt)
    asked = {"prompt": prompt, "seed": seed, "model": generator.info}
    entries = _made_before(out, asked)
    left = [own for own in range(seed, seed + count) if own not in entries]
    if len(left) < count:
        report(f"{out} holds {count - len(left)} of these clips already")
    _write_table(out, asked, entries)  # by it the folder is known, even if nothing else is written
    with interrupt_between_steps() as end_of_step:
        try:
            for start in range(0, len(left), AT_ONCE):
                seeds = left[start : start + AT_ONCE]
                began = time.perf_counter()
                clips = generator.best(prompt, seeds)
                seconds = (time.perf_counter() - began) / len(seeds)
                for own, clip in zip(seeds, clips):
                    files = write_clip(out, f"seed_{own}", clip)
                    entries[own] = {**files, "seed": own, "seconds": round(seconds, 3)}
                    report(f"{out / files['mp4']}: seed {own}, {seconds:.2f} s")
                _write_table(out, asked, entries)
                end_of_step()
        finally:
            _write_sheet(out, entries)
    return [entries[own] for own in range(seed, seed + count)]


def _made_before(out: Path, asked: dict) -> dict[int, dict]:
    """The entries of the clips that are there, by seed.

    Raises:
        UserError: for a folder whose clips are of other words, seeds or weights, or that holds files of somebody else:
            these could be written over.
    """
    own_folder(out, TABLE, also=(SESSION, *(path.name for path in out.glob(ROUNDS))))
    try:
        there = json.loads((out / TABLE).read_text(encoding="utf-8"))
        if all(there[key] == value for key, value in asked.items()):
            whole = [clip for clip in there["clips"] if all((out / clip[kind]).is_file() for kind in KINDS)]
            return {int(clip["seed"]): clip for clip in whole}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise UserError(f"{out} holds other clips, which would be lost: choose another --out.")


def _write_table(out: Path, asked: dict, entries: dict[int, dict]) -> None:
    write_json(out / TABLE, {**asked, "clips": [entries[own] for own in sorted(entries)]})


def _write_sheet(out: Path, entries: dict[int, dict]) -> None:
    """The contact sheet of the first clips, read from their files: a thousand clips would fill the memory."""
    shown = [read_frames(out / entries[own]["mp4"], SHOWN_FRAMES).frames for own in sorted(entries)[:SHEET_CLIPS]]
    if shown:
        write_bytes(out / SHEET, as_png(contact_sheet(np.stack(shown))))


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
    names = {kind: f"{name}.{kind}" for kind in KINDS}
    write_video(out / names["mp4"], clip, FPS)
    write_bytes(out / names["gif"], as_gif(np.stack([enlarge(frame, SIDE) for frame in clip]), FPS))
    return names
