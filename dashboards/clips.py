"""Choosing a clip: out of a gallery, by upload, or by its path."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from dashboards import common
from vtkeras.data.subtitles import Sentence, to_webvtt
from vtkeras.explain.animation import as_gif, enlarge
from vtkeras.run_files import SAMPLES
from vtkeras.serving.generated_clips import FPS
from vtkeras.workspace import library, media

BUNDLED, UPLOAD, PATH = "Bundled clip", "Upload", "Path on this machine"
GALLERY = 12
TILE = 112  # pixels
LONGEST_NAME = 80
PREVIEW = " · the player shows a silent preview of a few frames"


@dataclass(frozen=True)
class Chosen:
    """The clip that the visitor chose.

    Attributes:
        name: what to call it.
        source: the file as the command line would be given it; of an upload, its name; of a segment with its seconds.
        frames: uint8 (time, height, width, 3), for the model.
        times: float32 (time,), seconds.
        video: for the player; None where there is a single picture.
        duration: seconds.
        facts: duration, size, codec.
        note: what is amiss with the file; "" if nothing is.
        clip: what the library knows of it; None for a file from outside.
    """

    name: str
    source: str
    frames: np.ndarray
    times: np.ndarray
    video: str | bytes | None
    duration: float
    facts: str
    note: str = ""
    clip: library.Clip | None = None


def choose_clip(model: Path, size: dict) -> Chosen | None:
    """The clip to ask about, from one of three places."""
    place = st.segmented_control("Clip", [BUNDLED, UPLOAD, PATH], default=BUNDLED, required=True)
    if place == BUNDLED:
        return choose_bundled(model, size)
    return from_file(*choose_file(place), size)


def choose_bundled(model: Path, size: dict) -> Chosen | None:
    """A clip out of a gallery; the model's own samples come first."""
    own = model / SAMPLES
    libraries = sorted(common.find_libraries(), key=lambda folder: folder != own)
    if not libraries:
        st.info("No clips come with this model. Upload one, or:", icon=":material/flag:")
        common.show_data_commands()
        return None
    folder = (
        st.selectbox("Clips from", libraries, format_func=common.short) if len(libraries) > 1 else libraries[0]
    )
    clip = st.session_state.get("clip")
    with st.expander("Choose a clip" if clip is None else "Choose another clip", expanded=clip is None):
        show_gallery(common.one_page(common.list_clips(folder), GALLERY, key=f"gallery page {folder}"))
    return from_library(clip, size) if clip else None


def show_gallery(clips: list[library.Clip]) -> None:
    """A picture and a button for each clip."""
    with st.container(horizontal=True, gap="small"):
        for number, clip in enumerate(clips, start=1):
            with st.container(width=TILE, gap="xsmall"), common.shown_errors():
                st.image(common.read_thumbnail(clip, TILE), width=TILE)
                key = f"choose {clip.path} {clip.id}"
                st.button(f"Clip {number}", key=key, width="stretch", on_click=take_clip, args=(clip,))


def take_clip(clip: library.Clip) -> None:
    st.session_state.clip = clip


def from_library(clip: library.Clip, size: dict) -> Chosen:
    frames, times, note = common.read_clip(clip, **size)
    video = common.clip_video(clip)
    if not clip.is_file:
        seconds, facts = float(times[-1]), f"{len(frames)} stored frames"
        return Chosen(clip.id, clip.id, frames, times, video, seconds, facts, clip=clip)
    info, source = common.describe(clip), str(clip.path)
    seconds, facts = info.duration, spell_facts(info, video)
    if clip.is_segment:
        start, end = clip.bounds(info)
        seconds, facts, source = end - start, f"{start:.2f} to {end:.2f} s of {facts}", f"{source}#{start:g}-{end:g}"
    return Chosen(clip.id, source, frames, times, video, seconds, facts, note, clip)


def choose_file(place: str, role: str = "") -> tuple[str, Path | None]:
    """A file's name for the visitor, and its path; `role` tells several on one page apart."""
    if place == PATH:
        label = "Path of a video or image"
        text = st.text_input(label, placeholder="/data/videos/cat.mp4", key=role and f"{role} path" or None).strip()
        return text, Path(text) if text else None
    limit = common.upload_limit()
    upload = st.file_uploader(
        f"A video or image, at most {limit} MB; for a larger one give its path on this machine",
        type=[extension[1:] for extension in media.EXTENSIONS],
        max_upload_size=limit,
        key=role and f"{role} upload" or None,
    )
    return (upload.name, common.keep_upload(upload.name, upload.getvalue(), role)) if upload else ("", None)


def from_file(name: str, path: Path | None, size: dict) -> Chosen | None:
    """A file from outside, described before it is decoded."""
    if path is None:
        return None
    with common.told_by_name((name[:LONGEST_NAME], path)):
        info = common.inspect(path)
        facts = f"{spell_facts(info)} · {media.spell_size(path.stat().st_size)}"
        st.caption(common.plain(facts))
        read = common.read_file(path, **size)
        video = playable(path, info)
        facts += PREVIEW if isinstance(video, bytes) else ""
    return Chosen(
        Path(name).name[:LONGEST_NAME], name, read.frames, read.times, video, info.duration, facts, read.reason
    )


def playable(path: Path, info: media.VideoInfo, num_frames: int = library.MOST_FRAMES) -> str | bytes | None:
    """What a player takes for a file from outside: its path, or a preview; None for a still picture."""
    if media.is_playable(path, info):
        return str(path)
    return common.preview(path, num_frames)


@st.cache_data(max_entries=128, show_spinner=False)
def gif_of(clip: np.ndarray, side: int) -> bytes:
    """A generated clip uint8 (time, height, width, 3) as a GIF of about side x side pixels."""
    return as_gif(np.stack([enlarge(frame, side) for frame in clip]), FPS)


def spell_facts(info: media.VideoInfo, video: str | bytes | None = None) -> str:
    """What a file says of itself, and that its player shows a preview where that is so."""
    preview = PREVIEW if isinstance(video, bytes) else ""
    if info.frame_count == 1:
        return f"one frame · {info.width}×{info.height} · {info.codec}{preview}"
    return f"{info.duration:.2f} s · {info.width}×{info.height} · {info.fps:.3g} frames/s · {info.codec}{preview}"


def show_chosen(chosen: Chosen, caption: str) -> None:
    """The player with the facts of the clip, and the caption over it if the visitor wants that."""
    player = st.container()
    over = chosen.video is not None and st.toggle("Caption over the video")
    subtitles = to_webvtt([Sentence(caption, 0.0, chosen.duration)]) if over else None
    with player:
        common.show_player(chosen.video, chosen.frames[0], subtitles)
        st.caption(common.plain(f"{chosen.name} · {chosen.facts}"))
    if chosen.note:
        st.warning(common.plain(chosen.note), icon=":material/warning:")
