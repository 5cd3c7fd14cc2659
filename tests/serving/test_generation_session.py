"""Sessions over a generator of 4 x 4 frames; what feedback does to noise is worked out by hand."""

import json

import numpy as np
import pytest
from fixtures.generator import FakeGenerator

from vtkeras.errors import UserError
from vtkeras.serving import generation_session
from vtkeras.serving.generation_rounds import FIRST_FRAME, breed
from vtkeras.serving.generation_session import GenerationSession


@pytest.fixture
def session():
    return GenerationSession(FakeGenerator(), "bright square", candidates=4, seed=7)


def equal(one, other):
    return np.array_equal(one, other)


def test_breeding_by_hand():
    fresh, none = np.float32([[0, 3]]), np.zeros((0, 2), "float32")
    assert equal(breed(fresh, none, none), fresh)
    # 1 * (0, 1) + 3 * (1, 0) has the length 3.162; scaled to that of `fresh`, 3.
    np.testing.assert_allclose(breed(fresh, np.float32([[2, 0]]), none), [[2.8460, 0.9487]], atol=1e-4)
    # (0, 1) - 0.5 * (1, 0), of the length 1.118.
    np.testing.assert_allclose(breed(fresh, none, np.float32([[2, 0]])), [[-1.3416, 2.6833]], atol=1e-4)
    # Fresh noise of weight 3: (0, 3) + (3, 0).
    np.testing.assert_allclose(breed(fresh, np.float32([[2, 0]]), none, 3.0), [[2.1213, 2.1213]], atol=1e-4)


def test_children_lean_on_the_liked_ones_in_turn():
    liked = np.float32([[1, 0, 0], [0, 1, 0]])
    children = breed(np.float32([[0, 0, 1]] * 3), liked, np.zeros((0, 3), "float32"))
    assert children[0, 0] == pytest.approx(6 * children[0, 1]) and children[1, 1] == pytest.approx(6 * children[1, 0])
    assert equal(children[0], children[2])


def test_bred_noise_stays_standard_normal_in_length_and_goes_the_way_of_the_liked():
    rng = np.random.default_rng(0)
    fresh, liked, disliked = (rng.normal(size=(n, 400)).astype("float32") for n in (8, 3, 3))
    children = breed(fresh, liked, disliked)
    np.testing.assert_allclose(np.linalg.norm(children, axis=1), np.linalg.norm(fresh, axis=1), rtol=1e-5)
    assert (children @ liked.sum(0) > 0).all() and (children @ disliked.sum(0) < 0).all()


def test_the_first_candidates_have_a_seed_each(session):
    assert session.clips.shape == (4, 3, 4, 4, 3) and session.clips.dtype == np.uint8
    third = GenerationSession(FakeGenerator(), "bright square", candidates=1, seed=9)
    assert equal(session.clips[2], third.clips[0])


def test_liked_ones_stay_and_the_others_are_new(session):
    before = session.clips
    session.next(more=[3, 1])
    assert session.now.kept == 2 and equal(session.clips[:2], before[[3, 1]])
    assert not any(equal(new, old) for new in session.clips[2:] for old in before)
    session.next(more=[0, 1, 2, 3])
    assert session.now.kept == 2  # at least half are new


def test_without_marks_there_are_quite_others(session):
    session.next()
    assert session.now.kept == 0 and session.history[-1] == "others"
    assert equal(session.clips, GenerationSession(FakeGenerator(), "bright square", 4, seed=11).clips)


def test_a_locked_part_is_everybodys_and_stays(session):
    motion = session.now.noise["motion"][2]
    session.lock("motion", 2)
    session.next(more=[0], less=[3])
    session.edit("dark square")
    session.next()
    assert session.now.locked == ("motion",) and (session.now.noise["motion"] == motion).all()
    assert len(np.unique(session.now.noise["content"], axis=0)) == 4
    session.next(more=[1])
    before = session.clips
    session.unlock("motion")
    assert equal(session.clips, before) and session.now.kept == 1
    session.next()
    assert len(np.unique(session.now.noise["motion"], axis=0)) == 4


