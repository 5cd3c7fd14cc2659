"""Frames of known gray at known times, from every container; and every way a file can be bad."""

import errno
import os
import struct
import zlib

import av
import numpy as np
import pytest
from PIL import Image

from tests.fixtures.videos import (
    CODECS,
    gray,
    gray_frames,
    make_animation,
    make_image,
    make_sound,
    make_video,
    rotate_mp4,
)
from vtkeras.data import mp4
from vtkeras.data.mp4 import write_video
from vtkeras.data.readers import av_reader
from vtkeras.data.video import probe, read_frames
from vtkeras.errors import PassingError, UserError


def levels(clip):
    return clip.frames.mean(axis=(1, 2, 3))


@pytest.mark.parametrize("suffix", CODECS)
def test_frames_at_even_times(tmp_path, suffix):
    # 20 frames, 0.1 s each. Five parts of 0.4 s have their middles at 0.2, 0.6, 1.0, 1.4, 1.8 s:
    # the starts of frames 2, 6, 10, 14, 18. Times are kept to the millisecond or better.
    path = make_video(tmp_path / f"a{suffix}", 20)
    clip = read_frames(path, 5)
    assert clip.frames.shape == (5, 48, 64, 3) and clip.frames.dtype == np.uint8
    assert clip.times.dtype == np.float32
    np.testing.assert_allclose(clip.times, [0.2, 0.6, 1.0, 1.4, 1.8], atol=0.002)
    np.testing.assert_allclose(levels(clip), [30, 70, 110, 150, 190], atol=4)
    assert clip.complete and clip.reason == ""


@pytest.mark.parametrize("suffix", CODECS)
def test_probe(tmp_path, suffix):
    info = probe(make_video(tmp_path / f"a{suffix}", 20))
    assert info.duration == pytest.approx(2.0, abs=0.01)
    assert info.fps == pytest.approx(10, abs=0.1)
    assert (info.width, info.height, info.rotation, info.frame_count) == (64, 48, 0, 20)


@pytest.mark.parametrize(
    "suffix,codec,pix_fmt",
    [
        (".webm", "libvpx", "yuv420p"),
        (".mov", "prores_ks", "yuv422p10le"),
        (".mkv", "libx265", "yuv420p10le"),
        (".avi", "mjpeg", "yuvj420p"),
    ],
)
def test_further_codecs(tmp_path, suffix, codec, pix_fmt):
    path = make_video(tmp_path / f"a{suffix}", 20, codec, pix_fmt=pix_fmt)
    clip = read_frames(path, 5)
    np.testing.assert_allclose(levels(clip), [30, 70, 110, 150, 190], atol=4)
    assert clip.complete


def test_every_frame_when_as_many_are_asked_for(tmp_path):
    clip = read_frames(make_video(tmp_path / "a.mp4", 16), 16)
    np.testing.assert_allclose(clip.times, np.arange(16) / 10, atol=0.002)
    np.testing.assert_allclose(levels(clip), [gray(i) for i in range(16)], atol=3)


def test_no_frame_twice(tmp_path):
    clip = read_frames(make_video(tmp_path / "a.mp4", 3), 16)
    np.testing.assert_allclose(levels(clip), [10, 20, 30], atol=3)


def test_one_frame_video(tmp_path):
    for suffix in CODECS:
        clip = read_frames(make_video(tmp_path / f"a{suffix}", 1), 8)
        assert clip.frames.shape == (1, 48, 64, 3) and clip.times.tolist() == [0.0] and clip.complete


def test_segment(tmp_path):
    # From 1.0 to 1.4 s: frames 10 to 13, of levels 110 to 140.
    clip = read_frames(make_video(tmp_path / "a.mp4", 20), 4, start=1.0, end=1.4)
    np.testing.assert_allclose(clip.times, [1.0, 1.1, 1.2, 1.3], atol=0.002)
    np.testing.assert_allclose(levels(clip), [110, 120, 130, 140], atol=3)


