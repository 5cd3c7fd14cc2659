"""Annotated videos as scorers read them: an exported model's features of each, stored on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vtkeras.data.annotations import AnnotatedVideo, read_annotations
from vtkeras.data.subtitles import Transcript, read_transcript
from vtkeras.data.video import probe
from vtkeras.serving.predictor import Predictor
from vtkeras.summaries.shot_features import shot_features
from vtkeras.summaries.shots import CUT_THRESHOLD, MAX_SHOT
from vtkeras.summaries.summarize import read_sequence

FEATURES = "seen"


def read_annotated(
    folder: str | Path, predictor: Predictor, progress: Callable[[str, float, float], None] = lambda *done: None
) -> list[AnnotatedVideo]:
    """Reads a folder of videos with an annotations.json; features that are stored already are not computed again.

    Args:
        folder: as `read_annotations`; the features are stored below it, in `seen/`.
        predictor: an exported model.
        progress: called with the stage, seconds done and seconds in all, for each video.

    Raises:
        UserError: for malformed annotations, or a file that cannot be read.

    Example:
        >>> read_annotated("data/long_digits", predictor)[0].targets().shape
        (40,)
    """
    folder, videos = Path(folder), []
    every = read_annotations(folder)
    for number, opinions in enumerate(every):
        path = folder / opinions.video
        transcript = Transcript()
        if opinions.transcript:
            transcript = read_transcript(folder / opinions.transcript, probe(path).duration)
        kept = folder / FEATURES / predictor.info["model_hash"] / path.stem
        features = shot_features(path, predictor, kept, MAX_SHOT, CUT_THRESHOLD)
        videos.append(AnnotatedVideo(read_sequence(features.shots, transcript, predictor), opinions))
        progress("describing videos", number + 1, len(every))
    return videos
