import av
import numpy as np
import pytest
from fixtures.videos import FPS, gray, gray_frames, make_sound, make_video

from vtkeras.data import video
from vtkeras.data.cut import RATE, cut
from vtkeras.data.video import FrameStream, read_frames
from vtkeras.errors import UserError


def levels(path):
    """Mean gray of every frame, with its time."""
    with FrameStream(path) as stream:
        return [(round(frame.time, 3), frame.draw(8, 8).mean()) for frame in stream.frames()]


def test_stream_gives_every_frame_once(tmp_path):
    path = make_video(tmp_path / "a.mp4", 12)
    found = levels(path)
    assert [time for time, _ in found] == [round(index / FPS, 3) for index in range(12)]
    assert np.allclose([level for _, level in found], [gray(index) for index in range(12)], atol=2)


def test_stream_begins_where_it_is_told(tmp_path):
    path = make_video(tmp_path / "a.mp4", 20, g="5")
    with FrameStream(path) as stream:
        times = [round(frame.time, 3) for frame in stream.frames(start=1.15)]
        assert times == [1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9] and stream.missing() == ""


def test_stream_goes_on_where_a_stretch_ended(tmp_path):
    with FrameStream(make_video(tmp_path / "a.mp4", 40, g="5")) as stream:
        stretches = [(0.2, 0.5), (0.5, 0.65), (0.68, 0.8), (2.9, 3.05)]
        times = [[round(frame.time, 3) for frame in stream.frames(*stretch)] for stretch in stretches]
    # At 0.68 s the frame of 0.6 s is still on screen, which the stretch before has shown, too.
    assert times == [[0.2, 0.3, 0.4], [0.5, 0.6], [0.6, 0.7], [2.9, 3.0]]


def test_stream_tells_what_is_missing(tmp_path):
    path = make_video(tmp_path / "a.mkv", gray_frames(60, 320, 240))
    data = path.read_bytes()
    path.write_bytes(data[: int(0.8 * len(data))])
    with FrameStream(path) as stream:
        count = sum(1 for _ in stream.frames())
        assert 30 < count < 60 and "ends after" in stream.missing()


def test_cut_takes_the_right_frames(tmp_path):
    path = make_video(tmp_path / "a.mp4", 20)
    done = []
    cut(path, [(0.2, 0.5), (1.0, 1.2)], tmp_path / "b.mp4", progress=lambda *part: done.append(part))
    found = levels(tmp_path / "b.mp4")
    assert [time for time, _ in found] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert np.allclose([level for _, level in found], [gray(index) for index in (2, 3, 4, 10, 11)], atol=4)
    assert done[-1] == pytest.approx((0.5, 0.5))
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["a.mp4", "b.mp4"]


def test_a_cut_decodes_by_one_decoder(tmp_path, monkeypatch):
    """Decoders opened for each of 72 stretches of a 4K film took 2.5 GB, one takes 0.2 GB."""
    opened = []
    real = video.open_reader
    monkeypatch.setattr(video, "open_reader", lambda path: opened.append(path) or real(path))
    path = make_video(tmp_path / "a.mp4", 20)
    cut(path, [(start / 10, start / 10 + 0.1) for start in range(0, 20, 4)], tmp_path / "b.mp4")
    assert len(opened) == 1 and len(levels(tmp_path / "b.mp4")) == 5


def test_cut_scales_and_makes_sides_even(tmp_path):
    path = make_video(tmp_path / "a.webm", gray_frames(4, 62, 34))
    cut(path, [(0, 0.4)], tmp_path / "b.mp4", max_side=31)
    assert read_frames(tmp_path / "b.mp4", 1).frames.shape == (1, 16, 30, 3)


@pytest.mark.parametrize(
    "name, pictures, voice",
    [
        ("a.mp4", "libx264", "aac"),
        ("a.flv", "libx264", "aac"),
        ("a.mpg", "mpeg2video", "mp2"),
        ("a.wmv", "wmv2", "mp2"),
    ],
)
def test_sound_is_cut_along(tmp_path, name, pictures, voice):
    """A tone of full loudness from 1 s to 2 s, silence before: of 0.5 s to 1.5 s the second half sounds."""
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        picture = container.add_stream(pictures, rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream(voice, rate=48_000, layout="mono")
        for pixels in gray_frames(20):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(picture.encode(None))
        seconds = np.arange(2 * 48_000) / 48_000
        wave = np.where(seconds >= 1, np.sin(2 * np.pi * 440 * seconds), 0).astype(np.float32)
        for start in range(0, len(wave), 1024):
            frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "fltp", "mono")
            frame.sample_rate, frame.pts = 48_000, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    cut(path, [(0.5, 1.5)], tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert len(heard) == pytest.approx(RATE, abs=3000)  # AAC pads its ends
    loud = [np.sqrt(np.mean(part**2)) for part in (heard[: RATE // 3], heard[2 * RATE // 3 : RATE])]
    assert loud[0] < 0.02 and loud[1] == pytest.approx(0.5, abs=0.05)  # one channel is spread over two


def test_a_file_without_picture(tmp_path):
    with pytest.raises(UserError, match="no video stream"):
        cut(make_sound(tmp_path / "a.mp4"), [(0, 0.2)], tmp_path / "b.mp4")
    assert not (tmp_path / "b.mp4").exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    video = make_video(tmp_path / "a.mp4", 4)
    with pytest.raises(UserError, match="cannot be written"):
        cut(video, [(0, 0.2)], video / "b.mp4")
