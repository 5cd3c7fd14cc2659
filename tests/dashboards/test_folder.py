"""The page Folder, over a folder that is as far as each test says."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from fixtures.folders import NAMES, by_brightness
from fixtures.videos import make_image, make_video
from PIL import Image
from streamlit.testing.v1 import AppTest

import vtkeras
from dashboards import jobs as long_jobs
from vtkeras.errors import UserError
from vtkeras.folders import jobs
from vtkeras.folders.listing import list_folder
from vtkeras.folders.store import PROBLEM, STUDIED, FolderStore, Known
from vtkeras.folders.study import study
from vtkeras.serving.results import Match, Matches
from vtkeras.tagging import zero_shot

ROOT = Path(vtkeras.__file__).parent.parent
VECTORS = {"night": [1, 0], "snow": [-1, 0], "Winter": [-0.8, 0.6]}


@pytest.fixture
def folder(tmp_path):
    """Two videos, dark and bright, a picture, and a file that is no video; with texts for one of them."""
    make_video(tmp_path / "a.mp4", np.zeros((20, 48, 64, 3), np.uint8))
    make_video(tmp_path / "b.mp4", np.full((20, 48, 64, 3), 250, np.uint8))
    make_image(tmp_path / "c.png", 240)
    (tmp_path / "bad_*one*.mp4").write_bytes(b"nothing")
    (tmp_path / "captions.csv").write_text("path,caption\na.mp4,a cat at midnight\n")
    return tmp_path


@pytest.fixture
def packages(monkeypatch):
    """As if the packages with weights were here."""
    monkeypatch.setattr("vtkeras.folders.search.encoder_key", lambda: "by brightness")
    monkeypatch.setattr("vtkeras.pretrained.imagenet.class_names", lambda: NAMES)
    encode = lambda texts: np.array([VECTORS[text] for text in texts], np.float32)  # noqa: E731
    monkeypatch.setattr(zero_shot, "concept_space", lambda *_: zero_shot.ConceptSpace(NAMES, encode))
    st.cache_resource.clear()


@pytest.fixture
def started(monkeypatch):
    """The stores whose work was started; none of it is done."""
    started = []
    monkeypatch.setattr(jobs, "start", started.append)
    return started


@pytest.fixture
def open_page(folder, started, monkeypatch):
    """A callable to the page's first run, as `vtkeras open` has it shown."""
    monkeypatch.setenv("VTKERAS_FOLDER", str(folder))
    return lambda: AppTest.from_file(str(ROOT / "dashboards" / "app.py"), default_timeout=60).run()


@pytest.fixture
def studied(folder, packages):
    """The folder's store once all is found out."""
    store = FolderStore(folder)
    store.refresh(list_folder(folder).files, "by brightness")
    study(store, lambda: by_brightness, lambda frames: ["dark: mean luma 0"] if frames.max() < 9 else [])
    return store


def said(app):
    kinds = ("title", "markdown", "caption", "info", "error", "warning", "code")
    texts = [str(one.value) for kind in kinds for one in getattr(app, kind)]
    return "\n".join([*texts, *(bar.proto.text for bar in app.get("progress"))]).replace("\\", "")


def tiles(app):
    """The files of the gallery in its order, by their buttons."""
    return [button.key.removeprefix("show ") for button in app.button if str(button.key).startswith("show ")]


def test_a_folder_is_listed_at_once_and_looked_at_behind(open_page, folder, packages, started):
    with FolderStore(folder).held():  # as if the work went on
        app = open_page()
        assert not app.exception and not app.error and app.title[0].value == "Folder"
        assert app.metric[0].value == "4" and len(app.dataframe[0].value) == 4
        assert "Of 4 files 0 are looked at" in said(app) and not started
    app.run()
    assert "Interrupted" in said(app)
    next(button for button in app.button if button.label == "Go on").click().run()
    assert [store.folder for store in started] == [folder]


def test_work_that_begins_while_the_page_is_open_is_followed(open_page, folder, packages, monkeypatch):
    """As a click on `Go on` begins it: that runs one part of the page again, which was drawn while nothing ran."""
    answers = iter([False, False])  # as the page begins; from then on the work is running
    monkeypatch.setattr(jobs, "is_running", lambda store: next(answers, True))
    app = open_page()
    assert not app.exception and "Interrupted" not in said(app) and app.get("progress")


