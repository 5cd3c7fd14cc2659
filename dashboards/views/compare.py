"""Compare: two videos frame by frame, one beside its reference, with the figures of `vtkeras score-video` over time."""

from __future__ import annotations

import math
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from dashboards import common, jobs
from dashboards.clips import BUNDLED, LONGEST_NAME, PATH, UPLOAD, choose_file, playable, spell_facts
from dashboards.provenance import show_files
from vtkeras.run_files import SAMPLES
from vtkeras.serving import schema

SCORE = "vtkeras.evaluation.videos:score_over_time"
QUICK, SLOW = ("psnr", "ssim", "ms_ssim"), "perceptual"
BESIDE = " beside "  # between the names in a job's title
SIDE = 360  # pixels of the pictures
TITLES = {
    "psnr": ("PSNR, dB", "Error of the pixels; higher is better, infinite for equal frames."),
    "ssim": ("SSIM", "Brightness, contrast and structure; higher is better, 1 for equal frames."),
    "ms_ssim": ("MS-SSIM", "SSIM at several scales; higher is better, 1 for equal frames."),
    "perceptual": ("perceptual distance", "In a frozen encoder's features; lower is better, 0 for equal frames."),
}


def bundled() -> list[Path]:
    """The clips that come with the models."""
    return [path for model in common.find_models() for path in sorted((model / SAMPLES).glob("*.mp4"))]


def choose_video(role: str, number: int) -> tuple[str, Path] | None:
    """One of the two videos: what to call it, and its path. The bundled clip `number` is proposed."""
    places = [BUNDLED, UPLOAD, PATH] if (samples := bundled()) else [UPLOAD, PATH]
    place = st.segmented_control(role, places, default=places[0], required=True, key=f"{role} place")
    if place == BUNDLED:
        start = min(number, len(samples) - 1)
        path = st.selectbox("Clip", samples, start, format_func=common.short, key=f"{role} clip")
        return path.name, path
    name, chosen = choose_file(place, role)
    return (Path(name).name[:LONGEST_NAME], chosen) if chosen else None


def show_video(name: str, path: Path) -> None:
    """The player, with the facts of the file."""
    with common.told_by_name((name, path)):
        info = common.inspect(path)
        video = playable(path, info)
        still = None if video else common.read_file(path, 1, SIDE).frames[0]
    common.show_player(video, still)
    st.caption(common.plain(f"{name} · {spell_facts(info, video)}"))


def title(metric: str) -> tuple[str, str]:
    """How a metric is shown, and what it tells."""
    kind = next(name for name in reversed(TITLES) if metric.startswith(name))
    return TITLES[kind]


def tabulate(found: dict) -> pd.DataFrame:
    """A row for each frame."""
    return pd.DataFrame({"frame": range(len(found["seconds"])), "seconds": found["seconds"][:, 0], **found["frames"]})


def chart(table: pd.DataFrame, metric: str, frame: int) -> alt.LayerChart:
    """The course of one metric, with a mark at the chosen frame."""
    rows = table.replace([np.inf, -np.inf], np.nan)
    line = alt.Chart(rows, height=110).mark_line(point=len(rows) <= 64).encode(
        x="frame:Q",
        y=alt.Y(f"{metric}:Q", title=title(metric)[0], scale=alt.Scale(zero=False)),
        tooltip=["frame", alt.Tooltip("seconds", format=".2f"), alt.Tooltip(metric, format=".4f")],
    )  # fmt: skip
    return alt.layer(line, alt.Chart(rows.iloc[[frame]]).mark_rule(color="#c2410c").encode(x="frame:Q"))


def worst_frame(found: dict, metric: str) -> int:
    """The frame that is furthest from what equal frames have."""
    values, best = found["frames"][metric], found["best"][metric]
    return int(np.argmin(values)) if math.isinf(best) else int(np.argmax(np.abs(values - best)))


def show_frames(pair: list[Path], found: dict, frame: int) -> None:
    """One frame of both, and where they differ."""
    seconds = found["seconds"][frame] if len(found["seconds"]) > 1 else (None, None)
    one, other = (common.read_moment(path, second, SIDE) for path, second in zip(pair, seconds))
    difference = np.abs(one.astype(int) - other).astype("uint8")
    names = ("reference", "candidate", f"difference, {difference.max()} of 255 at most")
    for column, picture, name in zip(st.columns(3), (one, other, difference), names):
        column.image(picture, caption=name, width="stretch")


def show_results(names: list[str], pair: list[Path], found: dict) -> None:
    """Figures of the whole, their course over the frames, and the frame that is chosen.

    Args:
        names: of reference and candidate.
        pair: their paths; [] where they are not known, as after a page was loaded again.
        found: what `score_over_time` gives.
    """
    for note in found["notes"]:
        st.caption(common.plain(note))
    with st.container(horizontal=True):
        for metric, value in found["figures"].items():
            label, told = title(metric)
            st.metric(label, f"{value:.4f}", help=told, border=True)
    metrics, table, count = list(found["frames"]), tabulate(found), len(found["seconds"])
    frame = 0
    if count > 1:
        by = st.segmented_control("Go to the worst frame by", metrics, default=metrics[-1], required=True, key="by",
                                  format_func=lambda metric: title(metric)[0])  # fmt: skip
        frame = st.slider("Frame", 0, count - 1, worst_frame(found, by), key=f"frame {names} {by}")
        for metric in metrics:
            st.altair_chart(chart(table, metric, frame))
    if pair:
        show_frames(pair, found, frame)
    values = {"reference": names[0], "candidate": names[1], "figures": found["figures"], "best": found["best"]}
    show_files(
        {
            "Figures as JSON": (schema.to_json(values), "figures.json", "application/json"),
            "Frames as CSV": (table.to_csv(index=False), "frames.csv", "text/csv"),
        }
    )


def compare(chosen: list[tuple[str, Path]]) -> None:
    """The button, and what it found once it was pressed for these two videos."""
    names, pair = [name for name, _ in chosen], [path.absolute() for _, path in chosen]
    told = "About a tenth of a second a frame; needs an encoder's weights."
    slow = st.toggle("Also the perceptual distance", help=told)
    call = (*map(str, pair), (*QUICK, SLOW) if slow else QUICK)
    if st.button("Compare", type="primary", icon=":material/compare:"):
        st.session_state.compared = call
    if st.session_state.get("compared") == call:
        versions = tuple(map(common.version, pair))
        with common.told_by_name(*zip(names, pair)):
            found = jobs.run(f"{names[1]}{BESIDE}{names[0]}", SCORE, None, *call, version=versions)
        if found:
            show_results(names, pair, found)
    elif "compared" not in st.session_state:
        show_earlier()


def show_earlier() -> None:
    """The comparison that the address names, which goes on while no page is open."""
    title, found = jobs.earlier() or ("", None)
    if found:
        st.subheader(common.plain(title), anchor=False)
        candidate, _, reference = title.partition(BESIDE)
        show_results([reference, candidate], [], found)


st.title("Compare", anchor=False)
with common.shown_errors():
    st.caption("A video beside a reference, frame by frame: a generated one beside a real one, or a copy.")
    videos = []
    for number, (column, role) in enumerate(zip(st.columns(2), ("Reference", "Candidate"))):
        with column:
            if video := choose_video(role, number):
                show_video(*video)
                videos.append(video)
    if len(videos) == 2:
        compare(videos)
    else:
        show_earlier()
        st.info("Choose two videos or pictures of the same size. In a terminal:", icon=":material/flag:")
        st.code("vtkeras score-video REFERENCE CANDIDATE", language="bash")
