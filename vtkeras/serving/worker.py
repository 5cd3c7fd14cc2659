"""The inference worker: `python -m vtkeras.serving.worker FOLDER MODELS`, started by `vtkeras.serving.client`."""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import sys
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

from vtkeras.errors import UserError
from vtkeras.processes import end_with_owner
from vtkeras.run_files import SAVED_MODEL, SAVED_MODEL_GRAPH
from vtkeras.serving.client import (
    BROKEN,
    DONE,
    FAILED,
    GENERATOR,
    KEY_BYTES,
    PROGRESS,
    REFUSED,
    RESULT,
    RUNNING,
    STOPPED,
    JobState,
)

KEPT_JOBS = 32  # finished ones; each result may hold frames
BACKLOG = 64
IMPORTING = threading.Lock()  # two threads that import TensorFlow at once break it for both


class Stopped(Exception):
    """A job that somebody stopped."""


class Models:
    """The models that were asked last, each loaded once however many sessions ask for it at the same time.

    Args:
        most: models held at once.
        load: from a run folder, and whether it is to make videos, to its model.
    """

    def __init__(self, most: int, load: Callable[[str, bool], object]):
        self.loads = 0
        self._most, self._load = most, load
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, bool, int], _Held] = OrderedDict()

    def get(self, folder: str, makes: bool) -> object:
        """The model of a run folder, to make videos or to read them; loaded again after it was exported again."""
        file = Path(folder) / SAVED_MODEL / SAVED_MODEL_GRAPH
        key = folder, makes, file.stat().st_mtime_ns if file.is_file() else 0
        with self._lock:
            held = self._held.setdefault(key, _Held())
            self._held.move_to_end(key)
            if len(self._held) > self._most:
                self._held.popitem(last=False)
                gc.collect()  # a model's parts refer to each other
        with held.lock:
            if held.model is None:
                held.model = self._load(folder, makes)
                self.loads += 1
            return held.model


class _Held:
    def __init__(self):
        self.lock, self.model = threading.Lock(), None


class Jobs:
    """Long calls that go on by themselves, by name."""

    def __init__(self):
        self._lock = threading.Lock()
        self._states: OrderedDict[str, JobState] = OrderedDict()

    def start(self, job: str, title: str, run: Callable) -> None:
        """Calls `run(progress=...)` in a thread of its own, unless a job of this name runs.

        Args:
            job: its name; the state of a job of this name that has ended is replaced.
            title: what it is about, for people.
            run: whose result is the job's; it calls `progress(*done)` as it goes on, which ends it once it was stopped.
        """
        with self._lock:
            if self._is(job, RUNNING):
                return
            state = self._states[job] = JobState(RUNNING, title)
            self._states.move_to_end(job)
        threading.Thread(target=self._run, args=(job, run, state), daemon=True).start()

    def state(self, job: str) -> JobState | None:
        """How a job stands; None if there was none of this name."""
        return self._states.get(job)

    def stop(self, job: str) -> None:
        with self._lock:
            if self._is(job, RUNNING):
                self._states[job] = replace(self._states[job], state=STOPPED)

    def _run(self, job: str, run: Callable, state: JobState) -> None:
        def progress(*done) -> None:
            nonlocal state
            with self._lock:
                if self._states.get(job) is not state:  # stopped, and perhaps begun again
                    raise Stopped
                state = self._states[job] = replace(state, progress=done)

        try:
            end = {"state": DONE, "result": run(progress=progress)}
        except Stopped:
            return
        except UserError as error:
            end = {"state": FAILED, "message": str(error)}
        except Exception:
            traceback.print_exc()
            end = {"state": FAILED, "message": "This failed. The details are in the terminal that runs vtkeras."}
        with self._lock:
            if self._states.get(job) is state:
                self._states[job] = replace(state, **end)
            ended = [name for name in self._states if not self._is(name, RUNNING)]
            for name in ended[:-KEPT_JOBS]:
                del self._states[name]

    def _is(self, job: str, state: str) -> bool:
        return job in self._states and self._states[job].state == state


class Server:
    """What a request asks for.

    Args:
        models: models held at once.
        load: as for `Models`.
    """

    def __init__(self, models: int, load: Callable[[str, bool], object]):
        self._models, self._jobs = Models(models, load), Jobs()

    def serve(self, line: Connection) -> None:
        """Answers one request, and closes the line."""
        with line, suppress(OSError, EOFError):  # whoever asked may be gone
            name, arguments = line.recv()
            line.send(self._answer(line, name, arguments))

    def _answer(self, line: Connection, name: str, arguments: tuple) -> tuple[int, object]:
        try:
            return RESULT, getattr(self, f"_{name}")(line, *arguments)
        except UserError as error:
            return REFUSED, str(error)
        except Exception:
            return BROKEN, traceback.format_exc()

    def _call(self, line, function: str, model: str | None, arguments: tuple, options: dict, reports: bool):
        if reports:  # if whoever asked is gone, sending fails, and the function ends with that
            options = {**options, "progress": lambda *done: line.send((PROGRESS, done))}
        return self._run(function, model, arguments, options)

    def _run(self, function: str, model: str | None, arguments: tuple, options: dict):
        held = () if model is None else (self._models.get(model, function.startswith(GENERATOR)),)
        return find(function)(*held, *arguments, **options)

    def _start(
        self, line, job: str, title: str, function: str, model: str | None, arguments: tuple, options: dict
    ) -> None:
        def run(progress):
            return self._run(function, model, arguments, {**options, "progress": progress})

        self._jobs.start(job, title, run)

    def _job(self, line, job: str) -> JobState | None:
        return self._jobs.state(job)

    def _stop(self, line, job: str) -> None:
        self._jobs.stop(job)

    def _loads(self, line) -> int:
        return self._models.loads


def find(function: str) -> Callable:
    """The function of this package that "module:name" means."""
    module, name = function.split(":")
    if not module.startswith("vtkeras."):
        raise ValueError(f"{function} is no function of vtkeras")
    with IMPORTING:
        found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def load(folder: str, makes: bool) -> object:
    """The model of a run folder: a `Generator` if it is to make videos, else a `Predictor`.

    The first one imports TensorFlow, so what is amiss is told before.
    """
    print(f"Loading the model {Path(folder).name}, which takes some seconds.", file=sys.stderr, flush=True)
    from vtkeras.workspace.runs import read_card  # here, so that the line above comes at once

    card = read_card(folder)
    with IMPORTING:
        from vtkeras.serving.generator import Generator
        from vtkeras.serving.predictor import Predictor

    return Generator(card) if makes else Predictor(folder)


def main(folder: str, models: str) -> None:
    """Serves until standard input ends, which happens when the owner does, however it ends."""
    key = sys.stdin.buffer.read(KEY_BYTES)
    end_with_owner(lambda: shutil.rmtree(folder, ignore_errors=True))
    with Listener(str(Path(folder) / "socket"), "AF_UNIX", BACKLOG, authkey=key) as listener:
        os.write(1, b"ready\n")
        os.dup2(2, 1)  # what libraries print goes to the terminal
        server = Server(int(models), load)
        while True:
            try:
                line = listener.accept()
            except Exception:  # a client that ended before it was let in
                continue
            threading.Thread(target=server.serve, args=(line,), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
