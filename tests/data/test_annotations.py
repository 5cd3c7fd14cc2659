import json

import pytest

from vtkeras.data.annotations import read_annotations, read_tvsum, uniform_shots
from vtkeras.errors import UserError

ENTRY = {"video": "a.mp4", "segment": 2.0, "scores": [[1, 2, 3], [3, 2, 1]], "transcript": "a.vtt"}


def folder(tmp_path, value):
    (tmp_path / "annotations.json").write_text(value if isinstance(value, str) else json.dumps(value))
    return tmp_path


def test_read(tmp_path):
    [found] = read_annotations(folder(tmp_path, [ENTRY]))
    assert found.users.tolist() == [[1, 2, 3], [3, 2, 1]] and found.fps == 0.5 and found.transcript == "a.vtt"
    assert found.shots.tolist() == [[0, 1], [1, 2], [2, 3]]


def test_uniform_shots():
    assert uniform_shots(5, 2).tolist() == [[0, 2], [2, 4], [4, 5]]


@pytest.mark.parametrize(
    "value, message",
    [
        ("{", "is not JSON"),
        ({}, "is not a list of videos"),
        ([], "is not a list of videos"),
        ([1], "entry 1 needs"),
        ([{**ENTRY, "scores": [[1, 2], [1]]}], "entry 1 needs"),
        ([ENTRY, {**ENTRY, "scores": [[1, 2, 3]]}], "entry 2 needs scores of two users"),
        ([{**ENTRY, "scores": [[1, 2], [1, None]]}], "entry 1 needs scores of two users"),
        ([{**ENTRY, "segment": 0}], "entry 1: a segment of 0.0 s"),
        ([{**ENTRY, "video": "../a.mp4"}], "entry 1: files must lie beside"),
    ],
)
def test_refused(tmp_path, value, message):
    with pytest.raises(UserError, match=message):
        read_annotations(folder(tmp_path, value))


def test_missing(tmp_path):
    with pytest.raises(UserError, match="holds no annotations.json"):
        read_annotations(tmp_path)
    with pytest.raises(UserError, match="No file"):
        read_tvsum(tmp_path / "none.mat")
    (tmp_path / "a.mat").write_text("hello")
    with pytest.raises(UserError, match="is not TVSum's"):
        read_tvsum(tmp_path / "a.mat")
