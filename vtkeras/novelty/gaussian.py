"""How far a vector lies from a cloud of others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLAT = 1e-3  # of the usual spread: a channel that hardly changes counts as if it spread this much


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution, whose `distance` is that of Mahalanobis (1936) a dimension: about 1 for its own vectors.

    Attributes:
        mean: float64 (dim,).
        whiten: float64 (dim, dim), brings a vector less the mean to one whose length is the distance.

    Example:
        >>> cloud = Gaussian.fit(np.random.default_rng(0).normal(size=(1000, 4)))
        >>> cloud.distance(np.array([[0.0, 0, 0, 0], [10, 0, 0, 0]])).round()
        array([0., 5.])
    """

    mean: np.ndarray
    whiten: np.ndarray

    @classmethod
    def fit(cls, vectors: np.ndarray) -> Gaussian:
        """Of vectors (clips, dim); covariance is shrunk as far as their number asks for (Ledoit and Wolf, 2004)."""
        from scipy.linalg import solve_triangular  # not at the top: both take a second, which only export needs
        from sklearn.covariance import LedoitWolf

        vectors = np.asarray(vectors, np.float64)
        mean, spread = vectors.mean(axis=0), vectors.std(axis=0)
        usual = max(spread.mean(), FLAT * np.abs(mean).mean()) or 1.0  # of vectors that differ by rounding alone
        scale = np.maximum(spread, FLAT * usual)
        shrunk = LedoitWolf(store_precision=False, assume_centered=True).fit((vectors - mean) / scale).covariance_
        shrunk[np.diag_indices_from(shrunk)] += FLAT**2  # clips that are all the same have no spread
        inverse = solve_triangular(np.linalg.cholesky(shrunk), np.eye(len(mean)), lower=True)  # of a square root
        return cls(mean, inverse.T / np.sqrt(len(mean)) / scale[:, None])

    def distance(self, vectors: np.ndarray) -> np.ndarray:
        """float64 (clips, ...) of vectors (clips, ..., dim)."""
        return np.linalg.norm((vectors - self.mean) @ self.whiten, axis=-1)
