"""What people think of the parts of videos: our own annotations.json, and TVSum's file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vtkeras.data.shot_sequence import ShotSequence
from vtkeras.errors import UserError
from vtkeras.run_files import ANNOTATIONS


@dataclass(frozen=True)
class Opinions:
    """How important people find each moment of a video.

    Attributes:
        video: file name, or id.
        users: float (users, frames), importance.
        fps: frames a second.
        shots: int (shots, 2), first frame and frame after the last, among which key shots are chosen.
        every: the frames at which rank correlations look: each `every`-th.
        transcript: file name beside the video; "" for none.
    """

    video: str
    users: np.ndarray
    fps: float
    shots: np.ndarray
    every: int
    transcript: str = ""


@dataclass(frozen=True)
class AnnotatedVideo:
    """A video as a scorer reads it, and what people think of it."""

    sequence: ShotSequence
    opinions: Opinions

    def targets(self) -> np.ndarray:
        """Mean opinion on each shot of the sequence, float32 (shots,)."""
        mean = self.opinions.users.mean(axis=0)
        bounds = np.rint(self.sequence.times * self.opinions.fps).astype(int)
        starts = np.clip(bounds[:, 0], 0, len(mean) - 1)
        return np.array(
            [mean[start : max(end, start + 1)].mean() for start, end in zip(starts, bounds[:, 1])], np.float32
        )

    def by_frame(self, scores: np.ndarray) -> np.ndarray:
        """Scores of the sequence's shots as scores of the annotated frames, float (frames,)."""
        middles = (np.arange(self.opinions.users.shape[1]) + 0.5) / self.opinions.fps
        shot = np.searchsorted(self.sequence.times[:, 1], middles, side="right")
        return np.asarray(scores, float)[np.minimum(shot, len(scores) - 1)]


def uniform_shots(frames: int, length: int) -> np.ndarray:
    """Shots of equal length, the last one shorter.

    Args:
        frames: of the video.
        length: frames of a shot.

    Returns:
        int (shots, 2), the first frame of each shot and the one after its last.
    """
    starts = np.arange(0, frames, length)
    return np.stack([starts, np.minimum(starts + length, frames)], axis=1)


def read_annotations(folder: str | Path) -> list[Opinions]:
    """Reads annotations.json in a folder of videos.

    It is a list of {"video": file name, "segment": seconds, "scores": a list for each user of one number
    for each segment, "transcript": file name or nothing}. A segment is a shot.

    Raises:
        UserError: for a missing or malformed file; the entry is named.

    Example:
        >>> read_annotations("data/long_digits")[0].users.shape
        (10, 40)
    """
    path = Path(folder) / ANNOTATIONS
    if not path.is_file():
        raise UserError(
            f"{folder} holds no {ANNOTATIONS}: `vtkeras data make-long` makes a folder that has one."
        )
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise UserError(f"{path} is not JSON.") from None
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{path} is not a list of videos.")
    return [_read_entry(f"{path}, entry {number}", entry) for number, entry in enumerate(entries, start=1)]


def _read_entry(where: str, entry: Any) -> Opinions:
    try:
        video, segment = str(entry["video"]), float(entry["segment"])
        users = np.array(entry["scores"], np.float64)
        transcript = str(entry.get("transcript") or "")
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError(
            f'{where} needs "video", "segment" and "scores" with equally many numbers for each user.'
        ) from None
    if users.ndim != 2 or len(users) < 2 or users.shape[1] < 2 or not np.isfinite(users).all():
        raise UserError(f"{where} needs scores of two users and two segments at least, all of them finite.")
    if not segment > 0:
        raise UserError(f"{where}: a segment of {segment} s has no length.")
    if any(Path(name).name != name for name in (video, transcript)):
        raise UserError(f"{where}: files must lie beside {ANNOTATIONS}, which '{video}' does not.")
    return Opinions(video, users, 1 / segment, uniform_shots(users.shape[1], 1), 1, transcript)


def read_tvsum(path: str | Path, seconds: float = 2.0) -> list[Opinions]:
    """Reads `ydata-tvsum50.mat` of TVSum (Song et al., 2015): 50 videos, 20 users each.

    The segmentation that others use for key shots (KTS on deep features) needs the videos; shots are
    uniform here, as long as the segments that TVSum's users judged.

    Args:
        path: the file, MATLAB 7.3, i.e. HDF5.
        seconds: length of a shot.

    Raises:
        UserError: if the file is missing or is another one.
    """
    import h5py

    if not Path(path).is_file():
        raise UserError(f"No file {path}: TVSum's annotations come as ydata-tvsum50.mat.")
    try:
        with h5py.File(path) as file:
            return [
                _read_tvsum_video(file, number, seconds) for number in range(len(file["tvsum50/user_anno"]))
            ]
    except (OSError, KeyError, IndexError):
        raise UserError(f"{path} is not TVSum's ydata-tvsum50.mat.") from None


def _read_tvsum_video(file, number: int, seconds: float) -> Opinions:
    def field(name: str) -> np.ndarray:
        return file[file[f"tvsum50/{name}"][number, 0]][:]

    users = field("user_anno").astype(float)  # (users, frames) as HDF5 stores MATLAB's (frames, users)
    fps = users.shape[1] / float(field("length").item())
    return Opinions(
        video="".join(map(chr, field("video").ravel())),
        users=users,
        fps=fps,
        shots=uniform_shots(users.shape[1], round(seconds * fps)),
        every=15,
    )
