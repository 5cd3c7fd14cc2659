"""Dense captions: what happens in a long video and when, on a timeline and over the video."""

from dataclasses import asdict, dataclass
from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import common, jobs
from dashboards.clips import BUNDLED, LONGEST_NAME, PATH, UPLOAD, choose_bundled, choose_file, playable, spell_facts
from dashboards.provenance import show_provenance
from vtkeras.data.subtitles import to_webvtt
from vtkeras.errors import UserError
from vtkeras.serving import schema
from vtkeras.serving.dense import CONFIDENCE_THRESHOLD, only_sure, spell_written
from vtkeras.serving.results import TimedCaption
from vtkeras.workspace import media
from vtkeras.workspace.library import Clip

FIND_EVENTS = "vtkeras.serving.dense:find_events"


def tells_events(model: Path) -> bool:
    """Whether a model tells times; a damaged one is shown on the page Home."""
    try:
        return common.read_card(model).can("events")
    except UserError:
        return False


@dataclass(frozen=True)
class Video:
    """The video file, or the segment of one, in which to look for events.

    Attributes:
        name: what to call it.
        source: what the command line would be given.
        path: the file.
        clip: what the library knows of it; None for a file from outside.
    """

    name: str
    source: str
    path: Path
    clip: Clip | None = None


def choose_video(model: Path, size: dict) -> Video | None:
    """A video of a library, or from outside."""
    place = st.segmented_control("Video", [BUNDLED, UPLOAD, PATH], default=BUNDLED, required=True)
    if place == BUNDLED:
        chosen = choose_bundled(model, size)
        if chosen and not chosen.clip.is_file:
            st.info("This clip is stored as frames without times: choose a video file.", icon=":material/flag:")
            return None
        return Video(chosen.name, chosen.source, chosen.clip.path, chosen.clip) if chosen else None
    name, path = choose_file(place)
    return Video(Path(name).name[:LONGEST_NAME], name, path) if path else None


def timeline(events: list[TimedCaption], bounds: tuple[float, float]) -> alt.Chart:
    """A bar from begin to end for every event, between the seconds at which the video begins and ends."""
    rows = pd.DataFrame([asdict(event) for event in events])
    return alt.Chart(rows, height=alt.Step(28)).mark_bar(cornerRadius=3).encode(
        x=alt.X("start:Q", title="seconds", scale=alt.Scale(domain=bounds)),
        x2="end:Q",
        y=alt.Y("text:N", title=None, sort=None, axis=alt.Axis(labelLimit=320)),
        color=alt.Color("text:N", legend=None),
        tooltip=[
            alt.Tooltip("text", title="event"),
            alt.Tooltip("start", format=".2f", title="from (s)"),
            alt.Tooltip("end", format=".2f", title="to (s)"),
            alt.Tooltip("score", format=".0%", title="confidence"),
        ],
    )  # fmt: skip


def choose_event(events: list[TimedCaption], first: float) -> float:
    """The second to play from: the beginning of the event that the visitor chose, else `first`."""
    names = [common.plain(f"{event.start:.1f} s · {event.text}") for event in events]
    label = "Play from the whole second before"  # as players take it
    place = st.pills(label, range(len(events)), format_func=names.__getitem__, key="event")
    return first if place is None else events[place].start


def show_player(
    path: Path, info: media.VideoInfo, size: dict, events: list[TimedCaption], start: float
) -> None:
    """The video with the events as subtitles, from `start` on."""
    video = playable(path, info, num_frames=256)
    if video is None:
        st.image(common.read_file(path, **size).frames[0], width="stretch")
    else:
        st.video(video, start_time=start, muted=True, subtitles=to_webvtt(events) if events else None)
    st.caption(common.plain(spell_facts(info, video)))


def show_table(events: list[TimedCaption]) -> None:
    """A row for each event."""
    columns = {
        "start": st.column_config.NumberColumn("from (s)", format="%.2f"),
        "end": st.column_config.NumberColumn("to (s)", format="%.2f"),
        "score": st.column_config.NumberColumn("confidence", format="percent"),
    }
    st.dataframe(pd.DataFrame([asdict(event) for event in events]), hide_index=True, column_config=columns)


def show_earlier() -> None:
    """The events that the address names, which are found while no page is open."""
    title, found = jobs.earlier() or ("", None)
    if found is not None:
        st.subheader(common.plain(title.capitalize()), anchor=False)
        show_table(found)
        if not found:
            st.info("The model found no event.", icon=":material/info:")


def show_events(model: Path, video: Video, size: dict) -> None:
    """Player on the left; timeline, table and files on the right."""
    path = video.path.absolute()
    with common.told_by_name((video.source, path)):
        info = common.inspect(path)
        bounds = video.clip.bounds(info) if video.clip else (info.start, info.duration)
        options = {"duration": bounds[1], "first": bounds[0], "apart": True}
        found = jobs.run(f"events of {video.name}", FIND_EVENTS, model, path, version=common.version(path), **options)
    if found is None:
        return
    begin = bounds[0] if video.clip and video.clip.is_segment else 0.0
    played = begin
    events = only_sure(found)
    left, right = st.columns([1, 2], gap="large")
    with right:
        unsure = len(found) - len(events)
        if unsure and st.toggle(f"Also the {unsure} below {CONFIDENCE_THRESHOLD:.0%} confidence"):
            events = found
        if not events:
            st.info("The model found no event in this video that it is sure of.", icon=":material/info:")
        else:
            st.altair_chart(timeline(events, bounds))
            played = choose_event(events, begin)
            show_table(events)
        if video.clip and video.clip.captions:
            written = spell_written(video.clip.captions[0], bounds[1], begin)
            st.caption(f"Written for this video: {common.plain(written)}")
        values = schema.events(events, video.source, common.read_card(model).info)
        files = {
            "WebVTT": (to_webvtt(events), "events.vtt", "text/vtt"),
            "JSON": (schema.to_json(values), "events.json", "application/json"),
        }
        show_provenance(model, video.name, files)
    with left:
        show_player(path, info, size, events, played)


st.title("Dense captions", anchor=False)
with common.shown_errors():
    dense_models = [model for model in common.find_models() if tells_events(model)]
    if dense_models:
        model_folder = common.choose_model(dense_models)
        clip_size = common.read_card(model_folder).clip_size
        video_chosen = choose_video(model_folder, clip_size)
        if video_chosen:
            show_events(model_folder, video_chosen, clip_size)
        else:  # after a page was loaded again
            show_earlier()
    else:
        st.info("No model that tells times yet. These commands make one:", icon=":material/flag:")
        st.code(
            "vtkeras train --config dense_digits --out runs/dense_digits\n"
            "vtkeras export runs/dense_digits",
            language="bash",
        )
