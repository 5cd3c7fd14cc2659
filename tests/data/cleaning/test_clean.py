"""Cleaning marks what is wrong, sources leave that out, and a person puts it back; nothing else changes."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.data.test_quality import CLIPS, TIME, checkerboard
from tests.fixtures.cleaning import facts
from tests.fixtures.videos import make_video
from vtkeras import keys
from vtkeras.cli import app
from vtkeras.data.cleaning import clean as cleaning
from vtkeras.data.cleaning.clean import CHECKS, clean, find
from vtkeras.data.cleaning.options import CleaningOptions
from vtkeras.data.cleaning.restore import restore
from vtkeras.data.ingest import ingest
from vtkeras.data.manifest import Manifest
from vtkeras.data.shards import sha256_of, verify
from vtkeras.data.sources.folder import FolderSource
from vtkeras.errors import UserError

CSV = """path,caption,question,answer,split
good.mp4,a board moves,,,train
good.mp4,A board moves!,,,train
wide.mp4,large squares move,how many?,sixteen,train
wide.mp4,a <b>board</b>,is it red?,no,train
blurred.mp4,a blurred board,what?,a board,train
blurred.mp4,a blurred board,where?,here,train
copy.mp4,the same board,,,test
other.mp4,board,,,test
"""
VIDEOS = {
    "good": CLIPS["good"][0],
    "copy": CLIPS["good"][0],
    "wide": CLIPS["sharp"][0],
    "blurred": CLIPS["blurred"][0],
    "other": np.flip(checkerboard(square=16), axis=1),
}
# good.mp4 is a leak, blurred.mp4 is blurred, other.mp4 has a caption of one word alone.
DROPPED = [
    ("blurred.mp4", None, "blurred"),
    ("good.mp4", None, "leak"),
    ("other.mp4", "board", "length"),
    ("other.mp4", None, "no_text"),
    ("wide.mp4", "a <b>board</b>", "markup"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("cleaning")
    (root / "videos").mkdir()
    for name, frames in VIDEOS.items():
        make_video(root / "videos" / f"{name}.mp4", frames, crf="10")
    (root / "captions.csv").write_text(CSV, encoding="utf-8")
    return root


@pytest.fixture
def folder(root, tmp_path):
    ingest(root / "videos", root / "captions.csv", tmp_path / "out", num_frames=TIME, clips_per_shard=2)
    return tmp_path / "out"


def faults(manifest):
    return sorted((mark.fault for mark in manifest.cleaning.dropped), key=str)


def test_what_is_dropped(folder):
    before = {path.name: sha256_of(path) for path in folder.glob("*.tfrecord")}
    steps = []
    manifest = clean(folder, progress=lambda *step: steps.append(step))
    assert faults(manifest) == sorted(DROPPED, key=str)
    assert steps[:5] == [("reading", number, 5, "") for number in range(1, 6)]
    assert steps[5:] == [("judging", number, 7, name) for number, name in enumerate(CHECKS)]
    assert verify(folder) == manifest and manifest.stored == 5
    assert {path.name: sha256_of(path) for path in folder.glob("*.tfrecord")} == before
    # Left are wide.mp4 with two questions, and copy.mp4.
    assert [(split, manifest.clips(split), manifest.examples(split)) for split in manifest.splits] == [
        ("train", 1, 2),
        ("test", 1, 1),
    ]


def test_the_source_leaves_it_out(folder):
    whole = FolderSource(path=folder)
    clean(folder)
    source = FolderSource(path=folder)
    assert (source.size("train"), source.size("test")) == (2, 1)
    assert (whole.left_out == "") != (source.left_out == "")
    [clip] = source.clips("train").as_numpy_iterator()
    assert clip[keys.VIDEO_ID] == b"wide.mp4" and clip[keys.CAPTIONS].tolist() == [b"large squares move"]
    assert len(list(source.load("train"))) == len(source.load("train")) == 2
    assert [clip[keys.VIDEO_ID] for clip in source.clips("test").as_numpy_iterator()] == [b"copy.mp4"]
    texts = {"captions": ["large squares move"], "questions": ["how many?", "is it red?"], "answers": ["sixteen", "no"]}
    assert source.texts() == {**texts, "labels": []}
    assert {clip for clip, _ in source.column("train", "path")} == {"wide.mp4"}


def test_again_is_the_same(folder):
    manifest = clean(folder)
    files = {path.name: path.read_bytes() for path in folder.glob("*.*")}
    assert clean(folder) == manifest
    assert {path.name: path.read_bytes() for path in folder.glob("*.*")} == files


def test_ingest_keeps_the_marks(root, folder):
    manifest = clean(folder)
    again = ingest(root / "videos", root / "captions.csv", folder, num_frames=TIME, clips_per_shard=2)
    assert again == manifest == verify(folder)


def test_what_is_put_back_stays_in(folder):
    clean(folder)
    restore(folder, ["blurred"])
    assert FolderSource(path=folder).size("train") == 4
    manifest = clean(folder)
    assert faults(manifest) == sorted(DROPPED[1:], key=str)
    assert [mark.fault for mark in manifest.cleaning.put_back] == DROPPED[:1]
    assert faults(clean(folder, again=True)) == sorted(DROPPED, key=str)


def test_what_is_put_back_while_sums_are_checked_stays_in(folder, monkeypatch):
    """One of the two waits for the other: the marks of a person are not written over."""
    clean(folder)
    refused = []

    def meanwhile(folder):
        try:
            restore(folder, ["blurred"])
        except UserError as error:
            refused.append(str(error))
        return verify(folder)

    monkeypatch.setattr(cleaning, "verify", meanwhile)
    clean(folder)
    assert len(refused) == 1 and refused[0].startswith("Another ingest or cleaning is writing to ")


def test_a_folder_that_is_none_is_refused_and_not_made(tmp_path):
    for change in (clean, lambda folder: restore(folder, ["all"])):
        with pytest.raises(UserError, match="holds no manifest.json"):
            change(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_is_put_back_stays_in_whatever_a_later_check_says():
    clips, options = [facts("a", "<b>cat</b>")], CleaningOptions(least_words=2, skip=("pictures",))
    [mark] = [mark for mark in find(clips, options) if mark.caption]
    assert mark.reason == "markup"
    assert find(clips, options, [mark]) == []  # though it is too short, too


def test_a_clip_is_put_back_with_its_captions(folder):
    clean(folder)
    assert faults(restore(folder, ["other.mp4"])) == sorted([*DROPPED[:2], DROPPED[4]], key=str)


def test_a_clip_that_has_a_caption_again_is_back(folder):
    clean(folder)
    assert ("other.mp4", None, "no_text") not in faults(restore(folder, ["length"]))


def test_all_is_put_back(folder):
    clean(folder)
    whole = restore(folder, ["all"])
    assert whole.cleaning.dropped == () and whole.examples("train") == 5
    with pytest.raises(UserError, match="nothing to put back for 'all': nothing is left out of it"):
        restore(folder, ["all"])


def test_nothing_is_put_back_for_a_slip(folder):
    clean(folder)
    with pytest.raises(UserError, match=r"for 'blured': give a clip, all, or a reason \(blurred, leak, length"):
        restore(folder, ["leak", "blured"])
    assert faults(Manifest.load(folder)) == sorted(DROPPED, key=str)


def test_thresholds_and_skipped_checks(folder):
    lenient = CleaningOptions(sharpness=0, skip=["near_duplicates", "length", "markup", "duplicates"])
    manifest = clean(folder, lenient)
    assert faults(manifest) == [] and manifest.cleaning.options["sharpness"] == 0
    # A later check sees what is no fault to an earlier one: good.mp4 stays, so its second caption is told.
    assert faults(clean(folder, CleaningOptions(skip=[name for name in CHECKS if name != "duplicates"]))) == [
        ("good.mp4", "A board moves!", "duplicate")
    ]
    for options, message in [
        ({"skip": ["blur"]}, "skip 'blur' is unknown: use one of control_characters, duplicates, "),
        ({"least_words": 9, "most_words": 3}, "least_words 9 is above most_words 3"),
    ]:
        with pytest.raises(UserError, match=message):
            clean(folder, CleaningOptions(**options))


def test_a_clip_with_another_text_may_lose_its_captions():
    options = CleaningOptions(skip=["pictures", "near_duplicates"])
    assert [mark.reason for mark in find([facts("a", "cat", other_texts=("animal",))], options)] == ["length"]
    assert [mark.reason for mark in find([facts("a", "cat")], options)] == ["length", "no_text"]
    assert find([facts("a")], options) == []  # it had none before


def run(*arguments):
    from typer.testing import CliRunner

    return CliRunner().invoke(app, ["data", "clean", *map(str, arguments)])


def test_command(folder, root):
    lines = run(folder).stdout.splitlines()
    assert "wide.mp4 “a <b>board</b>”: markup: holds <b>" in lines
    counted = "1 blurred, 1 leak, 1 markup, 1 length, 1 no_text"
    assert lines[-2] == f"3 of 5 clips and 2 captions are left out: {counted}; nothing was deleted"
    report = json.loads((folder / "cleaning.json").read_text())
    assert report["counts"] == {"blurred": 1, "leak": 1, "markup": 1, "length": 1, "no_text": 1}
    assert (report["clips"], report["dropped_clips"], report["dropped_captions"]) == (5, 3, 2)
    assert report["options"]["sharpness"] == 1000
    table = (folder / "cleaning.md").read_text()
    assert "| blurred | 1 |" in table
    assert "| wide.mp4 | train | a &lt;b&gt;board&lt;/b&gt; | markup | holds &lt;b&gt; |" in table
    assert run(folder, "--restore", "leak", "--restore", "blurred").stdout == (
        f"{folder}: 1 of 5 clips and 2 captions are left out: 1 markup, 1 length, 1 no_text; 2 put back; "
        "nothing was deleted\n"
    )
    assert "## Put back" in (folder / "cleaning.md").read_text()
    mine = root / "mine.yaml"
    mine.write_text("sharpness: 0\nskip: [near_duplicates]")
    assert "blurred" not in run(folder, "--again", "--config", mine, "--set", "least_words=1").stdout


def test_an_empty_split_is_told(folder):
    assert "no clip of the split train is left" in run(folder, "--set", "sharpness=1e9", "--set", "edges=100").stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--set", "sharpnes=1"], "--set sharpnes=1: unknown key 'sharpnes'; did you mean 'sharpness'?"),
        (["--set", "sharpness=-1"], "--set sharpness=-1: 'sharpness' = -1 is out of range: it must be at least 0"),
        (["--set", "scripts=latin"], "--set scripts=latin: 'scripts' = 'latin' must be a list"),
        (["--set", "skip=[blur]"], "skip 'blur' is unknown"),
        (["--config", "missing.yaml"], "There is no file or folder missing.yaml"),
        (["--restore", "all"], "has nothing to put back for 'all'"),
        (["--restore", "all", "--again"], "--again does nothing with --restore"),
    ],
)
def test_mistakes(folder, arguments, message):
    error = run(folder, *arguments).exception
    assert isinstance(error, UserError) and message in str(error) and "\n" not in str(error)


def test_a_folder_that_ingest_did_not_make(tmp_path):
    for arguments in ([], ["--restore", "all"]):
        assert "holds no manifest.json" in str(run(tmp_path, *arguments).exception)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cleaning", [1, {}, {"options": {}, "dropped": [1], "put_back": []}, {"dropped": [{}]}])
def test_damaged_marks(folder, cleaning):
    values = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**values, "cleaning": cleaning}))
    with pytest.raises(UserError, match="manifest.json is damaged"):
        Manifest.load(folder)


def test_the_page_names_every_option_and_check():
    page = (Path(__file__).parents[3] / "docs" / "cleaning.md").read_text(encoding="utf-8")
    for name in (*CleaningOptions.model_fields, *CHECKS):
        assert f"`{name}`" in page, name
