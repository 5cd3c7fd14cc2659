"""Embeddings: the clips of a folder as points; those that a model finds alike lie near each other."""

from pathlib import Path

import pandas as pd
import streamlit as st

from dashboards import common, jobs
from dashboards.embeddings import AREA, chart, inside, tabulate
from dashboards.provenance import show_provenance
from vtkeras.run_files import MANIFEST
from vtkeras.spreadsheets import harmless
from vtkeras.workspace import left_out, library

PROJECT = "vtkeras.search.projection:project_folder"
PAGE, TILE = 12, 112  # clips, pixels
COLUMNS = ("label", "split", "caption")  # by which points can be coloured


def show(model: Path, folder: Path) -> None:
    """The points, those that pass the filters, and their clips."""
    name = common.short(folder)
    version = common.version(folder / MANIFEST)
    found = jobs.run(f"embeddings of {name}", PROJECT, model, str(folder.absolute()), version=version)
    if found is None:
        return
    places, points, shares = found
    everything = common.list_clips(folder)
    clips = [everything[place] for place in places]
    table = choose_rows(clips, tabulate(clips, points))
    if len(clips) < len(everything):
        st.caption(f"{len(clips):,} of {len(everything):,} clips, evenly out of all.")
    st.caption(
        f"The plane keeps {shares.sum():.0%} of the differences between the clips' search vectors (principal component "
        "analysis); points that lie apart are unlike, those that lie together need not be alike in the rest."
    )
    columns = [column for column in COLUMNS if table[column].any()] or [COLUMNS[0]]
    by = st.segmented_control("Colour by", columns, default=columns[0], required=True)
    event = st.altair_chart(chart(table, by), on_select="rerun", selection_mode=AREA, key=f"points {name} {model}")
    chosen = inside(table, event.selection[AREA])
    show_clips(clips, chosen)
    cells = table.map(lambda cell: harmless(cell) if isinstance(cell, str) else cell)
    show_provenance(model, name, {"Table as CSV": (cells.to_csv(index=False), "embeddings.csv", "text/csv")})


def choose_rows(clips: list[library.Clip], table: pd.DataFrame) -> pd.DataFrame:
    """The clips that pass the filters."""
    splits = list(dict.fromkeys(table.split))
    left, right = st.columns([1, 2])
    words = left.text_input("Words in a caption, question or label", placeholder="e.g. up and down")
    chosen = right.pills("Splits", splits, selection_mode="multi", default=splits)
    kept = [clip.split in chosen and library.matches(clip, words) for clip in clips]
    return table[kept]


def show_clips(clips: list[library.Clip], chosen: pd.DataFrame) -> None:
    """Pictures and texts of the clips that are chosen."""
    st.subheader(f"{len(chosen):,} clips", anchor=False, help="Drag over points to choose some; a click takes it back.")
    with st.container(horizontal=True, gap="small"):
        for place in common.one_page(list(chosen.index), PAGE, key=f"embeddings page {len(chosen)}"):
            with st.container(width=TILE, gap="xsmall"), common.shown_errors():
                st.image(common.read_thumbnail(clips[place], TILE), width=TILE)
                st.caption(common.plain(clips[place].id))
    st.dataframe(chosen, hide_index=True)


st.title("Embeddings", anchor=False)
with common.shown_errors():
    models = common.find_searchers()
    folders = left_out.find_ingested(common.find_libraries())
    if models and folders:
        chosen_model = common.choose_model(models)
        show(chosen_model, st.selectbox("Folder", folders, format_func=common.short))
    elif models:
        st.info("No ingested folder here yet.", icon=":material/flag:")
        common.show_data_commands()
    else:
        st.info("No model with a space that videos and texts share yet. This makes one:", icon=":material/flag:")
        st.code(common.demo_command(), language="bash")
