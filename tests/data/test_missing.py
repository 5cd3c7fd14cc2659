"""Empty cells are left, filled or left out with their clips, and each column is told."""

import pytest

from tests.fixtures.videos import make_folder
from vtkeras.cli import app
from vtkeras.data.captions import read_captions
from vtkeras.data.ingest import ingest
from vtkeras.data.manifest import Manifest
from vtkeras.data.missing import read_ways
from vtkeras.errors import UserError

CSV = """path,caption,question,answer,label,kind,split
clip0.mp4,one,what?,a cat,cat,seen,train
clip1.mp4,two,what?,,cat,asked,train
clip2.mp4,,where?,here,dog,placed,train
clip3.mp4,four,,,,none,train
clip4.mp4,,,,,empty,train
clip5.mp4,six,what?,a cat,,last,test
"""


@pytest.fixture
def read(tmp_path):
    """A callable from settings to ({clip: row}, notes)."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for number in range(6):
        (videos / f"clip{number}.mp4").touch()
    path = tmp_path / "captions.csv"
    path.write_text(CSV, encoding="utf-8")

    def read(*settings):
        notes = []
        rows = read_captions(path, videos, note=notes.append, missing=read_ways(settings))
        return {row.clip_id.removesuffix(".mp4"): row for row in rows}, [note.replace(f"{path} ", "") for note in notes]

    return read


def test_left_by_default_and_told(read):
    rows, notes = read()
    assert list(rows) == ["clip0", "clip1", "clip2", "clip3", "clip5"]
    assert rows["clip1"].questions == () and rows["clip2"].captions == () and rows["clip3"].labels == ()
    assert notes == [
        "row 4 is the first without caption (2 of 6 clips): left empty.",
        "row 3 is the first without answer (1 of 4 questions): these questions are left out.",
        "row 5 is the first without label (3 of 6 clips): left empty.",
        "row 6 gives no caption, question with answer, or label: left out.",
    ]


def test_filled_with_a_text_of_ones_own(read):
    rows, notes = read("caption=fill: a clip ", "answer=fill:unknown")
    assert list(rows) == [f"clip{number}" for number in range(6)]
    assert rows["clip2"].captions == rows["clip4"].captions == ("a clip",) and rows["clip0"].captions == ("one",)
    assert rows["clip1"].questions == (("what?", "unknown"),)
    assert dict(rows["clip1"].columns[0]) == {"kind": "asked"}  # the row's own columns go with its question
    assert notes[:2] == [
        "row 4 is the first without caption (2 of 6 clips): filled with 'a clip'.",
        "row 3 is the first without answer (1 of 4 questions): filled with 'unknown'.",
    ]


def test_the_commonest_fills_the_training_split_alone(read):
    rows, notes = read("label=common", "answer=common")
    assert rows["clip3"].labels == ("cat",) and rows["clip5"].labels == ()
    assert "clip4" not in rows  # a label of others says nothing of a clip without any text
    assert rows["clip1"].questions == (("what?", "a cat"),)
    told = "row 5 is the first without label (3 of 6 clips): filled with 'cat', the commonest, in the training split"
    assert f"{told}, and left elsewhere." in notes


def test_where_the_commonest_fills_nothing_that_is_told(tmp_path):
    """Of labels alone: a clip without one has no text that it could be learned with."""
    lines = ["path,label,split"]
    for number in range(6):
        (tmp_path / f"{number}.mp4").touch()
        lines.append(f"{number}.mp4,{'' if number == 3 else 'cat'},train")
    (tmp_path / "a.csv").write_text("\n".join(lines))
    notes = []
    rows = read_captions(tmp_path / "a.csv", tmp_path, note=notes.append, missing={"label": "common"})
    assert len(rows) == 5
    assert [note.replace(f"{tmp_path / 'a.csv'} ", "") for note in notes] == [
        "row 5 is the first without label (1 of 6 clips): none is filled, as no training clip that has another text "
        "lacks its label.",
        "row 5 gives no caption, question with answer, or label: left out.",
    ]


def test_clips_are_left_out_where_asked(read):
    rows, notes = read("label=drop")
    assert list(rows) == ["clip0", "clip1", "clip2"]
    assert "row 5 is the first without label (3 of 6 clips): these clips are left out." in notes


@pytest.mark.parametrize("setting", ["label", "labels=drop", "label=", "label=fill:", "label=fill: ", "path=drop"])
def test_a_way_that_is_none(setting):
    with pytest.raises(UserError, match=f"--missing {setting} is not COLUMN=WAY: a column is one of caption, "):
        read_ways([setting])


def test_nothing_common_to_fill_with(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.csv").write_text("path,caption\na.mp4,one\n")
    with pytest.raises(UserError, match="--missing label=common: no training clip has a text in that column"):
        read_captions(tmp_path / "a.csv", tmp_path, missing={"label": "common"})


def test_the_folder_keeps_what_was_done(tmp_path):
    from typer.testing import CliRunner

    videos, out = make_folder(tmp_path / "videos", 6, frames=1), tmp_path / "out"
    (tmp_path / "captions.csv").write_text(CSV, encoding="utf-8")
    arguments = ["data", "ingest", str(videos), "--captions", str(tmp_path / "captions.csv"), "--out", str(out)]
    told = CliRunner().invoke(app, [*arguments, "--missing", "label=fill:other", "--frames", "1"]).stdout
    manifest = Manifest.load(out)
    assert manifest.options["missing"] == {"label": "fill:other"} and manifest.stored == 6
    sentence = "row 5 is the first without label (3 of 6 clips): filled with 'other'."
    assert any(sentence in note for note in manifest.notes) and sentence in told
    with pytest.raises(UserError, match=r"other options \(missing {'label': 'fill:other'}, now left\)"):
        ingest(videos, tmp_path / "captions.csv", out, num_frames=1)
