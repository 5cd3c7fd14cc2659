"""Every page, run as Streamlit runs it, over a small install and over an empty one."""

import json
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from fixtures.summaries import FakePredictor, scenes
from fixtures.videos import make_sound, make_video
from PIL import Image
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import vtkeras
from dashboards import common
from dashboards import jobs as long_jobs
from vtkeras.cli import app
from vtkeras.config import load_config
from vtkeras.data.cleaning.clean import clean
from vtkeras.data.events import read_events
from vtkeras.data.manifest import Manifest
from vtkeras.data.mp4 import write_video
from vtkeras.data.sources.dense_digits import DenseDigits
from vtkeras.data.video import read_frames
from vtkeras.errors import UserError
from vtkeras.serving import schema
from vtkeras.serving.client import shared_worker
from vtkeras.serving.decoding import Decoding
from vtkeras.serving.predictor import Predictor
from vtkeras.serving.results import TimedCaption
from vtkeras.summaries import jobs
from vtkeras.summaries.summarize import Options, summarize
from vtkeras.workspace.media import EXTENSIONS

ROOT = Path(vtkeras.__file__).parent.parent
PAGES = ("home", "folder", "browse", "cleaning", "compare", "create", "curves", "dense", "embeddings", "playground",
         "attention", "summaries")  # fmt: skip
TEXTS = ("title", "header", "subheader", "markdown", "caption", "info", "error", "warning", "code", "text")


@pytest.fixture
def open_page(monkeypatch):
    """A callable from a page's name and the install's folders to the page after its first run."""

    def open_page(name, models, data):
        monkeypatch.setenv("VTKERAS_MODELS", str(models))
        monkeypatch.setenv("VTKERAS_DATA", str(data))
        app = AppTest.from_file(str(ROOT / "dashboards" / "app.py"), default_timeout=300)
        return app.switch_page(f"views/{name}.py").run()

    return open_page


@pytest.fixture
def here(open_page, install):
    return lambda name: open_page(name, install.models, install.data)


@pytest.fixture
def captioned(here):
    """The playground after the first clip of the gallery was chosen."""
    app = here("playground")
    first = next(button for button in app.button if button.label == "Clip 1")
    return first.click().run()


def said(app):
    """All texts of a page, as a visitor reads them."""
    texts = [str(element.value) for kind in TEXTS for element in getattr(app, kind)]
    return "\n".join(texts).replace("\\", "")


def is_calm(app):
    """No exception, no traceback, no error box."""
    return not app.exception and not app.error and "Traceback" not in said(app)


def finished(app):
    """The page once its job has ended, as a visitor sees it who waits."""
    end = time.monotonic() + 120
    while app.get("progress"):
        assert time.monotonic() < end, said(app)
        time.sleep(0.2)
        app.run()
    return app


def is_refused(app, *words):
    """One error box with these words, and no traceback."""
    assert not app.exception and len(app.error) == 1, said(app)
    message = app.error[0].value.replace("\\", "")
    assert "Traceback" not in said(app) and 'File "' not in message
    return all(word in message for word in words)


@pytest.mark.parametrize("name", PAGES)
def test_page_opens(here, name):
    app = here(name)
    assert is_calm(app) and app.title


@pytest.mark.parametrize("name", PAGES)
def test_empty_install_says_the_next_step(open_page, tmp_path, name):
    app = open_page(name, tmp_path / "none", tmp_path / "nothing")
    assert is_calm(app)
    assert any("vtkeras" in code.value or "make demo" in code.value for code in app.code)


