"""The dashboard's router: `vtkeras dashboard`, or `streamlit run dashboards/app.py`."""

import importlib.util
import os
import sys
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

HERE = Path(__file__).parent
# The folder is not called `pages`: Streamlit would run a file of such a folder without this router when its
# address is the first one to be opened.
VIEWS = HERE / "views"

if "dashboards" not in sys.modules:  # what the views import, in a checkout and in an installed vtkeras alike
    spec = importlib.util.spec_from_file_location("dashboards", HERE / "__init__.py")
    sys.modules["dashboards"] = importlib.util.module_from_spec(spec)
# A file of our own: the icon of a page would be fetched from the network.
st.set_page_config(page_title="vtkeras", page_icon=str(HERE / "icon.svg"), layout="wide")
PAGES = {
    "home": ("Home", "home"),
    "folder": ("Folder", "folder_open"),
    "playground": ("Playground", "smart_display"),
    "attention": ("Attention", "center_focus_strong"),
    "summaries": ("Summaries", "movie"),
    "dense": ("Dense captions", "timeline"),
    "create": ("Create", "auto_awesome"),
    "browse": ("Browse clips", "video_library"),
    "embeddings": ("Embeddings", "scatter_plot"),
    "cleaning": ("Cleaning", "cleaning_services"),
    "compare": ("Compare", "compare"),
    "curves": ("Training curves", "show_chart"),
    "evaluation": ("Evaluation", "table_chart"),
}


def page_of(name: str, **options) -> StreamlitPage:
    title, icon = PAGES[name]
    return st.Page(VIEWS / f"{name}.py", title=title, icon=f":material/{icon}:", **options)


first = "folder" if os.environ.get("VTKERAS_FOLDER") else "home"  # `vtkeras open` shows its folder first
# The first page's address is empty, whatever `url_path` says; a hidden one gives it the address of its name, too.
shown = [page_of(name, default=name == first, url_path="first" if name == first else name) for name in PAGES]
page = st.navigation([*shown, page_of(first, url_path=first, visibility="hidden")])
page.run()

from dashboards import common  # noqa: E402  after the lines above have told where it is

common.leave_loaded_out_of_collections()
