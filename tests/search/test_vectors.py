"""Vectors of clips on disk: kept while a file is the same, and begun anew where the store is damaged."""

import os
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from vtkeras.search import vectors
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


@pytest.mark.parametrize("damage", ["no database", "header", "cut", "middle"])
def test_a_damaged_store_is_begun_anew(files, damage):
    store = VectorStore("model")
    store.save({file: np.ones(2000) for file in files})
    whole = store.path.read_bytes()
    left = {"no database": b"no database", "header": whole[:100], "cut": whole[: len(whole) // 2],
            "middle": whole[:4096] + b"\xff" * 4096 + whole[8192:]}  # fmt: skip
    store.path.write_bytes(left[damage])
    again = VectorStore("model")
    assert again.load(files) == {} and again.problem == ""
    again.save({files[0]: np.ones(2)})
    assert list(VectorStore("model").load(files)) == [files[0]]


def unusable(store):
    """Whether a store says that it keeps nothing, and keeps nothing."""
    store.save({Path(__file__): np.ones(2)})
    return store.load([Path(__file__)]) == {} and store.problem.startswith("The vectors of clips are not kept: /")


def test_a_cache_that_is_a_file_or_lies_beneath_one(files, tmp_path, monkeypatch):
    for cache in (files[0], files[0] / "cache"):
        monkeypatch.setenv("VTKERAS_CACHE", str(cache))
        store = VectorStore("model")
        assert unusable(store) and store.problem.endswith("set VTKERAS_CACHE.")


def test_a_store_that_is_a_folder(files):
    path = VectorStore("model").path
    path.unlink()
    path.mkdir()
    assert unusable(VectorStore("model"))


def test_a_store_that_is_locked_keeps_what_it_has(files, monkeypatch):
    monkeypatch.setattr(vectors, "PATIENCE", 0.01)
    store = VectorStore("model")
    store.save({files[0]: np.ones(2)})
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert unusable(VectorStore("model"))
    assert list(VectorStore("model").load(files)) == [files[0]]


def test_a_disk_with_no_room(files):
    store = VectorStore("model")
    store.save({files[0]: np.ones(2)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (store.path.stat().st_size, limits[1]))  # no file grows beyond that
    try:
        store.save({files[1]: np.ones(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "free some space" in store.problem
    assert list(VectorStore("model").load(files)) == [files[0]]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(files):
    store = VectorStore("model")
    store.save({files[0]: np.ones(2)})
    store.path.chmod(0o400)
    store.path.parent.chmod(0o500)
    try:
        again = VectorStore("model")
        assert list(again.load(files)) == [files[0]] and not again.problem  # what is known is read
        again.save({files[1]: np.ones(2)})
        assert "readonly" in again.problem
    finally:
        store.path.parent.chmod(0o700)
