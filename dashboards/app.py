"""The dashboard's router: `vtkeras dashboard`, or `streamlit run dashboards/app.py`."""

import importlib.util
import os
import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
# The folder is not called `pages`: Streamlit would run a file of such a folder without this router when its
# address is the first one to be opened.
VIEWS = HERE / "views"

if "dashboards" not in sys.modules:  # what the views import, in a checkout and in an installed vtkeras alike
    spec = importlib.util.spec_from_file_location("dashboards", HERE / "__init__.py")
    sys.modules["dashboards"] = importlib.util.module_from_spec(spec)
# A file of our own: the icon of a page would be fetched from the network.
st.set_page_config(page_title="vtkeras", page_icon=str(HERE / "icon.svg"), layout="wide")
opened = bool(os.environ.get("VTKERAS_FOLDER"))  # by `vtkeras open`: that folder is what is shown first
page = st.navigation(
    [
        st.Page(VIEWS / "home.py", title="Home", icon=":material/home:", default=not opened),
        st.Page(VIEWS / "folder.py", title="Folder", icon=":material/folder_open:", default=opened),
        st.Page(VIEWS / "playground.py", title="Playground", icon=":material/smart_display:"),
        st.Page(VIEWS / "attention.py", title="Attention", icon=":material/center_focus_strong:"),
        st.Page(VIEWS / "summaries.py", title="Summaries", icon=":material/movie:"),
        st.Page(VIEWS / "dense.py", title="Dense captions", icon=":material/timeline:"),
        st.Page(VIEWS / "browse.py", title="Browse clips", icon=":material/video_library:"),
        st.Page(VIEWS / "cleaning.py", title="Cleaning", icon=":material/cleaning_services:"),
        st.Page(VIEWS / "curves.py", title="Training curves", icon=":material/show_chart:"),
        st.Page(VIEWS / "evaluation.py", title="Evaluation", icon=":material/table_chart:"),
    ]
)
page.run()

from dashboards import common  # noqa: E402  after the lines above have told where it is

common.leave_loaded_out_of_collections()
