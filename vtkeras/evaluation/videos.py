"""`vtkeras score-video`: clips beside their references, all video metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vtkeras.data.contact_sheet import SHEET
from vtkeras.data.containers import EXTENSIONS, is_video
from vtkeras.data.paths import files_below
from vtkeras.data.text_files import Note, ignore
from vtkeras.data.video import FrameStream, probe, read_frames
from vtkeras.errors import UserError
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.metrics import VIDEO_METRICS, FrameMetric

MOST_PIXELS = 2**20  # of the frames that are compared at once
MOST_FRAMES = 16  # at once, and of a clip as one of a set
GIF = ".gif"
SIDE = 256  # pixels of such a clip's frames
QUICK = ("psnr", "ssim", "ms_ssim")  # metrics of frames that take no encoder

Progress = Callable[[str, float, float], None]


@dataclass(frozen=True)
class Pair:
    """A clip and its reference.

    Attributes:
        name: of both, below their folders.
        reference, candidate: the files.
    """

    name: str
    reference: Path
    candidate: Path


@dataclass(frozen=True)
class VideoScores:
    """Figures of clips beside their references.

    Attributes:
        figures: of all clips together, by the names of the metrics.
        best: what equal clips would have, by the same names.
        clips: {"name", "frames", and the figures} of each clip.
        left_out: sentences on files that are not in the figures.
    """

    figures: dict[str, float]
    best: dict[str, float]
    clips: list[dict[str, str | float]]
    left_out: list[str]


def score_videos(
    reference: str | Path, candidate: str | Path, note: Note = ignore, progress: Progress = lambda *_: None
) -> VideoScores:
    """Every metric in `VIDEO_METRICS` of one clip or a folder of clips beside the reference's.

    Files of two folders meet by name. Frames are compared in their order, the first with the first.

    Args:
        reference, candidate: two video or image files, or two folders of them.
        note: called with a sentence for what could not be done, or was assumed.
        progress: called with what is done, how much of it, and how much there is.

    Raises:
        UserError: if there is nothing to compare: a file that does not decode, frames of different sizes, a folder
            and a file, folders that share no name. Of several pairs those go on that can be compared.

    Example:
        >>> score_videos("real.mp4", "generated.mp4").figures["ssim"]
        0.93
    """
    left_out: list[str] = []
    pairs = _pairs(Path(reference), Path(candidate), left_out, note)
    sizes = _of_each(pairs, left_out, _common_size)
    height, width, _ = (min(sides) for sides in zip(*sizes))
    metrics = _metrics(len(pairs), height, width, note, VIDEO_METRICS)
    of_frames = [metric for metric in metrics if isinstance(metric, FrameMetric)]
    of_sets = [metric for metric in metrics if not isinstance(metric, FrameMetric)]
    compare, add = _comparison(of_frames, note), _adding(of_sets)
    done, expected = 0, sum(frames for *_, frames in sizes)
    with interrupt_between_steps() as end_of_step:

        def after_batch(frames: int) -> None:
            nonlocal done
            done += frames
            progress("comparing", min(done, expected), expected)
            end_of_step()

        def measure(pair: Pair) -> tuple[Pair, int, np.ndarray]:
            frames, sums = compare(pair, after_batch)
            add(pair)
            return pair, frames, sums

        measured = _of_each(pairs, left_out, measure)
    clips = [{"name": pair.name, "frames": frames, **_figures(of_frames, sums)} for pair, frames, sums in measured]
    figures = _figures(of_frames, sum(sums for *_, sums in measured))
    figures |= {metric.name: float(metric.result()) for metric in of_sets}
    return VideoScores(figures, {metric.name: metric.best for metric in metrics}, clips, left_out)


def score_over_time(
    reference: str | Path,
    candidate: str | Path,
    names: tuple[str, ...] = QUICK,
    progress: Callable[[float, float], None] = lambda *_: None,
) -> dict:
    """Metrics of one video beside its reference, frame by frame.

    Args:
        reference, candidate: two video or image files.
        names: of metrics of frames in `VIDEO_METRICS`; those for which the frames are too small, or that lack their
            weights, are left out with a note.
        progress: called with how many frames are done, and about how many there are.

    Returns:
        dict, all plain, as it goes to pages without TensorFlow: `seconds`, float32 (frames, 2), when each frame begins
        in the reference and in the candidate; `frames`, {metric: float32 (frames,)}; `figures`, of all frames
        together, and `best`, of equal frames, by the same names; `notes`, sentences on what could not be done.

    Raises:
        UserError: for a file that does not decode, and for frames of different sizes.

    Example:
        >>> score_over_time("real.mp4", "generated.mp4")["frames"]["ssim"][:2]
        array([0.93, 0.91], dtype=float32)
    """
    notes: list[str] = []
    pair = Pair(Path(candidate).name, Path(reference), Path(candidate))
    height, width, expected = _common_size(pair)
    kinds = {name: VIDEO_METRICS[name] for name in names}
    metrics = _metrics(1, height, width, notes.append, kinds)
    frames = tf.TensorSpec((None, height, width, 3), tf.uint8)

    @tf.function(input_signature=[frames, frames])
    def measure(reference: tf.Tensor, candidate: tf.Tensor) -> list:
        one, other = (tf.cast(frames, "float32") for frames in (reference, candidate))
        return [metric.measure(one, other) for metric in metrics]

    times: list[tuple[float, float]] = []
    parts = []
    for one, other, seconds in _batches(pair, notes.append):
        parts.append(np.stack(measure(one, other)))
        times += seconds
        progress(min(len(times), expected), expected)
    values = np.concatenate(parts, axis=1)
    rows = dict(zip(metrics, values))
    return {
        "seconds": np.array(times, "float32"),
        "frames": {metric.name: np.asarray(metric.score(row)) for metric, row in rows.items()},
        "figures": {metric.name: float(metric.score(row.mean())) for metric, row in rows.items()},
        "best": {metric.name: metric.best for metric in metrics},
        "notes": notes,
    }


def to_lines(scores: VideoScores) -> list[str]:
    """The figures of all clips as lines for a terminal, with what equal clips would have."""
    counts = {"clips": len(scores.clips), "frames": sum(int(clip["frames"]) for clip in scores.clips)}
    return [
        *(f"{name:32}{count:10}" for name, count in counts.items()),
        *(f"{name:32}{value:10.4f}   equal: {scores.best[name]:g}" for name, value in scores.figures.items()),
    ]


def to_values(scores: VideoScores) -> dict:
    """The figures as plain values for JSON, which has no infinity: that is the text `inf`."""
    values = {"figures": scores.figures, "best": scores.best, "clips": scores.clips, "left_out": scores.left_out}
    return keras.tree.map_structure(lambda value: str(value) if value in (np.inf, -np.inf) else value, values)


def _pairs(reference: Path, candidate: Path, left_out: list[str], note: Note) -> list[Pair]:
    """The clips that meet; those that meet none are told in `left_out`, and copies of videos in a note."""
    if reference.is_dir() != candidate.is_dir():
        folder, file = (reference, candidate) if reference.is_dir() else (candidate, reference)
        raise UserError(f"{folder} is a folder and {file} is none: give two files or two folders.")
    if not reference.is_dir():
        return [Pair(candidate.name, reference, candidate)]
    names = {folder: {file for file in files_below(folder) if file.suffix.lower() in EXTENSIONS}
             for folder in (reference, candidate)}  # fmt: skip
    copies = {folder: _copies(files) for folder, files in names.items()}
    for folder, other in ((reference, candidate), (candidate, reference)):
        if again := (names[folder] & copies[folder]) - (names[other] - copies[other]):
            names[folder] -= again
            note(f"{len(again)} files in {folder} show its videos once more and are left out, e.g. {min(again)}.")
    shared = sorted(names[reference] & names[candidate])
    if not shared:
        raise UserError(f"{reference} and {candidate} hold no videos or pictures of the same name.")
    for folder, other in ((reference, candidate), (candidate, reference)):
        if alone := sorted(names[folder] - names[other]):
            number = f"{len(alone)} of {len(names[folder])} files in {folder}"
            left_out.append(f"{number} have none of their name in {other}: the first is {alone[0]}.")
    return [Pair(str(name), reference / name, candidate / name) for name in shared]


def _copies(files: set[Path]) -> set[Path]:
    """Files in which `vtkeras generate` shows its videos once more: a GIF beside a video of its name, and the sheet."""
    videos = {file for file in files if is_video(file.name)}
    named, folders = {file.with_suffix("") for file in videos}, {file.parent for file in videos}
    gifs = {file for file in files if file.suffix.lower() == GIF and file.with_suffix("") in named}
    return gifs | {file for file in files if file.name == SHEET and file.parent in folders}


def _of_each(pairs: list[Pair], left_out: list[str], function: Callable[[Pair], Any]) -> list:
    """What a function gives for each pair; one for which it raises a `UserError` is taken out of `pairs` and told."""
    found = []
    for pair in list(pairs):
        try:
            found.append(function(pair))
        except UserError as error:
            if len(pairs) == 1:
                raise
            pairs.remove(pair)
            left_out.append(str(error))
    return found


def _common_size(pair: Pair) -> tuple[int, int, int]:
    """Height and width of both files' frames, and about how many both have."""
    one, other = probe(pair.reference), probe(pair.candidate)
    if (one.width, one.height) != (other.width, other.height):
        raise UserError(
            f"{pair.reference} has frames of {one.width} x {one.height} and {pair.candidate} of "
            f"{other.width} x {other.height}: bring both to one size."
        )
    return one.height, one.width, min(one.frame_count, other.frame_count)


