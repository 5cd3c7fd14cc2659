"""The page `Summaries` in a real browser: a click on a shot takes the player there."""

import json

import pytest
from fixtures.summaries import FakePredictor, scenes
from fixtures.videos import make_video
from test_playground import NARROW, WIDE, address, chromium, is_cut_off, open_page  # noqa: F401

from vtkeras.summaries import jobs
from vtkeras.summaries.summarize import Options, summarize

pytestmark = pytest.mark.browser


@pytest.fixture
def film(install):
    """The name of a job that made a summary of six scenes of a second each."""
    video = make_video(install.home / "film.mp4", scenes(20, 200, 110, 20, 200, 110))
    folder = install.home / "runs" / "summaries" / "film"  # where the server, which runs in `home`, looks
    summarize(video, FakePredictor(), folder, options=Options(budget=0.3, longest=10.0))
    (folder / jobs.JOB).write_text(json.dumps({"video": str(video)}))
    return folder.name


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_click_on_a_shot_seeks_the_player(open_page, film, size):  # noqa: F811
    page = open_page(f"summaries?job={film}", size)
    page.get_by_text("Where this comes from").wait_for()
    page.get_by_role("button", name="0:04.0").click()
    page.get_by_text("From 0:04 on").wait_for()
    page.wait_for_function("document.querySelector('video')?.currentTime >= 4")
    page.wait_for_function("document.querySelector('video').textTracks[0]?.cues?.length === 6")
    assert not is_cut_off(page)
