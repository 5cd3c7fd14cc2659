"""Summaries as jobs of the inference worker: they go on while no page is open, and can be stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vtkeras.errors import UserError
from vtkeras.serving.client import DONE, FAILED, RUNNING, STOPPED, JobState, Worker
from vtkeras.summaries.shot_features import SHOTS
from vtkeras.summaries.summary import JSON
from vtkeras.whole_files import write_json
from vtkeras.workspace.media import is_upload, keep_upload

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
    worker: Worker,
    video: Path,
    model: Path,
    folder: Path,
    budget: float,
    transcript: str | Path | None = None,
    name: str = "",
) -> None:
    """Starts a summary in the worker.

    Args:
        worker: the worker.
        video, model: as `summarize`; an upload is copied into the folder, since the summary may outlast the visit.
        folder: the output folder; shots that an earlier job stored are reused, and a running job is left alone.
        budget: as in `Options`.
        transcript: as `summarize`.
        name: what to call the video; "" calls it as the file.

    Raises:
        UserError: if the folder cannot be written.
    """
    if is_running(worker, folder):
        return
    name = name or video.name
    if is_upload(video):
        video = keep_upload(video, folder)
    write_json(folder / JOB, {"video": str(video), "name": name})
    (folder / JSON).unlink(missing_ok=True)
    said = transcript and str(Path(transcript).absolute())
    paths = str(video.absolute()), str(folder.absolute())
    worker.start(folder.name, f"summary of {name}", f"{__name__}:run", model, *paths, said, budget, name)


def run(
    predictor: Predictor,
    video: str,
    out: str,
    transcript: str | None,
    budget: float,
    name: str,
    progress: Callable[[str, float, float], None],
) -> None:
    """The worker's part: `summarize`, whose result is the output folder.

    Args:
        predictor: the model.
        video: path of the video or image file.
        out: path of the output folder.
        transcript: path of a file that `read_transcript` reads; None for none.
        budget: the summary's greatest share of the video, above 0 and at most 1.
        name: what to call the video.
        progress: called with the stage, seconds done and seconds in all.

    Raises:
        UserError: as `summarize`.
    """
    from vtkeras.summaries.summarize import Options, summarize

    summarize(video, predictor, out, transcript, Options(budget=budget), progress, name)


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
    return Path(_read_job(folder)["video"])


def name_of(folder: Path) -> str:
    """What to call the video of a job; a job of an older version, which has no name, goes by the file's.

    Raises:
        UserError: if there is no job.
    """
    return _read_job(folder).get("name") or video_of(folder).name


def _read_job(folder: Path) -> dict[str, str]:
    try:
        job = dict(json.loads((folder / JOB).read_text(encoding="utf-8")))
        return {**job, "video": str(job["video"])}
    except (OSError, ValueError, TypeError, KeyError):
        raise UserError(f"There is no summary {folder.name[:40]} here: begin a new one.") from None


def count_shots(folder: Path) -> int:
    """Shots that a job has stored; it goes on after them when it is started again."""
    path = folder / SHOTS
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.is_file() else 0  # the first line is no shot
