"""Vectors of clips on disk: kept while a file is the same, and begun anew where the store is damaged."""

import os

import numpy as np
import pytest

from vtkeras.errors import UserError
from vtkeras.search.vectors import VectorStore


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("VTKERAS_CACHE", str(tmp_path / "cache"))
    found = [tmp_path / name for name in ("a.mp4", "b.mp4", "é b.mp4")]
    for file in found:
        file.write_bytes(b"clip")
    return found


def test_what_is_kept_is_found_again_by_another_store(files):
    vectors = {file: np.array([number, 0.5], np.float32) for number, file in enumerate(files)}
    VectorStore("model").save(vectors)
    found = VectorStore("model").load(files)
    assert {file: vector.tolist() for file, vector in found.items()} == {
        files[0]: [0.0, 0.5], files[1]: [1.0, 0.5], files[2]: [2.0, 0.5],
    }  # fmt: skip
    assert VectorStore("another model").load(files) == {}


def test_a_file_that_changed_or_is_gone_is_not_known(files):
    store = VectorStore("model")
    store.save({file: np.ones(2) for file in files})
    files[0].write_bytes(b"other clip")
    os.utime(files[1], ns=(1, 1))
    files[2].unlink()
    assert store.load(files) == {}


@pytest.mark.parametrize("damage", [b"", b"no database", "cut", "middle"])
def test_a_damaged_store_is_begun_anew(files, damage):
    store = VectorStore("model")
    store.save({file: np.ones(2000) for file in files})
    whole = store.path.read_bytes()
    places = {"cut": whole[: len(whole) // 2], "middle": whole[:4096] + b"\xff" * 4096 + whole[8192:]}
    store.path.write_bytes(places.get(damage, damage))
    again = VectorStore("model")
    assert again.load(files) == {}
    again.save({files[0]: np.ones(2)})
    assert list(VectorStore("model").load(files)) == [files[0]]


def test_a_store_that_cannot_be_written(files, tmp_path, monkeypatch):
    monkeypatch.setenv("VTKERAS_CACHE", str(files[0]))
    with pytest.raises(UserError, match="cannot be written: .*set VTKERAS_CACHE"):
        VectorStore("model")


def test_a_store_that_is_a_folder(files):
    path = VectorStore("model").path
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match="model.sqlite: unable to open .*set VTKERAS_CACHE"):
        VectorStore("model")
