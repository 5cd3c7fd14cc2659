"""Summaries as jobs of the inference worker: they go on while no page is open, and can be stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vtkeras.errors import UserError
from vtkeras.serving.client import DONE, FAILED, RUNNING, STOPPED, JobState, Worker
from vtkeras.summaries.shot_features import SHOTS
from vtkeras.summaries.summary import JSON
from vtkeras.whole_files import replacing, write_json
from vtkeras.workspace.media import is_upload

if TYPE_CHECKING:
    from vtkeras.serving.predictor import Predictor

JOB = "job.json"


def job_folder(root: str | Path, video: str | Path, model: str | Path) -> Path:
    """The output folder of a video and a model: the same for the same ones, so that a job is found again.

    Args:
        root: the folder that holds the output folders of all jobs.
        video: the file; another size or time of change makes it another one. An upload goes by its content.
        model: the run folder, told apart by how its path is written.

    Returns:
        A folder in `root`; it is not made.

    Raises:
        FileNotFoundError: if there is no such video.
    """
    video = Path(video)
    stat = video.stat()
    file = [video.name] if is_upload(video) else [str(video.absolute()), stat.st_size, stat.st_mtime_ns]
    key = json.dumps([*file, str(model)])
    return Path(root) / hashlib.sha256(key.encode()).hexdigest()[:12]


def start(
    worker: Worker, video: Path, model: Path, folder: Path, budget: float, transcript: str | Path | None = None
) -> None:
    """Starts a summary in the worker.

    Args:
        worker: the worker.
        video, model: as `summarize`; an upload is copied into the folder, since the summary may outlast the visit.
        folder: the output folder; shots that an earlier job stored are reused, and a running job is left alone.
        budget: as in `Options`.
        transcript: as `summarize`.

    Raises:
        UserError: if the folder cannot be written.
    """
    if is_running(worker, folder):
        return
    if is_upload(video):
        video = _keep(video, folder)
    write_json(folder / JOB, {"video": str(video)})
    (folder / JSON).unlink(missing_ok=True)
    said = transcript and str(Path(transcript).absolute())
    paths = str(video.absolute()), str(folder.absolute())
    worker.start(folder.name, f"summary of {video.name}", f"{__name__}:run", model, *paths, said, budget)


def _keep(upload: Path, folder: Path) -> Path:
    kept = folder / upload.name
    if not kept.is_file():
        with replacing(kept) as temporary:
            shutil.copyfile(upload, temporary)
    return kept


def run(
    predictor: Predictor,
    video: str,
    out: str,
    transcript: str | None,
    budget: float,
    progress: Callable[[str, float, float], None],
) -> None:
    """The worker's part: `summarize`, whose result is the output folder.

    Args:
        predictor: the model.
        video: path of the video or image file.
        out: path of the output folder.
        transcript: path of a file that `read_transcript` reads; None for none.
        budget: the summary's greatest share of the video, above 0 and at most 1.
        progress: called with the stage, seconds done and seconds in all.

    Raises:
        UserError: as `summarize`.
    """
    from vtkeras.summaries.summarize import Options, summarize

    summarize(video, predictor, out, transcript, Options(budget=budget), progress)


def status(worker: Worker, folder: Path) -> JobState | None:
    """How the job of an output folder stands; None if there was none."""
    state = worker.job(folder.name)
    if state and state.state in (RUNNING, FAILED):
        return state
    if (folder / JSON).is_file():
        return JobState(DONE)
    return JobState(STOPPED) if (folder / JOB).is_file() else None


def is_running(worker: Worker, folder: Path) -> bool:
    """Whether the job of an output folder runs."""
    state = worker.job(folder.name)
    return state is not None and state.state == RUNNING


def video_of(folder: Path) -> Path:
    """The video of a job.

    Raises:
        UserError: if there is no job.
    """
    try:
        return Path(json.loads((folder / JOB).read_text(encoding="utf-8"))["video"])
    except (OSError, ValueError, KeyError):
        raise UserError(f"There is no summary {folder.name[:40]} here: begin a new one.") from None


def count_shots(folder: Path) -> int:
    """Shots that a job has stored; it goes on after them when it is started again."""
    path = folder / SHOTS
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.is_file() else 0  # the first line is no shot
