"""Checkpoints of old torch are read without it, and run nothing."""

import os
import pickle
import struct

import numpy as np
import pytest
from fixtures.torch_files import tensor, tensors, text, write_checkpoint

from vtkeras.errors import UserError
from vtkeras.pretrained.torch_checkpoint import read_checkpoint

ARRAYS = {
    "stem.weight": np.arange(24, dtype="float32").reshape(2, 3, 4),
    "stem.turned": np.arange(12, dtype="float32").reshape(3, 4).T,
    "steps": np.array(7, dtype="int64"),
}


def test_arrays_come_back(tmp_path):
    found = read_checkpoint(write_checkpoint(tmp_path / "a.pth", ARRAYS))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_two_tensors_may_share_a_storage(tmp_path):
    shared = {
        "first": tensor("0", "FloatStorage", 4, (2,), (1,)),
        "last": tensor("0", "FloatStorage", 4, (2,), (1,), offset=2),
    }
    path = write_checkpoint(tmp_path / "a.pth", {"": np.arange(4, dtype="float32")}, tensors(shared))
    found = read_checkpoint(path)
    assert found["first"].tolist() == [0, 1] and found["last"].tolist() == [2, 3]


class Command:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


BAD = {
    "runs a command": lambda out: pickle.dumps({"weight": Command(out)}, protocol=2),
    "a command in newer instructions": lambda out: pickle.dumps({"weight": Command(out)}, protocol=4),
    "a builtin": lambda out: tensors({"weight": b"c__builtin__\neval\n(" + text("1") + b"tR"}),
    "fills memory by a memo": lambda out: b"\x80\x02Nr" + struct.pack("<I", 2**31) + b".",
    "a dict made of another": lambda out: b"\x80\x02ccollections\nOrderedDict\n(}tR.",
    "more than its storage": lambda out: tensors({"weight": tensor("0", "FloatStorage", 24, (5, 5), (5, 1))}),
    "steps out of its storage": lambda out: tensors({"weight": tensor("0", "FloatStorage", 24, (2, 2), (30, 1))}),
    "a huge one of one number": lambda out: tensors({"weight": tensor("0", "FloatStorage", 24, (2**15,) * 2, (0, 0))}),
    "before its storage": lambda out: tensors({"weight": tensor("0", "FloatStorage", 24, (2,), (1,), offset=-4)}),
    "a storage longer than told": lambda out: tensors({"weight": tensor("0", "FloatStorage", 2**30, (2,), (1,))}),
    "a storage that is not there": lambda out: tensors({"weight": tensor("9", "FloatStorage", 24, (2,), (1,))}),
    "numbers of another kind": lambda out: tensors({"weight": tensor("0", "DoubleStorage", 24, (2,), (1,))}),
    "no tensors": lambda out: pickle.dumps({"weight": 3}, protocol=2),
    "cut short": lambda out: tensors({})[:-3],
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_runs_nothing_and_is_one_sentence(case, tmp_path):
    marker = tmp_path / "ran"
    path = write_checkpoint(tmp_path / "a.pth", {"weight": ARRAYS["stem.weight"]}, BAD[case](marker))
    with pytest.raises(UserError, match="a.pth is no checkpoint that can be read here"):
        read_checkpoint(path)
    assert not marker.exists()


def test_the_command_would_run(tmp_path):
    pickle.loads(BAD["runs a command"](tmp_path / "ran"))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(50), b"not a checkpoint"])
def test_another_file_is_one_sentence(content, tmp_path):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(UserError, match="is no checkpoint"):
        read_checkpoint(tmp_path / "a.pth")


def test_every_cut_is_found(tmp_path):
    whole = write_checkpoint(tmp_path / "a.pth", ARRAYS).read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "cut.pth").write_bytes(whole[:length])
        with pytest.raises(UserError):
            read_checkpoint(tmp_path / "cut.pth")


def test_missing_and_large_files(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_checkpoint(tmp_path / "none.pth")
    path = write_checkpoint(tmp_path / "a.pth", ARRAYS)
    monkeypatch.setattr("vtkeras.pretrained.torch_checkpoint.MOST_BYTES", 100)
    with pytest.raises(UserError, match="larger than 100 bytes"):
        read_checkpoint(path)