def test_all_that_is_known_is_shown(open_page, studied):
    app = open_page()
    text = said(app)
    assert not app.exception and not app.error and not app.get("progress")
    values = {metric.label: metric.value for metric in app.metric}
    assert values == {"Files": "4", "Videos": "2", "Pictures": "1", "Length": "0:04", "Size": values["Size"]}
    assert tiles(app) == ["a.mp4", "b.mp4", "c.png"]
    assert "b.mp4 · 0:02" in text and "snow 0.9" in text and " at " in text and "cannot be read" in text
    assert "h264 2, png 1" in text
    assert f"vtkeras train --data {studied.folder}" in text and "1 of 4 files have some, in captions.csv" in text
    table, faults = (frame.value for frame in app.dataframe)
    assert list(table.file) == ["a.mp4", "b.mp4", "bad_*one*.mp4", "c.png"] and table.text[0] == "a cat at midnight"
    assert dict(zip(faults.file, faults.amiss))["a.mp4"] == "dark: mean luma 0"
    assert faults.amiss[1].startswith("is not a video") and len(faults) == 2


def test_search_by_meaning_and_by_words(open_page, studied):
    app = open_page()
    app.text_input(key="search").set_value("Winter").run()
    assert tiles(app) == ["b.mp4", "c.png", "a.mp4"] and "0.80" in said(app)
    VECTORS["cat"] = [0, 1]
    app.text_input(key="search").set_value("cat").run()
    assert tiles(app)[0] == "a.mp4" and "1 with these words" in said(app)


def test_search_by_a_trained_model(open_page, studied, exported_run, monkeypatch):
    calls = []

    def run(title, function, model, files, text, version):
        call = function, model, files, text, version
        calls.extend([] if call in calls else [call])
        if text == "zzz":
            raise UserError("The model knows no word of 'zzz'.")
        if text == "slow":
            return None  # it goes on, or was stopped
        found = [Match(str(file), 0.5, chance) for file, chance in zip(reversed(files), (0.75, 0.25, None))]
        return Matches(found, ["b.mp4 is damaged."], ["Something to know."])

    monkeypatch.setenv("VTKERAS_MODELS", str(exported_run))
    monkeypatch.setattr(long_jobs, "run", run)
    app = open_page()
    [choice] = [one for one in app.selectbox if one.label == "Search by"]
    assert choice.options[0] == "what is on them, with no training" and len(choice.options) == 2
    app = choice.select_index(1).run()
    app.text_input(key="search").set_value("a cat jumps").run()
    assert not app.exception and tiles(app) == ["c.png", "b.mp4", "a.mp4"] and "0.75" in said(app)
    assert any("Something to know" in note.value for note in app.info)
    app.run()  # as while files are looked at: what was found is not searched for again
    files = [studied.folder / name for name in ("a.mp4", "b.mp4", "c.png")]
    versions = tuple(file.stat().st_mtime_ns for file in files)
    assert calls == [("vtkeras.search.search:search", exported_run, files, "a cat jumps", versions)]
    assert "a.mp4 · 0:02 · **0.50**" in said(app)  # the cosine, where there is no chance
    assert "the chance of each of the first 2, " in said(app) and "of the others the cosine" in said(app)
    assert app.expander[0].label == "Not searched (1)"
    assert app.dataframe[0].value.why.tolist() == ["b.mp4 is damaged."]
    make_image(studied.folder / "d.png")
    studied.refresh(list_folder(studied.folder).files)
    studied.save("d.png", STUDIED, Known(codec="png"))
    app.run()
    assert len(calls) == 1 and tiles(app) == ["c.png", "b.mp4", "a.mp4"]
    next(button for button in app.button if button.label == "Search again with 1 more").click().run()
    assert len(calls) == 2 and not any("Search again" in button.label for button in app.button)
    app.text_input(key="search").set_value("zzz").run()
    assert "knows no word of" in app.error[0].value and tiles(app) == []
    app.text_input(key="search").set_value("slow").run()
    assert not app.exception and not app.error and tiles(app) == []


def test_a_click_plays_from_the_moment(open_page, studied):
    app = open_page()
    button = app.button(key="show b.mp4")
    app = button.click().run()
    [video] = app.get("video")
    assert not app.exception and f"{video.proto.start_time}" in button.label
    app = app.button(key="show c.png").click().run()
    assert not app.exception and not app.get("video")


def test_without_the_packages_the_rest_is_there(open_page, folder, monkeypatch):
    monkeypatch.setattr("vtkeras.folders.search.encoder_key", lambda: "")
    store = FolderStore(folder)
    store.refresh(list_folder(folder).files, "")
    study(store, None, lambda frames: [])
    app = open_page()
    assert not app.exception and "run `vtkeras pretrained install`" in said(app)
    assert app.text_input(key="search").label == "Words in the files' names and texts"
    app.text_input(key="search").set_value("MIDNIGHT").run()
    assert tiles(app) == ["a.mp4"]


