"""Files below a folder, however they are linked and however a table writes their names."""

import unicodedata

import pytest

from vtkeras.data.paths import FileFinder, files_below
from vtkeras.errors import UserError


@pytest.fixture
def folder(tmp_path):
    for name in ("videos/b.mp4", "videos/x/a.mp4", "videos/ lead.mp4", "videos/.cache/c.mp4", "disk/movies/m.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "videos" / "linked").symlink_to(tmp_path / "disk" / "movies")
    (tmp_path / "videos" / "x" / "loop").symlink_to(tmp_path / "videos")
    (tmp_path / "disk" / "movies" / "again").symlink_to(tmp_path / "disk")
    return tmp_path / "videos"


def test_links_are_followed_and_loops_end(folder):
    found = [path.as_posix() for path in files_below(folder, passed_over=lambda name: name.startswith("."))]
    assert found == [" lead.mp4", "b.mp4", "linked/m.mp4", "x/a.mp4"]


@pytest.mark.parametrize(
    "written",
    ["x/a.mp4", "./x/a.mp4", "x//a.mp4", "x/../x/a.mp4", "x\\a.mp4", ".\\x\\a.mp4", " x/a.mp4 ", "{folder}/x/a.mp4",
     "x/loop/x/a.mp4", "link.mp4"],
)  # fmt: skip
def test_one_file_has_one_name(folder, written):
    (folder / "link.mp4").symlink_to(folder / "x/a.mp4")
    finder = FileFinder(folder)
    assert finder.find("x/a.mp4") == finder.find(written.format(folder=folder)) == "x/a.mp4"


@pytest.mark.parametrize("form, other", [("NFC", "NFD"), ("NFD", "NFC")])
def test_composed_and_decomposed_names_meet(folder, form, other):
    stored, written = (unicodedata.normalize(one, "été/café.mp4") for one in (form, other))
    (folder / stored).parent.mkdir()
    (folder / stored).touch()
    assert FileFinder(folder).find(written) == stored != written


def test_a_name_with_spaces_around_it_and_one_with_a_backslash(folder):
    (folder / "x\\a.mp4").touch()
    assert FileFinder(folder).find(" lead.mp4") == " lead.mp4"
    assert FileFinder(folder).find("x\\a.mp4") == "x\\a.mp4"


@pytest.mark.parametrize("written", ["none.mp4", "x", "a" * 5000, "x\0.mp4"])
def test_no_file(folder, written):
    assert FileFinder(folder).find(written) is None


@pytest.mark.parametrize("written", ["../b.mp4", "x/../../b.mp4", "/etc/passwd", "C:\\b.mp4", "..\\b.mp4"])
def test_names_that_lead_out(folder, written):
    with pytest.raises(UserError, match="leads out"):
        FileFinder(folder).find(written)
