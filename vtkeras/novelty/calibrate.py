"""From a model's own validation clips to what it calls foreign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy import stats

from vtkeras import keys
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.base import Source
from vtkeras.errors import UserError
from vtkeras.novelty.filmed_again import filmed_again
from vtkeras.novelty.gaussian import Gaussian

OWN_SHARE = 0.01  # of its own clips that a model may call foreign
MOST_CLIPS = 1000
FEW_CLIPS = 200  # below this the rarest hundredth is one or two clips
LEAST_CLIPS = 5
FOLDS = 5
BATCH = 16


@dataclass(frozen=True)
class Calibration:
    """What a model's own clips look like, and how far from them a clip is foreign.

    Attributes:
        cloud: of the statistics of its own clips.
        threshold: the distance that `OWN_SHARE` of them, and of them filmed again, exceed when they are left out of
            the cloud.
        clips: how many there were.
        split: which ones.
    """

    cloud: Gaussian
    threshold: float
    clips: int
    split: str

    def summary(self) -> dict:
        """For `endpoints.json`: threshold, clips, split and a note, "" where there were enough clips."""
        few = f"a rough estimate by shrinkage and cross-validation, as there are only {self.clips}"
        note = few if self.clips < FEW_CLIPS else ""
        return {"threshold": self.threshold, "clips": self.clips, "split": self.split, "note": note}


def calibrate(source: Source, preprocessor: Preprocessor, statistics: Callable) -> Calibration | None:
    """Learns what a model's own clips look like, on its validation split, or on its training split where that has too
    few.

    Each clip counts twice, as it is and filmed again: foreign is what a clip shows, not its light or compression.
    The threshold comes from cross-validation: each clip is compared with a cloud of the other folds' clips, as a
    clip of tomorrow will be.

    Args:
        source: the model's own data.
        preprocessor: brings clips to the model's shape.
        statistics: (frames, mask) to (batch, dim), see `ClipStatistics`.

    Returns:
        the calibration; None for data without frames, or where both splits have fewer than `LEAST_CLIPS` clips.

    Example:
        >>> calibrate(make_source(run.config), run.preprocessor, ClipStatistics(run.model.frame_encoder)).threshold
        1.6
    """
    if keys.FRAMES not in source.spec:
        return None
    read = tf.function(lambda *clips: tf.stack([statistics(*clips), statistics(*filmed_again(*clips))], axis=1))
    for split in (keys.VALIDATION, keys.TRAIN):
        batches = [read(*batch).numpy() for batch in _batches(source, split, preprocessor)]
        vectors = np.concatenate(batches) if batches else np.zeros((0, 2, 1))
        if len(vectors) >= LEAST_CLIPS:
            return Calibration(fit_copies(vectors), upper_bound(held_out_distances(vectors)), len(vectors), split)
    return None


def fit_copies(vectors: np.ndarray) -> Gaussian:
    """The cloud of vectors (clips, copies, dim)."""
    return Gaussian.fit(vectors.reshape(-1, vectors.shape[-1]))


def upper_bound(distances: np.ndarray) -> float:
    """What `OWN_SHARE` of distances (clips, copies) exceed; of few clips, what a new one does.

    For few it is Student's bound of the logarithms, in which the copies of a clip count as one.
    """
    found = np.quantile(distances, 1 - OWN_SHARE)
    count = len(distances)
    if count < FEW_CLIPS:
        logs = np.log(np.maximum(distances, 1e-6))
        spread = logs.std() * np.sqrt(count / (count - 1)) * np.sqrt(1 + 1 / count)
        found = max(found, np.exp(logs.mean() + stats.t.ppf(1 - OWN_SHARE, count - 1) * spread))
    return float(found)


def held_out_distances(vectors: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """The distance of each vector (clips, copies, dim) from a cloud of the clips that are not in its fold."""
    fold = np.arange(len(vectors)) % folds
    distances = np.zeros(vectors.shape[:-1])
    for one in range(folds):
        distances[fold == one] = fit_copies(vectors[fold != one]).distance(vectors[fold == one])
    return distances


def _batches(source: Source, split: str, preprocessor: Preprocessor) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Frames and masks of the different clips of a split, `MOST_CLIPS` at most; none of one that is not there."""
    if split not in source.splits():
        return
    examples = source.load(split)
    with suppress(UserError):  # it has one question a clip
        examples = source.clips(split)
    clips = examples.map(
        lambda example: (example[keys.VIDEO_ID], *preprocessor.clip(example[keys.FRAMES])),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    seen: set[bytes] = set()
    rows: list[tuple] = []
    for name, *clip in clips.as_numpy_iterator():
        if name not in seen:
            seen.add(name)
            rows.append(tuple(clip))
        if len(rows) == BATCH:
            yield _stacked(rows)
            rows = []
        if len(seen) == MOST_CLIPS:
            break
    if rows:
        yield _stacked(rows)


def _stacked(rows: list[tuple]) -> tuple[tf.Tensor, tf.Tensor]:
    frames, masks = zip(*rows)
    return tf.constant(np.stack(frames)), tf.constant(np.stack(masks))
