"""Shards hold what was put in, have the same bytes every time, and show every kind of damage."""

import dataclasses
import errno
import json
import os

import numpy as np
import pytest
import tensorflow as tf

from vtkeras.data import shards
from vtkeras.data.captions import ClipRow
from vtkeras.data.decoder import EncodedClip
from vtkeras.data.manifest import Manifest, Shard
from vtkeras.data.readers import VideoInfo
from vtkeras.data.shards import sha256_of, verify, write_shard
from vtkeras.errors import UserError
from vtkeras.whole_files import TEMPORARY

ROW = ClipRow("猫", "猫.mp4", None, None, "train", ("قطة", "🐈"), (("q?", "a"), ("r?", "b")), ("x", "y"))
BARE = ClipRow("b", "b.mp4", 0.5, 1.0, "train", (), (), ())
INFO = VideoInfo(1.5, 25.0, "h264", 64, 48, 37, 0)
CLIP = EncodedClip((b"jpeg 0", b"jpeg 1"), (0.0, 0.5), 64, 48, INFO, False, "cut")


@pytest.fixture
def folder(tmp_path):
    """Two shards of two clips each, and their manifest."""
    made = []
    for name, split in (("train-00000.tfrecord", "train"), ("test-00000.tfrecord", "test")):
        digest = write_shard(tmp_path / name, [(ROW, CLIP), (BARE, CLIP)])
        made.append(Shard(name, split, digest, clips=2, examples=3, set_aside=(("c.mp4", "bad"),)))
    Manifest({"seed": 0}, "0" * 64, tuple(made)).save(tmp_path)
    return tmp_path


def test_a_record_gives_back_what_was_put_in(tmp_path):
    write_shard(tmp_path / "a", [(ROW, CLIP), (BARE, CLIP)])
    clip, bare = tf.data.TFRecordDataset(str(tmp_path / "a")).map(shards.parse).as_numpy_iterator()
    assert clip["video_id"].decode() == "猫" and clip["path"].decode() == "猫.mp4"
    assert [text.decode() for text in clip["captions"]] == ["قطة", "🐈"]
    assert clip["questions"].tolist() == [b"q?", b"r?"] and clip["answers"].tolist() == [b"a", b"b"]
    assert clip["label"] == b"x|y"
    assert (clip["duration"], clip["width"], clip["height"], clip["complete"]) == (1.5, 64, 48, 0)
    assert clip["frames"].tolist() == [b"jpeg 0", b"jpeg 1"]
    np.testing.assert_array_equal(clip["times"], np.array([0, 0.5], np.float32))
    assert bare["captions"].size == bare["questions"].size == 0 and bare["label"] == b""
    texts = list(shards.read_texts(tmp_path / "a"))
    assert texts[0] == {
        "captions": ["قطة", "🐈"],
        "questions": ["q?", "r?"],
        "answers": ["a", "b"],
        "labels": ["x", "y"],
    }
    assert texts[1] == {"captions": [], "questions": [], "answers": [], "labels": []}


def test_the_same_clips_give_the_same_bytes(tmp_path):
    digests = {write_shard(tmp_path / name, [(ROW, CLIP)] * 20) for name in "ab"}
    assert digests == {sha256_of(tmp_path / "a")}
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_splits_of_the_users_own_come_last(folder):
    shards = verify(folder).shards
    own = [dataclasses.replace(shards[0], split=split) for split in ("unseen_b", "test", "train", "unseen_a", "empty")]
    own[-1] = dataclasses.replace(own[-1], clips=0)
    assert Manifest({}, "", tuple(own)).splits == ["train", "test", "unseen_a", "unseen_b"]


def test_manifest_round_trip(folder):
    manifest = verify(folder)
    assert manifest.splits == ["train", "test"]
    assert manifest.clips("train") == 2 and manifest.examples("test") == 3
    assert manifest.clips("validation") == 0
    assert manifest.set_aside == [("c.mp4", "bad"), ("c.mp4", "bad")] and manifest.partial == []
    written = json.loads((folder / "manifest.json").read_text())
    assert written["splits"] == {"train": {"clips": 2, "examples": 3}, "test": {"clips": 2, "examples": 3}}


def test_every_flipped_bit_and_every_cut_shows(folder):
    path = folder / "test-00000.tfrecord"
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(50):
        data = bytearray(whole)
        data[random.integers(len(data))] ^= 1 << int(random.integers(8))
        path.write_bytes(data)
        with pytest.raises(UserError, match="test-00000.tfrecord is damaged"):
            verify(folder)
    for length in random.integers(0, len(whole), 50):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="test-00000.tfrecord is damaged"):
            verify(folder)
    path.write_bytes(whole)
    verify(folder)


def test_missing_shard_and_wrong_count(folder):
    text = (folder / "manifest.json").read_text()
    values = json.loads(text)
    values["shards"][0]["clips"] = 1
    (folder / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match="train-00000.tfrecord does not hold 1 clips"):
        verify(folder)
    (folder / "manifest.json").write_text(text)
    (folder / "train-00000.tfrecord").unlink()
    with pytest.raises(UserError, match="train-00000.tfrecord is missing"):
        verify(folder)


@pytest.mark.parametrize(
    "text,message",
    [
        (None, "holds no manifest.json"),
        ("", "manifest.json is damaged"),
        ("[]", "manifest.json is damaged"),
        ('{"version": 1}', "manifest.json is damaged"),
        ('{"version": 99}', "manifest.json is of version 99"),
        ('{"version": 1, "options": {}, "captions_sha256": "", "shards": [1]}', "manifest.json is damaged"),
    ],
)
def test_bad_manifest(tmp_path, text, message):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UserError, match=message):
        verify(tmp_path)


def test_edited_counts(folder):
    values = json.loads((folder / "manifest.json").read_text())
    values["splits"]["test"]["examples"] = 4
    (folder / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match="counts of the split test differ"):
        verify(folder)


class FullDisk:
    """A TFRecordWriter on a disk that is full after one record."""

    def __init__(self, path):
        self.file, self.left = open(path, "wb"), 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, record):
        if not self.left:
            raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")
        self.left -= 1
        self.file.write(record)


def test_full_disk_leaves_the_old_shard(folder, monkeypatch):
    before = sha256_of(folder / "train-00000.tfrecord")
    monkeypatch.setattr(tf.io, "TFRecordWriter", FullDisk)
    with pytest.raises(UserError, match="disk is full: .*train-00000.tfrecord"):
        write_shard(folder / "train-00000.tfrecord", [(ROW, CLIP)] * 3)
    assert sha256_of(folder / "train-00000.tfrecord") == before
    assert not list(folder.glob(f"{TEMPORARY}*"))


def test_full_disk_at_the_flush(folder, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    text = (folder / "manifest.json").read_text()
    with pytest.raises(UserError, match="disk is full: .*manifest.json"):
        Manifest({}, "", ()).save(folder)
    assert (folder / "manifest.json").read_text() == text and not list(folder.glob(f"{TEMPORARY}*"))
