import numpy as np
import pytest

from vtkeras.data.annotations import read_annotations
from vtkeras.data.long_digits import ASIDE, EVENT, HOST, LongDigits, tint
from vtkeras.data.make import make_long_videos
from vtkeras.data.subtitles import read_transcript
from vtkeras.errors import UserError


@pytest.fixture(scope="module")
def film():
    return list(LongDigits(scenes=40).film(0))


def test_the_same_every_time_and_another_for_another_seed(film):
    again = list(LongDigits(scenes=40).film(0))
    other = list(LongDigits(scenes=40, seed=1).film(0))
    assert all((one.frames == two.frames).all() for one, two in zip(film, again))
    assert [one.caption for one in film] != [one.caption for one in other]


def test_the_host_comes_back_and_events_have_two_digits(film):
    hosts = {scene.caption for scene in film if scene.kind == HOST}
    assert len(hosts) == 1
    assert all((" and digit " in scene.caption) == (scene.kind == EVENT) for scene in film)
    assert {scene.kind for scene in film} == {HOST, ASIDE, EVENT}


def test_people_find_events_most_important():
    scenes = [scene for video in range(5) for scene in LongDigits(scenes=40).film(video)]
    mean = {
        kind: np.mean([scene.opinions for scene in scenes if scene.kind == kind])
        for kind in (HOST, ASIDE, EVENT)
    }
    assert mean[HOST] + 0.5 < mean[ASIDE] < mean[EVENT] - 0.5
    opinions = np.concatenate([scene.opinions for scene in scenes])
    assert opinions.min() >= 1 and opinions.max() <= 5 and opinions.dtype == int


def test_neighbours_have_other_lights():
    assert tint(0.0).tolist() == [5, 0, 0] and tint(0.5).tolist() == [0, 5, 5]


def test_the_narrator_lags(film):
    source = LongDigits(scenes=40, lag=1.5)
    said = source.transcript(film)
    spoken = [place for place, scene in enumerate(film) if scene.speech]
    assert [sentence.start for sentence in said] == [2.0 * place + 1.5 for place in spoken]
    assert [sentence.text for sentence in said] == [film[place].caption for place in spoken]


def test_remarks_and_what_they_add():
    scenes = [scene for scene in LongDigits(scenes=40, remarks=True).film(0) if scene.speech]
    assert all(scene.joint_sentence.startswith(scene.caption) for scene in scenes)
    assert any(scene.joint_sentence != scene.caption for scene in scenes)
    assert all(scene.caption not in scene.speech for scene in scenes)


def test_written_and_read_back(tmp_path):
    make_long_videos(tmp_path, videos=2, scenes=3, seed=0, report=lambda line: None)
    first, second = read_annotations(tmp_path)
    scenes = list(LongDigits(scenes=3).film(1))
    assert (second.users == np.stack([scene.opinions for scene in scenes], axis=1)).all()
    assert second.fps == 0.5 and second.shots.tolist() == [[0, 1], [1, 2], [2, 3]]
    said = read_transcript(tmp_path / second.transcript, 6.0).sentences
    assert [one.text for one in said] == [scene.speech for scene in scenes if scene.speech]


def test_too_short():
    with pytest.raises(UserError, match="2 scenes"):
        LongDigits(scenes=1)
