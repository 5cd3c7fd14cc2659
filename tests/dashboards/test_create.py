"""The page `Create`, over a generator of 4 x 4 frames in place of the worker's."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from fixtures.generator import FakeGenerator, fake_run
from PIL import Image
from streamlit.testing.v1 import AppTest

import vtkeras
from dashboards.clips import gif_of
from vtkeras.serving import worker_generator
from vtkeras.serving.client import shared_worker
from vtkeras.serving.generated_clips import FPS
from vtkeras.serving.generation_session import GenerationSession
from vtkeras.workspace.runs import read_card

APP = Path(vtkeras.__file__).parent.parent / "dashboards" / "app.py"


class FakeWorkerGenerator(FakeGenerator):
    def __init__(self, card, worker=None):
        super().__init__()
        self.info, self.folder = card.info, card.folder


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_generator, "WorkerGenerator", FakeWorkerGenerator)
    monkeypatch.setenv("VTKERAS_MODELS", str(tmp_path / "models"))
    return fake_run(tmp_path / "models" / "one")


@pytest.fixture
def page(model):
    return AppTest.from_file(str(APP), default_timeout=60).switch_page("views/create.py").run()


@pytest.fixture
def created(page):
    page.text_input[0].set_value("bright square")
    return press(page, "Create")


def press(app, label):
    return next(button for button in app.button if button.label == label).click().run()


def mark(app, number, kind):
    """Marks a candidate, numbered from 1."""
    group = next(group for group in app.button_group if group.label == f"Candidate {number}")
    return group.set_value(kind).run()


def shown(app):
    """Captions of the candidates."""
    return [caption for image in app.get("image") for caption in [image.proto.imgs[0].caption]]


def said(app):
    kinds = ("markdown", "caption", "subheader", "error", "info")
    return "\n".join(str(one.value) for kind in kinds for one in getattr(app, kind)).replace("\\", "")


def refused(app, *words):
    assert not app.exception and len(app.error) == 1 and "Traceback" not in said(app)
    return all(word in app.error[0].value.replace("\\", "") for word in words)


def expected(*steps):
    """The session that the page should hold after steps."""
    session = GenerationSession(FakeGenerator(), "bright square", 6)
    for step in steps:
        step(session)
    return session


def clips(app):
    return app.session_state.created.clips


def test_words_give_a_grid_of_candidates(created):
    assert not created.exception and not created.error
    assert shown(created) == [f"Candidate {number}" for number in range(1, 7)]
    assert np.array_equal(clips(created), expected().clips)
    assert "trained on" in said(created) and "hash" in said(created)


def test_marks_lead_to_the_next_candidates_and_undo_leads_back(created):
    first = clips(created)
    mark(created, 3, "more")
    mark(created, 1, "less")
    app = press(created, "Next candidates")
    assert shown(app)[:2] == ["Candidate 1 · kept", "Candidate 2"] and "more like 3; less like 1" in said(app)
    assert np.array_equal(clips(app), expected(lambda one: one.next([2], [0])).clips)
    assert not any(group.value for group in app.button_group if group.label.startswith("Candidate"))  # marks are gone
    assert np.array_equal(clips(press(app, "Undo")), first)


def test_marks_of_one_session_are_not_on_the_candidates_of_the_next(created, model):
    mark(created, 3, "more")
    created.text_input[0].set_value("dark square")
    app = press(created, "Create")
    assert not any(group.value for group in app.button_group if group.label.startswith("Candidate"))
    assert press(app, "Next candidates").session_state.created.history == ["“dark square”", "others"]
    app = press(app, "Undo")
    mark(app, 2, "less")
    saved = GenerationSession(FakeWorkerGenerator(read_card(model)), "bright square", 6).to_json()
    app = press(open_saved(app, saved), "Next candidates")
    assert app.session_state.created.history == ["“bright square”", "others"]


def test_what_another_session_does_to_this_one_is_told(page):
    assert "takes the place of this one" not in said(page)
    page.text_input[0].set_value("bright square")
    assert "takes the place of this one, as does a reload" in said(press(page, "Create").run())


def test_how_near_the_next_ones_are_is_chosen(created):
    next(group for group in created.button_group if group.label == "How near").set_value("near").run()
    mark(created, 1, "more")
    app = press(created, "Next candidates")
    assert np.array_equal(clips(app), expected(lambda one: one.next([0], variety=0.5)).clips)


def test_a_part_is_locked_and_let_go(created):
    app = press(created, "Lock its motion")  # of the first candidate
    assert "Locked: motion" in said(app)
    assert np.array_equal(clips(app), expected(lambda one: one.lock("motion", 0)).clips)
    app = press(app, "Unlock the motion")
    assert "Locked:" not in said(app) and len(app.session_state.created.history) == 3


def test_other_words_for_the_same_candidates(created):
    created.text_input[1].set_value("dark square")
    app = press(created, "Use these words")
    assert app.subheader[0].value == "dark square" and shown(app)[0] == "Candidate 1"
    assert np.array_equal(clips(app), expected(lambda one: one.edit("dark square")).clips)


@pytest.mark.parametrize("field, button", [(0, "Create"), (1, "Use these words")])
def test_words_that_the_model_does_not_know_are_told_and_nothing_is_lost(created, field, button):
    before = clips(created)
    created.text_input[field].set_value("a zebra")
    app = press(created, button)
    assert refused(app, "zebra", "bright, dark, square")
    assert np.array_equal(clips(app), before)


def test_a_candidate_is_liked_and_disliked_by_one_mark_only(created):
    mark(created, 2, "more")
    mark(created, 2, "less")
    app = press(created, "Next candidates")
    assert not app.error and app.session_state.created.history[-1] == "less like 2"


def open_saved(app, text):
    app.file_uploader[0].set_value(("mine.json", text.encode(), "application/json")).run()
    return press(app, "Open")


def test_a_saved_session_is_opened_with_its_own_model(page, model):
    fake_run(model.parent / "another")
    session = GenerationSession(FakeWorkerGenerator(read_card(model)), "bright square", 6, seed=3)
    session.next(more=[1])
    app = open_saved(page.run(), session.to_json())
    assert not app.error and np.array_equal(clips(app), session.clips)
    assert app.session_state.created.now.generator.folder == model


def test_a_bad_session_file_is_told(created, model):
    before = clips(created)
    assert refused(open_saved(created, "{"), "mine.json", "damaged")
    large = expected().to_json() + " " * 2**20
    assert refused(open_saved(created, large), "mine.json is too large for a session", "1,048,576 bytes")
    values = json.loads(expected().to_json())
    app = open_saved(created, json.dumps(values))
    assert refused(app, "mine.json was made with the model fake", "0123456789ab")
    assert np.array_equal(clips(app), before)


def test_files_to_take_away(created):
    kinds = [button.label for button in created.get("download_button")]
    assert kinds.count("MP4") == 6 and kinds.count("GIF") == 6 and "Session" in kinds


def test_a_candidate_is_a_gif_that_plays():
    clip = expected().clips[0]
    picture = Image.open(io.BytesIO(gif_of(clip, 176)))
    assert picture.n_frames == len(clip) and picture.size == (176, 176) and picture.info["loop"] == 0
    assert picture.info["duration"] == pytest.approx(1000 / FPS, abs=10)


def test_an_empty_install_says_the_next_step(tmp_path, monkeypatch):
    monkeypatch.setenv("VTKERAS_MODELS", str(tmp_path))
    app = AppTest.from_file(str(APP), default_timeout=60).switch_page("views/create.py").run()
    assert not app.exception and "generate_demo" in app.code[0].value


@pytest.mark.whole
def test_the_worker_makes_the_clips(video_run, monkeypatch):
    monkeypatch.setenv("VTKERAS_MODELS", str(video_run))
    app = AppTest.from_file(str(APP), default_timeout=300).switch_page("views/create.py").run()
    app.text_input[0].set_value("digit 7 is moving left and right")
    app = press(app, "Create")
    assert not app.exception and not app.error, app.error
    mark(app, 2, "more")
    before = clips(app)
    app = press(app, "Next candidates")
    assert clips(app).shape == (6, 3, 16, 16, 3) and np.array_equal(clips(app)[0], before[1])
    app.text_input[1].set_value("a purple digit")
    assert refused(press(app, "Use these words"), "'purple'", "it knows and, digit")
    shared_worker().close()


def test_a_generator_is_tried_on_this_page_and_reads_no_clips(model):
    home = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not home.exception and [link.proto.page for link in home.get("page_link")][0].endswith("create")
    for name in ("playground", "attention", "summaries"):
        app = AppTest.from_file(str(APP), default_timeout=60).switch_page(f"views/{name}.py").run()
        assert not app.exception and app.code[0].value.startswith("vtkeras demo --no-serve --out ")
