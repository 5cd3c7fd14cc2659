"""What the checks of cleaning know of a clip: its texts, and figures and a small picture of its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_io as tfio

from vtkeras import keys
from vtkeras.data import quality, shards
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.manifest import Manifest

GRID, MOMENTS = 16, 8  # of a thumbnail: squares a side, frames
FIELDS = 4  # a side, of which the colour is told: encoders keep colours in coarser squares than light

_TEXTS = ("video_id", "path", "captions", "questions", "answers", "label")


@dataclass(frozen=True)
class Facts:
    """What is known of a stored clip.

    Attributes:
        clip: its id.
        path: the video, relative to the folder that was ingested.
        split: its split.
        examples: (clip, question) pairs; a clip without a question counts once.
        captions: its captions.
        other_texts: its labels, and its questions with their answers.
        measures: of every frame, see `quality.measure`.
        thumbnail: float32 (MOMENTS * GRID * GRID,), see `thumbnail`.
        tints: float32 (MOMENTS, FIELDS, FIELDS, 3), see `tints`.
    """

    clip: str
    path: str
    split: str
    examples: int
    captions: tuple[str, ...]
    other_texts: tuple[str, ...]
    measures: dict[str, np.ndarray]
    thumbnail: np.ndarray
    tints: np.ndarray

    def mark(self, reason: str, detail: str, caption: str | None = None) -> Mark:
        """The mark that leaves this clip, or a caption of it, out.

        Args:
            reason: one word for the kind of fault, e.g. `blurred`.
            detail: the fault with its numbers, for people.
            caption: the caption to leave out; None leaves out the clip.
        """
        return Mark(self.clip, self.path, self.split, self.examples, reason, detail, caption)


def read_facts(
    folder: Path, manifest: Manifest, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Facts]:
    """Reads every stored clip of a folder once, dropped ones too.

    Args:
        folder: made by `vtkeras data ingest`.
        manifest: its manifest.
        progress: called as `progress(done, total)` after each clip.
    """
    found: list[Facts] = []
    for shard in manifest.shards:
        records = shards.read_records(folder / shard.name)
        for values in records.map(_measure, num_parallel_calls=2).as_numpy_iterator():
            found.append(_facts(values, shard.split))
            progress(len(found), manifest.stored)
    return found


def each_caption(
    clips: Iterable[Facts], reason: str, fault: Callable[[str], str | None]
) -> Iterator[Mark]:
    """Marks the captions in which `fault` finds something; it gives the detail, or None.

    Args:
        clips: what is known of the clips.
        reason: of the marks, one word for the kind of fault.
        fault: from a caption to the detail of its fault, for people; None or "" if it has none.

    Returns:
        The marks, one for each faulty caption, in the order of the clips.
    """
    for clip in clips:
        for caption in clip.captions:
            if detail := fault(caption):
                yield clip.mark(reason, detail, caption)


def without(clips: Iterable[Facts], marks: Iterable[Mark]) -> list[Facts]:
    """The clips and captions that no mark leaves out."""
    marked = {(mark.clip, mark.caption) for mark in marks}
    return [
        replace(clip, captions=tuple(one for one in clip.captions if (clip.clip, one) not in marked))
        for clip in clips
        if (clip.clip, None) not in marked
    ]


def thumbnail(frames: tf.Tensor) -> tf.Tensor:
    """Mean luma of the squares of a grid at a few moments, less the mean of them all.

    Args:
        frames: uint8 (time, height, width, 3), RGB.

    Returns:
        float32 (MOMENTS * GRID * GRID,).

    Example:
        >>> thumbnail(tf.zeros((16, 72, 128, 3), tf.uint8)).shape
        TensorShape([2048])
    """
    luma = tfio.experimental.color.rgb_to_grayscale(_moments(frames))
    squares = tf.reshape(tf.image.resize(luma, (GRID, GRID), method="area"), [-1])
    return squares - tf.reduce_mean(squares)


def tints(frames: tf.Tensor) -> tf.Tensor:
    """Mean colour of the fields of a coarse grid at the moments of `thumbnail`, less their luma.

    Args:
        frames: uint8 (time, height, width, 3), RGB.

    Returns:
        float32 (MOMENTS, FIELDS, FIELDS, 3), 0 where there is no colour.
    """
    chosen = _moments(frames)
    colours = chosen - tfio.experimental.color.rgb_to_grayscale(chosen)
    return tf.image.resize(colours, (FIELDS, FIELDS), method="area")


def _moments(frames: tf.Tensor) -> tf.Tensor:
    """Frames at a few even distances, float32 (MOMENTS, height, width, 3)."""
    last = tf.cast(tf.shape(frames)[0] - 1, tf.float32)
    return tf.cast(tf.gather(frames, tf.cast(tf.round(tf.linspace(0.0, last, MOMENTS)), tf.int32)), tf.float32)


def _measure(record: tf.Tensor) -> dict[str, tf.Tensor]:
    clip = shards.parse(record)
    frames = shards.decode(clip["frames"])
    texts = {name: clip[name] for name in _TEXTS}
    pictures = {"thumbnail": thumbnail(frames), "tints": tints(frames)}
    return {**texts, "measures": quality.measure(frames), **pictures}


def _facts(values: dict, split: str) -> Facts:
    labels = filter(None, values["label"].decode().split(keys.LABEL_SEPARATOR))
    asked = (b"\n".join(pair).decode() for pair in zip(values["questions"], values["answers"]))
    return Facts(
        clip=values["video_id"].decode(),
        path=values["path"].decode(),
        split=split,
        examples=max(1, len(values["questions"])),
        captions=tuple(caption.decode() for caption in values["captions"]),
        other_texts=(*labels, *asked),
        measures=values["measures"],
        thumbnail=values["thumbnail"],
        tints=values["tints"],
    )
