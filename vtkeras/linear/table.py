"""What linear models read: the statistics of a split's clips, and its texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vtkeras import keys
from vtkeras.data.sources.base import Source
from vtkeras.data.sources.datasets import clips_or_examples
from vtkeras.tasks import Head
from vtkeras.tasks.predicted import Examples


@dataclass
class Table:
    """A split for linear models.

    Attributes:
        examples: texts and truths, an example for each question.
        features: float32 (clips, statistics), see `read_clips`.
        clips: int (examples,), the row of `features` that belongs to each example.
        groups: how many statistics belong together, in their order; none where all do.
    """

    examples: Examples
    features: np.ndarray
    clips: np.ndarray
    groups: Sequence[int] = ()

    @property
    def once(self) -> np.ndarray:
        """bool (examples,), True for the first example of each clip."""
        rows = np.zeros(len(self.clips), bool)
        rows[self.examples.first_rows()] = True
        return rows


def read_table(
    source: Source, split: str, heads: Sequence[Head], limit: int | None = None, groups: Sequence[int] = ()
) -> Table:
    """Reads a split of a source that has STATISTICS.

    Args:
        source: gives clips with statistics and all their questions, or examples with statistics and one question each.
        split: one of its splits.
        heads: whose truths to keep.
        limit: examples at most; None takes all.
        groups: as in `Table`.
    """
    examples = Examples(truths={head.name: [] for head in heads}, split=split)
    features: list[np.ndarray] = []
    clips: list[int] = []
    read, whole = clips_or_examples(source, split)
    for clip in read.map(_without_features).as_numpy_iterator():
        if limit is not None and len(clips) >= limit:
            break
        name = clip[keys.VIDEO_ID].decode()
        asked = clip[keys.QUESTION], clip[keys.ANSWER]
        pairs = (list(zip(*asked)) or [(b"", b"")]) if whole else [asked]
        for place, (question, answer) in enumerate(pairs[: None if limit is None else limit - len(clips)]):
            one = {**clip, keys.QUESTION: question, keys.ANSWER: answer}
            examples.ids.append(name)
            examples.questions.append(question.decode())
            for head in heads:
                truths = examples.truths[head.name]
                truths.append(truths[-1] if place and head.once_a_clip else head.truth(one))
            clips.append(len(features))
        features.append(clip[keys.STATISTICS])
    return Table(examples, np.stack(features), np.array(clips), groups)


def _without_features(clip: dict) -> dict:
    return {key: value for key, value in clip.items() if key != keys.FRAME_FEATURES}
