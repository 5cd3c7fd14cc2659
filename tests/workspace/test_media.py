import numpy as np
import pytest
from fixtures.videos import gray_frames, make_video
from PIL import Image

from vtkeras.errors import UserError
from vtkeras.workspace import media

HOSTILE_NAMES = [
    "../../etc/cron.d/x.mp4",
    "/etc/passwd.mp4",
    "a\0b.mp4",
    "C:\\Windows\\x.mp4",
    "..mp4",
    "x" * 4096 + ".mp4",
    "\u202e4pm.mp4",
    "CON.mp4",
    " .MP4",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_upload_gets_a_name_of_the_servers_own(tmp_path, name):
    path = media.store_upload(name, b"abc", tmp_path / "in")
    assert path.parent == tmp_path / "in" and path.read_bytes() == b"abc"
    assert path.name == "ba7816bf8f01cfea.mp4"  # the SHA-256 of "abc"
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == [path.name]


def test_an_upload_that_is_there_keeps_its_time(tmp_path):
    path = media.store_upload("a.mp4", b"abc", tmp_path)
    before = path.stat().st_mtime_ns
    assert media.store_upload("b.mp4", b"abc", tmp_path) == path and path.stat().st_mtime_ns == before
    path.write_bytes(b"cut")  # of another length: damaged
    path.write_bytes(b"ab")
    assert media.store_upload("b.mp4", b"abc", tmp_path).read_bytes() == b"abc"


def test_upload_never_follows_a_link(tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"keep")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ba7816bf8f01cfea.mp4").symlink_to(other)
    assert media.store_upload("x.mp4", b"abc", tmp_path / "in").read_bytes() == b"abc"
    assert other.read_bytes() == b"keep"


@pytest.mark.parametrize("size, fits", [(99, True), (100, True), (101, False)])
def test_upload_limit(tmp_path, size, fits):
    if fits:
        assert media.store_upload("x.gif", bytes(size), tmp_path, limit=100).stat().st_size == size
    else:
        with pytest.raises(UserError, match="101 bytes, more than the 100 bytes allowed"):
            media.store_upload("x.gif", bytes(size), tmp_path, limit=100)
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name, data, reason", [("x.mp4", b"", "empty"), ("x.m3u8", b"x", "kind"), ("", b"x", "kind")]
)
def test_upload_refused(tmp_path, name, data, reason):
    with pytest.raises(UserError, match=reason):
        media.store_upload(name, data, tmp_path)


def test_upload_into_a_place_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        media.store_upload("x.mp4", b"abc", tmp_path / "file")


def test_reading_apart_gives_what_reading_gives(tmp_path):
    path = make_video(tmp_path / "a.mp4")
    assert media.inspect(path) == media.probe(path)
    apart, here = media.read_apart(path, 4, max_side=32), media.read_frames(path, 4, max_side=32)
    np.testing.assert_array_equal(apart.frames, here.frames)
    np.testing.assert_array_equal(apart.times, here.times)


def test_errors_come_back_from_apart(tmp_path):
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(UserError, match="text.mp4 is not a video"):
        media.inspect(tmp_path / "text.mp4")
    with pytest.raises(UserError, match="No video file"):
        media.read_apart(tmp_path / "none.mp4", 4)


def test_stuck_and_crashing_decoders_are_errors(tmp_path, monkeypatch):
    path = make_video(tmp_path / "a.mp4")
    with pytest.raises(UserError, match="longer than 0.01 s"):
        media.read_apart(path, 4, time_limit=0.01)
    monkeypatch.setattr(media.sys, "executable", "false")
    with pytest.raises(UserError, match="crash"):
        media.inspect(path)


@pytest.mark.parametrize(
    "name, playable",
    [("a.mp4", True), ("a.webm", True), ("a.avi", False), ("a.mov", False), ("a.flv", False), ("a.3gp", False)],
)
def test_what_browsers_play(tmp_path, name, playable):
    path = make_video(tmp_path / name, 4)  # avi and mov hold MPEG-4 part 2, flv and 3gp H.264
    assert media.is_playable(path, media.probe(path)) == playable


def test_large_files_are_not_sent_whole(tmp_path, monkeypatch):
    path = make_video(tmp_path / "a.mp4", 4)
    monkeypatch.setattr(media, "_MOST_PLAYED", 10)
    assert not media.is_playable(path, media.probe(path))


def test_as_mp4_plays_at_its_rate(tmp_path):
    (tmp_path / "a.mp4").write_bytes(media.as_mp4(gray_frames(8), fps=4))
    info = media.probe(tmp_path / "a.mp4")
    assert (info.duration, info.codec, info.frame_count) == (2.0, "h264", 8)


def test_thumbnail_is_the_middle_of_the_middle_frame():
    frames = np.zeros((3, 10, 30, 3), "uint8")
    frames[1, :, 10:20] = 200
    np.testing.assert_array_equal(media.thumbnail(frames, side=5), np.full((5, 5, 3), 200))


def test_thumbnail_of_a_clip_with_a_black_middle():
    frames = np.zeros((3, 10, 10, 3), "uint8")
    frames[2, 5:] = 200
    assert media.thumbnail(frames, side=10)[9, 0, 0] == 200


@pytest.mark.parametrize(
    "count, spelt",
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 kB"), (200 << 20, "200 MB"), (5 << 40, "5120 GB")],
)
def test_spell_size(count, spelt):
    assert media.spell_size(count) == spelt


def test_images_are_clips_of_one_frame(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    assert media.read_apart(tmp_path / "a.png", 8).frames.shape == (1, 6, 8, 3)
