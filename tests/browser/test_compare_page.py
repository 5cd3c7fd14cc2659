"""The page `Compare` in a real browser: two videos play, their figures are drawn, and a frame of both is shown."""

import numpy as np
import pytest
from fixtures.videos import make_video
from test_playground import NARROW, WIDE, address, chromium, is_cut_off, open_page  # noqa: F401

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_two_videos_side_by_side(open_page, tmp_path, size):  # noqa: F811
    noise = np.random.default_rng(0).integers(0, 256, (2, 12, 48, 64, 3), dtype="uint8")
    page = open_page("compare", size)
    for number, (name, frames) in enumerate(zip("ab", noise)):
        page.get_by_role("radio", name="Path on this machine").nth(number).click()
        field = page.get_by_label("Path of a video or image").nth(number)
        field.fill(str(make_video(tmp_path / f"{name}.mp4", frames)))
        field.press("Enter")
        page.get_by_text(f"{name}.mp4 · 1.20 s").wait_for()
    page.get_by_role("button", name="Compare").last.click()
    page.get_by_text("PSNR, dB").first.wait_for()
    page.get_by_text("difference, ").wait_for()
    page.wait_for_function("[...document.querySelectorAll('video')].every(one => one.duration > 1)")
    page.get_by_test_id("stVegaLiteChart").nth(2).wait_for()
    assert page.locator("[data-testid=stImage] img").count() == 3
    assert not is_cut_off(page)
    assert page.get_by_text("Traceback").count() == 0
