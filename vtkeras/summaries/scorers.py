"""How important each shot is. A new scorer that needs no training is one function and one line in `SCORERS`."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from vtkeras.data.shot_sequence import ShotSequence
from vtkeras.errors import UserError, first_line
from vtkeras.run_files import SAVED_MODEL, SCORER_FILE

DIVERSE, RANDOM = "diverse", "random"
DIVERSITY_WEIGHT = 1.0


def diverse(video: ShotSequence, seed: int = 0) -> np.ndarray:
    """Scores shots by what each adds to those chosen before it, greedily; needs no training.

    A shot adds the part of the video's time that resembles it more than the shots chosen so far
    (representativeness: the facility location of Lin and Bilmes, 2011, as Gygli et al., 2015, use it for
    videos), and its distance from the nearest of them (diversity). The first of many equal shots
    scores high and the others about 0. Both gains only shrink as shots are chosen, so old gains are
    upper bounds and most need not be computed again (Minoux, 1978).

    Args:
        video: its shots.
        seed: not used; every scorer takes one.

    Returns:
        float (shots,), 0 to 1, the highest is 1.

    Example:
        Two equal long shots and one of another kind: the second of the equal ones adds nothing.

        >>> kinds, times = np.eye(2)[[0, 0, 1]], np.array([[0, 4], [4, 8], [8, 9]])
        >>> diverse(ShotSequence(kinds, np.ones((3, 1)), times)).round(2)
        array([1.  , 0.  , 0.42])
    """
    similarity = _similarity(video)
    weights = video.lengths / video.lengths.sum()
    covered, nearest = np.zeros(len(similarity)), np.zeros(len(similarity))

    def gain(shot: int) -> float:
        added = weights @ np.maximum(similarity[shot] - covered, 0)
        return float(added + DIVERSITY_WEIGHT * (1 - nearest[shot]) * weights.max())

    scores = np.zeros(len(similarity))
    bounds = [(-gain(shot), shot) for shot in range(len(similarity))]
    heapq.heapify(bounds)
    while bounds:
        _, shot = heapq.heappop(bounds)
        now = gain(shot)
        if bounds and now < -bounds[0][0]:
            heapq.heappush(bounds, (-now, shot))
            continue
        scores[shot] = now
        np.maximum(covered, similarity[shot], out=covered)
        np.maximum(nearest, similarity[shot], out=nearest)
    return scores / max(scores.max(), 1e-9)


def _similarity(video: ShotSequence) -> np.ndarray:
    """Similarity of two shots, 0 to 1, relative to the mean difference within the video: (shots, shots).

    It combines embeddings and appearance: a model that knows nothing of this kind of video gives all shots
    equal embeddings, and appearance decides.
    """
    difference = 1 - np.clip(video.shots @ video.shots.T, 0, 1) * np.clip(video.appearance @ video.appearance.T, 0, 1)
    np.fill_diagonal(difference, 0)
    return np.exp(-difference / max(difference.mean(), 1e-6))


def at_random(video: ShotSequence, seed: int = 0) -> np.ndarray:
    """Random scores, the baseline of every other scorer: uniform, float (shots,)."""
    return np.random.default_rng(seed).random(len(video.shots))


# Name -> function(ShotSequence, seed) -> float (shots,), at least 0.
SCORERS: dict[str, Callable[[ShotSequence, int], np.ndarray]] = {DIVERSE: diverse, RANDOM: at_random}


class LearnedScorer:
    """An exported scorer that `vtkeras train-scorer` made.

    Args:
        folder: holds `saved_model/` and `scorer.json`.

    Attributes:
        model_hash: of the model whose embeddings it was trained on.

    Raises:
        UserError: if the folder holds no scorer, or a damaged one.

    Example:
        >>> LearnedScorer("runs/scorer")(video).shape
        (40,)
    """

    def __init__(self, folder: str | Path):
        folder = Path(folder)
        if not (folder / SCORER_FILE).is_file():
            known = ", ".join(SCORERS)
            raise UserError(
                f"'{folder}' is neither a scorer ({known}) nor a folder that `vtkeras train-scorer` made."
            )
        try:
            self.model_hash = json.loads((folder / SCORER_FILE).read_text(encoding="utf-8"))["model_hash"]
            self._model = tf.saved_model.load(str(folder / SAVED_MODEL))
        except Exception as error:
            reason = first_line(error)
            raise UserError(f"The scorer in {folder} cannot be loaded ({reason}): train it again.") from None

    def __call__(self, video: ShotSequence, seed: int = 0) -> np.ndarray:
        """Scores, float (shots,), 0 to 1."""
        inputs = (video.shots, video.middles, *video.speech())
        return self._model.score(*(tf.constant(part[None], tf.float32) for part in inputs)).numpy()[0]


def make_scorer(name: str, model_hash: str) -> Callable[[ShotSequence, int], np.ndarray]:
    """The scorer of a name in `SCORERS`, or of a folder.

    Args:
        name: of the scorer or the folder.
        model_hash: of the model whose embeddings the scorer will read.

    Raises:
        UserError: for an unknown name, or a scorer that was trained on another model's embeddings.
    """
    if name in SCORERS:
        return SCORERS[name]
    scorer = LearnedScorer(name)
    if scorer.model_hash != model_hash:
        raise UserError(
            f"The scorer in {name} reads the embeddings of model {scorer.model_hash}, not of {model_hash}: "
            "choose that model with --model, or train a scorer for this one."
        )
    return scorer
