"""Annotated videos as scorers read them: an exported model's look at each, kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vtkeras.data.annotations import AnnotatedVideo, read_annotations
from vtkeras.data.transcript import Transcript, read_transcript
from vtkeras.data.video import probe
from vtkeras.serving.predictor import Predictor
from vtkeras.summaries.observe import observe
from vtkeras.summaries.shots import MAX_SHOT, THRESHOLD
from vtkeras.summaries.summarize import read_sequence

SEEN = "seen"


def read_annotated(
    folder: str | Path, predictor: Predictor, progress: Callable[[str, float, float], None] = lambda *done: None
) -> list[AnnotatedVideo]:
    """Reads a folder of videos with an annotations.json; what was seen already is not looked at again.

    Args:
        folder: as `read_annotations`; the model's look is kept below it, in `seen/`.
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
        said = (
            read_transcript(folder / opinions.transcript, probe(path).duration)
            if opinions.transcript
            else Transcript()
        )
        kept = folder / SEEN / predictor.info["model_hash"] / path.stem
        kept.mkdir(parents=True, exist_ok=True)
        seen = observe(path, predictor, kept, MAX_SHOT, THRESHOLD)
        videos.append(AnnotatedVideo(read_sequence(seen.shots, said, predictor), opinions))
        progress("looking at videos", number + 1, len(every))
    return videos
