import numpy as np
import pytest
import scenedetect
from fixtures.summaries import scenes
from fixtures.videos import make_image, make_video
from scenedetect.backends.pyav import VideoStreamAv

from vtkeras.data.long_digits import LongDigits
from vtkeras.data.mp4 import write_video
from vtkeras.data.video import FrameStream
from vtkeras.summaries.color_histogram import color_histogram
from vtkeras.summaries.shots import find_shots


def spans(path, **options):
    with FrameStream(path) as stream:
        return [(round(shot.start, 3), round(shot.end, 3)) for shot in find_shots(stream, 4, 64, **options)]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Scenes of 1, 2, 1 and 3 seconds whose grays are 90 apart."""
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    return make_video(path, scenes(20, 110, 110, 200, 110, 110, 110))


def test_cuts_by_hand(film):
    assert spans(film) == [(0, 1), (1, 3), (3, 4), (4, 7)]


def test_the_same_cuts_as_pyscenedetect_finds_with_its_own_pyav_reader(film):
    video = VideoStreamAv(str(film), suppress_output=True)
    manager = scenedetect.SceneManager()
    manager.auto_downscale = False
    manager.add_detector(scenedetect.ContentDetector(min_scene_len=0.5))
    manager.detect_scenes(video)
    assert [(start.seconds, end.seconds) for start, end in manager.get_scene_list()] == spans(film)


def test_a_long_take_is_cut_into_parts(film):
    assert spans(film, longest=1.0) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7)]
    assert spans(film, threshold=200, longest=3.0) == [(0, 3), (3, 6), (6, 7)]


def test_resumed_where_a_shot_ended_it_finds_the_same(film):
    for longest in (10.0, 0.8):
        whole = spans(film, longest=longest)
        before = 0.0
        for number, (start, end) in enumerate(whole):
            assert spans(film, longest=longest, start=start, before=before) == whole[number:]
            before = end - start


def test_a_cut_soon_after_a_division_is_kept(film):
    assert spans(film, longest=0.8)[:5] == [(0, 0.8), (0.8, 1), (1, 1.8), (1.8, 2.6), (2.6, 3)]


def test_frames_are_the_middles_of_equal_parts(film):
    with FrameStream(film) as stream:
        shots = list(find_shots(stream, 4, 64))
    # Of 30 frames, one every 0.1 s, every second one was kept. The middles of the quarters of 4..7 s are
    # 4.375, 5.125, 5.875 and 6.625 s.
    assert np.allclose(shots[-1].times, [4.4, 5.2, 5.8, 6.6])
    assert shots[-1].frames.shape == (4, 48, 64, 3) and abs(shots[2].frames.mean() - 200) < 3


def test_a_long_shot_keeps_few_frames_evenly_spaced(tmp_path):
    path = make_video(tmp_path / "a.mp4", scenes(100, length=300))
    with FrameStream(path) as stream:
        [shot] = find_shots(stream, 4, 64, longest=60)
    # Every 32nd frame was kept, so none is more than 1.6 s from the middle of its quarter.
    assert (shot.start, shot.end) == pytest.approx((0, 30)) and len(shot.times) == 4
    assert np.abs(shot.times - [3.75, 11.25, 18.75, 26.25]).max() <= 1.6


def test_the_picture_is_larger_than_what_a_model_reads_and_from_the_middle(tmp_path):
    levels = 10 * np.arange(20, dtype=np.uint8)  # 2 s; for the picture, every eighth frame was kept: 0, 80 and 160
    film = make_video(tmp_path / "a.mp4", np.broadcast_to(levels[:, None, None, None], (20, 240, 320, 3)).copy())
    with FrameStream(film) as stream:
        [shot] = find_shots(stream, 4, 64)
    assert shot.frames.shape == (4, 48, 64, 3) and shot.picture.shape == (240, 320, 3)
    assert shot.picture.mean() == pytest.approx(80, abs=4)  # of 0.8 s, nearest to 1 s


def test_one_frame_and_a_picture(tmp_path):
    for path in (make_video(tmp_path / "a.mp4", 1), make_image(tmp_path / "b.png")):
        with FrameStream(path) as stream:
            [shot] = find_shots(stream, 4, 64)
        assert shot.start == 0 and shot.end > 0 and len(shot.frames) == 1


def test_cuts_of_long_digits_are_found_and_no_others(tmp_path):
    film = np.concatenate([scene.frames for scene in LongDigits(scenes=15, seed=3).film(0)])
    write_video(tmp_path / "a.mp4", film, fps=8)
    assert spans(tmp_path / "a.mp4") == [(2 * place, 2 * place + 2) for place in range(15)]


def test_look_by_hand():
    red, blue = np.zeros((2, 1, 8, 8, 3), np.uint8)
    red[..., 0], blue[..., 2] = 255, 255
    half = red.copy()
    half[:, :, 4:] = 0  # the right half is black
    assert color_histogram(red) @ color_histogram(red) == pytest.approx(1)
    assert color_histogram(red) @ color_histogram(blue) == 0
    assert color_histogram(red) @ color_histogram(half) == pytest.approx(0.5)  # two of four quarters
    assert color_histogram(red[:, :1, :1]) @ color_histogram(red) == pytest.approx(1)  # a single pixel
