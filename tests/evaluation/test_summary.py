import numpy as np
import pytest
from fixtures.tvsum import TVSUM, needs_tvsum

from vtkeras.data.annotations import AnnotatedVideo, Opinions, read_tvsum, uniform_shots
from vtkeras.data.shot_sequence import ShotSequence
from vtkeras.errors import UserError
from vtkeras.evaluation.summary import (
    CHANCE,
    HUMAN,
    chance,
    evaluate_people,
    evaluate_scorers,
    human,
    score,
    split_videos,
    to_markdown,
)


def opinions(users, name="a.mp4"):
    users = np.array(users, float)
    return Opinions(name, users, 1.0, uniform_shots(users.shape[1], 1), 1)


def annotated(seed):
    """Ten shots whose worth is their number, seen alike by two users, one of whom is off at one shot."""
    worth = np.random.default_rng(seed).permutation(10).astype(float)
    other = worth.copy()
    other[worth == 0] = 1.5
    times = np.stack([np.arange(10), np.arange(1, 11)], axis=1).astype(np.float32)
    shots = np.eye(10, dtype=np.float32)[worth.astype(int)]
    return AnnotatedVideo(ShotSequence(shots, np.ones((10, 1)), times), opinions([worth, other]))


def knows(sequence, seed=0):
    return sequence.shots.argmax(axis=1)


def test_score_by_hand():
    """Two users, ten frames, room for one: F 1 with the first user and 0 with the second."""
    users = [[9, 1, 1, 1, 1, 1, 1, 1, 1, 2], [1, 1, 1, 1, 1, 1, 1, 1, 1, 9]]
    found = score(opinions(users), np.array([9.0, 1, 1, 1, 1, 1, 1, 1, 1, 2]))
    assert (found["f_mean"], found["f_max"]) == (0.5, 1.0)
    # tau-b is 1 with the first user. With the second, the last frame's pairs with the ones agree (8) and that
    # with the nine does not (1); 17 of 45 pairs are no ties in the prediction and 9 are none for the user.
    assert found["kendall_tau"] == pytest.approx((1 + 7 / (17 * 9) ** 0.5) / 2)


def test_human_is_leave_one_out():
    users = [[1, 2, 3, 4], [1, 2, 3, 4], [4, 3, 2, 1]]
    found = human(opinions(users), share=0.25)
    # Pairs of users agree with tau 1, -1 and -1. With room for one frame, the first two choose the last one
    # and the third the first: F against the other two is 1/2, 1/2 and 0.
    assert found["kendall_tau"] == pytest.approx(-1 / 3) and found["f_mean"] == pytest.approx(1 / 3)


def test_chance_has_no_correlation():
    users = np.random.default_rng(0).random((5, 200))
    found = chance(opinions(users), draws=50)
    assert abs(found["kendall_tau"]) < 0.02 and found["f_mean"] == pytest.approx(0.15, abs=0.03)


def test_every_video_is_tested_once():
    splits = split_videos(11, 5)
    assert sorted(place for _, test in splits for place in test) == list(range(11))
    assert all(not set(train) & set(test) and len(train) + len(test) == 11 for train, test in splits)
    with pytest.raises(UserError, match="5 splits need 5 annotated videos"):
        split_videos(4, 5)


def test_table_has_people_and_chance_beside_every_scorer():
    trained_on = []

    def make(videos):
        trained_on.append({video.opinions.video for video in videos})
        return knows

    videos = [annotated(seed) for seed in range(5)]
    table = evaluate_scorers(videos, {"knows": knows}, {"learned": make}, splits=5, report=lambda line: None)
    assert set(table) == {"knows", "learned", HUMAN, CHANCE} and len(trained_on) == 5
    # Against the user that agrees tau is 1; against the other one 44 of 45 pairs agree: (1 + 43/45) / 2.
    assert table["knows"]["kendall_tau"] == pytest.approx((1 + 43 / 45) / 2) == table["learned"]["kendall_tau"]
    assert table["knows"]["f_mean"] == 1.0 and abs(table[CHANCE]["kendall_tau"]) < 0.3
    assert "| learned | 1.000 ± 0.000 |" in to_markdown(table)


def test_scores_of_other_shots_reach_the_annotated_frames():
    """A shot of 4 s and one of 6 s over ten frames of a second."""
    times = np.array([[0, 4], [4, 10]], np.float32)
    video = AnnotatedVideo(ShotSequence(np.eye(2), np.ones((2, 1)), times), opinions([range(10), range(10)]))
    assert video.by_frame(np.array([1.0, 2.0])).tolist() == [1] * 4 + [2] * 6
    assert video.targets().tolist() == [1.5, 6.5]  # means of 0..3 and 4..9


@needs_tvsum
def test_people_agree_on_tvsum_as_published():
    """Otani et al., 2019: leave-one-out tau .177 and rho .204 on every 15th frame; chance has none."""
    every = read_tvsum(TVSUM)
    assert len(every) == 50 and all(one.users.shape[0] == 20 for one in every)
    assert len(every[0].users[0]) == 10597 and every[0].fps == pytest.approx(30, abs=0.1)
    table = evaluate_people(every[:10], draws=1)
    assert table[HUMAN]["f_mean"] > table[CHANCE]["f_mean"] + 0.05 and abs(table[CHANCE]["kendall_tau"]) < 0.05
