"""Files of phones, cameras and screen recorders that are whole, and pictures that are not read."""

import io

import numpy as np
import pytest
from fixtures.videos import make_video
from PIL import Image

from vtkeras.data.captions import read_captions
from vtkeras.data.containers import container_format_of
from vtkeras.data.file_ends import is_cut
from vtkeras.data.readers.steps import Steps
from vtkeras.data.video import FrameStream, read_frames
from vtkeras.errors import UserError


def jpeg(color, size=64, **options):
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 60, (size, size, 3), dtype="uint8")
    Image.fromarray(noise + np.array(color, "uint8")).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_a_recording_without_its_repeated_frames_is_whole(tmp_path, suffix):
    kept = [0, *sorted(np.random.default_rng(1).choice(np.arange(1, 60), 36, replace=False).tolist())]
    path = make_video(tmp_path / f"screen{suffix}", len(kept), times_ms=[100 * place for place in kept])
    assert read_frames(path, 8).reason == ""


def test_few_holes_are_frames_that_are_missing_and_many_are_repeats():
    for dropped, left_out in (({50}, 1), ({50, 51, 80}, 3), ({*range(10, 100, 4)}, 0)):
        steps = Steps(10.0)
        for number in range(100):
            if number not in dropped:
                steps.add(number / 10)
        assert steps.left_out == left_out


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"avif"])
def test_a_picture_in_tiles_is_refused(tmp_path, brand):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(100))
    with pytest.raises(UserError, match="a.jpg"):
        read_frames(path, 1)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_picture_ends_with_its_own_mark_whatever_stands_behind_it(tmp_path, options):
    data = jpeg((90, 0, 0), **options)
    film = make_video(tmp_path / "film.mp4", 5).read_bytes()
    path = tmp_path / "a.jpg"
    for behind in (b"", film, b"\xff\xda" + bytes(50), jpeg((0, 0, 90))):
        path.write_bytes(data + behind)
        assert not is_cut(path, "jpeg_pipe")
        with FrameStream(path) as stream:
            assert len(list(stream.frames())) == 1 and stream.missing() == ""
        assert read_frames(path, 1).frames[0, :, :, 0].mean() > 90  # the first picture, which is red
    path.write_bytes(data[:-40])
    assert is_cut(path, "jpeg_pipe")


def test_bytes_that_a_camera_or_a_tagger_adds_behind_a_film_cut_nothing(tmp_path):
    path = make_video(tmp_path / "a.mp4", 5)
    whole = path.read_bytes()
    for added in (b"\xff\xd8\xff\xe0" * 500, b"TAGholiday".ljust(128, b"\0"), b"SEFTsome bytes of a phone"):
        path.write_bytes(whole + added)
        assert not is_cut(path, "mov")
        assert read_frames(path, 5).reason == ""
    path.write_bytes(whole[:-100])
    assert is_cut(path, "mov")


@pytest.mark.parametrize("part, extra", [(100, 0), (187, 0), (0, 16), (50, 16)])
def test_mpeg_ts_that_begins_with_part_of_a_packet_or_has_parity_bytes(tmp_path, part, extra):
    stream = make_video(tmp_path / "whole.ts", 30).read_bytes()
    packets = [stream[place : place + 188] + bytes(extra) for place in range(0, len(stream), 188)]
    path = tmp_path / "a.ts"
    path.write_bytes(packets[-1][188 + extra - part :] + b"".join(packets))
    assert container_format_of(path) == "mpegts" and not is_cut(path, "mpegts")
    assert len(read_frames(path, 8).frames) == 8
    path.write_bytes(path.read_bytes()[:-40])
    assert is_cut(path, "mpegts")


def test_labels_that_look_the_same_are_one_class(tmp_path):
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).touch()
    table = "path,label\na.mp4,cafe\u0301|big  cat\nb.mp4,caf\u00e9|big cat\u200b\nc.mp4,\ufeffcaf\u00e9|big cat\n"
    table += "a.mp4,\u202acaf\u00e9\u202c|big\u00ad cat\u200f\nb.mp4,caf\u00e9\u2060|big cat\n"
    (tmp_path / "captions.csv").write_text(table, encoding="utf-8")
    assert {row.labels for row in read_captions(tmp_path / "captions.csv", tmp_path)} == {("caf\u00e9", "big cat")}


def test_parts_of_a_long_film_have_names_of_their_own(tmp_path):
    (tmp_path / "a.mp4").touch()
    rows = "path,caption,start,end\na.mp4,one,10000.21,10005\na.mp4,two,10000.24,10005\n"
    (tmp_path / "captions.csv").write_text(rows)
    found = read_captions(tmp_path / "captions.csv", tmp_path)
    assert [row.clip_id for row in found] == ["a.mp4#10000.21-10005", "a.mp4#10000.24-10005"]
