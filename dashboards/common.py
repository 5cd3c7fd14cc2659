"""What the pages share: where things are, cached loading, errors as sentences, text shown as it is."""

from __future__ import annotations

import functools
import gc
import logging
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import altair  # noqa: F401  it is large, and loaded before the garbage collector is told what stays
import numpy as np
import pandas as pd
import streamlit as st

from vtkeras.errors import UserError, command
from vtkeras.run_files import (
    CAPTIONS_FILE,
    ENDPOINTS,
    MANIFEST,
    METRICS,
    PREDICTIONS,
    SAVED_MODEL,
    SAVED_MODEL_GRAPH,
    shipped,
)
from vtkeras.serving.client import PREDICTOR, shared_worker
from vtkeras.serving.decoding import GREEDY, Decoding
from vtkeras.serving.describe import answer_all
from vtkeras.serving.explanation import Explanation
from vtkeras.serving.results import Answer, Caption, Novelty, readable
from vtkeras.workspace import evaluations, library, logs, media, runs

TENSORBOARD_PORT = 6006
PREVIEW_SIDE = 480  # pixels
FASTEST = 60.0  # frames a second of a preview
SHORT = 0.002  # seconds, shorter than any frame

CHOICE = "chosen model"  # the key of a control

_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!<>|~$:^&=])")


@functools.cache
def leave_loaded_out_of_collections() -> None:
    """Once, tells the garbage collector that what is loaded stays.

    Streamlit collects all garbage after every run of a page, and serves nobody meanwhile.
    """
    gc.collect()
    gc.freeze()


def model_roots() -> list[Path]:
    """Folders to look for runs in: VTKERAS_MODELS, or `saved_models` and `runs`, and the models that ship."""
    roots = _paths("VTKERAS_MODELS", f"saved_models{os.pathsep}runs")
    models = shipped("saved_models")
    elsewhere = not any(root.is_dir() and root.samefile(models) for root in roots)
    return [models, *roots] if elsewhere and "VTKERAS_MODELS" not in os.environ else roots


def data_roots() -> list[Path]:
    """Folders to look for clips in: VTKERAS_DATA, or `data`."""
    return _paths("VTKERAS_DATA", "data")


def find_models() -> list[Path]:
    """Run folders with an exported model; see `own_first`."""
    return own_first(runs.exported(model_roots()), Path(SAVED_MODEL) / SAVED_MODEL_GRAPH)


def own_first(folders: list[Path], file: str | Path) -> list[Path]:
    """Runs of the visitor's own, the one whose `file` is the latest first, then those that ship, in their order."""
    models = shipped("saved_models").resolve()
    ships = [folder for folder in folders if folder.resolve().is_relative_to(models)]
    own = [folder for folder in folders if folder not in ships]
    return [*sorted(own, key=lambda folder: -version(folder / file)), *ships]


def makes_video(model: Path) -> bool:
    """Whether a model is a generator; a damaged one is shown on the page Home."""
    return _can(model, "generate")


def find_searchers() -> list[Path]:
    """Run folders with an exported model that finds clips by words."""
    return [model for model in find_models() if _can(model, "embed_text")]


def _can(model: Path, endpoint: str) -> bool:
    try:
        return read_card(model).can(endpoint)
    except UserError:
        return False


def find_readers() -> list[Path]:
    """Run folders with an exported model that looks at clips, and does not make them."""
    return [model for model in find_models() if not makes_video(model)]


def choose_model(models: list[Path]) -> Path:
    """The run whose model is to be asked; `?model=` in the address chooses it too, and other pages keep it."""
    chosen = st.session_state.get(CHOICE)
    if chosen not in models:  # on a page that was just opened, or that other models are for
        st.session_state.model = st.query_params.get("model", st.session_state.get("model", ""))
        chosen = next((one for one in models if str(one) == st.session_state.model), models[0])
    st.session_state[CHOICE] = chosen  # else a control of another page takes it away with it
    trust = "A model is a program that runs on this machine: put only models that you trust into these folders."
    return st.selectbox("Model", models, key=CHOICE, format_func=short, help=trust, on_change=_remember_choice)


def _remember_choice() -> None:
    st.session_state.model = str(st.session_state[CHOICE])


