"""What is in a folder, and what is passed over."""

import errno
import os
from pathlib import Path

import pytest

from vtkeras.data import captions, text_files
from vtkeras.data.table_files import find_table
from vtkeras.errors import UserError
from vtkeras.folders.listing import list_folder, media_files, refuse_empty, spell_closed


@pytest.fixture
def folder(tmp_path):
    for name in ("b.mp4", "a/c.JPG", "a/.hidden.png", ".cache/d.mp4", "notes.txt", "old.rm", "older.RM"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_videos_and_pictures_in_order_and_other_files_counted(folder):
    listing = list_folder(folder)
    assert [str(path) for path in listing.files] == ["a/c.JPG", "b.mp4"]
    assert listing.others == {".txt": 1, ".rm": 2} and listing.captions is None and listing.left_out == 0


def test_more_than_most_are_told(folder, monkeypatch):
    monkeypatch.setattr("vtkeras.folders.listing.MOST_FILES", 1)
    assert [len(list_folder(folder).files), list_folder(folder).left_out] == [1, 1]


def test_predictions_take_all_files_and_names_that_are_none_stay(folder, monkeypatch):
    monkeypatch.setattr("vtkeras.folders.listing.MOST_FILES", 1)
    long = folder / f"{'x' * 300}.mp4"
    assert media_files([folder, long]) == [folder / "a/c.JPG", folder / "b.mp4", long]


def test_texts_are_found_by_name_or_columns(folder):
    (folder / "prices.csv").write_text("path,price\nb.mp4,1\n")
    assert list_folder(folder).captions is None
    (folder / "words.csv").write_text("\ufeffpath, Caption\nb.mp4,a cat\n")
    assert list_folder(folder).captions == folder / "words.csv"
    (folder / "words.csv").write_text("Filename;Description\nb.mp4;a cat\n")
    (folder / "films.csv").write_text("film,year\n1,1999\n")
    assert list_folder(folder).captions == folder / "words.csv"
    (folder / "written.csv").write_text("path,caption\nb.mp4,a cat\n")
    assert list_folder(folder).captions is None  # which of the two is left to who trains
    assert "holds several tables, words.csv, written.csv: name the one" in list_folder(folder).untaken
    (folder / "captions.csv").write_text("path,caption\nb.mp4,a cat\n")
    assert list_folder(folder).captions == folder / "captions.csv" and not list_folder(folder).untaken


@pytest.mark.parametrize("name, text", [
    ("labels.csv", "path,label\nb.mp4,cat\n"), ("captions.tsv", "path\tcaption\nb.mp4\ta cat\n"),
    ("asked.csv", "path,question,answer\nb.mp4,what?,a cat\n"),
    ("clips.jsonl", '{"path": "b.mp4", "caption": "a cat"}\n'),
])  # fmt: skip
def test_texts_are_those_that_training_takes(folder, name, text):
    (folder / name).write_text(text)
    assert list_folder(folder).captions == folder / name == find_table(folder)


def test_of_a_large_table_the_beginning_is_read(folder, monkeypatch):
    monkeypatch.setattr(text_files, "HEAD", 100)
    read = []
    monkeypatch.setattr(captions, "read_text", lambda path: read.append(path))  # of whole files
    whole = "path,caption\n" + "b.mp4,a small cat runs\n" * 2
    (folder / "words.csv").write_text(whole + 'c.mp4,"a dog\n' + "runs\n" * 99 + '"\n')  # letter 100 lies within quotes
    assert text_files.read_head(folder / "words.csv") == whole
    assert list_folder(folder).captions == folder / "words.csv"
    (folder / "words.csv").write_text("time,value\n" + "1,2\n" * 99)
    assert list_folder(folder).captions is None and read == []


def test_folders_stand_for_their_files(folder):
    assert media_files([folder / "notes.txt", folder]) == [folder / "notes.txt", folder / "a/c.JPG", folder / "b.mp4"]


def test_what_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"")
    for path, words in (("none", "is no folder"), ("notes.txt", "is no folder"), (".", "holds no videos or pictures")):
        with pytest.raises(UserError, match=words):
            list_folder(tmp_path / path)
    with pytest.raises(UserError, match="x cannot be read: File name too long"):
        list_folder("x" * 300)


@pytest.fixture
def private(folder, monkeypatch):
    """A folder that may not be read, within the other one."""
    (folder / "private").mkdir()
    scandir = os.scandir

    def refuse(path):
        if os.path.basename(path) == "private":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return folder / "private"


def test_a_folder_that_cannot_be_read_is_told(folder, private):
    listing = list_folder(folder)
    assert len(listing.files) == 2 and listing.closed == (Path("private"),)
    assert media_files([folder]) == [folder / "a/c.JPG", folder / "b.mp4", private]  # set aside when it is read
    for file in listing.files:
        (folder / file).unlink()
    with pytest.raises(UserError, match="holds no videos .*Folders that cannot be read are left out: private"):
        list_folder(folder)


def test_the_first_folders_that_cannot_be_read_are_named():
    told = spell_closed([Path(f"f{number}") for number in range(7)])
    assert told == "Folders that cannot be read are left out: f0, f1, f2, f3, f4 and 2 more"


def test_a_folder_without_anything_is_refused_at_once(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(UserError, match="holds no videos or pictures .*, and no table of them"):
        refuse_empty(tmp_path)
    for name in ("deep/clip.MP4", "captions.csv"):
        folder = tmp_path / name.replace("/", "_")
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"")
        refuse_empty(folder)
