"""The page `Compare`: two videos frame by frame, with figures that can be worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from fixtures.videos import make_image, make_video
from streamlit.testing.v1 import AppTest

import vtkeras
from dashboards import jobs
from vtkeras.serving.client import shared_worker

APP = Path(vtkeras.__file__).parent.parent / "dashboards" / "app.py"


@pytest.fixture
def compared(tmp_path, monkeypatch):
    """A callable from two files to the page after the button was pressed."""
    monkeypatch.setenv("VTKERAS_MODELS", str(tmp_path / "none"))

    def compared(*files):
        app = AppTest.from_file(str(APP), default_timeout=300).switch_page("views/compare.py").run()
        for role, file in zip(("Reference", "Candidate"), files):
            next(group for group in app.button_group if group.label == role).set_value("Path on this machine").run()
            app.text_input(key=f"{role} path").set_value(str(file)).run()
        return app.button[0].click().run() if app.button else app

    return compared


# Three frames, of which the second is the worst by SSIM and the third by PSNR.
MEASURED = {
    "seconds": np.float32([[0, 0], [0.1, 0.1], [0.2, 0.2]]),
    "frames": {"psnr": np.float32([np.inf, 30, 20]), "ssim": np.float32([1, 0.2, 0.9])},
    "figures": {"psnr": float("inf"), "ssim": 0.7},
    "best": {"psnr": float("inf"), "ssim": 1.0},
    "notes": ["ms_ssim is left out: too small."],
}


@pytest.fixture
def measured(monkeypatch):
    """In place of the worker."""

    def run(title, function, model, *arguments, version=0):
        assert model is None and function == "vtkeras.evaluation.videos:score_over_time" and len(version) == 2
        return MEASURED

    monkeypatch.setattr(jobs, "run", run)


def pair_of_videos(folder):
    noise = np.random.default_rng(0).integers(0, 256, (2, 3, 48, 64, 3), dtype="uint8")
    return [make_video(folder / f"{name}.mp4", frames) for name, frames in zip("ab", noise)]


def test_the_worst_frame_is_shown_and_another_metric_goes_elsewhere(compared, measured, tmp_path):
    app = compared(*pair_of_videos(tmp_path))
    assert not app.exception and not app.error, app.error
    assert [(metric.label, metric.value) for metric in app.metric] == [("PSNR, dB", "inf"), ("SSIM", "0.7000")]
    assert "ms_ssim" in "".join(caption.value.replace("\\", "") for caption in app.caption)
    assert app.slider[0].value == 1 and len(app.get("image")) == 3 and len(app.get("vega_lite_chart")) == 2
    next(group for group in app.button_group if group.label.startswith("Go to")).set_value("psnr").run()
    assert app.slider[0].value == 2
    assert {button.label for button in app.get("download_button")} == {"Figures as JSON", "Frames as CSV"}


def test_a_page_that_is_loaded_again_shows_what_its_address_names(compared, monkeypatch, tmp_path):
    monkeypatch.setattr(jobs, "earlier", lambda: ("b.mp4 beside a.mp4", MEASURED))
    app = compared()
    assert not app.exception and not app.error and app.subheader[0].value.replace("\\", "") == "b.mp4 beside a.mp4"
    assert [metric.value for metric in app.metric] == ["inf", "0.7000"] and app.slider[0].value == 1
    assert len(app.get("vega_lite_chart")) == 2 and not app.get("image")  # which videos they were is not known


@pytest.mark.whole
def test_pictures_are_compared_by_the_worker(compared, tmp_path):
    app = compared(make_image(tmp_path / "a.png", 100), make_image(tmp_path / "b.png", 120))
    while app.get("progress"):
        app.run()
    assert not app.exception and not app.error, app.error
    assert app.metric[0].value == "22.1102"  # 20 log10(255 / 20)
    assert not app.slider and len(app.get("image")) == 5  # two stills, one beside the other, and their difference
    shared_worker().close()


def test_sizes_that_differ_are_told_by_the_visitors_names(compared, tmp_path, monkeypatch):
    from vtkeras.errors import UserError

    def refuse(title, function, model, one, other, *arguments, version=0):
        raise UserError(f"{one} has frames of 64 x 48 and {other} of 8 x 8: bring both to one size.")

    monkeypatch.setattr(jobs, "run", refuse)
    app = compared(make_image(tmp_path / "a.png"), make_image(tmp_path / "b.png", width=8, height=8))
    assert not app.exception and str(tmp_path) not in app.error[0].value and "b\\.png" in app.error[0].value


def test_a_bad_file_is_told(compared, tmp_path):
    (tmp_path / "bad.mp4").write_text("no video")
    app = compared(tmp_path / "bad.mp4")
    assert not app.exception and len(app.error) == 1 and "Traceback" not in app.error[0].value