def short(folder: Path) -> str:
    """A folder's name from its root on; the whole path where two roots have one name.

    Example:
        >>> short(Path("saved_models/multitask/moving_digits"))
        'saved_models/multitask/moving_digits'
    """
    roots = (*model_roots(), *data_roots())
    for root in roots:
        if folder.is_relative_to(root):
            same = {other.resolve() for other in roots if other.name == root.name and other.is_dir()}
            return str(folder.relative_to(root.parent) if len(same) <= 1 else folder)
    return str(folder)


def find_libraries() -> list[Path]:
    """Folders with clips."""
    return library.find_libraries(data_roots(), find_models())


def plain(text: str) -> str:
    """Text for a place that reads Markdown, so that it shows as it is.

    Example:
        >>> plain("*a* <b>")
        '\\\\*a\\\\* \\\\<b\\\\>'
    """
    return _MARKS.sub(r"\\\1", " ".join(readable(text).split()))


def escaped(path: str | Path) -> str:
    """A path as widgets and their keys take it: with escapes for bytes that are no text.

    Example:
        >>> escaped(os.fsdecode(b"caf\\xe9.mp4"))
        'caf\\\\xe9.mp4'
    """
    return os.fsencode(path).decode(errors="backslashreplace")


@contextmanager
def told_by_name(*files: tuple[str, Path]) -> Iterator[None]:
    """Errors inside tell files by the names that the visitor knows, in place of the server's paths.

    Args:
        files: (name, path) of each.
    """
    try:
        yield
    except UserError as error:
        told = str(error)
        for name, path in files:
            told = told.replace(str(path), name)
        raise UserError(told) from None


@contextmanager
def shown_errors() -> Iterator[None]:
    """Shows what goes wrong inside as a box with one sentence; the traceback goes to the server's log."""
    try:
        yield
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
    except Exception:
        logging.getLogger(__name__).exception("A page failed")
        st.error(
            "This part of the page failed. The details are in the terminal that runs the dashboard.",
            icon=":material/error:",
        )


def caption(folder: Path, frames: np.ndarray, decoding: Decoding = GREEDY) -> Caption:
    """The caption of a clip, computed once for each way of decoding."""
    return _ask(model_key(folder), "captions", [frames], decoding)[0]


def novelty(folder: Path, frames: np.ndarray) -> Novelty | None:
    """How unlike the model's training videos a clip is, computed once; None for a model that cannot tell."""
    return _ask(model_key(folder), "novelties", [frames])[0]


def answers(
    folder: Path, frames: np.ndarray, question: str, choices: tuple[str, ...] = ()
) -> list[tuple[str, Answer]]:
    """The question with every answer that the model gives, computed once; one of the choices, if there are any."""
    ask = functools.partial(_ask, model_key(folder))
    return answer_all(read_card(folder), ask, [frames], question, choices)[0]


def classify(folder: Path, frames: np.ndarray) -> list[tuple[str, float]]:
    """The labels of a clip, computed once."""
    return _ask(model_key(folder), "labels", [frames])[0]


def explain(folder: Path, frames: np.ndarray, times: np.ndarray, question: str | None) -> Explanation:
    """Where the model looked for its caption, or for its answer to a question, computed once."""
    what, asked = ("caption", ()) if question is None else ("answer", (question,))
    return _call(model_key(folder), f"vtkeras.serving.explanation:explain_{what}", frames, times, *asked)


def read_card(folder: Path) -> runs.RunCard:
    """What a run says of itself."""
    return _read_card(*model_key(folder), [version(folder / name) for name in (METRICS, ENDPOINTS)])


def read_evaluation(folder: Path) -> evaluations.Evaluation:
    """What an evaluation found; read again after another one."""
    return _read_evaluation(str(folder), [version(folder / name) for name in (METRICS, PREDICTIONS)])


def list_clips(folder: Path) -> list[library.Clip]:
    """The clips of a library, in a list that all sessions share."""
    marks = [version(folder / name) for name in (MANIFEST, CAPTIONS_FILE)]
    return _list_clips(str(folder), marks)


def inspect(path: Path) -> media.VideoInfo:
    """What a file from outside says of itself."""
    return _inspect(os.fsencode(path), version(path))


def read_file(path: Path, num_frames: int, max_side: int) -> media.Clip:
    """Frames of a file from outside."""
    return _read_file(os.fsencode(path), version(path), num_frames, max_side)