def test_segment_outside_the_video(tmp_path):
    path = make_video(tmp_path / "a.mp4", 20)
    assert len(read_frames(path, 2, start=1.5, end=99).times) == 2
    for start, end in [(2.5, 3.0), (1.0, 1.0), (-1.0, 1.0), (1.0, float("nan"))]:
        with pytest.raises(UserError, match="a.mp4"):
            read_frames(path, 2, start=start, end=end)


@pytest.mark.parametrize("suffix", CODECS)
def test_jumps_to_key_frames_in_a_long_video(tmp_path, suffix, monkeypatch):
    # 24 s with a key frame every 2 s; four frames are wanted, at 3, 9, 15 and 21 s.
    pixels = np.stack([np.full((48, 64, 3), index, np.uint8) for index in range(240)])
    path = make_video(tmp_path / f"a{suffix}", pixels, g="20", keyint_min="20")
    decoded = []
    frame = av_reader.AvReader._frame
    monkeypatch.setattr(av_reader.AvReader, "_frame", lambda *args: decoded.append(1) or frame(*args))
    clip = read_frames(path, 4)
    np.testing.assert_allclose(clip.times, [3, 9, 15, 21], atol=0.002)
    np.testing.assert_allclose(levels(clip), [30, 90, 150, 210], atol=5)
    assert clip.complete
    assert len(decoded) < 160, "key frames were there to jump to"


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_variable_frame_rate(tmp_path, suffix):
    # The last frame stays 0.1 s, so the video lasts 3.1 s. Its eight parts have their middles at
    # 0.19, 0.58, 0.97, 1.36, 1.74, 2.13, 2.52 and 2.91 s; on screen then are the frames that
    # appeared at 0.15, 0.15, 0.8, 1.0, 1.0, 1.0, 2.5 and 2.5 s.
    times = [0, 100, 150, 800, 1000, 2500, 3000]
    clip = read_frames(make_video(tmp_path / f"a{suffix}", 7, times_ms=times, bf="0"), 8)
    assert clip.info.duration == pytest.approx(3.1)
    np.testing.assert_allclose(clip.times, [0.15, 0.8, 1.0, 2.5], atol=0.002)
    np.testing.assert_allclose(levels(clip), [30, 40, 50, 60], atol=3)


def test_rotation(tmp_path):
    # The left half is black; turned clockwise, left becomes up.
    pixels = np.full((4, 48, 64, 3), 200, np.uint8)
    pixels[:, :, :32] = 0
    path = rotate_mp4(make_video(tmp_path / "a.mp4", pixels))
    assert (probe(path).width, probe(path).height, probe(path).rotation) == (48, 64, 270)
    clip = read_frames(path, 2, max_side=32)
    assert clip.frames.shape == (2, 32, 24, 3)
    assert clip.frames[:, :14].mean() < 20 and clip.frames[:, 18:].mean() > 180


def test_odd_size_and_scaling(tmp_path):
    path = make_video(tmp_path / "a.avi", gray_frames(4, width=63, height=47), "mjpeg", pix_fmt="yuvj444p")
    assert read_frames(path, 4).frames.shape == (4, 47, 63, 3)
    assert read_frames(path, 4, max_side=21).frames.shape == (4, 16, 21, 3)
    assert read_frames(path, 4, max_side=1000).frames.shape == (4, 47, 63, 3)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animations(tmp_path, suffix):
    # Shown for 0.1, 0.3 and 0.2 s.
    path = make_animation(tmp_path / f"a{suffix}", 3, [100, 300, 200])
    clip = read_frames(path, 6)
    assert clip.info.duration == pytest.approx(0.6) and clip.info.frame_count == 3
    np.testing.assert_allclose(clip.times, [0, 0.1, 0.4], atol=1e-6)
    np.testing.assert_allclose(levels(clip), [10, 20, 30], atol=0.5)
    assert read_frames(path, 2, max_side=32).frames.shape == (2, 24, 32, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_images_are_videos_of_one_frame(tmp_path, suffix):
    clip = read_frames(make_image(tmp_path / f"a{suffix}", 100), 16, max_side=32)
    assert clip.frames.shape == (1, 24, 32, 3) and clip.complete
    np.testing.assert_allclose(clip.frames, 100, atol=2)


def test_transparent_pixels_of_a_webp_are_white(tmp_path):
    first, second = (Image.new("RGBA", (8, 8), (200, 200, 200, alpha)) for alpha in (0, 255))
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second], duration=100, lossless=True)
    np.testing.assert_allclose(levels(read_frames(tmp_path / "a.webp", 2)), [255, 200], atol=1)


