"""The page `Create` in a real browser: candidates play, marks lead to the next ones, a part is locked, undo works."""

from types import SimpleNamespace

import pytest
from test_playground import NARROW, WIDE, address, chromium, is_cut_off, open_page  # noqa: F401

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def install(video_run, tmp_path_factory):
    """A generator of three frames of 16 x 16 in place of the install with clips."""
    home = tmp_path_factory.mktemp("create")
    return SimpleNamespace(home=home, models=video_run, data=home / "data")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_from_words_to_the_clip_that_is_wanted(open_page, size):  # noqa: F811
    page = open_page("create", size)
    page.get_by_label("What is to be seen").fill("digit 7 is moving left and right")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("Candidate 6", exact=True).first.wait_for()
    page.wait_for_function(
        "[...document.querySelectorAll('[data-testid=stImage] img')].filter(i => i.naturalWidth > 0).length === 6"
    )
    sources = [image.get_attribute("src") for image in page.locator("[data-testid=stImage] img").all()]
    assert all(source.endswith(".gif") for source in sources) and len(set(sources)) == 6

    page.get_by_role("radio", name="More").nth(1).click()
    page.get_by_role("button", name="Next candidates").click()
    page.get_by_text("Candidate 1 · kept").wait_for()
    assert page.locator("[data-testid=stImage] img").first.get_attribute("src") == sources[1]

    page.get_by_role("button", name="Lock or store").nth(2).click()
    page.get_by_role("button", name="Lock its motion").click()
    page.get_by_text("Locked: motion").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Candidate 1 · kept").wait_for()
    assert not is_cut_off(page)
    assert page.get_by_text("Traceback").count() == 0