def test_what_stopped_the_work_is_told(open_page, folder, packages, started):
    app = open_page()
    [store] = started
    store.set_note(PROBLEM, "The disk is full.")
    assert "The disk is full." in said(app.run())


def test_what_is_no_folder_is_told(open_page, tmp_path, monkeypatch):
    monkeypatch.setenv("VTKERAS_FOLDER", str(tmp_path / "none"))
    app = open_page()
    assert not app.exception and "is no folder" in app.error[0].value.replace("\\", "")


def test_bad_texts_are_told_and_the_files_shown(open_page, studied):
    (studied.folder / "captions.csv").write_text("path,caption\nmissing.mp4,a cat\n")
    app = open_page()
    assert "missing.mp4" in app.warning[0].value.replace("\\", "") and len(tiles(app)) == 3


def test_several_tables_are_told(open_page, studied):
    (studied.folder / "captions.csv").rename(studied.folder / "train.csv")
    (studied.folder / "test.csv").write_text("path,caption\nb.mp4,snow\n")
    app = open_page()
    assert not app.exception and "holds several tables, test.csv, train.csv: " in said(app)
    assert "put a `captions.csv` into it" not in said(app)


def test_a_picture_is_enlarged_as_it_is_to_be_seen(open_page, folder, packages, monkeypatch):
    """A photograph that says of itself that it is to be turned, and a video of one frame, which no browser plays."""
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter to the right
    Image.new("RGB", (40, 20)).save(folder / "turned.jpg", exif=turned)
    make_video(folder / "one.avi", 1)
    store = FolderStore(folder)
    store.refresh(list_folder(folder).files, "")
    study(store, None, lambda frames: [])
    app, shown = open_page(), []
    monkeypatch.setattr(st, "image", lambda picture, **_: shown.append(np.shape(picture)))
    for name in ("turned.jpg", "one.avi"):
        app.button(key=f"show {name}").click().run()
        assert not app.exception and not app.error, said(app)
    assert [shape for shape in shown if shape] == [(40, 20, 3), (48, 64, 3)]


def test_a_preview_is_said_to_be_one(open_page, folder, packages):
    make_video(folder / "old.avi", 4)
    store = FolderStore(folder)
    store.refresh(list_folder(folder).files, "")
    study(store, None, lambda frames: [])
    app = open_page()
    app.button(key="show old.avi").click().run()
    assert len(app.get("video")) == 1 and "silent preview" in said(app)


@pytest.mark.parametrize("name", [b"Holiday ", b"caf\xe9"])
def test_a_folder_is_taken_as_it_is_named(open_page, tmp_path, packages, monkeypatch, name):
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    for file in (b"a.mp4", *(b"\xff%d.mp4" % number for number in range(24))):  # two pages
        path = folder / os.fsdecode(file)
        path.write_bytes(make_video(tmp_path / "a.mp4", 4).read_bytes())
    (folder / "captions.csv").write_text("path,caption\na.mp4,a cat\n")
    store = FolderStore(folder)
    store.refresh(list_folder(folder).files, "")
    study(store, None, lambda frames: [])
    monkeypatch.setenv("VTKERAS_FOLDER", str(folder))
    app = open_page()
    assert not app.exception and not app.error, said(app)
    assert app.metric[0].value == "25" and app.text_input[0].value.endswith(("Holiday ", "caf\\xe9"))
    app.number_input[0].set_value(2).run()
    app.button(key="show \\xff9.mp4").click().run()
    assert not app.exception and not app.error and len(app.get("video")) == 1, said(app)


def test_a_large_folder_is_looked_at_rarely(open_page, studied, monkeypatch):
    """20,000 files: to read what is known of them takes seconds, in which the work on them is slowed down."""
    listed, looks, fragment = list_folder(studied.folder), [], st.fragment
    monkeypatch.setattr("vtkeras.folders.listing.list_folder", lambda _: replace(listed, files=listed.files * 5000))
    monkeypatch.setattr(FolderStore, "refresh", lambda *_: None)
    monkeypatch.setattr(jobs, "is_running", lambda store: True)
    monkeypatch.setattr(st, "fragment", lambda part, run_every: looks.append(run_every) or fragment(part))
    assert not open_page().exception and set(looks) == {20.0}


def test_folders_that_cannot_be_read_are_told(open_page, studied, monkeypatch):
    listed = replace(list_folder(studied.folder), closed=(Path("private"),))
    monkeypatch.setattr("vtkeras.folders.listing.list_folder", lambda folder: listed)
    assert "Folders that cannot be read are left out: private" in said(open_page())