def test_stream_that_begins_late(tmp_path):
    times = [5000 + 100 * index for index in range(20)]
    for suffix in (".mp4", ".mkv"):
        clip = read_frames(make_video(tmp_path / f"a{suffix}", 20, times_ms=times), 5)
        np.testing.assert_allclose(clip.times, [0.2, 0.6, 1.0, 1.4, 1.8], atol=0.002)
        assert clip.complete


def test_unicode_file_name(tmp_path):
    assert read_frames(make_video(tmp_path / "猫 🐈 'q' %d.mp4", 4), 4).complete


# Bad files


def test_missing_and_empty(tmp_path):
    with pytest.raises(UserError, match="No video file .*nothing.mp4"):
        probe(tmp_path / "nothing.mp4")
    with pytest.raises(UserError, match="No video file .*: it is a folder"):
        probe(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(UserError, match="No video file .*pipe.mp4"):
        probe(tmp_path / "pipe.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(UserError, match="empty.mp4 is empty"):
        read_frames(tmp_path / "empty.mp4", 4)


@pytest.mark.parametrize(
    "text",
    ["a text", "#EXTM3U\n#EXTINF:1,\nSECRET\n", "ffconcat version 1.0\nfile 'SECRET'\n", "\0" * 64, "RIFF"],
)
def test_what_is_no_video_is_refused_before_ffmpeg_sees_it(tmp_path, text, monkeypatch):
    monkeypatch.setattr(av_reader.av, "open", lambda *_, **__: pytest.fail("FFmpeg was asked"))
    path = tmp_path / "a.mp4"
    path.write_text(text)
    with pytest.raises(UserError, match="a.mp4 is not a video or image"):
        read_frames(path, 4)


@pytest.mark.parametrize(
    "suffix, reason",
    [(".mp4", "no video stream that can be decoded"), (".mkv", "ends before its first frame"),
     (".avi", "no frame decodes")],
)  # fmt: skip
def test_a_stream_without_a_frame(tmp_path, suffix, reason):
    path = tmp_path / f"a{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODECS[suffix], rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        container.start_encoding()
    with pytest.raises(UserError, match=f"a{suffix}.*{reason}"):
        read_frames(path, 4)


def test_audio_only(tmp_path):
    with pytest.raises(UserError, match="a.mp4 has no video stream"):
        read_frames(make_sound(tmp_path / "a.mp4"), 4)


def cut_or_clear_error(path, count=8):
    try:
        clip = read_frames(path, count)
    except UserError as error:
        assert path.name in str(error) and "\n" not in str(error)
        return None
    assert clip.complete == (clip.reason == "")
    assert len(clip.frames) == len(clip.times) and (np.diff(clip.times) > 0).all()
    return clip


MAKERS = {suffix: make_video for suffix in CODECS} | {".gif": make_animation, ".webp": make_animation}


@pytest.mark.parametrize("suffix", MAKERS)
def test_truncated(tmp_path, suffix):
    path = MAKERS[suffix](tmp_path / f"a{suffix}", 20)
    data, whole = path.read_bytes(), read_frames(path, 8)
    for part in range(1, 11):
        path.write_bytes(data[: len(data) * part // 11])
        clip = cut_or_clear_error(path)
        if clip and clip.complete:  # only an index at the end of the file was lost
            np.testing.assert_array_equal(clip.frames, whole.frames)


@pytest.mark.parametrize("suffix", MAKERS)
def test_bit_flips(tmp_path, suffix):
    path = MAKERS[suffix](tmp_path / f"a{suffix}", 20)
    data, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(25):
        damaged = bytearray(data)
        for place in random.integers(0, len(data), 5):
            damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        cut_or_clear_error(path)


def test_cut_in_the_last_part_is_flagged_and_keeps_what_is_there(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), np.uint8)
    path = make_video(tmp_path / "a.mkv", noise, g="5", bf="0")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    clip = read_frames(path, 10)
    assert not clip.complete and "a.mkv ends after" in clip.reason
    assert 6 <= len(clip.frames) <= 8
    path.write_bytes(data[: len(data) // 4])
    with pytest.raises(UserError, match="a.mkv ends after .* of 2.00 s"):
        read_frames(path, 10)


def test_frames_that_do_not_decode_are_counted(tmp_path):
    path = make_video(tmp_path / "a.mkv", 20, "libvpx", g="1")
    whole = path.read_bytes()
    starts = [place for place in range(len(whole)) if whole.startswith(b"\x9d\x01\x2a", place)]
    assert len(starts) == 20  # the start code of each VP8 key frame
    for broken in (4, 16):
        data = bytearray(whole)
        for start in starts[2 : 2 + broken]:
            data[start] = 0
        path.write_bytes(data)
        if broken == 4:
            assert "damaged: 4 of 20 frames are missing or do not decode cleanly." in read_frames(path, 8).reason
        else:
            with pytest.raises(UserError, match="a.mkv is damaged: most of its frames"):
                read_frames(path, 8)


def huge_png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_huge_headers_are_refused_before_memory_is_taken(tmp_path):
    gif = bytearray(make_animation(tmp_path / "a.gif").read_bytes())
    webm = bytearray(make_video(tmp_path / "a.webm", 4, "libvpx").read_bytes())
    webp = bytearray(make_animation(tmp_path / "a.webp").read_bytes())
    start = webm.index(b"\x9d\x01\x2a") + 3
    webm[start : start + 4] = struct.pack("<HH", 16383, 16383)
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    webp[24:30] = b"\xff\xff\x00" * 2
    files = {"a.gif": gif, "a.webm": webm, "a.webp": webp}
    files |= {"b.png": huge_png(65535, 65535), "c.png": huge_png(15000, 15000)}
    before = resident_bytes()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=name):
            read_frames(tmp_path / name, 4)
    assert resident_bytes() - before < 50e6


def test_impossible_duration(tmp_path):
    path = make_video(tmp_path / "a.avi", 20)
    data = bytearray(path.read_bytes())
    for tag, offset in ((b"avih", 24), (b"strh", 40)):
        start = data.index(tag) + offset
        data[start : start + 4] = b"\xff" * 4
    path.write_bytes(data)
    with pytest.raises(UserError, match="a.avi ends after 2.00 of 4294967"):
        read_frames(path, 8)


# Writing


def test_write_video_round_trip(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, gray_frames(10, width=47, height=33), fps=12.5)
    info = probe(path)
    assert (info.width, info.height, info.codec) == (48, 34, "h264")
    assert info.duration == pytest.approx(0.8) and info.fps == pytest.approx(12.5)
    np.testing.assert_allclose(levels(read_frames(path, 10)), [gray(i) for i in range(10)], atol=3)
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_write_video_keeps_the_old_file_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")

    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mp4, "_encode", disk_full)
    with pytest.raises(UserError, match="disk is full: .*a.mp4 was not written"):
        write_video(path, gray_frames(2), fps=5)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize(
    "error, passing", [(PermissionError(errno.EACCES, "Permission denied"), True), (ValueError("bad"), False)]
)
def test_what_lies_with_the_disk_may_pass(tmp_path, monkeypatch, error, passing):
    def fails(path):
        raise error

    path = make_image(tmp_path / "a.png")
    monkeypatch.setattr("vtkeras.data.readers.container_format_of", fails)
    with pytest.raises(UserError, match="a.png cannot be decoded: (Permission denied|bad)") as told:
        read_frames(path, 1)
    assert isinstance(told.value, PassingError) == passing


def test_a_slow_rate_is_kept_over_a_whole_film(tmp_path):
    write_video(tmp_path / "a.mp4", gray_frames(8), fps=8 / 36_001)  # a frame for each 4500.125 s
    assert probe(tmp_path / "a.mp4").duration == pytest.approx(36_001, abs=0.1)
