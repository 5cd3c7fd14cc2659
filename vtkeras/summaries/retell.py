"""What a shot shows and what is said of it, in one sentence that the model writes from both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vtkeras.data.video import read_frames
from vtkeras.errors import UserError
from vtkeras.serving.predictor import Predictor
from vtkeras.serving.results import UNKNOWN, Answer
from vtkeras.summaries.observe import SeenShot
from vtkeras.summaries.write import SURE


def retell(
    video: str | Path,
    shots: list[SeenShot],
    said: dict[int, str],
    predictor: Predictor,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> dict[int, str]:
    """Lets a model of the task `narration` write one sentence for each shot of which something is said.

    The words that were said read the shot's patches through the model's fusion layers, and the decoder reads
    them through cross-attention. Other models were never trained to join the two, and tell nothing here.

    Args:
        video: the file that the shots are of.
        shots: all shots.
        said: a sentence for some of them.
        predictor: the model.
        progress: called with the seconds done and in all.

    Returns:
        {shot: sentence}. Left out is a shot where the model did not know a word, could not read the sentence
        to its end, or is less than half sure of what it wrote.

    Example:
        >>> retell("film.mp4", shots, {3: "anna drew this"}, predictor)
        {3: 'digit 5 is moving up and down and anna drew it'}
    """
    told: dict[int, str] = {}
    if not predictor.tells:
        return told
    for shot in sorted(said):
        one = _write(video, shots[shot], said[shot], predictor)
        if one and one.score >= SURE and not one.unread and UNKNOWN not in one.words:
            told[shot] = one.text
        progress(shots[shot].end, shots[-1].end)
    return told


def _write(video: str | Path, shot: SeenShot, sentence: str, predictor: Predictor) -> Answer | None:
    frames = read_frames(video, start=shot.start, end=shot.end, **predictor.clip_size).frames
    try:
        return predictor.write_answer(frames, sentence)
    except UserError:  # no word of it is known
        return None
