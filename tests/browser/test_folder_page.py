"""The page `Folder` in a real browser: four files are looked at behind it, found by a word, and played."""

import pytest
from fixtures.folders import folder  # noqa: F401
from fixtures.videos import make_video
from test_playground import NARROW, WIDE, address, chromium, is_cut_off, open_page  # noqa: F401

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """What is found out is stored here, by the server as well, which starts after this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VTKERAS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_folder_is_looked_at_searched_and_played(open_page, folder, size):  # noqa: F811
    make_video(folder / "dusk.mp4", 30)
    page = open_page(f"folder?folder={folder}", size)
    page.get_by_role("button", name="Play from").nth(1).wait_for()
    page.get_by_text("cannot be read").first.wait_for()
    search = page.get_by_placeholder("a dog on the beach")
    search.fill("dusk")
    search.press("Enter")
    page.get_by_text("1 with these words in name or text").wait_for()
    page.locator(".st-key-show-dusk-mp4 button").click()
    page.wait_for_function("document.querySelector('video')?.duration > 2.5")  # dusk has 3 s, dawn 2
    assert not is_cut_off(page)
    assert page.get_by_text("Traceback").count() == 0