def _metrics(clips: int, height: int, width: int, note: Note, kinds: dict) -> list:
    """Those of the metrics that so many clips of this size allow, and that have their weights."""
    metrics = []
    for name, kind in kinds.items():
        try:
            if clips < kind.least_clips:
                raise UserError(f"it takes {kind.least_clips} clips at least, not {clips}.")
            metrics.append(kind.for_frames(height, width))
        except UserError as error:
            note(f"{name} is left out: {error}")
    return metrics


def _comparison(metrics: list[FrameMetric], note: Note) -> Callable[..., tuple[int, np.ndarray]]:
    """A function that gives the frames of a pair, and total and count of each metric over them.

    It is called with the pair and a function to call after each batch with its frames.
    """

    @cache
    def update(height: int, width: int) -> Callable:
        frames = tf.TensorSpec((None, height, width, 3), tf.uint8)

        @tf.function(input_signature=[frames, frames])
        def add(reference: tf.Tensor, candidate: tf.Tensor) -> None:
            for metric in metrics:
                metric.update_state(reference, candidate)

        return add

    def compare(pair: Pair, after_batch: Callable[[int], None]) -> tuple[int, np.ndarray]:
        for metric in metrics:
            metric.reset_state()
        frames = 0
        for reference, candidate, _ in _batches(pair, note):
            update(*reference.shape[1:3])(reference, candidate)
            frames += len(reference)
            after_batch(len(reference))
        return frames, np.array([[float(metric.total), float(metric.count)] for metric in metrics])

    return compare


