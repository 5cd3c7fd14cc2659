"""Frames of known gray at known times, from every container; and every way a file can be bad."""

import errno
import os
import re
import socket
import struct
import zlib

import av
import numpy as np
import pytest
from PIL import Image

from tests.fixtures.formats import THEORA
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
from vtkeras.data import mp4, video
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


PLAYLISTS = {
    "m3u": "SECRET\n",
    "m3u8": "#EXTM3U\n#EXTINF:1,\nSECRET\n",
    "m3u8 after a mark": "\ufeff#EXTM3U\n#EXTINF:1,\nSECRET\n",
    "m3u8 after a blank line": "\n#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n",
    "key of another file": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="SECRET"\n#EXTINF:1,\na.ts\n',
    "ffconcat": "ffconcat version 1.0\nfile 'SECRET'\n",
    "concat list": "file 'SECRET'\n",
    "concat address": "concat:SECRET|SECRET",
    "web address": "https://127.0.0.1:9/a.mp4\n",
    "pls": "[playlist]\nFile1=SECRET\nNumberOfEntries=1\n",
    "xspf": "<playlist><trackList><track><location>SECRET</location></track></trackList></playlist>",
    "smil": '<smil><body><video src="SECRET"/></body></smil>',
    "dash": '<?xml version="1.0"?><MPD type="static"><Period><BaseURL>SECRET</BaseURL></Period></MPD>',
    "asx": '<asx version="3"><entry><ref href="SECRET"/></entry></asx>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
    "quicktime": "RTSPtext\nrtsp://127.0.0.1:9/a\n",
    "avisynth": 'DirectShowSource("SECRET")\n',
    "vobsub": "# VobSub index file, v7 (do not modify this line!)\n",
}


@pytest.mark.parametrize(
    "text", ["a text", "\0" * 64, "RIFF", *PLAYLISTS.values()], ids=["text", "zeros", "RIFF", *PLAYLISTS]
)
def test_what_is_no_video_is_refused_before_ffmpeg_sees_it(tmp_path, text, monkeypatch):
    monkeypatch.setattr(av_reader.av, "open", lambda *_, **__: pytest.fail("FFmpeg was asked"))
    path = tmp_path / "a.mp4"
    path.write_text(text)
    with pytest.raises(UserError, match="a.mp4 is not a video or image"):
        read_frames(path, 4)


def box(kind, *parts):
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + kind + content


def test_a_movie_that_only_names_another_one_is_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.mov".encode() + b"\0"
        named = box(b"rdrf", bytes(4), b"url ", struct.pack(">I", len(address)), address)
        (tmp_path / "a.mov").write_bytes(box(b"ftyp", b"qt  ") + box(b"moov", box(b"rmra", box(b"rmda", named))))
        with pytest.raises(UserError, match="a.mov"):
            read_frames(tmp_path / "a.mov", 4)
        assert_nobody_called(server)


@pytest.mark.parametrize("kind", ["url ", "alis"])
def test_samples_are_read_out_of_the_file_itself_whatever_other_one_it_names(tmp_path, kind):
    """The first is white, and the one that it names is black."""
    make_video(tmp_path / "black.mov", np.zeros((4, 48, 64, 3), np.uint8))
    data = make_video(tmp_path / "a.mov", np.full((4, 48, 64, 3), 255, np.uint8)).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/black.mov\0".encode()
        entry = {"url ": box(b"url ", bytes(4), address), "alis": box(b"alis", bytes(4), alias_of("black.mov"))}[kind]
        (tmp_path / "a.mov").write_bytes(with_other_data(data, entry))
        try:
            assert read_frames(tmp_path / "a.mov", 4).frames.mean() > 250
        except UserError as error:
            assert "a.mov" in str(error)
        assert_nobody_called(server)


def alias_of(name):
    """A Macintosh alias of a file in the same folder, with its path."""
    record = bytearray(150)
    struct.pack_into(">H", record, 4, 150)
    record[50 : 51 + len(name)] = bytes([len(name)]) + name.encode()
    path = name.encode() + b"\0" * (len(name) % 2)
    return bytes(record) + struct.pack(">HH", 2, len(name)) + path + struct.pack(">HH", 0xFFFF, 0)


def with_other_data(data, entry):
    """An MP4 whose index stands at its end, with another entry for where the samples are."""
    data, place = bytearray(data), data.index(b"dref")
    old = struct.unpack_from(">I", data, place + 12)[0]
    for parent in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = data.rindex(parent, 0, place + 4) - 4
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(entry) - old)
    data[place + 12 : place + 12 + old] = entry
    return bytes(data)


