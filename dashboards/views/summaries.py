"""Summaries: a long video becomes key shots on a time line, a text, and files to take away."""

from __future__ import annotations

import os
from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import clips, common
from dashboards.jobs import JOB, follow
from dashboards.provenance import show_files
from vtkeras.data.subtitles import to_webvtt
from vtkeras.errors import UserError
from vtkeras.run_files import ANNOTATIONS, SAMPLES
from vtkeras.serving.client import FAILED, RUNNING, STOPPED, shared_worker
from vtkeras.summaries import jobs
from vtkeras.summaries.summary import (
    CAPTIONS,
    CLIP,
    CLIP_CAPTIONS,
    JSON,
    STORYBOARD,
    TEXT,
    Summary,
    captions,
)
from vtkeras.summaries.write import clock, words_of
from vtkeras.workspace import media
from vtkeras.workspace.library import Clip

WHOLE, SHOT, SUMMARY = "Whole video", "Chosen shot", "Summary"  # what the player plays
TILE = 150  # pixels
PAGE = 24  # shots
KINDS = {TEXT: "text/plain", JSON: "application/json", CAPTIONS: "text/vtt", STORYBOARD: "image/png",
         CLIP: "video/mp4", CLIP_CAPTIONS: "text/vtt"}  # fmt: skip
LARGEST_DOWNLOAD = 200 * 1024**2


def root() -> Path:
    """Where summaries are kept: VTKERAS_SUMMARIES, or `runs/summaries`."""
    return Path(os.environ.get("VTKERAS_SUMMARIES", "runs/summaries"))


def choose_video(model: Path) -> tuple[str, Path] | None:
    """A video that is here, or a file that the visitor uploads or names: what to call it, and its path."""
    places = [clips.BUNDLED, clips.UPLOAD, clips.PATH]
    place = st.segmented_control("Video", places, default=clips.BUNDLED, required=True, key="place")
    if place != clips.BUNDLED:
        name, path = clips.choose_file(place)
        return (Path(name).name[: clips.LONGEST_NAME], path) if path else None
    found = bundled(model)
    if not found or found[0].parent == model / SAMPLES:
        st.caption("The clips of a model are short. `vtkeras data make-long` makes long videos to try.")
    chosen = st.selectbox("Clip", found, format_func=common.short) if found else None
    return (chosen.name, chosen) if chosen else None


def bundled(model: Path) -> list[Path]:
    """Long videos with annotations, then the clips that came with the model."""
    folders = [path.parent for data in common.data_roots() for path in sorted(data.glob(f"**/{ANNOTATIONS}"))]
    return [path for folder in (*folders, model / SAMPLES) for path in sorted(folder.glob("*.mp4"))]


def choose_transcript(video: Path) -> str | None:
    """The transcript that the visitor named; one beside the video is proposed."""
    beside = [video.with_suffix(suffix) for suffix in (".vtt", ".srt", ".json", ".txt")]
    proposed = next((str(path) for path in beside if path.is_file()), "")
    label = "Transcript on this machine (WebVTT, SRT, JSON, text), if there is one"
    return st.text_input(label, proposed, key=f"transcript {video}").strip() or None


def show_start(name: str, video: Path, model: Path) -> Path:
    """Facts about the video and the button that begins; the job's output folder."""
    with common.told_by_name((name, video)):
        info = common.inspect(video)
    st.caption(common.plain(f"{name} · {clips.spell_facts(info)}"))
    folder = jobs.job_folder(root(), video, model)
    budget = st.slider("Length of the summary, % of the video", 1, 50, 15)
    transcript = choose_transcript(video)
    state = jobs.status(shared_worker(), folder)
    stopped = state is not None and state.state == STOPPED
    if st.button("Go on" if stopped else "Summarise", type="primary", icon=":material/movie:"):
        jobs.start(shared_worker(), video, model, folder, budget / 100, transcript, name)
        st.query_params[JOB] = folder.name
        st.rerun()
    return folder


def show_summary(folder: Path, video: Path | None) -> None:
    """Player and text, the time line, the shots, and the files."""
    summary = Summary.load(folder)
    left, right = st.columns([1, 1], gap="large")
    with left:
        show_player(summary, folder, video, st.session_state.get(f"shot {folder.name}"))
    with right:
        st.subheader("Summary", anchor=False)
        for line in summary.text.splitlines():
            st.markdown(common.plain(line))
        for note in summary.notes:
            st.warning(common.plain(note), icon=":material/warning:")
    st.altair_chart(time_line(summary))
    show_shots(summary, folder)
    show_outputs(summary, folder)


def show_player(summary: Summary, folder: Path, video: Path | None, shot: tuple[float, float] | None) -> None:
    """The whole video from the chosen shot on, that shot alone where the whole cannot be played, or the summary clip.

    Args:
        summary: with its
        folder: and
        video: None where that is gone.
        shot: seconds at which the chosen shot begins and ends; None where none is chosen.
    """
    whole = video is not None and media.is_playable(video, common.inspect(video))
    can = [WHOLE] * whole + [SHOT] * (video is not None and shot is not None and not whole) + [SUMMARY]
    which = st.segmented_control("Play", can, default=can[0], required=True, key=f"play {folder.name}")
    if which == WHOLE:
        start = shot[0] if shot else 0.0
        st.video(str(video), start_time=start, subtitles=to_webvtt(captions(summary)), muted=True)
        st.caption(f"From {clock(int(start))} on, the whole second before a shot; choose one below to go there.")
    elif which == SHOT and video and shot:
        part = Clip(video.name, video, (), (), (), "", start=shot[0], end=shot[1])
        preview = common.clip_video(part)
        common.show_player(preview, None if preview else common.read_clip(part, 1)[0][0])
        st.caption("A silent preview of the chosen shot: browsers do not play this file whole.")
    elif (folder / CLIP).is_file():
        subtitles = (folder / CLIP_CAPTIONS).read_text(encoding="utf-8")
        st.video((folder / CLIP).read_bytes(), subtitles=subtitles, muted=True, loop=True)
        st.caption(f"{summary.seconds:.1f} s of {summary.duration:.1f} s")