def test_a_locked_first_frame_begins_all_clips(session):
    first = session.clips[1, 0]
    session.lock(FIRST_FRAME, 1)
    session.next()
    assert (session.clips[:, 0] == first).all() and not equal(session.clips[0, 2], session.clips[1, 2])
    session.next(more=[0])
    assert session.now.kept == 1
    session.unlock(FIRST_FRAME)
    assert not (session.clips[:, 0] == first).all() and session.now.kept == 0  # none is as it was


@pytest.mark.parametrize("parts", [["motion", FIRST_FRAME], ["content", "motion"], ["content", FIRST_FRAME, "motion"]])
def test_with_everything_locked_there_are_no_next_candidates(session, parts):
    for part in parts:
        session.lock(part, 1)
    assert not session.now.free and (session.clips == session.clips[0]).all()
    with pytest.raises(UserError, match="would all be equal, as .*motion.* are locked: unlock one"):
        session.next(more=[0])
    session.unlock("motion")
    assert session.now.free == ("motion",)
    session.next(more=[0])
    assert not (session.clips == session.clips[0]).all()


def test_the_content_is_not_locked_beside_a_locked_first_frame(session):
    session.lock(FIRST_FRAME, 0)
    assert session.now.free == ("motion",)
    with pytest.raises(UserError, match="content does nothing while the first frame is locked"):
        session.lock("content", 1)
    assert len(session.history) == 2


def test_a_saved_session_of_equal_candidates_is_gone_through_again(session):
    """Older versions made such rounds."""
    session.lock("motion", 0)
    session.lock(FIRST_FRAME, 0)
    values = json.loads(session.to_json())
    values["actions"].append({"action": "next", "seeds": [11, 12, 13, 14]})
    again = GenerationSession.from_json(json.dumps(values), FakeGenerator())
    assert again.history[-1] == "others" and (again.clips == again.clips[0]).all()


def test_words_change_and_the_noise_stays(session):
    before = session.clips.astype(int)
    session.edit(" bright  bright square ")
    assert session.now.prompt == "bright bright square"
    assert (session.clips.astype(int) - before == 10).all()


def test_undo_gives_the_round_before_and_new_draws_later(session):
    first = session.clips
    session.next()
    second = session.clips
    session.undo()
    assert equal(session.clips, first) and len(session.history) == 1
    session.next()
    assert not equal(session.clips, second)
    session.undo()
    with pytest.raises(UserError, match="nothing to undo"):
        session.undo()


def act(session):
    session.next(more=[1], less=[0, 2], variety=0.5)
    session.lock(FIRST_FRAME, 3)
    session.lock("motion", 1)
    session.edit("dark square")
    session.undo()
    session.unlock("motion")
    session.next(less=[2])


def test_a_saved_session_gives_the_same_clips_and_goes_on_alike(session, tmp_path):
    act(session)
    session.save(tmp_path / "session.json")
    again = GenerationSession.load(tmp_path / "session.json", FakeGenerator())
    assert again.history == session.history and again.now.locked == (FIRST_FRAME,)
    for _ in range(2):
        assert equal(again.clips, session.clips)
        session.next(more=[1])
        again.next(more=[1])
    for _ in again.history[1:]:
        again.undo()
    assert equal(again.clips, GenerationSession(FakeGenerator(), "bright square", 4, seed=7).clips)


def test_the_file_holds_actions_and_seeds_alone(session):
    act(session)
    values = json.loads(session.to_json())
    assert values["model"] == {"name": "fake", "model_hash": "0123456789ab"}
    assert values["start"]["seeds"] == [7, 8, 9, 10]
    assert [action["action"] for action in values["actions"]] == ["next", "lock", "lock", "unlock", "next"]
    assert len(session.to_json()) < 2000


