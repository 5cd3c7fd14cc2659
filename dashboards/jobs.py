"""Long calls of the inference worker: a bar while they run, a button that stops them, their results."""

import hashlib
import pickle
from pathlib import Path

import streamlit as st

from dashboards import common
from vtkeras.errors import UserError
from vtkeras.serving.client import DONE, FAILED, RUNNING, STOPPED, JobState, shared_worker

JOB = "job"  # in the address, so that a page that is loaded again finds it


def run(
    title: str, function: str, model: Path | None, *arguments, version: int | tuple[int, ...] = 0, **options
):
    """What a long function gives; while it runs, a bar is shown, and what gives None.

    Args:
        title: what it is about, in words.
        function, model, arguments, options: as in `Worker.start`.
        version: of the files among the arguments; another one is another job.

    Raises:
        UserError: if the function failed.
    """
    call = (title, function, model, *arguments)
    name = hashlib.sha256(pickle.dumps((model and common.model_key(model), version, call, options))).hexdigest()[:16]
    if shared_worker().job(name) is None:
        shared_worker().start(name, *call, **options)
    st.query_params[JOB] = name

    def again() -> None:
        shared_worker().start(name, *call, **options)

    state = shared_worker().job(name)
    if state.state in (FAILED, STOPPED):
        st.button("Try again" if state.state == FAILED else "Start again", on_click=again, key=f"again {name}")
    return result_of(name, state)


def earlier() -> tuple[str, object] | None:
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
        st.rerun()
    *stage, done, total = state.progress or (0, 1)
    words = " ".join([*stage, f"{done / max(total, 1e-6):.0%}"] if state.progress else ["starting"])
    st.progress(min(done / max(total, 1e-6), 1.0), common.plain(f"{state.title}: {words}"))
    st.button("Stop", icon=":material/stop:", key=f"stop {name}", on_click=shared_worker().stop, args=(name,))
