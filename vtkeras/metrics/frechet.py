"""Frechet distance of two sets of feature vectors, and of two sets of clips."""

import math

import keras
from keras import ops

from vtkeras.errors import UserError
from vtkeras.metrics.on_frames import FrozenEncoder, weights_of


@keras.saving.register_keras_serializable("vtkeras")
class FrechetDistance(keras.metrics.Metric):
    """Frechet distance between normal distributions of two sets of feature vectors: 0 for equal ones, lower is better.

    `|m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2))` of the means and covariances, which are gathered batch by batch in
    float64. Sets smaller than a few times the size of the vectors give too high a figure, and figures of different
    features do not compare: the metric's name has them.

    Args:
        size: int, numbers in a vector.
        features: str, what the vectors are, e.g. the name of the encoder.

    Example:
        >>> metric = FrechetDistance(size=1, features="levels")
        >>> metric.update_state([[0.0], [2.0]], [[3.0], [5.0]])  # spread alike, means 1 and 4
        >>> float(metric.result())
        9.0

    Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017.
    """

    best = 0.0

    def __init__(self, size, features, name=None, dtype=None):
        super().__init__(name=name or f"frechet_{features}", dtype=dtype)
        self.size = size
        self.features = features
        self.sets = [self._new_set(name) for name in ("reference", "candidate")]

    def _new_set(self, name):
        shapes = {"count": (), "mean": (self.size,), "scatter": (self.size, self.size)}
        return {
            part: self.add_variable(shape, "zeros", dtype="float64", name=f"{name}_{part}")
            for part, shape in shapes.items()
        }

    def update_state(self, reference, candidate, sample_weight=None):
        """Adds a batch.

        Args:
            reference, candidate: float (batch, size); the two may hold different numbers of vectors.
            sample_weight: float (batch,); weight 0 leaves an example out of both.
        """
        for gathered, vectors in zip(self.sets, (reference, candidate)):
            vectors = ops.cast(vectors, "float64")
            _gather(gathered, vectors, weights_of(vectors, sample_weight))

    def result(self):
        """The distance between all vectors since the last reset; NaN before two of each."""
        means = [ops.convert_to_tensor(one["mean"]) for one in self.sets]
        spreads = [one["scatter"] / ops.maximum(one["count"] - 1, 1) for one in self.sets]
        distance = frechet_distance(means[0], spreads[0], means[1], spreads[1])
        return ops.where(ops.minimum(*(one["count"] for one in self.sets)) < 2, math.nan, distance)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "features": self.features}


@keras.saving.register_keras_serializable("vtkeras")
class ClipFrechetDistance(FrechetDistance):
    """Frechet distance between two sets of clips in the features of a frozen frame encoder.

    A clip is some channels, at even distances, of the encoder's coarsest inner map, averaged over places and frames.
    They tell what is on frames, and nothing of how it moves: this is neither FID nor FVD.

    Args:
        encoder, weights, image_size: as for `PerceptualDistance`.
        channels: int, how many; covariances of more take more clips.

    Raises:
        UserError: as `PerceptualDistance`, or in `update_state` for an encoder with fewer channels.

    Example:
        >>> metric = ClipFrechetDistance()
        >>> metric.update_state(clips, clips)
        >>> float(metric.result())
        0.0
    """

    least_clips = 65  # more than channels

    @classmethod
    def for_frames(cls, height, width):
        """The metric with its usual options: it takes frames of every size."""
        return cls()

    def __init__(
        self, encoder="efficientnet_lite0", weights="imagenet", image_size=224, channels=64, name=None, dtype=None
    ):
        super().__init__(channels, encoder, name, dtype)
        self.encoder = FrozenEncoder(encoder, weights, image_size)

    def update_state(self, reference, candidate, sample_weight=None):
        """Adds a batch.

        Args:
            reference, candidate: uint8 or float (batch, ..., height, width, 3); sizes and numbers may differ.
            sample_weight: float (batch,); weight 0 leaves an example out of both.
        """
        super().update_state(self.vectors(reference), self.vectors(candidate), sample_weight)

    def vectors(self, clips):
        """The features of clips: (batch, ..., height, width, 3) to (batch, channels)."""
        clips = ops.convert_to_tensor(clips)
        level = self.encoder.levels(ops.reshape(clips, (-1, *clips.shape[-3:])))[-1]
        step = level.shape[-1] // self.size
        if step == 0:
            raise UserError(f"{self.features} has {level.shape[-1]} channels, fewer than {self.size}.")
        of_frames = ops.mean(level[..., : step * self.size : step], axis=1)
        return ops.mean(ops.reshape(of_frames, (ops.shape(clips)[0], -1, self.size)), axis=1)

    def get_config(self):
        shared = keras.metrics.Metric.get_config(self)
        return {**shared, **self.encoder.get_config(), "channels": self.size}


def frechet_distance(first_mean, first_covariance, second_mean, second_covariance):
    """Frechet distance between two normal distributions, squared as is usual.

    The trace of the root of a product of covariances is that of a symmetric matrix, whose eigenvalues tell it.

    Args:
        first_mean, second_mean: float64 (size,).
        first_covariance, second_covariance: float64 (size, size).

    Returns:
        float64, not negative.

    Example:
        >>> frechet_distance(np.zeros(2), np.eye(2), np.ones(2), 4 * np.eye(2))  # 1 + 1 + (2 - 1)^2 * 2
        4.0

    Source: Dowson and Landau, "The Frechet distance between multivariate normal distributions", 1982.
    """
    values, vectors = ops.linalg.eigh(first_covariance)
    root = ops.matmul(vectors * ops.sqrt(ops.maximum(values, 0.0)), ops.transpose(vectors))
    values, _ = ops.linalg.eigh(ops.matmul(ops.matmul(root, second_covariance), root))
    traces = ops.trace(first_covariance) + ops.trace(second_covariance)
    crossed = ops.sum(ops.sqrt(ops.maximum(values, 0.0)))
    return ops.maximum(ops.sum(ops.square(first_mean - second_mean)) + traces - 2 * crossed, 0.0)


def _gather(gathered, vectors, weights):
    """Adds vectors to count, mean and scatter (Chan et al., "Updating Formulae", 1979)."""
    count, mean, scatter = (gathered[part] for part in ("count", "mean", "scatter"))
    added = ops.sum(weights)
    weights = weights[:, None]
    own_mean = ops.divide_no_nan(ops.sum(weights * vectors, axis=0), added)
    around = vectors - own_mean
    own_scatter = ops.matmul(ops.transpose(around), weights * around)
    share = ops.divide_no_nan(added, count + added)
    step = own_mean - mean
    scatter.assign_add(own_scatter + count * share * ops.outer(step, step))
    mean.assign_add(share * step)
    count.assign_add(added)  # last: what is above needs the one before
