"""Where the clips of an ingested folder lie among each other, by an exported model: a plane to look at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vtkeras.serving.batches import in_batches
from vtkeras.serving.predictor import BATCH, Predictor
from vtkeras.workspace import library

MOST = 2000  # clips: a chart of many more is slow and full


def project_folder(
    predictor: Predictor, folder: str, most: int = MOST, progress: Callable[[int, int], None] = lambda done, count: None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The vectors of clips, which search compares, on the plane that keeps most of their differences.

    Args:
        predictor: a model with a space that videos and texts share.
        folder: made by `vtkeras data ingest`.
        most: clips at most; of more clips as many are taken, evenly out of all.
        progress: called with the number of clips that were read, and how many there are to read.

    Returns:
        places int (clips,) in `library.list_clips`, points and shares as `project` gives them.

    Raises:
        UserError: for a model without such a space, or a folder that is damaged.
    """
    predictor.check_search()
    clips = library.list_clips(folder)
    places = np.unique(np.linspace(0, len(clips) - 1, min(len(clips), most)).astype(int))
    vectors: list[np.ndarray] = []
    frames = library.read_stored([clips[place] for place in places])
    for batch in in_batches(frames, BATCH, lambda clip: clip.nbytes):
        vectors.extend(predictor.embed_videos(batch))
        progress(len(vectors), len(places))
    return places, *project(np.stack(vectors))


def project(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two main components of vectors (principal component analysis).

    Args:
        vectors: float (count, dim).

    Returns:
        points float32 (count, 2), the mean of which is 0, and the share of the vectors' variance along each axis,
        float (2,). Of each axis that side is positive on which a point lies farthest from 0.

    Example:
        >>> project(np.array([[0.0, 1.0], [4.0, 1.0]]))[0][:, 0]
        array([ 2., -2.], dtype=float32)
    """
    left, sizes, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    points = np.zeros((len(vectors), 2))
    points[:, : len(sizes)] = (left * sizes)[:, :2]
    farthest = np.abs(points).argmax(axis=0)
    points *= np.where(points[farthest, [0, 1]] < 0, -1, 1)
    shares = (points**2).sum(axis=0) / max((sizes**2).sum(), 1e-12)
    return points.astype(np.float32), shares