def time_line(summary: Summary) -> alt.Chart:
    """Each shot from its start to its end, as high as its score; key shots in another colour."""
    rows = pd.DataFrame(
        [
            {
                "start": shot["start"],
                "end": shot["end"],
                "score": shot["score"],
                "shot": "key shot" if shot["key"] else "other shot",
                "what": shot["caption"] or "(no words)",
            }
            for shot in summary.shots
        ]
    )
    return alt.Chart(rows, height=180).mark_bar(stroke="white", strokeWidth=0.5).encode(
        x=alt.X("start:Q", title="seconds", scale=alt.Scale(domain=[0, summary.duration], nice=False)),
        x2="end:Q",
        # The first of many equal shots scores far above the others: by their square roots all can be seen.
        y=alt.Y("score:Q", scale=alt.Scale(type="sqrt", domain=[0, max(rows.score.max(), 1e-6)])),
        y2=alt.datum(0),
        color=alt.Color("shot:N", title=None, scale=alt.Scale(domain=["key shot", "other shot"],
                                                              range=["#c2410c", "#94a3b8"])),
        tooltip=["start", "end", "score", "what"],
    )  # fmt: skip


def show_shots(summary: Summary, folder: Path) -> None:
    """A picture of each shot and a button that takes the player there."""
    only_key = st.toggle("Key shots only", value=len(summary.shots) > PAGE)
    shots = [(place, shot) for place, shot in enumerate(summary.shots) if shot["key"] or not only_key]
    with st.container(horizontal=True, gap="small"):
        for place, shot in common.one_page(shots, PAGE, key=f"shots {folder.name}"):
            with st.container(width=TILE, gap="xsmall", border=shot["key"]):
                st.image(str(folder / shot["picture"]), width="stretch")
                label = f"{clock(shot['start'], fine=True)}" + (" ★" if shot["key"] else "")
                st.button(
                    label,
                    key=f"seek {folder.name} {place}",
                    width="stretch",
                    on_click=seek,
                    args=(folder, (shot["start"], shot["end"])),
                )
                st.caption(common.plain(words_of(shot)) or "no words")
    st.caption("★ and a frame mark the key shots.")


def seek(folder: Path, shot: tuple[float, float]) -> None:
    st.session_state[f"shot {folder.name}"] = shot
    st.session_state.pop(f"play {folder.name}", None)


def show_outputs(summary: Summary, folder: Path) -> None:
    """Every output to take away, and where it comes from."""
    with st.container(border=True):
        st.markdown("**Where this comes from**")
        st.caption(
            f"{common.plain(summary.video)} `{summary.video_hash}` · "
            f"model {common.plain(summary.model['name'])} · hash `{summary.model['model_hash']}` · "
            f"scorer {common.plain(summary.scorer)} · budget {summary.budget:.0%}"
        )
        paths = [folder / name for name in KINDS]
        small = [path for path in paths if path.is_file() and path.stat().st_size <= LARGEST_DOWNLOAD]
        show_files({path.name: (path.read_bytes(), path.name, KINDS[path.name]) for path in small})
        with st.expander("Storyboard"):
            st.image(str(folder / STORYBOARD))


def earlier(folder: Path) -> tuple[Path, Path | None]:
    """The job that the address names, and its video if that is still there."""
    video = jobs.video_of(folder)
    return folder, video if video.is_file() else None


def show_job(folder: Path, video: Path | None) -> None:
    """What there is of a summary: its progress, why it ended, or all of it."""
    now = jobs.status(shared_worker(), folder)
    if now is None:
        return
    if now.state == RUNNING:
        follow(folder.name)
    elif now.state == FAILED:
        kept = jobs.video_of(folder)
        raise UserError(now.message.replace(str(kept), jobs.name_of(folder)))
    elif now.state == STOPPED:
        st.info(
            f"Stopped after {jobs.count_shots(folder)} shots. They are stored: choose the video again to go on.",
            icon=":material/pause:",
        )
    else:
        show_summary(folder, video)


def leave() -> None:
    del st.query_params[JOB]


st.title("Summaries", anchor=False)
with common.shown_errors():
    models = common.find_readers()
    if JOB in st.query_params:  # so that a page that is loaded again shows the same
        st.button("Another video", icon=":material/arrow_back:", on_click=leave)
        show_job(*earlier(root() / Path(st.query_params[JOB]).name))
    elif models:
        chosen = common.choose_model(models)
        file = choose_video(chosen)
        if file:
            show_job(show_start(*file, chosen), file[1])
    else:
        st.info("No exported model to look at videos with yet. This makes one:", icon=":material/flag:")
        st.code(common.demo_command(), language="bash")