@pytest.mark.parametrize("folder", ["", "/videos"])
def test_every_page_has_its_name_as_its_address(monkeypatch, tmp_path, folder):
    """The first one as well, whose own address is empty: any other is told to be not found."""
    shown, navigation = [], st.navigation
    monkeypatch.setattr(st, "navigation", lambda pages: shown.extend(pages) or navigation(pages))
    monkeypatch.setenv("VTKERAS_FOLDER", folder)
    monkeypatch.setenv("VTKERAS_MODELS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    AppTest.from_file(str(ROOT / "dashboards" / "app.py"), default_timeout=300).run()
    views = {path.stem for path in (ROOT / "dashboards" / "views").glob("*.py")}
    assert {page.url_path for page in shown} == {"", *views} and len(shown) == len(views) + 1


# Home


def test_home_lists_models_with_their_metrics(here):
    app = here("home")
    [table] = [frame.value for frame in app.dataframe]
    assert list(table.system) == ["tiny (cross_attention)", "nearest clip"]
    assert list(table.caption_exact) == [0.875, 0.25] and "label_macro_f1" not in table  # no system has one
    assert "hash `" in said(app) and "gray" in said(app)


def test_home_tells_how_to_export(open_page, tmp_path):
    (tmp_path / "runs" / "new" / "checkpoints").mkdir(parents=True)
    (tmp_path / "runs" / "new" / "checkpoints" / "best.npz").write_bytes(b"")
    app = open_page("home", tmp_path / "runs", tmp_path)
    assert is_calm(app) and any("vtkeras export" in code.value for code in app.code)


def test_home_survives_a_damaged_run(open_page, tmp_path):
    run = tmp_path / "runs" / "broken"
    (run / "saved_model").mkdir(parents=True)
    (run / "saved_model" / "saved_model.pb").write_bytes(b"")
    (run / "config.yaml").write_text("modle: {}", encoding="utf-8")
    app = open_page("home", tmp_path / "runs", tmp_path)
    assert is_refused(app, "unknown key 'modle'", "did you mean 'model'?")
    assert app.header[-1].value == "Clips"  # the rest of the page is there


# Browse


def test_browse_filters_by_word_and_split(here, install):
    app = here("browse")
    app.selectbox[0].set_value(install.data / "gray").run()
    assert "6 of 6 clips" in said(app)
    app.text_input[0].set_value("number 3").run()
    assert "1 of 6 clips" in said(app) and "a gray number 3" in said(app)
    app.text_input[0].set_value("elephant").run()
    assert is_calm(app) and "No clip has all these words" in said(app)
    app.text_input[0].set_value("").run()
    app.button_group[0].set_value(["test"]).run()
    assert "1 of 6 clips" in said(app) and " · test" in said(app)


def test_browse_shows_players(here):
    app = here("browse")
    assert len(app.get("video")) == 6  # the first page of eight
    app.number_input[0].set_value(2).run()
    assert len(app.get("video")) == 2


# Cleaning


def test_cleaning_shows_what_is_left_out_and_puts_it_back(open_page, tmp_path, install):
    data = tmp_path / "data"
    shutil.copytree(install.data / "gray", data)
    app = open_page("cleaning", install.models, data)
    assert is_calm(app) and "Nothing is left out" in said(app)
    clean(data)  # all clips are plain: blurred and frozen
    app.run()
    assert is_calm(app) and "6 of 6 clips and captions left out" in said(app) and len(app.get("image")) == 6
    assert "frozen 100% of its steps show no change" in said(app).replace("*", "")
    app.button[0].click().run()
    assert is_calm(app) and "5 of 5 clips and captions left out" in said(app)
    cleaning = Manifest.load(data).cleaning
    assert len(cleaning.clips) == 5 and [mark.reason for mark in cleaning.put_back] == ["blurred", "frozen"]
    app.button_group[0].set_value(["frozen"]).run()
    (data / "manifest.json").write_text("{", encoding="utf-8")
    app.run()
    assert is_refused(app, "manifest.json is damaged")


def test_cleaning_puts_back_what_is_not_stored_any_more(open_page, tmp_path, install, monkeypatch):
    data = tmp_path / "data"
    shutil.copytree(install.data / "gray", data)
    clean(data)
    monkeypatch.setattr("dashboards.common.list_clips", lambda folder: [])  # as after another ingest set them aside
    app = open_page("cleaning", install.models, data)
    assert is_calm(app) and said(app).count("This clip is not stored any more.") == 6 and not app.get("image")
    app.button[0].click().run()
    assert is_calm(app) and "5 of 5 clips and captions left out" in said(app)


MARKUP = "<img src=x onerror=alert(1)> **bold** [link](http://x) $x^2$ :red[red] `code` # head"


def test_captions_are_shown_as_they_are(open_page, tmp_path, install):
    folder = tmp_path / "data"
    folder.mkdir()
    make_video(folder / "a.mp4", 3)
    (folder / "captions.csv").write_text(f'path,caption\na.mp4,"{MARKUP}"\n', encoding="utf-8")
    app = open_page("browse", install.models, folder)
    app.selectbox[0].set_value(folder).run()
    [shown] = [element.value for element in app.markdown if "onerror" in element.value]
    assert shown.replace("\\", "") == MARKUP
    assert all(shown[place - 1] == "\\" for place, mark in enumerate(shown) if mark in "<>*[]()$:`#")
    assert not any(element.allow_html for element in app.markdown if "onerror" in element.value)


# Curves


def test_curves_of_the_run_that_trains_come_first_and_grow(open_page, install, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(install.run / "logs", tmp_path / name / "logs")
    for file in (tmp_path / "b" / "logs").rglob("*tfevents*"):
        os.utime(file, ns=(2**62, 2**62))  # written last
    app = open_page("curves", tmp_path, tmp_path)
    assert app.multiselect[0].value == [tmp_path / "b"] and len(app.get("vega_lite_chart")) == 1
    for file in (tmp_path / "b" / "logs").rglob("*tfevents*"):
        file.unlink()
    assert is_calm(app.run()) and app.multiselect[0].value == [tmp_path / "a"]


def test_curves_of_the_chosen_tags(here):
    app = here("curves")
    assert app.multiselect[1].value == ["epoch_loss"] and len(app.get("vega_lite_chart")) == 1
    app.multiselect[1].set_value(["epoch_loss", "batch_loss"]).run()
    assert is_calm(app) and len(app.get("vega_lite_chart")) == 2
    app.multiselect[0].set_value([]).run()
    assert "Choose at least one run" in said(app)


def test_curves_show_samples_after_each_epoch(here):
    app = here("curves")
    assert app.dataframe[0].value.values.tolist() == [["a *cat*", "a dog 2"]]
    app.select_slider[0].set_value(1).run()
    assert app.dataframe[0].value.values.tolist() == [["a *cat*", "a dog 1"]]
    assert len(app.image) == 1


def test_tensorboard_that_is_down_is_a_hint(here):
    app = here("curves")
    [run] = app.multiselect[0].value
    assert [code.value for code in app.code] == [f"tensorboard --logdir {run} --port 6006"]


# Playground


def test_a_bundled_clip_is_captioned_with_one_click(captioned, install):
    assert is_calm(captioned)
    predictor = Predictor(install.run)
    frames = read_frames(install.run / "samples" / "clip_00.mp4", 4, max_side=128).frames
    expected = predictor.caption(frames)
    assert captioned.subheader[0].value.replace("\\", "") == (expected.text or "(an empty caption)")
    assert "sums to 1.000" in said(captioned)
    assert "2.00 s" in said(captioned) and "h264" in said(captioned)


def test_another_page_keeps_the_model(open_page, install, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(install.run, tmp_path / "models" / name)
    app = open_page("playground", tmp_path / "models", install.data)
    [choice] = [box for box in app.selectbox if box.label == "Model"]
    other = next(model for model in (tmp_path / "models" / name for name in "ab") if model != choice.value)
    choice.set_value(other).run()
    app.switch_page("views/attention.py").run()
    assert is_calm(app) and [box.value for box in app.selectbox if box.label == "Model"] == [other]


def test_a_caption_is_as_written_whatever_its_case(open_page, install, tmp_path):
    """As `vtkeras evaluate` compares."""
    (tmp_path / "data").mkdir()
    clip = shutil.copy(install.run / "samples" / "clip_00.mp4", tmp_path / "data")
    text = Predictor(install.run).caption(read_frames(clip, 4, max_side=128).frames).text
    for written, badge in ((f"{text.upper()}!", "as written"), ("a zebra", "not as written")):
        (tmp_path / "data" / "captions.csv").write_text(f'path,caption\nclip_00.mp4,"{written}"\n')
        app = open_page("playground", install.models, tmp_path / "data")
        next(box for box in app.selectbox if box.label == "Clips from").set_value(tmp_path / "data").run()
        next(button for button in app.button if button.label == "Clip 1").click().run()
        assert is_calm(app) and f"-badge[{badge}]" in said(app), said(app)


def test_question_gets_an_answer_with_evidence(captioned):
    captioned.text_input(key="question").set_value("how many digits are there?").run()
    assert is_calm(captioned)
    answers, frames = (frame.value for frame in captioned.dataframe[:2])
    assert list(answers.columns) == ["answer", "probability"] and len(answers) == 5
    assert answers.answer[0] == captioned.subheader[1].value.replace("\\", "")
    assert answers.probability.is_monotonic_decreasing
    assert list(frames.columns) == ["frame", "seconds", "attention"] and len(frames) == 3
    assert frames.attention.is_monotonic_decreasing and 0 < frames.attention.sum() <= 100.001


def test_an_answer_is_chosen_among_candidates(captioned):
    captioned.text_input(key="question").set_value("how many digits are there?").run()
    captioned.text_input(key="choices").set_value("two | one").run()
    assert is_calm(captioned)
    assert sorted(captioned.dataframe[0].value.answer) == ["one", "two"]
    captioned.text_input(key="choices").set_value("one | purple").run()
    assert "does not know the answer 'purple'" in captioned.error[0].value.replace("\\", "")


def test_two_answers_have_controls_of_their_own(captioned, monkeypatch):
    """As of a model that answers out of a closed set and word by word, and differs."""
    ask = common.answers
    monkeypatch.setattr(common, "answers", lambda *given: 2 * ask(*given))
    captioned.text_input(key="question").set_value("how many digits are there?").run()
    assert is_calm(captioned), said(captioned)
    heads = [box.key for box in captioned.selectbox if box.label == "Attention of"]
    assert heads == ["Caption head", "Answer 1 head", "Answer 2 head"]


def test_a_suggested_question_is_asked(captioned):
    suggestions = next(group for group in captioned.button_group if group.label == "Asked of this clip")
    question = suggestions.options[0].replace("\\", "")
    suggestions.set_value(question).run()
    assert is_calm(captioned) and captioned.text_input(key="question").value == question
    assert "Likeliest answers" in said(captioned)


def test_results_are_exported_with_their_origin(captioned, install):
    values = {button.label: button for button in captioned.get("download_button")}
    assert set(values) == {"JSON", "CSV"}
    assert Predictor(install.run).info["model_hash"] in said(captioned)


def test_another_word_and_head_show_other_attention(captioned):
    def pictures():
        assert is_calm(captioned) and "sums to 1.000" in said(captioned)
        return [image.value for image in captioned.image]

    mean = pictures()
    captioned.selectbox(key="Caption head").set_value(0).run()
    one_head = pictures()
    words = next(group for group in captioned.button_group if group.label.startswith("Each word"))
    assert len(set(words.options)) == len(words.options)  # the same word twice is two pills
    words.set_value(len(words.options) - 1).run()
    assert mean != one_head != pictures() != mean


def test_same_clip_gives_the_same_result(here):
    def texts():
        app = here("playground")
        next(button for button in app.button if button.label == "Clip 2").click().run()
        return said(app)

    first = texts()
    st.cache_data.clear()
    assert texts() == first


def written(app, **settings):
    """The caption after the decoding controls were set; `decode` first, for it brings the others."""
    group = next(group for group in app.button_group if group.label == "Decoding")
    group.set_value(settings.pop("decode")).run()
    for key, value in settings.items():
        control = next(one for one in (*app.slider, *app.number_input) if one.key == key)
        control.set_value(value)
    app.run()
    assert is_calm(app), said(app)
    return app.subheader[0].value


def test_same_seed_same_text(captioned):
    one = written(captioned, decode="sample", temperature=3.0, seed=1)
    other = written(captioned, decode="sample", temperature=3.0, seed=2)
    st.cache_data.clear()  # or the cache would be what is tested
    again = written(captioned, decode="sample", temperature=3.0, seed=1)
    assert one == again != other


def test_beams_within_limits(captioned, install):
    text = written(captioned, decode="beam", beams=3, lengths=(0, 5))
    frames = read_frames(install.run / "samples" / "clip_00.mp4", 4, max_side=128).frames
    expected = Predictor(install.run).caption(frames, Decoding("beam", beams=3, max_length=5))
    assert text.replace("\\", "") == (expected.text or "(an empty caption)") and len(expected.beams) == 3
    assert f"{expected.beams[1][1]:.3f}" in said(captioned)


def test_an_old_export_says_how_to_get_more(open_page, install, tmp_path):
    old = tmp_path / "models" / "old"
    shutil.copytree(install.run, old)
    head = {"name": "caption", "title": "Captions", "endpoints": [{"name": "caption", "inputs": ["frames"]}]}
    (old / "endpoints.json").write_text(json.dumps({"task": "x", "text_role": "question", "heads": [head]}))
    predictor, frames = Predictor(old), np.zeros((4, 32, 32, 3), "uint8")
    assert predictor.caption(frames).text == Predictor(install.run).caption(frames).text
    with pytest.raises(UserError, match="run `vtkeras export"):
        predictor.caption(frames, Decoding("beam"))
    app = open_page("playground", old.parent, install.data)
    next(button for button in app.button if button.label == "Clip 1").click().run()
    assert is_calm(app) and app.subheader[0].value and [tab.label for tab in app.tabs] == ["Captions"]
    assert any(code.value == f"vtkeras export {old}" for code in app.code)


def test_twenty_reruns_load_the_model_once(captioned):
    before = shared_worker().loads()
    for _ in range(20):
        st.cache_data.clear()  # so that the worker is asked again
        captioned.run()
    assert shared_worker().loads() == before


def test_ten_sessions_share_one_worker(install):
    clips = [np.full((4, 32, 32, 3), level, "uint8") for level in range(10)]
    common.caption(install.run, clips[0])
    before = shared_worker().loads(), shared_worker().pid
    with ThreadPoolExecutor(10) as threads:
        captions = list(threads.map(common.caption, [install.run] * 10, clips))
    assert len(captions) == 10 and before == (shared_worker().loads(), shared_worker().pid)


def test_page_and_command_line_give_the_same_json(captioned, install, monkeypatch):
    shown, to_json = [], schema.to_json
    monkeypatch.setattr(schema, "to_json", lambda values: shown.append(to_json(values)) or shown[-1])
    captioned.text_input(key="question").set_value("how many digits are there?").run()
    page = json.loads(shown[-1])
    clip = install.run / "samples" / "clip_00.mp4"
    arguments = ["predict", clip, "--model", install.run, "--question", "how many digits are there?", "--json"]
    told = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert json.loads(told.stdout) == page
    assert set(page["model"]) == {"name", "task", "model_hash", "data"} and page["answers"] and page["labels"]
    for word in page["caption"]["words"]:
        assert sum(frame["attention"] for frame in word["frames"]) == pytest.approx(1, abs=1e-3)


def test_caches_give_copies(install):
    [clip] = common.list_clips(install.run / "samples")[:1]
    frames = common.read_clip(clip, 4)[0]
    before = frames.copy()
    frames[:] = 0
    np.testing.assert_array_equal(common.read_clip(clip, 4)[0], before)


# Attention


def click(app, group, option):
    """The page after an option of a group of buttons was chosen."""
    return next(one for one in app.button_group if one.label.startswith(group)).set_value(option).run()


@pytest.fixture
def explained(here):
    """The page Attention after the first clip of the gallery was chosen."""
    app = here("attention")
    return next(button for button in app.button if button.label == "Clip 1").click().run()


def test_a_word_is_clicked_and_the_video_shows_where(explained):
    def shown():
        assert is_calm(explained) and said(explained).count("sums to 1.000") == 1
        assert len(explained.get("video")) == 1
        return explained.get("video")[0].proto.url, [image.value for image in explained.image]

    first = shown()
    click(explained, "Choose a word", 1)
    other_word = shown()
    click(explained, "Method", "rollout")
    rollout = shown()
    assert first[0] != other_word[0] != rollout[0] and first[1] != other_word[1] != rollout[1]
    assert not [box for box in explained.selectbox if box.label in ("Layer", "Head")]
    click(explained, "Method", "mean")
    next(box for box in explained.selectbox if box.label == "Head").set_value(1).run()
    assert shown()[0] not in (other_word[0], rollout[0])


def test_attention_is_checked_against_random_orders(explained):
    assert not explained.metric
    finished(explained.toggle[0].set_value(True).run())
    assert is_calm(explained)
    # Random weights may make a word that needs no picture; then that is what the page says.
    verdicts = ("Faithful", "Half faithful", "No better than random", "This cannot be judged")
    assert any(verdict in said(explained) for verdict in (*verdicts, *(box.value for box in explained.success)))
    assert len(explained.metric) == (0 if "cannot be judged" in said(explained) else 2)


def test_an_answer_is_explained_and_taken_away(explained):
    click(explained, "Explain the", "Answer")
    if not explained.text_input[0].value:
        explained.text_input[0].set_value("how many digits are there?").run()
    assert is_calm(explained) and "sums to 1.000" in said(explained)
    assert any(group.label.startswith("The answer") for group in explained.button_group)
    files = {button.label for button in explained.get("download_button")}
    assert files == {"PNG", "GIF", "mp4", "JSON"}
    text = said(explained)
    assert "clip_00.mp4 · model" in text and "hash `" in text and "trained on" in text


@pytest.fixture
def asked(open_page, tmp_path):
    """A callable from a page to it after the first picture of the model that only answers was chosen."""

    def asked(name):
        app = open_page(name, ROOT / "saved_models" / "question_answering", tmp_path)
        return next(button for button in app.button if button.label == "Clip 1").click().run()

    return asked


def test_a_model_that_only_answers_is_explained(asked):
    app = asked("attention")
    assert is_calm(app) and "sums to 1.000" in said(app)
    [what] = [group for group in app.button_group if group.label == "Explain the"]
    assert what.options == ["Answer"] and app.text_input[0].value == "is the red object on the left?"


def test_a_model_that_only_answers_is_played_with(asked):
    app = asked("playground")
    assert [tab.label for tab in app.tabs] == ["Answers"] and "one frame · 75×75 · png" in said(app)
    app.text_input(key="question").set_value("is the red object on the left?").run()
    assert is_calm(app) and app.subheader[0].value == "yes"


# Files from outside


@pytest.fixture
def from_outside(here):
    """A callable that opens the playground on `Upload` or `Path on this machine`, to caption foreign clips, too."""

    def from_outside(place, anyway=True):
        app = here("playground")
        app.session_state["anyway"] = anyway
        place_choice = next(group for group in app.button_group if group.label == "Clip")
        return place_choice.set_value(place).run()

    return from_outside


def test_upload_limit_is_visible(from_outside):
    app = from_outside("Upload")
    assert "at most 200 MB" in app.file_uploader[0].label
    assert {f".{kind.lstrip('.')}" for kind in app.file_uploader[0].proto.type} >= set(EXTENSIONS)


@pytest.mark.parametrize("name", ["clip.mp4", "../../../clip.mp4", "kätzchen 🐈.mp4"])
def test_upload_is_captioned(from_outside, tmp_path, name):
    data = make_video(tmp_path / "a.mp4", 8).read_bytes()
    app = from_outside("Upload")
    app.file_uploader[0].set_value((name, data, "video/mp4")).run()
    assert is_calm(app), said(app)
    assert app.subheader and "0.80 s" in said(app) and "h264" in said(app)


@pytest.mark.parametrize("data", [b"", b"hello, I am no video", b"\0" * 500], ids=["empty", "text", "zeros"])
def test_bad_upload_is_an_error_box(from_outside, data):
    app = from_outside("Upload")
    app.file_uploader[0].set_value(("bad.mp4", data, "video/mp4")).run()
    assert is_refused(app, "bad.mp4" if data else "empty")
    assert "vtkeras-upload" not in app.error[0].value  # where the server keeps it is its own affair


def test_cut_upload_is_an_error_box(from_outside, tmp_path):
    data = make_video(tmp_path / "a.mp4", 40, movflags="+faststart").read_bytes()
    app = from_outside("Upload")
    app.file_uploader[0].set_value(("cut.mp4", data[: len(data) // 3], "video/mp4")).run()
    assert is_refused(app, "cut.mp4")


def test_upload_without_a_picture(from_outside, tmp_path):
    app = from_outside("Upload")
    app.file_uploader[0].set_value(("a.mp4", make_sound(tmp_path / "a.mp4").read_bytes(), "video/mp4")).run()
    assert is_refused(app, "no video stream")


@pytest.mark.parametrize(
    "text, words",
    [
        ("/none/here.mp4", ["No video file /none/here.mp4"]),
        ("/etc/passwd", ["/etc/passwd is not a video"]),
        ("/", ["No video file"]),
        ("http://example.org/a.mp4", ["No video file"]),
        ("a" * 5000, ["File name too long"]),
        ("a\0b.mp4", ["."]),
    ],
)
def test_bad_path_is_an_error_box(from_outside, text, words):
    app = from_outside("Path on this machine")
    app.text_input[0].set_value(text).run()
    assert is_refused(app, *words)


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.webm", "a.flv"])
def test_path_is_captioned(from_outside, tmp_path, name):
    path = make_video(tmp_path / name, 8)
    app = from_outside("Path on this machine")
    app.text_input[0].set_value(str(path)).run()
    assert is_calm(app) and app.subheader
    assert ("preview" in said(app)) == (name in ("a.avi", "a.flv")) and len(app.get("video")) == 1


def test_a_foreign_clip_gets_a_sentence_in_place_of_a_caption(from_outside, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype("uint8")
    Image.fromarray(noise).save(tmp_path / "a.png")
    app = from_outside("Path on this machine", anyway=False)
    app.text_input[0].set_value(str(tmp_path / "a.png")).run()
    assert not app.exception and "no words for this clip" in app.warning[0].value
    assert not app.subheader and not app.tabs
    app.toggle(key="anyway").set_value(True).run()
    assert not app.exception and app.subheader and app.tabs[0].label == "Captions"


def test_image_is_captioned(from_outside, tmp_path):
    Image.new("RGB", (40, 30), "red").save(tmp_path / "a.png")
    app = from_outside("Path on this machine")
    app.text_input[0].set_value(str(tmp_path / "a.png")).run()
    assert is_calm(app) and not app.get("video")
    assert said(app).count("sums to 1.000") == 1


# Dense captions


@pytest.fixture
def timed(open_page, dense_run, tmp_path):
    """The page on a file that the model knows by heart, and its events."""
    config = load_config(str(dense_run / "config.yaml"))
    example = DenseDigits(**config.data.options).example("train", 0, 0)
    write_video(tmp_path / "known.mp4", example["frames"], fps=8)
    app = open_page("dense", dense_run.parent, tmp_path)
    next(group for group in app.button_group if group.label == "Video").set_value("Path on this machine").run()
    finished(app.text_input[0].set_value(str(tmp_path / "known.mp4")).run())
    return app, read_events(example["captions"][0])


@pytest.mark.whole
def test_events_on_a_timeline_and_in_a_table(timed):
    app, true = timed
    assert is_calm(app)
    [table] = [frame.value for frame in app.dataframe if "start" in frame.value]
    assert table.text.tolist() == [event.text for event in true]
    # 48 frames at 8 a second: 6 seconds.
    np.testing.assert_allclose(table.start, [6 * event.start for event in true], atol=1e-3)
    assert {button.label for button in app.get("download_button")} == {"WebVTT", "JSON"}


@pytest.mark.whole
def test_the_player_starts_at_the_chosen_event_with_subtitles(timed):
    app, true = timed
    [video] = app.get("video")
    assert video.proto.start_time == 0 and len(video.proto.subtitles) == 1
    next(group for group in app.button_group if group.label.startswith("Play from")).set_value(0).run()
    [video] = app.get("video")
    assert video.proto.start_time == int(6 * true[0].start)


@pytest.fixture
def dense_like(install, tmp_path):
    """A folder with a model that says of itself that it tells times."""
    model = tmp_path / "models" / "timed"
    shutil.copytree(install.run, model)
    shutil.rmtree(model / "samples")
    head = {"name": "events", "title": "Events", "endpoints": [{"name": "events", "inputs": ["frames"]}]}
    (model / "endpoints.json").write_text(json.dumps({"task": "x", "text_role": "question", "heads": [head]}))
    return model.parent


def test_events_of_a_segment_are_looked_for_within_it(open_page, dense_like, tmp_path, monkeypatch):
    data, calls = tmp_path / "data", []
    data.mkdir()
    make_video(data / "talk.mp4", 40)  # 4 seconds
    (data / "captions.csv").write_text("path,caption,start,end\ntalk.mp4,<t=0> <t=31> a cat,1,3\n")

    def run(title, function, model, path, version, **options):
        calls.append((path, options))
        return [TimedCaption(1.5, 2.5, "a cat", 0.9)]

    monkeypatch.setattr(long_jobs, "run", run)
    app = open_page("dense", dense_like, data)
    next(button for button in app.button if button.label == "Clip 1").click().run()
    assert is_calm(app) and calls == [(data / "talk.mp4", {"duration": 3.0, "first": 1.0, "apart": True})]
    assert "1.0–3.0 s a cat" in said(app) and app.get("video")[0].proto.start_time == 1
    chart = json.loads(app.get("vega_lite_chart")[0].proto.spec)
    assert chart["encoding"]["x"]["scale"]["domain"] == [1.0, 3.0]


def test_a_job_that_found_no_event_says_so(open_page, install, dense_like, monkeypatch):
    monkeypatch.setattr(long_jobs, "earlier", lambda: ("events of a.mp4", []))
    app = open_page("dense", dense_like, install.data)
    assert is_calm(app) and "Events of a.mp4" in said(app) and "found no event" in said(app)


# Summaries


@pytest.fixture
def film(install, tmp_path):
    """A video of six scenes beside its finished summary, where the page looks for it."""
    video = make_video(tmp_path / "film.mp4", scenes(20, 200, 110, 20, 200, 110))
    folder = jobs.job_folder(tmp_path / "summaries", video, install.run)
    summarize(video, FakePredictor(), folder, options=Options(budget=0.3, longest=10.0))
    return video


@pytest.fixture
def summarised(here, film, monkeypatch, tmp_path):
    """The page of the film's summary."""
    monkeypatch.setenv("VTKERAS_SUMMARIES", str(tmp_path / "summaries"))
    return open_video(here("summaries"), film)


def open_video(app, path):
    """The page after the visitor named a file."""
    place = next(group for group in app.button_group if group.label == "Video")
    place.set_value("Path on this machine").run()
    return next(box for box in app.text_input if box.label.startswith("Path")).set_value(str(path)).run()


def test_summary_shows_text_key_shots_and_files(summarised):
    assert is_calm(summarised), said(summarised)
    text = said(summarised)
    assert "0:06.0 long, 6 shots." in text and "gray 20" in text and "hash `abc`" in text
    seeks = [button for button in summarised.button if str(button.key).startswith("seek")]
    assert [button.label.split()[0] for button in seeks] == [f"0:0{second}.0" for second in range(6)]
    assert sum("★" in button.label for button in seeks) == 1  # 30 % of six seconds
    assert len(summarised.get("download_button")) == 6
    assert len(summarised.get("vega_lite_chart")) == 1


def test_clicking_a_shot_seeks_the_player(summarised):
    assert summarised.get("video")[0].proto.start_time == 0
    next(button for button in summarised.button if str(button.key).endswith(" 4")).click().run()
    [player] = summarised.get("video")
    assert player.proto.start_time == 4 and len(player.proto.subtitles) == 1
    assert "From 0:04 on" in said(summarised)


def test_a_shot_is_shown_alone_where_the_film_cannot_be_played(here, install, tmp_path, monkeypatch):
    monkeypatch.setenv("VTKERAS_SUMMARIES", str(tmp_path / "summaries"))
    video = make_video(tmp_path / "film.avi", scenes(20, 200, 110))
    folder = jobs.job_folder(tmp_path / "summaries", video, install.run)
    summarize(video, FakePredictor(), folder, options=Options(budget=0.5, longest=10.0))
    app = open_video(here("summaries"), video)
    assert "preview of the chosen shot" not in said(app)
    next(button for button in app.button if str(button.key).endswith(" 1")).click().run()
    assert is_calm(app) and "preview of the chosen shot" in said(app) and len(app.get("video")) == 1


def test_an_upload_is_called_as_the_visitor_calls_it(here, tmp_path, monkeypatch):
    monkeypatch.setenv("VTKERAS_SUMMARIES", str(tmp_path / "summaries"))
    app = here("summaries")
    next(group for group in app.button_group if group.label == "Video").set_value("Upload").run()
    data = make_video(tmp_path / "a.mp4", 8).read_bytes()
    app.file_uploader[0].set_value(("holiday.mp4", data, "video/mp4")).run()
    assert is_calm(app) and "holiday.mp4 · 0.80 s" in said(app)
    app.file_uploader[0].set_value(("bad.mp4", b"no video", "video/mp4")).run()
    assert is_refused(app, "bad.mp4 is not a video") and "vtkeras-upload" not in app.error[0].value


def summary_at(job):
    """The page at the address of a job."""
    app = AppTest.from_file(str(ROOT / "dashboards" / "app.py"), default_timeout=300)
    app.query_params["job"] = job
    return app.switch_page("views/summaries.py").run()


def test_a_summary_is_found_again_by_its_address(install, film, monkeypatch, tmp_path):
    monkeypatch.setenv("VTKERAS_SUMMARIES", str(tmp_path / "summaries"))
    monkeypatch.setenv("VTKERAS_MODELS", str(install.models))
    [folder] = (tmp_path / "summaries").iterdir()
    (folder / jobs.JOB).write_text(json.dumps({"video": str(film)}))
    app = summary_at(folder.name)
    assert is_calm(app) and "6 shots" in said(app)
    assert is_refused(summary_at("../../etc"), "no summary", "etc")


def test_a_summary_whose_process_was_killed_is_told_and_begun_again(here, tmp_path, monkeypatch):
    """As when a decoder crashes or the memory is full."""
    monkeypatch.setenv("VTKERAS_SUMMARIES", str(tmp_path / "summaries"))
    video = make_video(tmp_path / "film.mp4", scenes(20, 200))
    pids = set()
    for _ in range(2):
        app = open_video(here("summaries"), video)
        next(button for button in app.button if button.label == "Summarise").click().run()
        assert is_calm(app) and app.get("progress")
        pids.add(pid := shared_worker().pid)
        os.kill(pid, signal.SIGKILL)
        while shared_worker().pid is not None:
            time.sleep(0.01)
        [folder] = (tmp_path / "summaries").iterdir()
        assert is_refused(summary_at(folder.name), "ended unexpectedly", "Try again")
    assert len(pids) == 2


def test_of_two_clips_of_one_name_the_chosen_one_is_taken(open_page, install, tmp_path, monkeypatch):
    monkeypatch.setenv("VTKERAS_SUMMARIES", str(tmp_path / "summaries"))
    for name, frames in (("a", 10), ("b", 20)):  # 1 s and 2 s
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "annotations.json").write_text("{}")
        make_video(tmp_path / "data" / name / "film.mp4", frames)
    app = open_page("summaries", install.models, tmp_path / "data")
    [clip] = [box for box in app.selectbox if box.label == "Clip"]
    assert clip.options[:2] == ["data/a/film.mp4", "data/b/film.mp4"]
    clip.select("data/b/film.mp4").run()
    assert is_calm(app) and "film.mp4 · 2.00 s" in said(app)


def test_a_bad_video_is_told(here, tmp_path, monkeypatch):
    monkeypatch.setenv("VTKERAS_SUMMARIES", str(tmp_path / "summaries"))
    sound = make_sound(tmp_path / "sound.mp4")
    assert is_refused(open_video(here("summaries"), sound), "no video stream")
