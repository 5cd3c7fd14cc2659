from itertools import product

import numpy as np
import pytest
from fixtures.tvsum import TVSUM, needs_tvsum
from scipy import stats

from vtkeras.errors import UserError
from vtkeras.metrics import (
    choose_key_shots,
    human_rank_correlation,
    key_shot_f_score,
    key_shot_summary,
    rank_correlation,
    summary_f_score,
)


def test_knapsack_equals_trying_everything():
    rng = np.random.default_rng(0)
    for _ in range(60):
        values, lengths = rng.normal(1, 1, size=9), rng.integers(1, 12, size=9)
        budget = int(rng.integers(0, 40))
        choices = np.array(list(product([False, True], repeat=9)))
        best = (choices @ values)[choices @ lengths <= budget].max()
        chosen = choose_key_shots(values, lengths, budget)
        assert lengths[chosen].sum() <= budget
        assert values[chosen].sum() == pytest.approx(best)


def test_greedy_would_be_wrong():
    # By value for length, 6/5 comes first and leaves no room; 5 + 5 is better.
    assert choose_key_shots(np.array([6.0, 5, 5]), np.array([5, 4.0, 4]), 8).tolist() == [False, True, True]


def test_key_shots_and_f_score_by_hand():
    scores = np.array([1.0, 1, 9, 9, 1, 1, 1, 1, 5, 5])
    shots = np.array([[0, 2], [2, 4], [4, 8], [8, 10]])
    summary = key_shot_summary(scores, shots, share=0.2)  # room for two frames: the shot of nines
    assert np.flatnonzero(summary).tolist() == [2, 3]
    users = np.zeros((2, 10), bool)
    users[0, 3:5] = True  # overlap 1: P 1/2, R 1/2, F 1/2
    users[1, 2:8] = True  # overlap 2: P 1, R 1/3, F 1/2
    assert summary_f_score(summary, users) == pytest.approx({"f_mean": 0.5, "f_max": 0.5})
    users[0, 2] = True  # overlap 2: P 1, R 2/3, F 4/5
    assert summary_f_score(summary, users) == pytest.approx({"f_mean": 0.65, "f_max": 0.8})


def test_key_shot_f_score_of_a_user_with_itself():
    rng = np.random.default_rng(0)
    user_scores = rng.integers(1, 6, size=(3, 200))
    shots = np.stack([np.arange(0, 200, 10), np.arange(10, 210, 10)], axis=1)
    assert key_shot_f_score(user_scores[1], user_scores, shots)["f_max"] == 1.0


def test_nothing_chosen_is_zero():
    assert summary_f_score(np.zeros(4), np.zeros((2, 4))) == {"f_mean": 0.0, "f_max": 0.0}


def test_rank_correlation_by_hand():
    # 1 2 3 4 against 1 2 4 3: five pairs agree, one does not: tau = 4/6.
    # Squared rank differences 0 0 1 1: rho = 1 - 6 * 2 / (4 * 15) = 0.8.
    result = rank_correlation(np.array([1.0, 2, 3, 4]), np.array([[1.0, 2, 4, 3]]))
    assert result == pytest.approx({"kendall_tau": 4 / 6, "spearman_rho": 0.8})


def test_rank_correlation_averages_over_users():
    rng = np.random.default_rng(0)
    scores, users = rng.random(50), rng.integers(1, 6, size=(4, 50))
    result = rank_correlation(scores, users)
    assert result["kendall_tau"] == pytest.approx(np.mean([stats.kendalltau(scores, u)[0] for u in users]))
    assert result["spearman_rho"] == pytest.approx(np.mean([stats.spearmanr(scores, u)[0] for u in users]))


def test_constant_scores_have_no_order():
    assert rank_correlation(np.ones(4), np.array([[1.0, 2, 3, 4]])) == {"kendall_tau": 0, "spearman_rho": 0}


@pytest.mark.whole
@needs_tvsum
def test_tvsum_human_agreement():
    """Otani et al. 2019: leave-one-out tau .177, rho .204, on every 15th frame."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(TVSUM) as file:
        annotations = [file[reference][:, ::15] for reference in file["tvsum50/user_anno"][:, 0]]
    results = [human_rank_correlation(users) for users in annotations]
    assert len(results) == 50
    assert np.mean([result["kendall_tau"] for result in results]) == pytest.approx(0.177, abs=5e-4)
    assert np.mean([result["spearman_rho"] for result in results]) == pytest.approx(0.204, abs=5e-4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: choose_key_shots([1.0], [0], 5), "Shot 0 has length 0"),
        (lambda: choose_key_shots([np.nan], [1], 5), "NaN"),
        (lambda: choose_key_shots([1.0, 2.0], [1], 5), "one value and one length"),
        (lambda: key_shot_summary(np.ones(4), np.array([[0, 5]])), "within the 4 frames"),
        (lambda: key_shot_summary(np.ones(4), np.zeros((0, 2))), "Shots must be"),
        (lambda: key_shot_summary(np.ones(4), np.array([[2, 2]])), "Shot 0 holds no frame"),
        (lambda: summary_f_score(np.ones(4), np.ones((2, 5))), r"\(users, frames\)"),
        (lambda: rank_correlation(np.ones(4), np.ones((0, 4))), r"\(users, frames\)"),
        (lambda: rank_correlation(np.array([1, np.nan]), np.ones((1, 2))), "NaN"),
        (lambda: human_rank_correlation(np.ones((1, 4))), "two users"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(UserError, match=message):
        call()
