"""Where a result comes from, and the result as files."""

from collections.abc import Callable, Mapping
from pathlib import Path

import streamlit as st

from dashboards import common

Content = str | bytes | Callable[[], str | bytes]  # a function where it takes time: it is called at a click
Files = Mapping[str, tuple[Content, str, str]]


def show_provenance(model: Path, name: str, files: Files) -> None:
    """The clip, the model, how often it is right, and the result as files.

    Args:
        model: the run folder.
        name: of the clip that the model was asked about.
        files: as in `show_files`.
    """
    card = common.read_card(model)
    with st.container(border=True):
        st.markdown("**Where this comes from**")
        st.caption(
            f"{common.plain(name)} · model {common.plain(card.name)} · hash `{card.model_hash}` · "
            f"trained on {common.plain(card.data)} · {common.plain(str(model))}"
        )
        if card.metrics.empty:
            st.caption("Not evaluated: nothing is known of how often it is right.")
        else:
            with st.expander("How often it is right, beside baselines"):
                common.results_table(card.metrics, card.columns)
        show_files(files)


def show_files(files: Files) -> None:
    """A row of buttons, each of which stores a file.

    Args:
        files: (content, or what makes it at the click, file name, MIME type) by the button's label.
    """
    with st.container(horizontal=True):
        for label, (content, name, kind) in files.items():
            st.download_button(label, content, name, kind, on_click="ignore", icon=":material/download:")
