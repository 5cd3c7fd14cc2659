"""Ingest: one shard set from one input, whatever interrupts it and however bad some files are."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.videos import make_captions, make_folder, make_sound, make_video
from vtkeras.data import decoder, shards
from vtkeras.data import ingest as ingest_module
from vtkeras.data.decoder import DecoderPool, Request
from vtkeras.data.ingest import ingest
from vtkeras.data.shards import sha256_of, verify, write_shard
from vtkeras.errors import PassingError, UserError
from vtkeras.whole_files import TEMPORARY

ROOT = Path(__file__).parents[2]
COUNT = 6
OPTIONS = {"num_frames": 4, "max_side": 32, "clips_per_shard": 2}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("data") / "videos", COUNT)


@pytest.fixture(scope="module")
def captions(videos):
    return make_captions(videos.parent / "captions.csv", COUNT)


@pytest.fixture(scope="module")
def expected(videos, captions, tmp_path_factory):
    """The checksums of an ingest that nothing disturbed."""
    out = tmp_path_factory.mktemp("expected") / "out"
    ingest(videos, captions, out, **OPTIONS)
    return checksums(out)


def checksums(out):
    """Of the shards; what a killed process left half is removed when it is a minute old."""
    shards = (path for path in sorted(out.glob("*.tfrecord")) if not path.name.startswith(TEMPORARY))
    return {path.name: sha256_of(path) for path in shards}


def test_ingest(videos, captions, expected, tmp_path):
    steps = []
    out = tmp_path / "deep" / "out"
    manifest = ingest(videos, captions, out, **OPTIONS, progress=lambda *step: steps.append(step))
    assert manifest == verify(out)
    # Six videos: one to test, one to validation, four to train; two a shard.
    assert [(split, manifest.clips(split)) for split in manifest.splits] == [
        ("train", 4),
        ("validation", 1),
        ("test", 1),
    ]
    assert [shard.clips for shard in manifest.shards] == [2, 2, 1, 1]
    assert manifest.set_aside == manifest.partial == []
    assert [step[:2] for step in steps] == [(number, COUNT) for number in range(1, COUNT + 1)]
    assert checksums(out) == expected
    [record] = tf.data.TFRecordDataset(str(out / "test-00000.tfrecord"))
    clip = shards.parse(record)
    level = 20 * (int(clip["path"].numpy().decode()[4]) + 1)
    pictures = [tf.io.decode_jpeg(frame) for frame in clip["frames"]]
    assert len(pictures) == 4 and all(picture.shape == (24, 32, 3) for picture in pictures)
    assert all(abs(tf.reduce_mean(tf.cast(picture, tf.float32)) - level) < 3 for picture in pictures)
    assert clip["times"].numpy().tolist() == pytest.approx([0, 0.1, 0.2, 0.3])
    assert (clip["width"], clip["height"], clip["complete"]) == (32, 24, 1)


def test_a_rerun_makes_only_what_is_damaged(videos, captions, expected, tmp_path, monkeypatch):
    out = tmp_path / "out"
    first = ingest(videos, captions, out, **OPTIONS)
    written = []

    def noted(path, clips):
        written.append(path.name)
        return write_shard(path, clips)

    monkeypatch.setattr(ingest_module, "write_shard", noted)
    assert ingest(videos, captions, out, **OPTIONS) == first and written == []
    (out / "train-00001.tfrecord").write_bytes(b"damage")
    (out / "test-00000.tfrecord").unlink()
    assert ingest(videos, captions, out, **OPTIONS) == first
    assert written == ["train-00001.tfrecord", "test-00000.tfrecord"]
    assert checksums(out) == expected


class Remembering(DecoderPool):
    """A pool that decodes a video but once, for tests that ingest the same videos many times."""

    clips: dict = {}

    def decode(self, requests):
        for request in requests:
            if request not in self.clips:
                [self.clips[request]] = super().decode([request])
            yield self.clips[request]


class Away(Remembering):
    """A pool to which a video is away, as on a disk that was taken out."""

    video = "clip3.mp4"

    def decode(self, requests):
        for request, clip in zip(requests, super().decode(requests), strict=True):
            yield PassingError(f"No video file {request.path}.") if request.path.endswith(self.video) else clip


def test_what_failed_for_a_passing_reason_is_tried_again(videos, captions, expected, tmp_path, monkeypatch):
    out, written = tmp_path / "out", []
    monkeypatch.setattr(ingest_module, "DecoderPool", Away)
    away = ingest(videos, captions, out, **OPTIONS)
    assert away.set_aside == [("clip3.mp4", "No video file clip3.mp4.")] and away.passing == 1
    monkeypatch.setattr(ingest_module, "DecoderPool", Remembering)
    monkeypatch.setattr(
        ingest_module, "write_shard", lambda path, clips: written.append(path.name) or write_shard(path, clips)
    )
    back = ingest(videos, captions, out, **OPTIONS)
    assert back.passing == 0 and back.set_aside == [] and checksums(out) == expected
    assert len(written) == 1  # the other shards stay
    assert verify(out) == back


def test_a_stored_clip_is_not_lost_when_its_shard_is_tried_again(videos, captions, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr(ingest_module, "DecoderPool", Away)
    before = ingest(videos, captions, out, **OPTIONS)
    stored, records = checksums(out), {path: path.read_bytes() for path in out.glob("*.json")}
    monkeypatch.setattr(Away, "video", ".mp4")  # now all are away
    assert ingest(videos, captions, out, **OPTIONS) == before
    assert checksums(out) == stored and {path: path.read_bytes() for path in out.glob("*.json")} == records


def test_where_nothing_could_be_read_the_next_run_reads_it(videos, captions, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(Away, "video", ".mp4")
    monkeypatch.setattr(ingest_module, "DecoderPool", Away)
    with pytest.raises(UserError, match="None of the 6 clips"):
        ingest(videos, captions, tmp_path / "out", **OPTIONS)
    monkeypatch.setattr(ingest_module, "DecoderPool", Remembering)
    ingest(videos, captions, tmp_path / "out", **OPTIONS)
    assert checksums(tmp_path / "out") == expected


class Stop(BaseException):
    """Stands for the end of the process: nothing in the program catches it."""


def test_an_end_at_any_write_is_made_good(videos, captions, expected, tmp_path, monkeypatch):
    # Four shards, four records, the plan and the manifest: ten files, each ended before and after.
    monkeypatch.setattr(ingest_module, "DecoderPool", Remembering)
    replace, survived = os.replace, 0
    for point in range(20):
        out, left = tmp_path / str(point), [point]

        def ending_replace(source, target, left=left):
            for step in (lambda: None, lambda: replace(source, target)):
                if left[0] == 0:
                    raise Stop
                left[0] -= 1
                step()

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", ending_replace)
            with pytest.raises(Stop):
                ingest(videos, captions, out, **OPTIONS)
        survived += len(checksums(out))
        ingest(videos, captions, out, **OPTIONS)
        assert checksums(out) == expected and verify(out)
    assert survived > 0


SCRIPT = """
import sys
from vtkeras.data.ingest import ingest
videos, captions, out = sys.argv[1:]
ingest(videos, captions, out, num_frames=4, max_side=32, clips_per_shard=2, progress=print)
"""


@pytest.mark.whole
def test_kill_9(videos, captions, expected, tmp_path):
    out = tmp_path / "out"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", SCRIPT, str(videos), str(captions), str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    for _ in range(3):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL and not (out / "manifest.json").exists()
    ingest(videos, captions, out, **OPTIONS)
    assert checksums(out) == expected and verify(out)


@pytest.mark.whole
def test_ctrl_c(videos, captions, expected, tmp_path):
    out = tmp_path / "out"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", SCRIPT, str(videos), str(captions), str(out)]
    process = subprocess.Popen(command, stdout=-1, stderr=-1, env=environment, process_group=0)
    for _ in range(3):
        process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to the decoders too, if they belong to the group
    assert b"stopping after this step" in process.communicate()[1]
    assert process.returncode == -signal.SIGINT and not (out / "manifest.json").exists()
    ingest(videos, captions, out, **OPTIONS)
    assert checksums(out) == expected  # no video was set aside


def test_other_input_or_options(videos, captions, tmp_path):
    out = tmp_path / "out"
    ingest(videos, captions, out, **OPTIONS)
    with pytest.raises(UserError, match=r"other options \(max_side 32, now 64\): choose another"):
        ingest(videos, captions, out, **{**OPTIONS, "max_side": 64})
    other = make_captions(tmp_path / "other.csv", COUNT - 1)
    with pytest.raises(UserError, match="another captions file: choose another --out"):
        ingest(videos, other, out, **OPTIONS)
    plan = json.loads((out / "plan.json").read_text())
    shards = plan["shards"]
    shards["test-00000.tfrecord"], shards["validation-00000.tfrecord"] = (
        shards["validation-00000.tfrecord"],
        shards["test-00000.tfrecord"],
    )
    (out / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(UserError, match="a version that divides these clips into other splits: choose another --out"):
        ingest(videos, captions, out, **OPTIONS)
    (out / "plan.json").write_text("{")
    with pytest.raises(UserError, match="plan.json is damaged"):
        ingest(videos, captions, out, **OPTIONS)


def test_replaced_video(captions, tmp_path):
    videos = make_folder(tmp_path / "videos", COUNT)
    ingest(videos, captions, tmp_path / "out", **OPTIONS)
    make_folder(videos, COUNT, frames=9)
    with pytest.raises(UserError, match="other videos"):
        ingest(videos, captions, tmp_path / "out", **OPTIONS)


def test_one_bad_among_many(captions, tmp_path):
    videos = make_folder(tmp_path / "videos", COUNT)
    (videos / "clip3.mp4").write_bytes((videos / "clip3.mp4").read_bytes()[:300])
    notes, out = [], tmp_path / "out"
    manifest = ingest(videos, captions, out, **OPTIONS, progress=lambda *step: notes.append(step[2]))
    [(path, reason)] = manifest.set_aside
    assert path == "clip3.mp4" and reason.startswith("clip3.mp4 cannot be decoded")
    assert sum(manifest.clips(split) for split in manifest.splits) == COUNT - 1
    assert sum(note.startswith("set aside:") for note in notes) == 1
    assert verify(out) == manifest


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_bad_files_among_many(tmp_path, count):
    """Each is set aside with a reason that a person understands; all others are stored."""
    folder, table = tmp_path / "videos", tmp_path / "captions.csv"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (20, 32, 32, 3), np.uint8)
    whole = make_video(folder / "clip.mkv", noise, g="5", bf="0").read_bytes()
    (folder / "clip.mkv").unlink()
    bad = {50: whole[: len(whole) // 4], 100: b"", 150: b"a letter\n" * 40}
    for number in range(count):
        (folder / f"clip{number}.mkv").write_bytes(bad.get(number, whole))
    table.write_text("path,caption\n" + "".join(f"clip{number}.mkv,number {number}\n" for number in range(count)))
    manifest = ingest(folder, table, tmp_path / "out", num_frames=1, max_side=16)
    reasons = dict(manifest.set_aside)
    assert manifest.stored == count - 3 and manifest.partial == [] and len(reasons) == 3
    assert re.match(r"clip50\.mkv ends after 0\.\d\d of 2\.00 s", reasons["clip50.mkv"])
    assert reasons["clip100.mkv"] == "clip100.mkv is empty."
    assert reasons["clip150.mkv"].startswith("clip150.mkv is not a video or image that can be read (mp4, ")


def test_twenty_files_without_pictures(tmp_path):
    """Empty ones, texts, sounds and beginnings alone are set aside, each with its reason; the video is stored."""
    folder, table = tmp_path / "videos", tmp_path / "captions.csv"
    make_folder(folder, 1)
    whole = (folder / "clip0.mp4").read_bytes()
    sounds = ("a.mp4", "b.mov", "c.mkv", "d.avi")
    for name in sounds:
        make_sound(folder / name)
    others = {
        **dict.fromkeys(("e.mp4", "f.mkv", "g.gif", "h.jpg"), b""),
        **dict.fromkeys(("i.mp4", "j.webm", "k.png"), b"a letter to a friend\n"),
        "l.mp4": b"<!doctype html><html><body>404 Not Found</body></html>",
        "m.mp4": b"PK\x03\x04" + bytes(200),
        "n.avi": b"RIFF\x24\0\0\0WAVEfmt " + bytes(100),
        "o.mp4": b"ID3\x03" + bytes(500),
        "p.mp4": bytes(5000),
        "q.mp4": whole[:40],
        "r.mkv": b"\x1a\x45\xdf\xa3",
        "s.png": b"\x89PNG\r\n\x1a\n",
        "t.jpg": b"\xff\xd8\xff",
    }
    for name, data in others.items():
        (folder / name).write_bytes(data)
    names = ["clip0.mp4", *sounds, *others]
    table.write_text("path,caption\n" + "".join(f"{name},number {name}\n" for name in names))
    manifest = ingest(folder, table, tmp_path / "out", num_frames=1, max_side=16)
    reasons = dict(manifest.set_aside)
    assert manifest.stored == 1 and len(reasons) == 20 and {"clip0.mp4", *reasons} == {*names}
    plain = r" (has no video|is empty|is not a video|cannot be decoded: it(s data)? is (cut short|damaged)|ends before)"
    for name, reason in reasons.items():
        assert re.match(re.escape(name) + plain, reason), reason


def test_all_bad(captions, tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    for index in range(COUNT):
        (videos / f"clip{index}.mp4").write_text("no video")
    for _ in range(2):
        with pytest.raises(UserError, match="None of the 6 clips .* The first: clip"):
            ingest(videos, captions, tmp_path / "out", **OPTIONS)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_bad_arguments(videos, captions, tmp_path):
    with pytest.raises(UserError, match="nowhere is no folder"):
        ingest(tmp_path / "nowhere", captions, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty holds no video"):
        ingest(tmp_path / "empty", captions, tmp_path / "out")
    with pytest.raises(UserError, match="No captions file"):
        ingest(videos, tmp_path / "none.csv", tmp_path / "out")
    with pytest.raises(UserError, match="num_frames must be from 1"):
        ingest(videos, captions, tmp_path / "out", num_frames=0)
    with pytest.raises(UserError, match="is not empty and was not made by ingest"):
        ingest(videos, captions, videos.parent)
    with pytest.raises(UserError, match="captions.csv cannot be written"):
        ingest(videos, captions, captions)
    assert not (tmp_path / "out").exists()


def test_full_disk(videos, captions, expected, tmp_path, monkeypatch):
    out, fsync, left = tmp_path / "out", os.fsync, [9]

    def filling_fsync(descriptor):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", filling_fsync)
        with pytest.raises(UserError, match="disk is full"):
            ingest(videos, captions, out, **OPTIONS)
    kept = checksums(out)
    assert kept and kept.items() <= expected.items()
    ingest(videos, captions, out, **OPTIONS)
    assert checksums(out) == expected


def test_two_at_once(videos, captions, tmp_path):
    out = tmp_path / "out"

    def meanwhile(*_):
        with pytest.raises(UserError, match="Another ingest or cleaning is writing"):
            ingest(videos, captions, out, **OPTIONS)

    ingest(videos, captions, out, **OPTIONS, progress=meanwhile)


# The decoder's child processes


SLOW_CHILD = """
import time
from vtkeras.data import decoder
read = decoder.read_frames
decoder.read_frames = lambda path, *rest: time.sleep(60) if "clip1" in path else read(path, *rest)
decoder.serve()
"""


def start_child(script):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe, env=environment)


def test_a_stuck_video_is_given_up_and_the_next_goes_on(videos, monkeypatch):
    monkeypatch.setattr(decoder, "_start", lambda: start_child(SLOW_CHILD))
    requests = [Request(str(videos / f"clip{index}.mp4"), 2) for index in range(3)]
    with DecoderPool(workers=1, time_limit=2.0) as pool:
        first, stuck, last = pool.decode(requests)
    assert len(first.frames) == len(last.frames) == 2
    assert str(stuck) == f"{videos}/clip1.mp4 took longer than 2 s to decode."
    assert isinstance(stuck, PassingError)


def test_a_crash_of_the_decoder(videos, monkeypatch):
    monkeypatch.setattr(decoder, "_start", lambda: start_child("import os; os.kill(os.getpid(), 11)"))
    with DecoderPool(workers=2) as pool:
        results = list(pool.decode([Request(str(videos / "clip0.mp4"), 2)] * 3))
    assert [str(result) for result in results] == [f"{videos}/clip0.mp4 makes the decoder crash."] * 3
    assert not any(isinstance(result, PassingError) for result in results)  # it would crash each time


def test_no_child_outlives_the_pool(videos):
    with DecoderPool(workers=2) as pool:
        list(pool.decode([Request(str(videos / "clip0.mp4"), 2)] * 4))
        processes = [child._process for child in pool._children if child._process]
    assert processes and all(process.poll() is not None for process in processes)


def test_records_hold_no_time_and_no_place(videos, captions, tmp_path):
    ingest(videos, captions, tmp_path / "out", **OPTIONS)
    for path in (tmp_path / "out").glob("*.json"):
        assert str(videos) not in path.read_text()
        json.loads(path.read_text())
