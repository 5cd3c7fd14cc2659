"""What a player shows is what is read: every kind of file in every container that can hold it.

docs/formats.md shows these cases as a table, and has the commands of FFmpeg that the pictures are compared to
where the program is installed; the values here hold everywhere.
"""

import re
import shlex
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from tests.fixtures.formats import (
    CODECS,
    FORMATS,
    KINDS,
    VIDEOS,
    corners,
    read_corners,
    remux,
    set_crop,
    set_edits,
    write,
    write_cropped,
    write_silence,
    write_stored,
)
from vtkeras.data.containers import place_of
from vtkeras.data.cropping import Cropper, crop_of
from vtkeras.data.readers import AvReader
from vtkeras.data.video import FrameStream, probe, read_frames
from vtkeras.errors import UserError

DOCUMENT = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
OLDEST_FFMPEG = 9  # older ones do not turn PNG by EXIF, nor read animated WebP
WITHOUT_COMMAND = [("colour profile", "webp png jpg"), ("two streams", VIDEOS), ("turned or mirrored", "webp")]

# The kinds about time, and the containers of each.
TRIMMED, LATE, VARYING, REORDERED = "trimmed", "late start", "variable rate", "frames out of order"
LONG_SOUND, CUT = "sound goes on", "cut short"
TIMES = {
    TRIMMED: "mp4 mov 3gp",
    LATE: "mp4 mov 3gp mkv webm ts mpg wmv flv",
    VARYING: f"{VIDEOS} gif apng webp".replace("mpg ", ""),
    REORDERED: VIDEOS.replace("wmv ", ""),
    LONG_SOUND: f"{VIDEOS} ogv",
    CUT: f"{VIDEOS} ogv gif apng webp png jpg",
}
# Codecs that store frames out of order, beside the usual one of the container.
REORDERING = {"webm": ["libvpx"], "mpg": []}


MAGICS = {
    "MPEG-PS": b"\0\0\1\xba",
    "ASF": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    "FLV": b"FLV\1\5\0\0\0\x09\0\0\0\0",
    "Ogg": b"OggS\0\2",
    "3gp": b"\0\0\0\x14ftyp3gp4\0\0\2\0",
}


def new_ffmpeg():
    """Where the program is, if it is one that these files can be compared with."""
    program = shutil.which("ffmpeg")
    told = subprocess.run([program, "-version"], capture_output=True, text=True).stdout if program else ""
    version = re.match(r"ffmpeg version n?(\d+)\.", told)
    return program if version and int(version[1]) >= OLDEST_FFMPEG else None


FFMPEG = new_ffmpeg()


def containers_of(kind):
    return pytest.mark.parametrize("container", TIMES[kind].split())


def grays(count):
    """Frame i is plain gray of level 10, 20, 30 ..."""
    return [np.full((48, 64, 3), 10 * (number + 1), np.uint8) for number in range(count)]


def walk(path, within=0.002):
    """Every frame's seconds and gray, after a check that nothing is amiss and FFmpeg has the same times."""
    with FrameStream(path) as stream:
        found = [(frame.time, frame.draw(8, 8).mean()) for frame in stream.frames()]
        assert stream.missing() == ""
    if FFMPEG and within:
        np.testing.assert_allclose([time for time, _ in found], times_by_ffmpeg(path), atol=within)
    return np.array(found).T


def times_by_ffmpeg(path):
    [command] = re.findall(r"`(ffmpeg [^`]+framecrc OUT)`", DOCUMENT)
    words = [str(path) if word == "FILE" else "-" if word == "OUT" else word for word in shlex.split(command)]
    lines = subprocess.run(words, capture_output=True, check=True, text=True).stdout.splitlines()
    [unit] = [Fraction(line.split()[-1]) for line in lines if line.startswith("#tb 0")]
    return [float(int(line.split(",")[2]) * unit) for line in lines if line.startswith("0,")]


@pytest.mark.parametrize(
    "kind, container", [(kind, container) for kind, entry in KINDS.items() for container in entry.writers]
)
def test_pictures(tmp_path, kind, container):
    for number, writer in enumerate(KINDS[kind].writers[container]):
        path = tmp_path / f"{number}.{container}"
        writer(path)
        clip = read_frames(path, 2)
        assert clip.complete, clip.reason
        assert clip.frames.shape[1:] == (48, 64, 3)
        np.testing.assert_allclose(read_corners(clip.frames[0]), KINDS[kind].shows, atol=8)
        if FFMPEG and not any(kind == one and container in names.split() for one, names in WITHOUT_COMMAND):
            expected = read_corners(shown_by_ffmpeg(path, kind, container))
            np.testing.assert_allclose(read_corners(clip.frames[0]), expected, atol=8)


