"""Long calls of the inference worker: a bar while they run, a button that stops them, their results."""

import atexit
import functools
import hashlib
import pickle
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import streamlit as st

from dashboards import common
from vtkeras.errors import UserError
from vtkeras.serving.client import DONE, FAILED, RUNNING, STOPPED, JobState, shared_worker
from vtkeras.workspace import media

JOB = "job"  # in the address, so that a page that is loaded again finds it
STARTING = threading.Lock()  # of two sessions, none drops the copy that the other one is making
WATCHED = 3.0  # seconds after which the speed of a job tells something


def run(
    title: str, function: str, model: Path | None, *arguments, version: int | tuple[int, ...] = 0, **options
):
    """What a long function gives; while it runs, a bar is shown, and what gives None.

    Args:
        title: what it is about, in words.
        function, model, arguments, options: as in `Worker.start`; of an upload the job reads a copy of its own.
        version: of the files among the arguments; another one is another job.

    Raises:
        UserError: if the function failed.
    """
    call = (title, function, model, *arguments)
    name = hashlib.sha256(pickle.dumps((model and common.model_key(model), version, call, options))).hexdigest()[:16]

    def start() -> None:
        with STARTING:
            drop_copies()
            shared_worker().start(name, title, function, model, *(copied(one, name) for one in arguments), **options)

    if shared_worker().job(name) is None:
        start()
    st.query_params[JOB] = name
    state = shared_worker().job(name)
    if state.state in (FAILED, STOPPED):
        st.button("Try again" if state.state == FAILED else "Start again", on_click=start, key=f"again {name}")
    with common.told_by_name(*((str(one), copies() / name / Path(one).name) for one in arguments if is_upload(one))):
        return result_of(name, state)


@functools.cache
def copies() -> Path:
    """A folder with one for each job that reads an upload; it goes when the dashboard ends."""
    folder = tempfile.TemporaryDirectory(prefix="vtkeras-jobs-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def is_upload(argument: Any) -> bool:
    """Whether an argument of a job is the path of an upload."""
    return isinstance(argument, str | Path) and media.is_upload(Path(argument))


def copied(argument: Any, job: str) -> Any:
    """An upload as a copy that stays until the job has ended, whoever leaves meanwhile; anything else as it is."""
    if not is_upload(argument):
        return argument
    return type(argument)(media.keep_upload(Path(argument), copies() / job))


def drop_copies() -> None:
    """Deletes the copies of jobs that have ended."""
    for folder in copies().iterdir():
        state = shared_worker().job(folder.name)
        if state is None or state.state != RUNNING:
            shutil.rmtree(folder, ignore_errors=True)


def earlier() -> tuple[str, Any] | None:
    """Title and result of the job that the address names; while it runs a bar is shown, and the result is None."""
    name = st.query_params.get(JOB, "")
    state = shared_worker().job(name)
    return (state.title, result_of(name, state)) if state else None


def result_of(name: str, state: JobState):
    """What a job gave; None, and a bar or a note, where it gave nothing yet."""
    if state.state == FAILED:
        raise UserError(state.message)
    if state.state == STOPPED:
        st.info("Stopped.", icon=":material/pause:")
    if state.state == RUNNING:
        follow(name)
    return state.result if state.state == DONE else None


@st.fragment(run_every=1.0)
def follow(name: str) -> None:
    """A bar that follows a job, and a button that stops it; the page runs again once the job has ended."""
    state = shared_worker().job(name)
    if state is None or state.state != RUNNING:
        st.session_state.pop(f"seen {name}", None)
        st.rerun()
    *stage, done, total = state.progress or (0, 1)
    seen = st.session_state.setdefault(f"seen {name}", {}).setdefault(tuple(stage), (time.monotonic(), done))
    words = " ".join([*stage, f"{done / max(total, 1e-6):.0%}"] if state.progress else ["starting"])
    words += spell_left(time.monotonic() - seen[0], done - seen[1], total - done)
    st.progress(min(done / max(total, 1e-6), 1.0), common.plain(f"{state.title}: {words}"))
    st.button("Stop", icon=":material/stop:", key=f"stop {name}", on_click=shared_worker().stop, args=(name,))


def spell_left(seconds: float, done: float, left: float) -> str:
    """About how long the rest takes, at the speed so far; "" as long as that is not known.

    Args:
        seconds: that were watched.
        done: what was done in them.
        left: what is left.

    Example:
        >>> spell_left(10.0, done=5.0, left=20.0)
        ', about 40 s left'
    """
    if seconds < WATCHED or done <= 0 or left <= 0:
        return ""
    rest = seconds * left / done
    return f", about {rest:.0f} s left" if rest < 120 else f", about {rest / 60:.0f} min left"