def read_moment(path: Path, second: float | None, max_side: int) -> np.ndarray:
    """The frame of a file from outside that is on screen at `second`; None for the only one there is."""
    return _read_moment(os.fsencode(path), version(path), second, max_side)


def upload_limit() -> int:
    """Megabytes."""
    return st.get_option("server.maxUploadSize")


def keep_upload(name: str, data: bytes, role: str = "") -> Path:
    """Stores this session's upload in place of the one before in the same role; it goes when the session does."""
    folder = st.session_state.setdefault(f"uploads {role}", tempfile.TemporaryDirectory(prefix=media.UPLOADS))
    path = media.store_upload(name, data, folder.name, upload_limit() * 1024**2)
    for other in Path(folder.name).iterdir():
        if other != path:
            other.unlink()
    return path


def read_clip(
    clip: library.Clip, num_frames: int, max_side: int | None = None
) -> tuple[np.ndarray, np.ndarray, str]:
    """Frames and times of a library's clip, and what is missing of its file."""
    return _read_clip(clip, version(clip.path), num_frames, max_side)


def read_thumbnail(clip: library.Clip, side: int) -> np.ndarray:
    """A small picture of a library's clip, uint8 (side, side, 3)."""
    return _read_thumbnail(clip, version(clip.path), side)


def describe(clip: library.Clip) -> media.VideoInfo:
    """What the video file of a library's clip says of itself."""
    return _describe(clip, version(clip.path))


def clip_video(clip: library.Clip) -> str | bytes | None:
    """What a player takes for a library's clip: its path, or a preview; None for a still picture."""
    return _clip_video(clip, version(clip.path))


def preview(path: Path, num_frames: int) -> bytes | None:
    """Some frames of a file from outside as an mp4, for one that browsers do not play; None for a still picture."""
    return _preview(os.fsencode(path), version(path), num_frames)


def as_mp4(frames: np.ndarray, times: np.ndarray) -> bytes | None:
    """Frames uint8 (time, height, width, 3), each shown until the next one's time; None for a single one."""
    if len(frames) == 1:
        return None
    span = max(float(times[-1] - times[0]), 1e-3)
    return media.as_mp4(frames, fps=min((len(times) - 1) / span, FASTEST))


def show_player(video: bytes | str | None, still: np.ndarray | None, subtitles: str | None = None) -> None:
    """A player, or a picture where there is nothing to play."""
    if video is None:
        st.image(still, width="stretch")
    else:
        st.video(video, loop=True, muted=True, subtitles=subtitles)


def read_logs(run: Path) -> logs.Logs:
    """What a run logged; read again whenever it grew."""
    return _read_logs(str(run), logs.logs_version(run))


