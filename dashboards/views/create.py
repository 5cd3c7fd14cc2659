"""Create: words become a grid of playing candidates; what is said of them becomes the next ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st

from dashboards import common
from dashboards.clips import gif_of
from dashboards.provenance import show_provenance
from vtkeras.config import LARGEST_SEED
from vtkeras.errors import UserError
from vtkeras.serving.client import shared_worker
from vtkeras.serving.generated_clips import FPS
from vtkeras.serving.generation_session import GenerationSession
from vtkeras.serving.generation_steps import parse
from vtkeras.serving.worker_generator import WorkerGenerator
from vtkeras.workspace import media

TILE = 176  # pixels
CANDIDATES = 6
MORE, LESS = "more", "less"
MARKS = {MORE: ":material/thumb_up: More", LESS: ":material/thumb_down: Less"}
VARIETIES = {"near": 0.5, "usual": 1.0, "wild": 2.0}
SPINNER = "Making clips (the first time the model is loaded, a few seconds)"


def generator_of(model: Path) -> WorkerGenerator:
    return WorkerGenerator(common.read_card(model), shared_worker())


def hold(session: GenerationSession) -> None:
    """Puts a session in the place of the one before; its number keeps marks of that one from its candidates."""
    st.session_state.created = session
    st.session_state.number = st.session_state.get("number", 0) + 1


def begin(model: Path, prompt: str, seed: int) -> None:
    """Another session, whose first candidates are made."""
    with st.spinner(SPINNER):
        session = GenerationSession(generator_of(model), prompt, CANDIDATES, seed)
        _ = session.clips  # made before it takes the place of the one before
    hold(session)


def open_session(models: list[Path], name: str, data: bytes) -> None:
    """Goes through a saved session again, with the model that it was made with.

    Raises:
        UserError: if the file is damaged, or that model is not here.
    """
    text = data.decode("utf-8", errors="replace")
    made_with = parse(text, name).model
    same = [model for model in models if common.read_card(model).model_hash == made_with.get("model_hash")]
    if not same:
        told = f"{made_with.get('name')} (hash {made_with.get('model_hash')})"
        raise UserError(f"{name} was made with the model {told}, and none here is exported as that was: put its run "
                        "folder beside those that are here.")  # fmt: skip
    with st.spinner(SPINNER):
        session = GenerationSession.from_json(text, generator_of(same[0]), name)
        _ = session.clips  # as in `begin`
    hold(session)


def act(step: Callable[..., None], *arguments) -> None:
    """Does a step of the session, and keeps the sentence to show if it cannot be done."""
    try:
        step(*arguments)
    except UserError as error:
        st.session_state.refused = str(error)


def show_start(models: list[Path]) -> None:
    """Model, words and seed for another session, or a saved one."""
    model = common.choose_model(models)
    with st.form("start", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        prompt = st.text_input("What is to be seen", placeholder="digit 7 is moving left and right", max_chars=2000)
        seed = st.number_input("Seed", 0, LARGEST_SEED, 0, width=120, help="The same one makes the same clips.")
        pressed = st.form_submit_button("Create", type="primary", icon=":material/auto_awesome:")
    if pressed:
        begin(model, prompt, int(seed))
    if "created" in st.session_state:
        st.caption("Another session takes the place of this one, as does a reload of the page: store this one first, "
                   "by *Session* at the end of the page.")  # fmt: skip
    with st.expander("Open a saved session"):
        file = st.file_uploader("A session that was stored here or by `vtkeras generate --interactive`", type="json")
        if file and st.button("Open", icon=":material/folder_open:"):
            open_session(models, common.plain(file.name[:80]), file.getvalue())


def key_of(what: str, step: int, place: int) -> str:
    """The key of a control of one candidate of one step of one session."""
    return f"{what} {st.session_state.number} {step} {place}"


def go_on(session: GenerationSession, step: int) -> None:
    """Makes the next candidates by the marks as they are at the click; a second click on the same ones is ignored."""
    if len(session.history) == step:
        marks = [st.session_state.get(key_of("mark", step, place)) for place in range(len(session.now))]
        more, less = ([place for place, mark in enumerate(marks) if mark == kind] for kind in (MORE, LESS))
        act(session.next, more, less, VARIETIES[st.session_state.wish])


def show_candidates(session: GenerationSession) -> None:
    """The candidates, playing, each with its marks and what can be done with it."""
    step = len(session.history)
    with st.container(horizontal=True, gap="small"):
        for place, clip in enumerate(session.clips):
            with st.container(width=TILE + 34, border=True, gap="xsmall"):
                kept = " · kept" if place < session.now.kept else ""
                st.image(gif_of(clip, TILE), caption=f"Candidate {place + 1}{kept}", width=TILE)
                st.segmented_control(f"Candidate {place + 1}", MARKS, format_func=MARKS.get, width="stretch",
                                     key=key_of("mark", step, place), label_visibility="collapsed")  # fmt: skip
                show_more(session, place, clip, step)


def show_more(session: GenerationSession, place: int, clip: np.ndarray, step: int) -> None:
    """What else can be done with a candidate: keep one of its parts in all that follow, store it."""
    with st.popover("Lock or store", icon=":material/lock:", width="stretch"):
        for part in session.parts:
            st.button(f"Lock its {part}", key=key_of(f"lock {part}", step, place), width="stretch",
                      on_click=act, args=(session.lock, part, place))  # fmt: skip
        for kind, content in (("mp4", lambda: media.as_mp4(clip, FPS)), ("gif", lambda: gif_of(clip, TILE))):
            name = f"round_{step}_candidate_{place + 1}.{kind}"
            st.download_button(kind.upper(), content, name, key=key_of(kind, step, place), on_click="ignore",
                               width="stretch", icon=":material/download:")  # fmt: skip


def show_steps(session: GenerationSession) -> None:
    """How to go on: the next candidates, other words, a lock taken off, a step back."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control("How near", VARIETIES, default="usual", required=True, key="wish")
        st.button("Next candidates", type="primary", icon=":material/arrow_forward:",
                  on_click=go_on, args=(session, len(session.history)),
                  help="Near what is marked More, away from Less; without marks, quite others.")  # fmt: skip
        first = len(session.history) == 1
        st.button("Undo", icon=":material/undo:", disabled=first, on_click=act, args=(session.undo,))
        for part in session.now.locked:
            st.button(f"Unlock the {part}", icon=":material/lock_open:", on_click=act, args=(session.unlock, part))
    with st.form("words", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input("Other words for the same candidates", session.now.prompt, max_chars=2000)
        if st.form_submit_button("Use these words", icon=":material/edit:"):
            act(session.edit, words)
            st.rerun()


def show_session(session: GenerationSession) -> None:
    """The candidates of now, how to go on, and how they came about."""
    st.subheader(common.plain(session.now.prompt), anchor=False)
    if session.now.locked:
        st.caption(f"Locked: {', '.join(session.now.locked)}")
    with st.spinner(SPINNER):
        _ = session.clips  # made here, so that the wait is shown
    show_candidates(session)
    show_steps(session)
    with st.expander("How this came about, step by step"):
        st.markdown("\n".join(f"{number}. {common.plain(step)}" for number, step in enumerate(session.history, 1)))
    files = {"Session": (session.to_json(), "session.json", "application/json")}
    show_provenance(session.now.generator.folder, "generated clips", files)


st.title("Create", anchor=False)
with common.shown_errors():
    generators = [model for model in common.find_models() if common.makes_video(model)]
    if generators:
        with common.shown_errors():
            show_start(generators)
        if refused := st.session_state.pop("refused", None):
            st.error(common.plain(refused), icon=":material/error:")
        if "created" in st.session_state:
            show_session(st.session_state.created)
    else:
        st.info("No model that makes videos yet. These commands make one:", icon=":material/flag:")
        st.code(
            "vtkeras train --config generate_demo --out runs/generate_demo\nvtkeras export runs/generate_demo",
            language="bash",
        )
