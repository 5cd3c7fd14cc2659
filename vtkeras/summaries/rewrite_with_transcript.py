"""One sentence for a shot, written by the model from the picture and from what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vtkeras.data.video import read_frames
from vtkeras.errors import UserError
from vtkeras.serving.predictor import Predictor
from vtkeras.serving.results import Answer, is_unknown
from vtkeras.summaries.shot_features import ShotFeatures
from vtkeras.summaries.write import CONFIDENCE_THRESHOLD


def rewrite_with_transcript(
    video: str | Path,
    shots: list[ShotFeatures],
    sentences: dict[int, str],
    predictor: Predictor,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> dict[int, str]:
    """Lets a model of the task `narration` write one sentence for each shot that has one of the transcript.

    The words of the transcript read the shot's patches through the model's fusion layers, and the decoder reads
    them through cross-attention. Other models were not trained to join the two and write nothing.

    Args:
        video: the file that the shots are of.
        shots: all shots.
        sentences: of the transcript, by shot.
        predictor: the model.
        progress: called with the seconds done and in all.

    Returns:
        {shot: sentence}. Left out is a foreign shot, and one where the model did not know a word, could not read
        the sentence to its end, or is less than half sure of what it wrote.

    Example:
        >>> rewrite_with_transcript("film.mp4", shots, {3: "anna drew this"}, predictor)
        {3: 'digit 5 is moving up and down and anna drew it'}
    """
    rewritten: dict[int, str] = {}
    if not predictor.tells:
        return rewritten
    for shot in sorted(sentences):
        if shots[shot].foreign:
            continue
        one = _write(video, shots[shot], sentences[shot], predictor)
        if one and one.score >= CONFIDENCE_THRESHOLD and not one.unread and not any(map(is_unknown, one.words)):
            rewritten[shot] = one.text
        progress(shots[shot].end, shots[-1].end)
    return rewritten


def _write(video: str | Path, shot: ShotFeatures, sentence: str, predictor: Predictor) -> Answer | None:
    frames = read_frames(video, start=shot.start, end=shot.end, **predictor.clip_size).frames
    try:
        return predictor.write_answer(frames, sentence)
    except UserError:  # the model knows no word of it
        return None
