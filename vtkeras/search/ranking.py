"""The two stages of a search: the nearest by their vectors, then those again by what a captioner says of each."""

from __future__ import annotations

import numpy as np

CANDIDATES = 20  # clips that a text is read beside, the nearest by their vectors
TEMPERATURE = 0.05  # a cosine that is this much higher counts as much as a text that is e times as likely


def nearest(cosines: np.ndarray) -> np.ndarray:
    """The places of the highest cosines, at most `CANDIDATES`, along the first axis, highest first."""
    return np.argsort(-cosines, axis=0, kind="stable")[:CANDIDATES]


def look_again(cosines: np.ndarray, likelihoods: np.ndarray) -> np.ndarray:
    """How well clips fit a text, as logarithms.

    Vectors of a clip and of a text are made apart. A captioner's cross-attention reads each word where it looks, and
    tells which thing does what. The text is the same for all clips, so that its likelihood ranks them without a prior.

    Args:
        cosines: float, of each clip's vector and the text's.
        likelihoods: float, the log-probability of the text, given each clip.

    Returns:
        float, of the same shape.

    Example:
        >>> look_again(np.array([0.50, 0.49]), np.array([-5.0, -3.0]))
        array([5. , 6.8])

    Source: two stages as in Li et al., "ALBEF", 2021, whose second one is a classifier of pairs; a captioner in its
    place after Lin et al., "Revisiting the Role of Language Priors in Vision-Language Models", 2024.
    """
    return likelihoods + cosines / TEMPERATURE
