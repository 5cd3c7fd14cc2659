"""Home: what is here and what to do next."""

from pathlib import Path

import streamlit as st

from dashboards import common
from vtkeras.errors import command
from vtkeras.run_files import LOGS
from vtkeras.workspace import runs


def first_steps() -> None:
    """What to do when nothing has been trained."""
    st.info(
        "No exported model yet. Two commands make one, on this machine, without a network:",
        icon=":material/flag:",
    )
    st.markdown(
        "**The whole walk on embedded data** (train, evaluate, export; about 10 minutes on two CPU cores)"
    )
    st.code(common.demo_command(), language="bash")
    st.markdown(
        "**Your own videos**: a folder of videos with a `captions.csv`: a column `path`, and any of `caption`, "
        "`question` with `answer`, and `label`"
    )
    st.code(
        "vtkeras pretrained install\n"
        "vtkeras train --data FOLDER --minutes 20 --out runs/mine\n"
        "vtkeras evaluate runs/mine",
        language="bash",
    )
    st.caption("Then reload this page. Looked for models in: " + places(common.model_roots()))


def show_model(folder: Path) -> None:
    """A card with the model's results and ways to go on."""
    card = common.read_card(folder)
    with st.container(border=True):
        st.subheader(common.plain(card.name), anchor=False)
        st.caption(
            f"task {common.plain(card.task)} · data {common.plain(card.data)} · hash `{card.model_hash}` · "
            f"{common.plain(str(folder))}"
        )
        if card.metrics.empty:
            st.markdown("Not evaluated yet. To compare it with baselines on the same clips:")
            st.code(command("evaluate", folder), language="bash")
        else:
            common.results_table(card.metrics, card.columns)
        with st.container(horizontal=True):
            page = "create" if card.can("generate") else "playground"
            this = {"model": str(folder)}
            st.page_link(f"views/{page}.py", label="Try it", icon=":material/smart_display:", query_params=this)
            if (folder / LOGS).is_dir():
                st.page_link("views/curves.py", label="Training curves", icon=":material/show_chart:")


def show_unexported(folders: list[Path]) -> None:
    """Runs that a single command would bring here."""
    if folders:
        st.markdown("**Trained, not exported yet.** The dashboard opens exported models only:")
        st.code("\n".join(command("export", folder) for folder in folders), language="bash")


def show_libraries() -> None:
    """Folders with clips."""
    st.header("Clips", anchor=False)
    libraries = common.find_libraries()
    for folder in libraries:
        st.markdown(f":material/folder: {common.plain(str(folder))}")
    if libraries:
        st.page_link("views/browse.py", label="Browse clips", icon=":material/video_library:")
    else:
        st.markdown("No clips yet.")
        common.show_data_commands()


def places(folders: list[Path]) -> str:
    return ", ".join(common.plain(str(folder.absolute())) for folder in folders)


st.title("vtkeras", anchor=False)
st.markdown("Models that read video and text together: captions, answers, labels, and where the model looked.")
with common.shown_errors():
    models = common.find_models()
    st.header("Models", anchor=False)
    for model in models:
        with common.shown_errors():
            show_model(model)
    if not models:
        first_steps()
    show_unexported(runs.unexported(common.model_roots()))
    show_libraries()
