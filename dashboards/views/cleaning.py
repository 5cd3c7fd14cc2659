"""Cleaning: what was left out of an ingested folder and why, with pictures; a person puts it back."""

from pathlib import Path

import streamlit as st

from dashboards import common
from vtkeras.errors import command
from vtkeras.workspace import left_out
from vtkeras.workspace.left_out import Mark

PAGE = 6


def show(folder: Path) -> None:
    """What is left out of a folder, six at a time."""
    found = left_out.left_out(folder)
    if not found:
        st.info("Nothing is left out of this folder. This looks for faults in it:", icon=":material/check:")
        st.code(command("data", "clean", folder), language="bash")
        return
    reasons = list(dict.fromkeys(mark.reason for marks in found for mark in marks))
    chosen = st.pills("Reasons", reasons, selection_mode="multi", default=reasons)
    shown = left_out.left_out(folder, chosen)
    st.caption(f"{len(shown)} of {len(found)} clips and captions left out; nothing was deleted")
    clips = {clip.id: clip for clip in common.list_clips(folder)}
    columns = st.columns(3)
    for place, marks in enumerate(common.one_page(shown, PAGE, key="cleaning page")):
        with columns[place % 3], st.container(border=True), common.shown_errors():
            show_marks(folder, marks, clips)


def show_marks(folder: Path, marks: list[Mark], clips: dict) -> None:
    """One clip or caption, why it is left out, and a button that puts it back."""
    first = marks[0]
    if clip := clips.get(first.clip):
        frames = common.read_clip(clip, 1)[0]
        st.image(frames[len(frames) // 2], width="stretch")
    else:
        st.caption("This clip is not stored any more.")
    st.caption(common.plain(f"{first.clip} · {first.split}"))
    if first.caption is not None:
        st.markdown(common.plain(f"“{first.caption}”"))
    for mark in marks:
        st.markdown(f":material/block: **{common.plain(mark.reason)}** {common.plain(mark.detail)}")
    if st.button("Put back", key=f"put back {first.clip} {first.caption}"):
        left_out.put_back(folder, marks)
        st.rerun()


st.title("Cleaning", anchor=False)
with common.shown_errors():
    folders = left_out.find_ingested(common.find_libraries())
    if folders:
        show(st.selectbox("Folder", folders, format_func=common.short))
    else:
        st.info("No ingested folder here yet.", icon=":material/flag:")
        common.show_data_commands()
