"""A video as a scorer of shots reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ShotSequence:
    """The shots of a video and its transcript as vectors.

    Attributes:
        shots: float32 (shots, dim), unit vectors in the space that videos and texts share.
        appearance: float32 (shots, colours), unit vectors.
        times: float32 (shots, 2), seconds of start and end.
        sentences: float32 (sentences, dim), unit vectors in the space of `shots`; None without a transcript.
        sentence_times: float32 (sentences,), seconds of each one's middle; None where unknown.
        known_shots: bool (shots,), False for what the model has no words for; None means that all are known.
        known_sentences: bool (sentences,), False for one most of whose words the model does not know; None as above.
    """

    shots: np.ndarray
    appearance: np.ndarray
    times: np.ndarray
    sentences: np.ndarray | None = None
    sentence_times: np.ndarray | None = None
    known_shots: np.ndarray | None = None
    known_sentences: np.ndarray | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Seconds of each shot, float32 (shots,)."""
        return self.times[:, 1] - self.times[:, 0]

    @property
    def middles(self) -> np.ndarray:
        """Seconds of each shot's middle, float32 (shots,)."""
        return self.times.mean(axis=1)

    def speech(self) -> tuple[np.ndarray, np.ndarray]:
        """Sentences (sentences, dim) and their times (sentences,), none without a transcript.

        Sentences without times are spread evenly over the video.
        """
        if self.sentences is None:
            return np.zeros((0, self.shots.shape[1]), np.float32), np.zeros(0, np.float32)
        if self.sentence_times is not None:
            return self.sentences, self.sentence_times
        count, duration = len(self.sentences), float(self.times[-1, 1])
        return self.sentences, ((np.arange(count) + 0.5) * duration / count).astype(np.float32)
