"""What is known of a folder stays, as long as its files do."""

import os
from pathlib import Path

import pytest

from vtkeras.errors import UserError
from vtkeras.folders.store import ENCODER, LISTED, NAMED, SEEN, STUDIED, FolderStore, Known, Names

A, B = Path("a.mp4"), Path(os.fsdecode(b"sub/\xff b.mp4"))  # a name that is no text


@pytest.fixture
def store(tmp_path):
    for path in (A, B):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"1234")
    store = FolderStore(tmp_path)
    store.refresh([A, B], "one")
    return store


NAMES = Names([0.5], [[1, 0]], [[0.9, 0.1]])
KNOWN = Known(duration=1.5, width=4, height=3, codec="h264", names=NAMES, findings=["dark"])


def test_another_opening_finds_what_was_stored(store):
    store.save(str(A), STUDIED, KNOWN, b"jpeg")
    again = FolderStore(store.folder)
    again.refresh([A, B], "one")
    first, second = again.files()
    assert (first.path, first.size, first.stage, first.known) == (str(A), 4, STUDIED, KNOWN)
    assert (second.path, second.stage, second.known) == (str(B), LISTED, Known())
    assert again.preview(str(A)) == b"jpeg" and again.preview(str(B)) is None
    assert again.counts() == (2, 1, 1, 1) and [file.path for file in again.files(LISTED)] == [str(B)]


def test_a_changed_or_removed_file_is_forgotten(store):
    for path in (A, B):
        store.save(str(path), NAMED, KNOWN, b"jpeg")
    (store.folder / A).write_bytes(b"12345")
    store.refresh([A], "one")
    assert [(file.path, file.size, file.stage) for file in store.files()] == [(str(A), 5, LISTED)]
    assert store.preview(str(A)) is None


def test_another_classifier_names_anew_and_keeps_previews(store):
    store.save(str(A), STUDIED, KNOWN, b"jpeg")
    store.save(str(B), STUDIED, Known(fault="is empty."))
    store.refresh([A, B], "two")
    assert [file.stage for file in store.files()] == [SEEN, STUDIED]  # what cannot be read gets no names
    assert store.preview(str(A)) == b"jpeg"
    assert store.files()[0].known.names is None  # their numbers are of the classes of the other one


def test_whoever_only_lists_files_does_not_say_what_names_them(store):
    store.save(str(A), STUDIED, KNOWN, b"jpeg")
    store.refresh([A, B])
    assert store.note(ENCODER) == "one" and store.counts() == (2, 1, 1, 1)


def test_one_holder_at_a_time(store):
    with store.held() as first, FolderStore(store.folder).held() as second:
        assert first and not second
    with store.held() as third:
        assert third


def test_a_damaged_database_is_one_sentence(store):
    for path in store.path.parent.glob(f"{store.path.stem}.sqlite*"):
        path.unlink()
    store.path.write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match="cannot be used .*delete it to begin anew"):
        FolderStore(store.folder)


def test_a_cache_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("VTKERAS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="cannot be written: .*set VTKERAS_CACHE"):
        FolderStore(tmp_path)
