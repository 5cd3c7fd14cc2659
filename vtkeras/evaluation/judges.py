"""Judges of generated clips: models that say what is on a clip, trained on real clips alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.errors import UserError
from vtkeras.tasks import Head, Reader

BATCH = 32


class Judge:
    """A run that writes captions, asked what is on clips.

    A clip was made as it was asked for where the judge's caption of it is the one that asked: every word counts, and so
    does which word belongs to which.

    Args:
        reader: of the run.
        name: of the run, in tables.

    Raises:
        UserError: if it writes no captions.

    Example:
        >>> judge = Judge(Run.open("saved_models/multitask/moving_digits").reader(), "moving_digits")
        >>> judge.read(clips)[0]
        ['digit 3 is moving up and down']
    """

    def __init__(self, reader: Reader, name: str):
        if not any(head.writes_captions for head in reader.heads):
            raise UserError(f"The judge {name} writes no captions: name a run of a task that does, e.g. captioning.")
        self.reader = reader
        self.name = name
        self._ask = tf.function(self._ask_batch, reduce_retracing=True)
        self._read: dict[bytes, tuple[list[str], np.ndarray]] = {}  # the same real clips stand beside every system

    def read(self, clips: np.ndarray) -> tuple[list[str], np.ndarray]:
        """What is on clips uint8 (clips, time, height, width, 3): a caption of each, and float32 (clips, features)."""
        key = hashlib.sha256(clips.tobytes()).digest()
        if key not in self._read:
            found = [self._ask(clips[start : start + BATCH]) for start in range(0, len(clips), BATCH)]
            texts = [text.decode() for batch, _ in found for text in batch.numpy()]
            self._read[key] = texts, np.concatenate([features.numpy() for _, features in found])
        return self._read[key]

    def _ask_batch(self, frames):
        video = self.reader.read_frames(frames)
        return self.reader.write_caption(video)["caption"], video[keys.POOLED]


def with_judge(reader: Reader, judge: Judge | None) -> Reader:
    """The reader, whose heads that need a judge have this one."""
    if judge:
        reader.heads = judged(reader.heads, judge)
    return reader


def judged(heads: Sequence[Head], judge: Judge) -> tuple[Head, ...]:
    """Heads, of which those that need a judge have this one."""
    return tuple(head.judged(judge) if head.needs_judge else head for head in heads)
