"""Browse clips: they play, with what is known of them beside them."""

from pathlib import Path

import streamlit as st

from dashboards import common
from vtkeras import keys
from vtkeras.workspace import library

PAGE = 6


def choose_clips(folder: Path) -> list[library.Clip]:
    """The clips that pass the filters."""
    clips = common.list_clips(folder)
    splits = list(dict.fromkeys(clip.split for clip in clips if clip.split))
    left, right = st.columns([1, 2])
    words = left.text_input("Words in a caption, question or label", placeholder="e.g. up and down")
    chosen = (
        right.pills("Splits", splits, selection_mode="multi", default=splits) if len(splits) > 1 else splits
    )
    found = [clip for clip in clips if clip.split in (chosen or [""]) and library.matches(clip, words)]
    st.caption(f"{len(found)} of {len(clips)} clips")
    return found


def show_page(clips: list[library.Clip]) -> None:
    """Six clips, and a choice of which six."""
    first = clips[0].id if clips else ""  # other clips begin at the first page
    clips = common.one_page(clips, PAGE, key=f"browse page {len(clips)} {first}")
    columns = st.columns(3)
    for place, clip in enumerate(clips):
        with columns[place % 3], st.container(border=True), common.shown_errors():
            show_clip(clip)


def show_clip(clip: library.Clip) -> None:
    """A player and the clip's texts."""
    video = common.clip_video(clip)
    common.show_player(video, None if video else common.read_clip(clip, 1)[0][0])
    st.caption(common.plain(f"{clip.id}{f' · {clip.split}' if clip.split else ''}"))
    for caption in clip.captions:
        st.markdown(common.plain(caption))
    for question, answer in zip(clip.questions, clip.answers):
        st.markdown(f":material/help: {common.plain(question)} **{common.plain(answer)}**")
    if clip.label:
        with st.container(horizontal=True, gap="xsmall"):
            for label in clip.label.split(keys.LABEL_SEPARATOR):
                st.badge(common.plain(label), color="blue")


st.title("Browse clips", anchor=False)
with common.shown_errors():
    libraries = common.find_libraries()
    if libraries:
        library_folder = st.selectbox("Clips from", libraries, format_func=common.short)
        found = choose_clips(library_folder)
        if found:
            show_page(found)
        else:
            st.info("No clip has all these words. Try fewer, or another split.", icon=":material/search_off:")
    else:
        st.info("No clips here yet.", icon=":material/flag:")
        common.show_data_commands()