def assert_nobody_called(server):
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.accept()


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


def test_a_codec_that_is_not_known(tmp_path):
    path = tmp_path / "my clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/ASP", b"V_MPEG9/ISO/XYZ"))
    told = r"my clip.mkv holds video of a codec that is not read; convert it first, .*: ffmpeg -i 'my clip.mkv' new.mp4"
    with pytest.raises(UserError, match=told):
        read_frames(path, 4)


def test_matroska_without_an_index(tmp_path):
    """Nor marks of key frames, as Dirac in it has none: FFmpeg fails to jump to the start."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
        for level in range(0, 250, 25):
            pixels = np.full((48, 64, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    blocks = rb"(\xa3[\x40-\xff][^\xa3]{0,3}?\x81..)\x80"  # each of the first track, with the mark of a key frame
    data, count = re.subn(blocks, lambda found: found[1] + b"\0", path.read_bytes(), flags=re.DOTALL)
    assert count == 10
    path.write_bytes(data.replace(b"\x1c\x53\xbb\x6b", b"\x1c\x53\xbb\x6a"))  # Cues; the other is no element
    clip = read_frames(path, 5)  # the middles of parts of two frames
    assert clip.complete
    np.testing.assert_allclose(clip.times, [0.1, 0.3, 0.5, 0.7, 0.9], atol=0.001)
    np.testing.assert_allclose(levels(clip), [25, 75, 125, 175, 225], atol=3)


@pytest.mark.parametrize(
    "number, told, passes",
    [
        (errno.EPERM, "FFmpeg fails on it; .* ffmpeg -i a.mp4 new.mp4", False),  # -1, by which FFmpeg means any failure
        (errno.EINVAL, "FFmpeg fails on it; .* ffmpeg -i a.mp4 new.mp4", False),
        (errno.EACCES, "Permission denied", True),
        (errno.EIO, "Input/output error", True),
    ],
)
def test_errors_of_ffmpeg_and_of_the_disk(tmp_path, monkeypatch, number, told, passes):
    path = make_video(tmp_path / "a.mp4", 10)

    def fail(*_):
        av.error.err_check(-number)

    monkeypatch.setattr(video, "open_reader", fail)
    with pytest.raises(UserError, match=rf"a\.mp4 cannot be decoded: {told}\.$") as caught:
        read_frames(path, 4)
    assert isinstance(caught.value, PassingError) == passes


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


def sizes_patched(data, mark, offset, form, *sizes):
    """The file with other sizes so many bytes behind a mark."""
    data = bytearray(data)
    struct.pack_into(form, data, data.index(mark) + offset, *sizes)
    return bytes(data)


def huge_files(folder):
    """Files of a few kilobytes that claim many millions of pixels, by their names."""
    gif = make_animation(folder / "in.gif").read_bytes()
    webp = make_animation(folder / "in.webp").read_bytes()
    vp8 = make_video(folder / "in.webm", 4, "libvpx").read_bytes()
    jpeg = make_image(folder / "in.jpg").read_bytes()
    raw = make_video(folder / "raw.avi", 4, "rawvideo").read_bytes()
    motion = make_video(folder / "motion.avi", 1, "mjpeg", pix_fmt="yuvj420p").read_bytes()
    mov = make_video(folder / "in.mov", 1, "png", pix_fmt="rgb24").read_bytes()
    mkv = make_video(folder / "in.mkv", 4, "ffv1").read_bytes()
    wmv = make_video(folder / "in.wmv", 4, "wmv2").read_bytes()
    ogv = (THEORA / "corners.ogv").read_bytes()
    frame_header = b"\x9d\x01\x2a"  # of VP8
    coded = (b"\xb0", b"\xba")  # Matroska's elements of width and height
    sized = mkv.index(coded[0] + b"\x81\x40" + coded[1] + b"\x81\x30")
    return {
        "65535.gif": sizes_patched(gif, b"GIF8", 6, "<HH", 65535, 65535),
        "frame.gif": sizes_patched(gif, b"GIF8", 6, "<HH", 16384, 16384),
        "16384.webp": sizes_patched(webp, b"VP8X", 12, "<HBHB", 0xFFFF, 0, 0xFFFF, 0),
        "2_24.webp": sizes_patched(webp, b"VP8X", 12, "<HBHB", 0xFFFF, 0xFF, 0x003F, 0),
        "16383.webm": sizes_patched(vp8, frame_header, 3, "<HH", 16383, 16383),
        "65535.png": huge_png(65535, 65535),
        "15000.png": huge_png(15000, 15000),
        "wide.png": huge_png(2**31 - 1, 1),
        "tall.png": huge_png(1, 2**31 - 1),
        "2_32.png": huge_png(2**32 - 1, 2**32 - 1),
        "65535.jpg": sizes_patched(jpeg, b"\xff\xc0", 5, ">HH", 65535, 65535),
        "wide.jpg": sizes_patched(jpeg, b"\xff\xc0", 5, ">HH", 1, 65535),
        "tall.jpg": sizes_patched(jpeg, b"\xff\xc0", 5, ">HH", 65535, 1),
        "raw.avi": sizes_patched(raw, b"strf", 12, "<ii", 30_000, 30_000),
        "raw_2_31.avi": sizes_patched(raw, b"strf", 12, "<ii", 2**31 - 1, 2**31 - 1),
        "motion.avi": sizes_patched(motion, b"\xff\xc0", 5, ">HH", 65535, 65535),
        "65535.mov": sizes_patched(mov, b"IHDR", 4, ">II", 65535, 65535),
        "65535.mkv": mkv[:sized] + coded[0] + b"\x82\xff\xff" + coded[1] + b"\x82\xff\xff" + mkv[sized + 6 :],
        "65535.wmv": sizes_patched(wmv, b"WMV2", -12, "<ii", 65535, 65535),
        "2_20.ogv": sizes_patched(ogv, b"\x80theora", 10, ">HH", 0xFFFF, 0xFFFF),
    }


def test_huge_headers_are_refused_before_memory_is_taken(tmp_path):
    files = huge_files(tmp_path)
    before = resident_bytes()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=name):
            read_frames(tmp_path / name, 4)
        assert resident_bytes() - before < 50e6, name
    assert len(files) == 20


@pytest.mark.parametrize("name, told", [("65535.gif", "has too many pixels: at most"), ("wide.jpg", "claims 65535x1")])
def test_a_huge_picture_is_told_to_be_huge(tmp_path, name, told):
    (tmp_path / name).write_bytes(huge_files(tmp_path)[name])
    with pytest.raises(UserError, match=f"{name} {told}"):
        read_frames(tmp_path / name, 1)


def test_impossible_duration(tmp_path):
    path = make_video(tmp_path / "a.avi", 20)
    data = bytearray(path.read_bytes())
    for tag, offset in ((b"avih", 24), (b"strh", 40)):
        start = data.index(tag) + offset
        data[start : start + 4] = b"\xff" * 4
    path.write_bytes(data)
    with pytest.raises(UserError, match="a.avi ends after 2.00 of 4294967"):
        read_frames(path, 8)


def test_counts_that_no_file_can_hold_take_no_memory(tmp_path):
    mp4, mkv = (make_video(tmp_path / name, 20).read_bytes() for name in ("in.mp4", "in.mkv"))
    flv = make_video(tmp_path / "in.flv", 20, "flv1").read_bytes()
    raw = make_video(tmp_path / "in.mov", 20, "rawvideo", pix_fmt="rgb24").read_bytes()
    files = {  # frames of one length, all frames, entries of both tables; seconds
        "one_length.mp4": sizes_patched(mp4, b"stts", 12, ">I", 2**32 - 1),
        "frames.mp4": sizes_patched(mp4, b"stsz", 12, ">I", 2**32 - 1),
        "frames.mov": sizes_patched(sizes_patched(raw, b"stsz", 12, ">I", 2**32 - 1), b"stsc", 16, ">I", 2**32 - 1),
        "lengths.mp4": sizes_patched(mp4, b"stts", 8, ">I", 2**32 - 1),
        "pieces.mp4": sizes_patched(mp4, b"stco", 8, ">I", 2**32 - 1),
        "length.mkv": sizes_patched(mkv, b"\x44\x89\x88", 3, ">d", 1e15),
        "length.flv": sizes_patched(flv, b"duration", 9, ">d", 1e12),
    }
    before = resident_bytes()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        try:
            assert len(read_frames(tmp_path / name, 20).frames) == 20, name
        except UserError as error:
            assert name in str(error)
        assert resident_bytes() - before < 50e6, name


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