def test_clips_are_made_once_and_those_of_old_rounds_let_go(monkeypatch):
    monkeypatch.setattr(generation_session, "REMEMBERED", 2)
    session = GenerationSession(FakeGenerator(), "square", 2)
    generator = session.now.generator
    first = session.clips
    for _ in range(3):
        session.next()
        assert session.clips is session.clips
    assert generator.calls == 4
    for _ in range(3):
        session.undo()
    assert equal(session.clips, first) and generator.calls == 5


@pytest.mark.parametrize(
    "prompt, words", [("a zebra", ["zebra", "bright, dark"]), ("x" * 10_001, ["10000 characters"])]
)
def test_a_prompt_that_the_model_cannot_read_is_told_and_nothing_happens(session, prompt, words):
    for ask in (session.edit, lambda text: GenerationSession(FakeGenerator(), text)):
        with pytest.raises(UserError) as refused:
            ask(prompt)
        assert all(word in str(refused.value) for word in words)
    assert session.history == ["“bright square”"]


@pytest.mark.parametrize(
    "act, words",
    [
        (lambda session: session.next(more=[4]), ["no candidate 5", "1 to 4"]),
        (lambda session: session.next(more=[0, 1], less=[1]), ["Candidate 2", "both"]),
        (lambda session: session.next(variety=float("nan")), ["variety"]),
        (lambda session: session.next(more=[-1]), ["no candidate 0", "1 to 4"]),
        (lambda session: session.next(less=[69]), ["no candidate 70", "1 to 4"]),
        (lambda session: session.lock("motion", 69), ["no candidate 70", "1 to 4"]),
        (lambda session: session.lock("colour", 0), ["'colour'", "content, motion, first frame"]),
        (lambda session: session.lock("motion", 9), ["no candidate 10"]),
        (lambda session: session.unlock("motion"), ["'motion' is not locked"]),
        (lambda session: GenerationSession(FakeGenerator(), "square", 65), ["65 candidates", "64"]),
    ],
)
def test_what_cannot_be_done_is_told(session, act, words):
    with pytest.raises(UserError) as refused:
        act(session)
    assert all(word in str(refused.value) for word in words) and len(session.history) == 1


def damage(values, *path, to):
    """`values` with one of them set, or taken out."""
    *inside, last = path
    for key in inside:
        values = values[key]
    if to is None:
        del values[last]
    else:
        values[last] = to


@pytest.mark.parametrize(
    "path, to, words",
    [
        (["format"], "something else", ["damaged", "format"]),
        (["start", "prompt"], None, ["damaged", "start.prompt"]),
        (["start", "seeds"], [-1], ["damaged", "start.seeds.0"]),
        (["start", "seeds"], [], ["damaged", "start.seeds"]),
        (["actions", 0, "action"], "explode", ["damaged", "actions.0"]),
        (["actions", 0, "variety"], 0, ["damaged", "variety"]),
        (["actions", 0, "more"], [9], ["no candidate 10"]),
        (["actions", 0, "seeds"], [1, 2], ["2 seeds", "4 candidates"]),
        (["actions", 2, "motions"], [1], ["1 motions", "4 candidates"]),
        (["actions", 2, "motions"], [17], ["damaged", "motions"]),
        (["actions", 1, "part"], "colour", ["'colour'"]),
        (["model", "model_hash"], "fedcba", ["fedcba", "0123456789ab", "was made with", "--model RUN"]),
    ],
)
def test_a_damaged_session_is_told_in_one_sentence(session, tmp_path, path, to, words):
    act(session)
    values = json.loads(session.to_json())
    damage(values, *path, to=to)
    file = tmp_path / "session.json"
    file.write_text(json.dumps(values))
    with pytest.raises(UserError) as refused:
        GenerationSession.load(file, FakeGenerator())
    message = str(refused.value)
    assert message.startswith(str(file)) and "\n" not in message and all(word in message for word in words)


@pytest.mark.parametrize(
    "content, word", [(b"{", "damaged"), (b"\xff\xfe", "no text"), (b" " * (2**20 + 1), "too large"), (None, "read")]
)
def test_a_file_that_is_no_session_is_told(tmp_path, content, word):
    file = tmp_path / "session.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=word):
        GenerationSession.load(file, FakeGenerator())