def shown_by_ffmpeg(path, kind, container):
    commands = dict(re.findall(r"^\| ([^|]+?) \| `(ffmpeg [^`]+)` \|$", DOCUMENT, re.MULTILINE))
    command = commands.get(f"{kind} in {container}") or commands.get(kind) or commands["plain"]
    command = command.replace("libvpx-vp9", "libvpx") if probe(path).codec == "vp8" else command
    words = [str(path) if word == "FILE" else word for word in shlex.split(command) if word != "OUT"]
    options = ["-v", "error", "-frames:v", "1", "-f", "image2pipe", "-c:v", "ppm", "-"]
    data = subprocess.run([*words, *options], capture_output=True, check=True).stdout
    _, size, _, pixels = data.split(b"\n", 3)
    width, height = map(int, size.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def test_large_pictures_of_no_named_matrix_are_bt709(tmp_path):
    """As players guess; small ones are BT.601."""
    wide = np.tile(corners(), (1, 20, 1))
    write(tmp_path / "a.mkv", [wide], "ffv1", "yuv444p", color=(1, 1, 2, 2))
    named = read_corners(read_frames(tmp_path / "a.mkv", 1).frames[0][:, :64])
    data = (tmp_path / "a.mkv").read_bytes()
    start = data.index(b"\x55\xb1\x81\x01")  # MatrixCoefficients: 1 is BT.709, 2 is unknown
    (tmp_path / "b.mkv").write_bytes(data[: start + 3] + b"\x02" + data[start + 4 :])
    guessed = read_corners(read_frames(tmp_path / "b.mkv", 1).frames[0][:, :64])
    np.testing.assert_allclose(guessed, named, atol=1)
    np.testing.assert_allclose(named, KINDS["plain"].shows, atol=3)


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_crop_keeps_whole_samples_of_colour(tmp_path, container):
    """Colours of two pixels are stored as one: 3, 5, 8 and 1 of 64 x 48 pixels begin at (2, 4) and leave 52 x 42."""
    path = tmp_path / f"a.{container}"
    write(path, [np.tile(np.arange(64, dtype=np.uint8)[None, :, None] * 3, (48, 1, 3))], color=(6, 1, 6, 6), crf="0")
    set_crop(path, 3, 5, 8, 1)
    frame = read_frames(path, 1).frames[0]
    assert frame.shape == (42, 52, 3)
    np.testing.assert_allclose(frame[20, ::10, 1], 3 * np.arange(2, 54, 10), atol=3)
    if FFMPEG:
        np.testing.assert_allclose(frame, shown_by_ffmpeg(path, "cropped", container), atol=3)


def test_a_crop_of_wide_pixels(tmp_path):
    """32 of 40 pixels, twice as wide as high, are 64."""
    path = tmp_path / "a.mp4"
    write(path, [np.pad(corners()[:, ::2], ((0, 0), (6, 2), (0, 0)))], aspect=Fraction(2))
    set_crop(path, 6, 0, 2, 0)
    frame = read_frames(path, 1).frames[0]
    assert frame.shape == (48, 64, 3)
    np.testing.assert_allclose(read_corners(frame), KINDS["plain"].shows, atol=8)
    if FFMPEG:
        np.testing.assert_allclose(read_corners(frame), read_corners(shown_by_ffmpeg(path, "cropped", "mp4")), atol=8)


@pytest.mark.parametrize("sides", [(40, 0, 24, 0), (0, 50, 0, 0), (30, 0, 33, 0)])
def test_a_crop_of_everything_is_none(tmp_path, sides):
    path = tmp_path / "a.mp4"
    write(path, [corners()], color=(6, 1, 6, 6))
    set_crop(path, *sides)
    assert read_frames(path, 1).frames.shape == (1, 48, 64, 3)


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_damaged_marks_of_a_crop_harm_nothing(tmp_path, container):
    """Whatever stands in the parts that lead to it."""
    path, rng = tmp_path / f"a.{container}", np.random.default_rng(0)
    write_cropped(path)
    data = path.read_bytes()
    tracks = data.index(b"moov" if container == "mp4" else b"\x16\x54\xae\x6b")
    for _ in range(300):
        damaged = bytearray(data)
        for place in rng.integers(tracks, min(tracks + 500, len(data)), 3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        crop = crop_of(path, {"mp4": "mov", "mkv": "matroska"}[container], 0)
        assert min(Cropper(crop)(av.VideoFrame(88, 64, "yuv410p")).width, 88) >= 4


def test_the_default_stream_is_five_million_pixels_larger(tmp_path):
    """As `ffmpeg` counts."""
    for size, shown in [((48, 64), (48, 64)), ((1440, 2560), (48, 64)), ((2160, 3840), (2160, 3840))]:
        path = tmp_path / f"{size[0]}.mkv"
        with av.open(str(path), "w") as container:
            streams = [container.add_stream("mpeg4", rate=10) for _ in range(2)]
            for stream, (height, width) in zip(streams, (size, (48, 64)), strict=True):
                stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            streams[0].disposition, streams[1].disposition = Disposition(0), Disposition.default
            for stream in streams:
                picture = np.full((stream.height, stream.width, 3), 60, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                container.mux(stream.encode(None))
        info = probe(path)
        assert (info.height, info.width) == shown


def test_pictures_of_chapters_are_a_track_and_a_cover_is_none():
    """As FFmpeg marks them; by its place among the tracks a film's crop is found."""
    marks = Disposition.attached_pic, Disposition.attached_pic | Disposition.timed_thumbnails, Disposition(0)
    streams = [SimpleNamespace(index=index, disposition=mark) for index, mark in enumerate(marks)]
    film = streams[-1]
    film.container = SimpleNamespace(streams=SimpleNamespace(video=streams))
    assert place_of(film) == 1


@containers_of(TRIMMED)
def test_trimmed(tmp_path, container):
    """Twelve frames that an edit list hides, for the thirteenth needs them, are not missing."""
    write(tmp_path / "whole.mp4", grays(24))
    remux(tmp_path / "whole.mp4", tmp_path / f"a.{container}", earlier=1.2)
    times, levels = walk(tmp_path / f"a.{container}")
    np.testing.assert_allclose(times, np.arange(12) / 10, atol=1e-6)
    np.testing.assert_allclose(levels, 10 * np.arange(13, 25), atol=4)
    assert read_frames(tmp_path / f"a.{container}", 4).complete


@pytest.mark.parametrize(
    "edits, shown",
    [
        ([(1000, 0), (500, 1500)], [*range(10), *range(15, 20)]),
        ([(1000, 0), (1000, 0)], [*range(10), *range(10)]),
        ([(700, -1), (1000, 500)], range(5, 15)),  # the delay is before second 0, as no sound begins earlier
        ([(500, 0)], range(5)),
        ([(9000, 1200)], range(12, 24)),
    ],
    ids=["two parts", "a part twice", "a delay", "a short part", "a part beyond the end"],
)
def test_edits(tmp_path, edits, shown):
    """Lists of (length, place in the film) in milliseconds, of which -1 is a pause."""
    write(tmp_path / "a.mp4", grays(24))
    set_edits(tmp_path / "a.mp4", edits)
    times, levels = walk(tmp_path / "a.mp4")
    np.testing.assert_allclose(times, np.arange(len(shown)) / 10, atol=1e-6)
    np.testing.assert_allclose(levels, [10 * (number + 1) for number in shown], atol=4)


@containers_of(LATE)
def test_late_start(tmp_path, container):
    """Sound begins at second 0, and pictures three seconds later."""
    path = tmp_path / f"a.{container}"
    write(path, grays(20), times=range(3000, 5000, 100), sound=4.0)
    times, levels = walk(path, within=0.025)
    # MPEG-TS begins with a block of sound that comes 0.021 s early; FFmpeg 9 leaves that out.
    np.testing.assert_allclose(times, 3 + np.arange(20) / 10, atol=0.025)
    np.testing.assert_allclose(levels, 10 * np.arange(1, 21), atol=4)
    info = probe(path)
    assert (info.start, info.duration, info.frame_count) == pytest.approx((3, 5, 20), abs=0.025)
    clip = read_frames(path, 2, start=4.0, end=4.4)
    np.testing.assert_allclose(clip.frames.mean(axis=(1, 2, 3)), [120, 140], atol=12)
    with pytest.raises(UserError, match=r"shows its first picture at 3\.\d\d s, so none before 2.00 s"):
        read_frames(path, 2, end=2.0)


@containers_of(VARYING)
def test_variable_rate(tmp_path, container):
    path, times = tmp_path / f"a.{container}", [0, 100, 200, 800, 1000, 2500, 3000]
    if f".{container}" in FORMATS:
        first, *rest = map(Image.fromarray, grays(len(times)))
        lengths = [*np.diff(times).tolist(), 100]
        first.save(path, FORMATS[path.suffix], save_all=True, append_images=rest, duration=lengths, lossless=True)
    else:
        options = {} if container == "webm" else {"bf": "0"}
        write(path, grays(len(times)), times=times, **options)
    found, levels = walk(path)
    np.testing.assert_allclose(found, np.array(times) / 1000, atol=0.002)
    np.testing.assert_allclose(levels, 10 * np.arange(1, 8), atol=4)
    clip = read_frames(path, 8)
    # Eight parts of 3.1 s have their middles at 0.19, 0.58, 0.97, 1.36, 1.74, 2.13, 2.52 and 2.91 s.
    np.testing.assert_allclose(clip.times, [0.1, 0.2, 0.8, 1.0, 2.5], atol=0.002)
    assert clip.complete and clip.info.duration == pytest.approx(3.1, abs=0.01)


@containers_of(REORDERED)
def test_frames_out_of_order(tmp_path, container):
    """Frames that are stored after ones that are shown later, and packets that show nothing."""
    options = {"auto-alt-ref": "1", "lag-in-frames": "12"} if container == "webm" else {"bf": "2"}
    for codec in {CODECS[container], *REORDERING.get(container, ["libx264"])}:
        path = tmp_path / f"{codec}.{container}"
        write(path, grays(20), codec, **options, **({"qmax": "2"} if codec.startswith("mpeg") else {}))
        times, levels = walk(path, within=0.002 if container != "avi" else None)
        np.testing.assert_allclose(times, np.arange(20) / 10, atol=0.002)
        np.testing.assert_allclose(levels, 10 * np.arange(1, 21), atol=5)


@containers_of(LONG_SOUND)
def test_sound_goes_on(tmp_path, container):
    path = tmp_path / f"a.{container}"
    if container == "ogv":
        write_stored(path, "grays")
    else:
        write(path, grays(20), sound=4.0)
    clip = read_frames(path, 20)
    assert clip.complete and len(clip.times) == 20
    assert clip.info.duration == pytest.approx(2.0, abs=0.025)


@containers_of(CUT)
def test_cut_short(tmp_path, container):
    """Every tenth of a file is either told to be cut or does not open at all, for a reason in plain words."""
    path, noise = tmp_path / f"a.{container}", np.random.default_rng(0).integers(0, 255, (12, 48, 64, 3), np.uint8)
    if f".{container}" in FORMATS:
        first, *rest = map(Image.fromarray, noise)
        animated = {"save_all": True, "append_images": rest} if container in ("gif", "apng", "webp") else {}
        first.save(path, FORMATS[path.suffix], **animated)
    elif container == "ogv":
        write_stored(path, "noise")
    else:
        write(path, noise)
    assert read_frames(path, 4).complete
    data = path.read_bytes()
    for tenth in range(1, 10):
        path.write_bytes(data[: len(data) * tenth // 10])
        try:
            reason = read_frames(path, 4).reason
        except UserError as error:
            reason = str(error)
        assert re.search(r"ends (after|before)|is cut short|has no video|damaged|no frame decodes", reason), reason


@pytest.mark.parametrize("container", ["mpg", "wmv", "flv", "ogv", "avi"])
def test_frames_far_away(tmp_path, monkeypatch, container):
    """They are those that reading through gives, in containers without an index, and in AVI before a key frame."""
    path = tmp_path / f"a.{container}"
    if container == "ogv":
        write_stored(path, "grays")
        monkeypatch.setattr("vtkeras.data.readers.av_reader._FAR", 0.5)
        monkeypatch.setattr("vtkeras.data.readers.av_reader._SEARCH_MARGIN", 0.2)
    else:
        texture = np.random.default_rng(0).integers(0, 99, (48, 64, 3), np.uint8)
        options = {"bf": "2"} if container == "avi" else {}
        write(path, [texture + number % 150 for number in range(300)], g="8", b="600000", **options)
    with FrameStream(path) as stream:
        every = [(frame.time, frame.draw(64, 48)) for frame in stream.frames()]
    jumps, seek = [], AvReader._seek
    monkeypatch.setattr(AvReader, "_seek", lambda self, time: (jumps.append(time), seek(self, time)))
    for start, end in [(None, None), (0.55, 0.75), (0.85, 0.95)]:
        clip = read_frames(path, 4, *(share and share * every[-1][0] for share in (start, end)))
        assert clip.complete, clip.reason
        for time, pixels in zip(clip.times, clip.frames):
            shown, known = min(every, key=lambda one: abs(one[0] - time))
            assert shown == pytest.approx(time, abs=1e-4)
            np.testing.assert_array_equal(pixels, known)
    assert len(jumps) == 2 or container == "avi" and jumps  # each of which found what it sought


def test_a_picture_that_stays_to_the_end(tmp_path):
    """Theora has empty packets for it."""
    write_stored(tmp_path / "a.ogv", "corners")
    clip = read_frames(tmp_path / "a.ogv", 3)
    assert clip.complete and len(clip.frames) == 1 and clip.info.duration == pytest.approx(0.3)


@pytest.mark.parametrize("data", MAGICS.values(), ids=MAGICS)
@pytest.mark.parametrize("rest", [b"", b"\0" * 5000, bytes(range(256)) * 40], ids=["nothing", "zeros", "garbage"])
def test_garbage_after_the_first_bytes_of_a_container(tmp_path, data, rest):
    (tmp_path / "a.mpg").write_bytes(data + rest)
    with pytest.raises(UserError, match=r"a\.mpg .+\.$"):
        read_frames(tmp_path / "a.mpg", 4)


@pytest.mark.parametrize("text", ['<asx version="3"><ref href="mms://a/b"/></asx>', "[Reference]\nRef1=a"])
def test_a_playlist_is_no_video(tmp_path, text):
    (tmp_path / "a.wmv").write_text(text)
    with pytest.raises(UserError, match="a.wmv is not a video or image that can be read"):
        read_frames(tmp_path / "a.wmv", 4)


def test_sound_in_ogg_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.ogg"), "w") as container:
        voice = container.add_stream("libopus", rate=48_000, layout="stereo")
        write_silence(container, voice, 1.0)
    with pytest.raises(UserError, match="a.ogg has no video stream"):
        read_frames(tmp_path / "a.ogg", 4)


@pytest.mark.parametrize("name, codec", [("a.mpg", "libx264"), ("a.wmv", "libx264"), ("a.ogv", "libvpx")])
def test_codecs_whose_times_cannot_be_told_are_refused(tmp_path, name, codec):
    write(tmp_path / name, grays(20), codec)
    with pytest.raises(UserError, match=rf"{name} holds (h264|vp8) .+ convert it first: ffmpeg -i {name} new.mp4"):
        read_frames(tmp_path / name, 4)


@pytest.mark.parametrize("lengths", [(20, 60), (60, 20)])
def test_joined_mpeg_program_streams_are_refused(tmp_path, lengths):
    """Both begin at the same time."""
    noise = np.random.default_rng(0).integers(0, 255, (4, 48, 64, 3), np.uint8)
    for number, length in enumerate(lengths):
        write(tmp_path / f"{number}.mpg", [noise[index % 4] for index in range(length)])
    (tmp_path / "a.mpg").write_bytes((tmp_path / "0.mpg").read_bytes() + (tmp_path / "1.mpg").read_bytes())
    assert read_frames(tmp_path / "1.mpg", 4).complete
    with pytest.raises(UserError, match="a.mpg is joined of several recordings"):
        read_frames(tmp_path / "a.mpg", 4)


def test_the_document_shows_these_cases():
    rows = re.findall(r"^\| ([^|`]+?) \|((?: *[✓–] *\|)+)$", DOCUMENT, re.MULTILINE)
    [head] = re.findall(r"^\| kind \|( mp4.+)\|$", DOCUMENT, re.MULTILINE)
    names = [name.strip() for name in head.split("|")]
    shown = {kind: {name for name, cell in zip(names, cells.split("|")) if "✓" in cell} for kind, cells in rows}
    tested = {kind: set(entry.writers) for kind, entry in KINDS.items()}
    assert shown == tested | {kind: set(containers.split()) for kind, containers in TIMES.items()}


def test_a_frame_that_the_index_has_and_the_file_lacks_is_told(tmp_path):
    path = tmp_path / "a.avi"
    write(path, grays(20))
    data = path.read_bytes()
    places = [found.start() for found in re.finditer(b"00dc", data)]
    path.write_bytes(data[: places[9]] + b"JUNK" + data[places[9] + 4 :])
    assert "damaged: 1 of 19 frames are missing" in read_frames(path, 8).reason


def test_a_hole_in_a_constant_rate_is_told(tmp_path):
    path = tmp_path / "a.mkv"
    write(path, grays(18), times=[100 * number for number in range(20) if number not in (7, 8)], bf="0")
    assert "damaged: 2 of 18 frames are missing" in read_frames(path, 8).reason
