"""A locked motion over a generator in which the same noise moves one half of the things the other way."""

import json

import numpy as np
import pytest

from vtkeras.errors import UserError
from vtkeras.serving import generation_session
from vtkeras.serving.generation_session import GenerationSession
from vtkeras.serving.motion_lock import MOTION, MotionLock, distance, movement

RIGHT, LEFT = [(0, 1 / 16)] * 3, [(0, -1 / 16)] * 3  # a pixel a frame of 16 pixels


class Bars:
    """A bright column that begins in the middle and moves a pixel a frame.

    Seeds 0, 1, 2, 3, ... have the content +, +, -, - and the motion +, -, +, -. A bar of the content + has the
    brightness 200 and goes right for the motion +, one of the content - has 250 and goes left for it.
    """

    info = {"name": "bars", "model_hash": "0"}

    def check(self, text):
        return text

    def noise(self, seeds):
        seeds = np.asarray(seeds)
        signs = {"content": 1 - seeds // 2 % 2 * 2, "motion": 1 - seeds % 2 * 2}
        return {part: sign.astype("float32")[:, None] for part, sign in signs.items()}

    def best_noise(self, text, seeds):
        return self.noise(seeds)

    def generate(self, texts, noise, first_frames=None):
        brightness = np.where(noise["content"][:, 0] > 0, 200, 250)
        if first_frames is not None:
            brightness = first_frames.max((1, 2, 3))
        clips = np.zeros((len(texts), 5, 16, 16, 3), "uint8")
        for clip, bright, motion in zip(clips, brightness, noise["motion"][:, 0]):
            for time, frame in enumerate(clip):
                frame[:, 8 + time * int(np.sign(motion)) * (1 if bright == 200 else -1)] = bright
        return clips


@pytest.fixture
def session():
    return GenerationSession(Bars(), "bar", candidates=4, seed=0)


def movements(session):
    return np.stack([movement(clip) for clip in session.clips])


def test_movement_by_hand():
    clip = np.zeros((3, 4, 4, 3), "uint8")
    clip[0, :, 0] = clip[1, :, 1] = clip[2, :, 2] = 255
    # What changes lies in columns 0 and 1, then in 1 and 2: the centre goes from 0.5 to 1.5 of 4.
    np.testing.assert_allclose(movement(clip), [(0, 0.25)], atol=1e-6)
    np.testing.assert_allclose(movement(255 - clip), [(0, 0.25)], atol=1e-6)  # dark on bright
    np.testing.assert_allclose(movement(clip.swapaxes(1, 2)), [(0.25, 0)], atol=1e-6)
    assert (movement(np.full((3, 4, 4, 3), 9, "uint8")) == 0).all()
    assert movement(clip[:2]).shape == movement(clip[:1]).shape == (0, 2)


def test_distance_by_hand():
    # (1 * 0.4 + 1/2 * 0.1) / (1 + 1/2)
    assert distance(np.array([(0.3, 0.1), (0, 0)]), np.array([(0, 0), (0, 0.1)])) == pytest.approx(0.3)
    assert distance(np.zeros((0, 2)), np.zeros((0, 2))) == 0


def test_what_shows_something_else_follows_the_locked_motion(session):
    np.testing.assert_allclose(movements(session), [RIGHT, LEFT, LEFT, RIGHT], atol=1e-5)
    session.lock(MOTION, 0)  # + moves the last two left; seed 1 is the first of those that move them right
    assert session._actions[-1].motions == (0, 0, 2, 2)
    np.testing.assert_allclose(movements(session), [RIGHT] * 4, atol=1e-5)
    session.next()
    np.testing.assert_allclose(movements(session), [RIGHT] * 4, atol=1e-5)
    assert session.now.noise[MOTION][:, 0].tolist() == [1, 1, -1, -1]
    liked = session.clips[2]
    session.next(more=[2])
    assert session.now.kept == 1 and np.array_equal(session.clips[0], liked)
    np.testing.assert_allclose(movements(session), [RIGHT] * 4, atol=1e-5)


def test_another_lock_takes_the_motion_that_was_shown(session):
    session.lock(MOTION, 1)  # left
    session.lock(MOTION, 2)  # the same, by other noise
    np.testing.assert_allclose(movements(session), [LEFT] * 4, atol=1e-5)
    session.lock("content", 2)
    session.edit("other bar")
    np.testing.assert_allclose(movements(session), [LEFT] * 4, atol=1e-5)


def test_unlocked_candidates_stay_as_they_were_shown(session):
    session.lock(MOTION, 0)
    before = session.clips
    session.unlock(MOTION)
    assert np.array_equal(session.clips, before) and session.now.follows is None
    session.next()
    np.testing.assert_allclose(movements(session), [RIGHT, LEFT, LEFT, RIGHT], atol=1e-5)


def test_a_saved_session_makes_the_same_without_looking_again(session, monkeypatch):
    session.lock(MOTION, 0)
    session.next(more=[3])
    session.next()
    saved = session.to_json()
    assert [action["motions"] for action in json.loads(saved)["actions"]][0] == [0, 0, 2, 2]
    monkeypatch.setattr(MotionLock, "find", lambda *arguments: pytest.fail("looked again"))
    again = GenerationSession.from_json(saved, Bars())
    assert np.array_equal(again.clips, session.clips) and again.to_json() == saved


def test_a_locked_first_frame_follows_as_well_and_so_do_those_that_come_back(session):
    session.lock(MOTION, 0)
    session.lock("first frame", 2)  # of a bar that + moves left
    assert session._actions[-1].motions == (2, 2, 2, 2)
    np.testing.assert_allclose(movements(session), [RIGHT] * 4, atol=1e-5)
    session.unlock("first frame")
    assert session._actions[-1].motions == (0, 0, 2, 2)
    np.testing.assert_allclose(movements(session), [RIGHT] * 4, atol=1e-5)
    again = GenerationSession.from_json(session.to_json(), Bars())
    assert np.array_equal(again.clips, session.clips)


def test_the_longest_session_is_refused_before_clips_are_made(session, monkeypatch):
    session.lock(MOTION, 0)
    monkeypatch.setattr(generation_session, "MOST_ACTIONS", 1)
    monkeypatch.setattr(Bars, "generate", lambda *arguments: pytest.fail("made clips"))
    for step in (session.next, lambda: session.unlock(MOTION)):
        with pytest.raises(UserError, match="A session has 1 steps at most"):
            step()
    assert len(session.history) == 2 and session.now.locked == (MOTION,)


def test_files_of_older_versions_give_the_locked_noise_to_all(session):
    session.lock(MOTION, 0)
    values = json.loads(session.to_json())
    del values["actions"][0]["motions"]
    again = GenerationSession.from_json(json.dumps(values), Bars())
    np.testing.assert_allclose(movements(again), [RIGHT, RIGHT, LEFT, LEFT], atol=1e-5)
    again.next()
    np.testing.assert_allclose(movements(again), [RIGHT] * 4, atol=1e-5)
