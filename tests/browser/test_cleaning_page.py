"""The page `Cleaning` in a real browser: what was left out is shown with pictures and reasons, and put back."""

import pytest
from test_playground import NARROW, WIDE, address, chromium, is_cut_off, open_page  # noqa: F401

from vtkeras.data.cleaning.clean import clean
from vtkeras.data.cleaning.options import CleaningOptions
from vtkeras.data.manifest import Manifest
from vtkeras.run_files import MANIFEST

pytestmark = pytest.mark.browser


@pytest.fixture
def folder(install):
    """Six gray clips, left out because nothing moves in them; afterwards it is as before."""
    folder = install.data / "gray"
    before = (folder / MANIFEST).read_bytes()
    clean(folder, CleaningOptions(skip=["near_duplicates"]))
    yield folder
    (folder / MANIFEST).write_bytes(before)
    for report in folder.glob("cleaning.*"):
        report.unlink()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_what_is_left_out_is_shown_and_put_back(open_page, folder, size):  # noqa: F811
    page = open_page("cleaning", size)
    page.get_by_text("6 of 6 clips and captions left out; nothing was deleted").wait_for()
    page.get_by_text("100% of its steps show no change").first.wait_for()
    pictures = page.locator("[data-testid=stMain] img")
    pictures.nth(5).wait_for()
    assert pictures.count() == 6
    assert not is_cut_off(page)
    page.get_by_role("button", name="Put back").first.click()
    page.get_by_text("5 of 5 clips and captions left out").wait_for()
    cleaning = Manifest.load(folder).cleaning
    assert len(cleaning.clips) == 5 and {mark.clip for mark in cleaning.put_back}.isdisjoint(cleaning.clips)
    assert page.get_by_text("Traceback").count() == 0
