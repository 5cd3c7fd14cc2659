"""The page `Embeddings`, over six clips whose points are given."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import vtkeras
from dashboards import embeddings, jobs
from vtkeras.workspace import library

APP = Path(vtkeras.__file__).parent.parent / "dashboards" / "app.py"
POINTS = np.float32([[0, 0], [1, 0], [2, 0], [3, 5], [4, 5], [5, 5]])


@pytest.fixture
def page(install, monkeypatch):
    def run(title, function, model, folder, version):
        assert function == "vtkeras.search.projection:project_folder" and folder == str(install.data / "gray")
        return np.arange(6), POINTS, np.array([0.5, 0.25])

    monkeypatch.setattr(jobs, "run", run)
    monkeypatch.setenv("VTKERAS_MODELS", str(install.models))
    monkeypatch.setenv("VTKERAS_DATA", str(install.data))
    app = AppTest.from_file(str(APP), default_timeout=300).switch_page("views/embeddings.py").run()
    assert not app.exception and not app.error
    return app


def test_clips_are_points_and_filters_choose_among_them(page, install):
    clips = library.list_clips(install.data / "gray")
    assert page.dataframe[0].value["clip"].tolist() == [clip.id for clip in clips]
    assert len(page.get("vega_lite_chart")) == 1 and len(page.get("image")) == 6
    assert "keeps 75% of the differences" in "".join(caption.value for caption in page.caption)
    page.text_input[0].set_value("number 3").run()
    assert page.dataframe[0].value.caption.tolist() == ["a gray number 3"] and page.subheader[0].value == "1 clips"
    page.text_input[0].set_value("zebra").run()
    assert not page.exception and page.dataframe[0].value.empty


def test_an_area_of_the_chart_chooses_clips(page, monkeypatch):
    area = {"x": [0.5, 3.5], "y": [-1.0, 1.0]}  # as a drag over the chart gives it
    monkeypatch.setattr(st, "altair_chart", lambda *_, **__: SimpleNamespace(selection={embeddings.AREA: area}))
    page.run()
    assert page.dataframe[0].value.x.tolist() == [1, 2] and len(page.get("image")) == 2


def test_rare_labels_share_a_colour():
    clips = [library.Clip(str(number), None, (), (), (), f"label {min(number, 25)}") for number in range(30)]
    table = embeddings.tabulate(clips, np.zeros((30, 2)))
    shown = embeddings.chart(table, "label").data.label
    assert embeddings.MOST_COLOURS == 19 and shown.nunique() == 20
    assert (shown == "(others)").sum() == 7  # 26 labels, of which the last has five clips and is kept
