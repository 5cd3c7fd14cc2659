"""Summaries as jobs of their own: they outlive the page that started them, and can be stopped."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from vtkeras.run_files import write_json
from vtkeras.summaries.shot_features import SHOTS
from vtkeras.summaries.summarize import JSON

LOG, JOB = "job.log", "job.json"
RUNNING, DONE, FAILED, STOPPED = "running", "done", "failed", "stopped"


@dataclass(frozen=True)
class Status:
    """How far a job is.

    Attributes:
        state: running, done, failed or stopped.
        seconds: of the video that are done.
        shots: found so far.
        message: why it failed.
    """

    state: str
    seconds: float = 0.0
    shots: int = 0
    message: str = ""


def job_folder(root: str | Path, video: str | Path, model: str | Path) -> Path:
    """The output folder of a video and a model: the same for the same ones, so that a job is found again.

    Args:
        root: holds all output folders.
        video, model: what the job reads.
    """
    stat = Path(video).stat()
    key = json.dumps([str(Path(video).absolute()), stat.st_size, stat.st_mtime_ns, str(model)])
    return Path(root) / hashlib.sha256(key.encode()).hexdigest()[:12]


def start(video: str | Path, model: str | Path, folder: Path, *options: str) -> None:
    """Starts `vtkeras summarize` in a process of its own.

    Args:
        video, model: as the command takes them.
        folder: the output folder; shots that an earlier job stored are reused, and a running job is left alone.
        options: further ones of the command line, e.g. "--budget", "0.1".
    """
    if _is_alive(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON).unlink(missing_ok=True)
    package_root = str(Path(__file__).parents[2])
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    program = [sys.executable, "-c", "from vtkeras.cli import main; main()"]
    command = [*program, "summarize", "--model", str(model), "--out", str(folder), *options]
    with open(folder / LOG, "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, "--", str(video)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": search_path},
        )
    _PROCESSES[folder] = process
    write_json(folder / JOB, {"pid": process.pid, "video": str(video)})


def status(folder: Path) -> Status | None:
    """How the job of an output folder stands; None if there was none."""
    if (folder / JSON).is_file() and not _is_alive(folder):
        return Status(DONE)
    if not (folder / JOB).is_file():
        return None
    seconds, shots = _stored(folder / SHOTS)
    if _is_alive(folder):
        return Status(RUNNING, seconds, shots)
    lines = [line for line in _read(folder / LOG).splitlines() if line.startswith("vtkeras: ")]
    if lines and "interrupted" not in lines[-1]:
        return Status(FAILED, seconds, shots, lines[-1].removeprefix("vtkeras: "))
    return Status(STOPPED, seconds, shots)


def stop(folder: Path) -> None:
    """Interrupts the job; the shots it stored stay, and starting it again goes on from there."""
    if _is_alive(folder):
        # Not SIGINT, which processes started in the background by a shell script ignore.
        os.kill(json.loads(_read(folder / JOB))["pid"], signal.SIGTERM)


# Children of this process, which must be waited for; jobs of an earlier process are found by their process id.
_PROCESSES: dict[Path, subprocess.Popen] = {}


def _is_alive(folder: Path) -> bool:
    if folder in _PROCESSES:
        return _PROCESSES[folder].poll() is None
    try:
        pid = json.loads(_read(folder / JOB))["pid"]
        # Another program may have this process id by now.
        return str(folder) in Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _stored(path: Path) -> tuple[float, int]:
    lines = _read(path).splitlines()[1:]
    for line in reversed(lines):
        try:
            return float(json.loads(line)["end"]), len(lines)
        except (ValueError, KeyError, TypeError):
            continue
    return 0.0, 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
