"""What is left out is found by its reason and put back mark by mark, without TensorFlow."""

import subprocess
import sys

import pytest

from vtkeras.data.cleaning.marks import Cleaning, Mark
from vtkeras.data.manifest import Manifest, Shard
from vtkeras.workspace.left_out import find_ingested, left_out, put_back


@pytest.fixture
def folder(tmp_path):
    """Three clips: a is left out for two reasons, b for one, c lacks a caption."""
    marks = [Mark("a", "a.mp4", "train", 2, reason, "") for reason in ("blurred", "frozen")]
    marks += [Mark("b", "b.mp4", "train", 1, "frozen", ""), Mark("c", "c.mp4", "train", 1, "markup", "", "<b>c</b>")]
    shard = Shard("train-00000.tfrecord", "train", "0" * 64, clips=3, examples=4)
    Manifest({}, "0" * 64, (shard,), Cleaning({}, tuple(marks))).save(tmp_path)
    return tmp_path


def found(folder, *reasons):
    return [(marks[0].clip, [mark.reason for mark in marks]) for marks in left_out(folder, reasons or None)]


def test_by_reason(folder, tmp_path):
    assert find_ingested([folder, folder / "none"]) == [folder]
    assert found(folder) == [("a", ["blurred", "frozen"]), ("b", ["frozen"]), ("c", ["markup"])]
    assert found(folder, "frozen") == [("a", ["blurred", "frozen"]), ("b", ["frozen"])]


def test_put_back(folder):
    assert (Manifest.load(folder).clips("train"), Manifest.load(folder).examples("train")) == (1, 1)
    put_back(folder, left_out(folder)[0])
    assert found(folder) == [("b", ["frozen"]), ("c", ["markup"])]
    assert (Manifest.load(folder).clips("train"), Manifest.load(folder).examples("train")) == (2, 3)


def test_no_tensorflow():
    code = "import sys, vtkeras.workspace.left_out; print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
