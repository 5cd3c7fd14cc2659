"""The way to the inference worker for pages and commands, which import no TensorFlow themselves.

The worker is one process with the models of all sessions of its owner. It is started by the first call and ends
with its owner, however that ends. Functions and arguments go over a socket in a folder that only this user can
enter, pickled: whoever can write there could start programs as this user anyway.
"""

from __future__ import annotations

import atexit
import functools
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

from vtkeras.errors import UserError

RUNNING, DONE, FAILED, STOPPED = "running", "done", "failed", "stopped"
PROGRESS, RESULT, REFUSED, BROKEN = range(4)  # the kinds of message that the worker sends
KEY_BYTES = 32
MODELS = 3  # held at once; the one that was asked least recently makes room
LONGEST_FOLDER = 80  # characters; the address of a socket has room for about a hundred
PREDICTOR = "vtkeras.serving.predictor:Predictor."
GENERATOR = "vtkeras.serving.generator:Generator."
ENDED = (
    "The process that runs the models ended unexpectedly (out of memory, or stopped from outside). "
    "Try again: it is started anew."
)


@dataclass(frozen=True)
class JobState:
    """How far a long call is.

    Attributes:
        state: `running`, `done`, `failed` or `stopped`.
        title: what it is about, in words.
        progress: what the function last reported, e.g. ("looking at shots", 12.0, 60.0).
        message: why it failed.
        result: what it gave; None until it is done.
    """

    state: str
    title: str = ""
    progress: tuple = ()
    message: str = ""
    result: Any = None


class Worker:
    """An inference worker of this process, started when it is first needed; threads may share it.

    Args:
        models: models held in its memory at once.

    Example:
        >>> with Worker() as worker:
        ...     worker.ask("runs/demo", "captions", [frames])[0].text
        'digit 3 is moving up and down'
    """

    def __init__(self, models: int = MODELS):
        self._models, self._lock = models, threading.Lock()
        self._process: subprocess.Popen | None = None
        self._folder, self._key = Path(), b""
        self._jobs: dict[str, subprocess.Popen] = {}  # which process each job was given to

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The number of the process; None while there is none."""
        return self._process.pid if self._process is not None and self._is_alive() else None

    def ask(self, model: str | Path, method: str, *arguments, **options):
        """What a method of `Predictor` gives for the model of a run folder.

        Raises:
            UserError: as the method, or if the worker ends meanwhile.
        """
        return self.call(PREDICTOR + method, model, *arguments, **options)

    def call(
        self,
        function: str,
        model: str | Path | None,
        *arguments,
        progress: Callable[..., None] | None = None,
        **options,
    ):
        """Calls a function in the worker, with the model of a run folder as its first argument.

        Args:
            function: of this package, as "module:name".
            model: the run folder, whose model is loaded once and held; None for a function that takes no model.
            arguments, options: the function's further arguments.
            progress: given to a function that reports progress; an error in it stops the function.

        Raises:
            UserError: as the function, or if the worker ends meanwhile.
        """
        request = "call", (function, _absolute(model), arguments, options, progress is not None)
        return self._request(request, progress)

    def start(self, job: str, title: str, function: str, model: str | Path | None, *arguments, **options) -> None:
        """As `call`, for what takes long: it goes on by itself under a name, and must take `progress`.

        A job of the same name that runs is left alone; one that is done is forgotten.

        Args:
            job: the name under which `job` tells how it stands, and `stop` ends it.
            title: what it is about, for people.
            function: of this package, as "module:name".
            model: the run folder, whose model is the function's first argument; None for a function that takes no
                model.
            arguments, options: the function's further arguments, without `progress`.

        Raises:
            UserError: if the worker ends meanwhile. Whether the function fails is told by the job's state.
        """
        self._request(("start", (job, title, function, _absolute(model), arguments, options)))
        self._jobs[job] = self._started()

    def job(self, job: str) -> JobState | None:
        """How a job stands; None if there was none of this name. Never starts a worker."""
        if self._is_alive() and self._jobs.get(job, self._process) is self._process:
            return self._request(("job", (job,)))
        return JobState(FAILED, message=ENDED) if job in self._jobs else None

    def stop(self, job: str) -> None:
        """Stops a job at its next step; its thread is free then."""
        if self._is_alive():
            self._request(("stop", (job,)))

    def loads(self) -> int:
        """How many times a model was loaded."""
        return self._request(("loads", ())) if self._is_alive() else 0

    def close(self) -> None:
        """Ends the process, if there is one."""
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()  # which tells it to end
                try:
                    self._process.wait(5)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
                self._clean()

    def _request(self, request: tuple, progress: Callable[..., None] | None = None):
        process = self._started()
        try:
            line = Client(str(self._folder / "socket"), "AF_UNIX", authkey=self._key)
        except (OSError, EOFError):
            raise self._ended(process) from None
        with line:
            self._over(process, line.send, request)
            while True:
                kind, value = self._over(process, line.recv)
                if kind == PROGRESS and progress:
                    progress(*value)
                elif kind == RESULT:
                    return value
                elif kind == REFUSED:
                    raise UserError(value)
                else:
                    raise RuntimeError(f"the inference worker met an error:\n{value}")

    def _over(self, process: subprocess.Popen, send_or_receive: Callable, *message):
        try:
            return send_or_receive(*message)
        except (OSError, EOFError):
            raise self._ended(process) from None

    def _started(self) -> subprocess.Popen:
        with self._lock:
            if self._process is None or not self._is_alive():
                self._clean()
                self._process = self._start()
            return self._process

    def _start(self) -> subprocess.Popen:
        place = None if len(tempfile.gettempdir()) <= LONGEST_FOLDER else "/tmp"
        self._folder = Path(tempfile.mkdtemp(prefix="vtkeras-worker-", dir=place))  # only this user can enter it
        self._key = secrets.token_bytes(KEY_BYTES)
        search_path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))
        process = subprocess.Popen(
            [sys.executable, "-m", "vtkeras.serving.worker", str(self._folder), str(self._models)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C in the terminal is for the owner; in another session niceness would not count
            env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": search_path},
        )
        assert process.stdin and process.stdout  # they are pipes
        try:
            process.stdin.write(self._key)
            process.stdin.flush()
        except OSError:
            pass  # it ended: it will not say that it is ready
        if not process.stdout.readline():
            shutil.rmtree(self._folder, ignore_errors=True)
            raise UserError("The process that runs the models did not start: the terminal shows why.")
        return process

    def _is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _ended(self, process: subprocess.Popen) -> UserError:
        process.kill()  # a process that does not answer is of no use
        process.wait()
        return UserError(ENDED)

    def _clean(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            self._process = None


def _absolute(model: str | Path | None) -> str | None:
    return None if model is None else str(Path(model).absolute())  # the worker keeps the folder it was started in


@functools.cache
def shared_worker() -> Worker:
    """The worker of this process, ended with it."""
    worker = Worker()
    atexit.register(worker.close)
    return worker