def _batches(pair: Pair, note: Note) -> Iterator[tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]]:
    """Frames of both files side by side and their seconds, some at a time, to the end of the shorter one."""
    with FrameStream(pair.reference) as one, FrameStream(pair.candidate) as other:
        size = one.info.width, one.info.height
        most = min(max(MOST_PIXELS // (size[0] * size[1]), 1), MOST_FRAMES)
        lengths, batch, seconds = [0, 0], [], []
        for frames in zip_longest(one.frames(), other.frames()):
            lengths = [length + (frame is not None) for length, frame in zip(lengths, frames)]
            if None not in frames:
                batch.append([frame.draw(*size) for frame in frames])
                seconds.append((frames[0].time, frames[1].time))
            if len(batch) == most:
                yield *np.stack(batch, axis=1), seconds
                batch, seconds = [], []
        if batch:
            yield *np.stack(batch, axis=1), seconds
        for amiss in filter(None, (one.missing(), other.missing())):
            note(amiss)
        if len(set(lengths)) > 1:
            note(
                f"{pair.reference} has {lengths[0]} frames and {pair.candidate} {lengths[1]}: "
                f"the first {min(lengths)} are compared."
            )


def _adding(metrics: list) -> Callable[[Pair], None]:
    """A function that adds a pair, by frames at even distances, to metrics of sets of clips."""
    updates = [tf.function(metric.update_state) for metric in metrics]

    def add(pair: Pair) -> None:
        if updates:
            files = pair.reference, pair.candidate
            clips = [read_frames(file, MOST_FRAMES, max_side=SIDE).frames[None] for file in files]
            for update in updates:
                update(*map(tf.constant, clips))

    return add


def _figures(metrics: list[FrameMetric], sums: np.ndarray) -> dict[str, float]:
    """What each metric makes of its total and count."""
    return {
        metric.name: float(metric.score(tf.constant(total / number))) for metric, (total, number) in zip(metrics, sums)
    }
