"""Files below a folder, however they are linked and however a table writes their names."""

import errno
import os
import unicodedata
from pathlib import Path

import pytest

from vtkeras.data.paths import FileFinder, files_below


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


def test_a_folder_that_vanishes_is_told_and_the_others_are_read(folder, monkeypatch):
    stat, closed = os.stat, []

    def gone(path, **options):
        if str(path).endswith("linked"):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", gone)
    found = [path.as_posix() for path in files_below(folder, lambda name: name.startswith("."), closed.append)]
    assert found == [" lead.mp4", "b.mp4", "x/a.mp4"] and closed == [Path("linked")]


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
def test_what_lies_out_of_the_folder_is_no_file_of_it(folder, written):
    (folder.parent / "b.mp4").touch()
    assert FileFinder(folder).find(written) is None


@pytest.mark.parametrize(
    "written,found",
    [
        ("A.MP4", ["x/a.mp4"]),
        ("X/a.mp4", ["x/a.mp4"]),
        ("a.avi", ["x/a.mp4"]),
        ("X/A.WMV", ["x/a.mp4"]),
        ("y/a.mp4", []),
        ("a.b", []),
        ("/home/ann/x/a.mp4", ["x/a.mp4"]),
        ("C:\\ann\\x\\A.MOV", ["x/a.mp4"]),
        ("../x/a.mp4", ["x/a.mp4"]),
        ("https://example.org/x/a.mp4", ["x/a.mp4"]),
    ],
)
def test_another_case_another_extension_and_another_machine(folder, written, found):
    finder = FileFinder(folder)
    finder.expect([written])
    assert finder.named(written) == found


def test_the_same_case_and_extension_win(folder):
    for name in ("x/A.mp4", "x/a.avi"):
        (folder / name).touch()
    finder = FileFinder(folder)
    assert [finder.named(name) for name in ("a.mp4", "A.mp4", "A.MP4", "a.avi")] == [
        ["x/a.mp4"], ["x/A.mp4"], ["x/A.mp4", "x/a.mp4"], ["x/a.avi"],
    ]  # fmt: skip


def test_a_picture_beside_a_video_of_the_same_name_is_not_meant(folder):
    for name in ("x/a.jpg", "x/p.jpg"):
        (folder / name).touch()
    finder = FileFinder(folder)
    assert (finder.named("a"), finder.named("a.jpg"), finder.named("p")) == (["x/a.mp4"], ["x/a.jpg"], ["x/p.jpg"])


def test_folders_in_which_the_paths_of_another_machine_differ_must_be_there(folder):
    finder = FileFinder(folder)
    finder.expect(["/data/x/a.mp4", "/data/y/a.mp4", "inside.mp4"])
    assert finder.named("/data/x/a.mp4") == ["x/a.mp4"] and finder.named("/data/y/a.mp4") == []
