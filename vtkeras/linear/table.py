"""What linear models read: a split's pooled features of a frozen encoder, and its texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.sources.base import Source
from vtkeras.models import pool_clips
from vtkeras.tasks import Head
from vtkeras.tasks.predicted import Examples


@dataclass
class Table:
    """A split for linear models.

    Attributes:
        examples: texts and truths, an example for each question.
        features: float32 (clips, channels).
        clips: int (examples,), the row of `features` that belongs to each example.
        questions: as in `examples`.
    """

    examples: Examples
    features: np.ndarray
    clips: np.ndarray

    @property
    def once(self) -> np.ndarray:
        """bool (examples,), True for the first example of each clip."""
        rows = np.zeros(len(self.clips), bool)
        rows[self.examples.first_rows()] = True
        return rows


def read_table(source: Source, split: str, heads: Sequence[Head], limit: int | None = None) -> Table:
    """Reads a split of a source of frame features.

    Args:
        source: gives clips with features and all their questions.
        split: one of its splits.
        heads: whose truths to keep.
        limit: examples at most; None takes all.
    """
    examples = Examples(truths={head.name: [] for head in heads}, split=split)
    features: list[np.ndarray] = []
    clips: list[int] = []
    for clip in source.clips(split).map(_pooled, num_parallel_calls=tf.data.AUTOTUNE).as_numpy_iterator():
        if limit is not None and len(clips) >= limit:
            break
        name = clip[keys.VIDEO_ID].decode()
        pairs = list(zip(clip[keys.QUESTION], clip[keys.ANSWER])) or [(b"", b"")]
        for place, (question, answer) in enumerate(pairs[: None if limit is None else limit - len(clips)]):
            one = {**clip, keys.QUESTION: question, keys.ANSWER: answer}
            examples.ids.append(name)
            examples.questions.append(question.decode())
            for head in heads:
                truths = examples.truths[head.name]
                truths.append(truths[-1] if place and head.once_a_clip else head.truth(one))
            clips.append(len(features))
        features.append(clip[keys.LINEAR])
    return Table(examples, np.stack(features), np.array(clips))


def _pooled(clip: dict) -> dict:
    """A clip whose features are pooled, so that they take little room."""
    read = (keys.FRAME_FEATURES, keys.FRAMES_MASK, keys.COPIES)
    pooled = pool_clips(*(clip[key][None] for key in read))[0]
    return {key: value for key, value in clip.items() if key not in read} | {keys.LINEAR: pooled}
