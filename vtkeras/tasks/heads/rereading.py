"""The second look of a search over a split: texts are read beside the nearest clips, word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from vtkeras.search.ranking import look_again, nearest

if TYPE_CHECKING:
    from vtkeras.tasks.video_text import VideoTextReader

TEXTS = 8  # that are read at once


def reread(
    reader: VideoTextReader, similarity: np.ndarray, sequence: np.ndarray, mask: np.ndarray, texts: list[str]
) -> np.ndarray:
    """Similarities in which the nearest clips of each text are ranked anew, see `look_again`.

    Args:
        reader: of a model that writes captions.
        similarity: float (clips, texts), cosines.
        sequence: float (clips, length, dim), and
        mask: bool (clips, length), what `Trunk.encode_video` gives of the clips.
        texts: the columns of `similarity`.

    Returns:
        float (clips, texts), of the nearest clips 1 to 2, above any cosine; the others are as they were.
    """
    likelihood = tf.function(reader.likelihood_of, reduce_retracing=True)
    near = nearest(similarity)
    tokens = reader.preprocessor.caption(tf.constant(texts))[1].numpy()
    ranked = similarity.copy()
    for first in range(0, len(texts), TEXTS):
        some = np.arange(first, min(first + TEXTS, len(texts)))
        rows, columns = near[:, some].T.ravel(), np.repeat(some, len(near))
        likely = likelihood(tokens[columns], sequence[rows].astype("float32"), mask[rows]).numpy()
        total = look_again(similarity[rows, columns], likely).reshape(len(some), -1)
        places = np.argsort(np.argsort(-total, axis=1, kind="stable"), axis=1)
        ranked[rows, columns] = 2 - (places / len(near)).ravel()
    return ranked
