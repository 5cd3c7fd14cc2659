"""The second look of a search: texts are read beside the nearest clips, word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from vtkeras.tasks.video_text import VideoTextReader

CANDIDATES = 20  # clips that a text is read beside, the nearest by their vectors
TEMPERATURE = 0.05  # a cosine this much higher counts as much as a text that is e times as likely
TEXTS = 8  # that are read at once


def reread(
    reader: VideoTextReader, similarity: np.ndarray, sequence: np.ndarray, mask: np.ndarray, texts: list[str]
) -> np.ndarray:
    """Similarities in which the nearest clips of each text are ranked anew, by how likely the captioner finds it.

    Vectors of a clip and of a text are made apart. The captioner's cross-attention reads each word where it looks, and
    tells which thing does what. A text is the same for all clips, so that its likelihood ranks them without any prior.

    Args:
        reader: of a model that writes captions.
        similarity: float (clips, texts), cosines.
        sequence: float (clips, length, dim), and
        mask: bool (clips, length), what `Trunk.encode_video` gives of the clips.
        texts: the columns of `similarity`.

    Returns:
        float (clips, texts), of the nearest clips 1 to 2, above any cosine; the others are as they were.

    Source: two stages as in Li et al., "ALBEF", 2021, whose second one is a classifier of pairs; a captioner in its
    place after Lin et al., "Revisiting the Role of Language Priors in Vision-Language Models", 2024.
    """
    likelihood = tf.function(reader.likelihood_of, reduce_retracing=True)
    nearest = np.argsort(-similarity, axis=0, kind="stable")[:CANDIDATES]
    tokens = reader.preprocessor.caption(tf.constant(texts))[1].numpy()
    ranked = similarity.copy()
    for first in range(0, len(texts), TEXTS):
        some = np.arange(first, min(first + TEXTS, len(texts)))
        rows, columns = nearest[:, some].T.ravel(), np.repeat(some, len(nearest))
        likely = likelihood(tokens[columns], sequence[rows].astype("float32"), mask[rows]).numpy()
        total = (likely + similarity[rows, columns] / TEMPERATURE).reshape(len(some), -1)
        places = np.argsort(np.argsort(-total, axis=1, kind="stable"), axis=1)
        ranked[rows, columns] = 2 - (places / len(nearest)).ravel()
    return ranked