@st.cache_data(ttl=5, max_entries=4, show_spinner=False)
def tensorboard_is_up(port: int = TENSORBOARD_PORT) -> bool:
    """True if something listens where TensorBoard would."""
    with socket.socket() as probe:
        probe.settimeout(0.3)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def one_page(items: list, size: int, key: str) -> list:
    """The part of a long list that the visitor turned to."""
    pages = -(-len(items) // size)
    number = st.number_input(f"Page (1 to {pages})", 1, pages, 1, width=160, key=key) if pages > 1 else 1
    return items[size * (number - 1) : size * number]


def demo_command() -> str:
    """The command that makes a model where the pages look for models; this dashboard holds the demo's usual port."""
    return command("demo", "--no-serve", "--out", model_roots()[-1])


def show_data_commands() -> None:
    """How to get clips where there are none."""
    st.markdown("These commands make some clips, and store them for training:")
    st.code(
        "vtkeras data make --out data/moving_digits\n"
        "vtkeras data ingest data/moving_digits --captions data/moving_digits/captions.csv "
        "--out data/moving_digits_ingested",
        language="bash",
    )
    roots = ", ".join(str(root.absolute()) for root in data_roots())
    st.caption(plain(f"Looked in {roots}, and in the samples of every exported model."))


def results_table(metrics: pd.DataFrame, columns: dict[str, dict]) -> None:
    """A run's results, the model beside its baselines.

    Args:
        metrics: rows of systems.
        columns: what is known of the metrics, as in `RunCard`.
    """
    shown = {
        name: st.column_config.NumberColumn(
            column["title"],
            format="percent" if column["unit"] == "%" else "%.3f",
            help=f"{column['better'].capitalize()} is better." if column["better"] else None,
        )
        for name, column in columns.items()
    }
    st.dataframe(metrics, hide_index=True, column_config=shown)


def _paths(variable: str, default: str) -> list[Path]:
    return [Path(path) for path in os.environ.get(variable, default).split(os.pathsep) if path]


def version(path: Path) -> int:
    """Changes when a file does; 0 of one that is not there or cannot be looked at."""
    try:
        return path.stat().st_mtime_ns if path.is_file() else 0
    except OSError:
        return 0


# Streamlit's keys take no text with bytes that are none, as names of files may hold them: paths go there as bytes.
@st.cache_data(max_entries=64, show_spinner="Looking at the file")
def _inspect(path: bytes, version: int) -> media.VideoInfo:
    return media.inspect(os.fsdecode(path))


@st.cache_data(max_entries=8, show_spinner="Decoding")  # few: frames are large
def _read_file(path: bytes, version: int, num_frames: int, max_side: int) -> media.Clip:
    return media.read_apart(os.fsdecode(path), num_frames, max_side)


@st.cache_data(max_entries=64, show_spinner=False)
def _read_moment(path: bytes, version: int, second: float | None, max_side: int) -> np.ndarray:
    end = None if second is None else second + SHORT
    return media.read_apart(os.fsdecode(path), 1, max_side, start=second, end=end).frames[0]


@st.cache_data(max_entries=16, show_spinner=False)
def _preview(path: bytes, version: int, num_frames: int) -> bytes | None:
    read = media.read_apart(os.fsdecode(path), num_frames, PREVIEW_SIDE)
    return as_mp4(read.frames, read.times)


@st.cache_data(max_entries=8, show_spinner=False)
def _read_clip(
    clip: library.Clip, version: int, num_frames: int, max_side: int | None
) -> tuple[np.ndarray, np.ndarray, str]:
    return library.read_clip(clip, num_frames, max_side)


@st.cache_data(max_entries=1024, show_spinner=False)
def _read_thumbnail(clip: library.Clip, version: int, side: int) -> np.ndarray:
    return library.read_thumbnail(clip, side)


@st.cache_data(max_entries=256, show_spinner=False)
def _describe(clip: library.Clip, version: int) -> media.VideoInfo:
    return library.describe(clip)


@st.cache_data(max_entries=64, show_spinner=False)
def _clip_video(clip: library.Clip, version: int) -> str | bytes | None:
    if not clip.is_file:
        return as_mp4(*library.read_clip(clip)[:2])
    if not clip.is_segment and media.is_playable(clip.path, library.describe(clip)):
        return str(clip.path)
    read = media.read_apart(clip.path, library.MOST_FRAMES, PREVIEW_SIDE, start=clip.start, end=clip.end)
    return as_mp4(read.frames, read.times)


def model_key(folder: Path) -> tuple[str, int]:
    """A model, told from another one that is exported to the same folder later."""
    return str(folder), version(folder / SAVED_MODEL / SAVED_MODEL_GRAPH)


def _ask(key: tuple[str, int], method: str, *arguments):
    return _call(key, PREDICTOR + method, *arguments)


@st.cache_data(max_entries=64, show_spinner="Asking the model (the first time it is loaded, a few seconds)")
def _call(key: tuple[str, int], function: str, *arguments):
    return shared_worker().call(function, key[0], *arguments)


@st.cache_data(max_entries=64, show_spinner=False)
def _read_card(folder: str, model_version: int, versions: list[int]) -> runs.RunCard:
    return runs.read_card(folder)


@st.cache_data(max_entries=16, show_spinner="Reading the evaluation")
def _read_evaluation(folder: str, versions: list[int]) -> evaluations.Evaluation:
    return evaluations.read_evaluation(folder)


@st.cache_resource(max_entries=8, show_spinner="Listing the clips")  # no copy of a long list at each click
def _list_clips(folder: str, versions: list[int]) -> list[library.Clip]:
    return library.list_clips(folder)


@st.cache_data(max_entries=8, show_spinner="Reading the logs")
def _read_logs(run: str, version: tuple[int, int]) -> logs.Logs:
    return logs.read_logs(run)
