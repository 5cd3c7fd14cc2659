import numpy as np
import pytest
import tensorflow as tf
from fixtures.chances import END, PAD, START, make_step, random_chances, start
from keras import ops
from scipy import stats

from vtkeras.generation import greedy, sample
from vtkeras.generation.sampling import keep_nucleus

RULES = {"forbidden_ids": (PAD, START)}
STEP = make_step(random_chances(12, 5))


def same(one, other):
    for name in other:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-5, err_msg=name)


def first_tokens(chances, count, **options):
    """The first token of `count` texts."""
    table = np.broadcast_to(chances, (len(chances),) * 3)
    return np.asarray(sample(make_step(table), *start(count), END, 1, **options)["tokens"])[:, 0]


@pytest.mark.parametrize("options", [{"top_k": 1}, {"top_p": 1e-7}, {"top_p": 0.0}, {"temperature": 0.0}])
def test_without_chance_it_is_greedy(options):
    same(sample(STEP, *start(3), END, 8, **options, **RULES), greedy(STEP, *start(3), END, 8, **RULES))


def test_same_seed_same_texts():
    one, again, other = (sample(STEP, *start(4), END, 8, seed=seed)["tokens"] for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert np.any(np.asarray(one) != np.asarray(other))


def test_rows_and_steps_are_drawn_apart():
    even = np.full(50, 1 / 50)
    tokens = np.asarray(sample(make_step(np.broadcast_to(even, (50, 50, 50))), *start(6), 0, 8)["tokens"])
    assert len({tuple(row) for row in tokens}) == 6
    assert all(len(set(row)) > 2 for row in tokens)


def test_everything_can_be_a_tensor():
    @tf.function(input_signature=[tf.TensorSpec((), dtype) for dtype in (tf.float32, tf.float32, tf.int32)])
    def run(temperature, top_p, seed):
        return sample(STEP, *start(3), END, 8, temperature=temperature, top_p=top_p, seed=seed, top_k=9)

    for options in ((1.0, 1.0, 0), (0.5, 0.8, 7), (2.0, 0.9, -5)):
        names = dict(zip(("temperature", "top_p", "seed"), options))
        same(run(*options), sample(STEP, *start(3), END, 8, top_k=9, **names))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_are_the_softmax(temperature):
    chances = np.array([0.05, 0.4, 0.1, 0.3, 0.15])
    expected = chances ** (1 / temperature) / (chances ** (1 / temperature)).sum()
    counts = np.bincount(first_tokens(chances, 4000, temperature=temperature, seed=11), minlength=5)
    assert stats.chisquare(counts, 4000 * expected).pvalue > 0.01


@pytest.mark.parametrize(
    "options, kept",
    [
        ({"top_k": 2}, [1, 3]),
        ({"top_p": 0.65}, [1, 3]),
        ({"top_p": 0.8}, [1, 3, 4]),
        ({"top_k": 3, "top_p": 0.5}, [1, 3]),
    ],
)
def test_frequencies_among_those_kept(options, kept):
    # Sorted 0.4, 0.3, 0.15, 0.1, 0.05: sums 0.4, 0.7, 0.85. Of the best three 0.4 is 0.47, 0.3 is 0.35.
    chances = np.array([0.05, 0.4, 0.1, 0.3, 0.15])
    counts = np.bincount(first_tokens(chances, 4000, seed=2, **options), minlength=5)
    assert np.flatnonzero(counts).tolist() == kept
    assert stats.chisquare(counts[kept], 4000 * chances[kept] / chances[kept].sum()).pvalue > 0.01


@pytest.mark.parametrize("top_p, kept", [(0.4, 1), (0.49, 1), (0.51, 2), (0.6, 2), (0.85, 3), (1.0, 3)])
def test_nucleus_by_hand(top_p, kept):
    found = np.asarray(keep_nucleus(ops.log(ops.array([[0.5, 0.3, 0.2]])), top_p))
    assert np.isfinite(found).sum() == kept


def test_top_k_above_the_vocabulary_is_all():
    same(sample(STEP, *start(3), END, 8, top_k=99), sample(STEP, *start(3), END, 8))


def test_probabilities_are_the_models():
    chances = np.array([0.05, 0.4, 0.1, 0.3, 0.15])
    table = np.broadcast_to(chances, (5, 5, 5))
    found = sample(make_step(table), *start(20), END, 4, temperature=3.0, top_k=3, forbidden_ids=(1,))
    tokens, probabilities = np.asarray(found["tokens"]), np.asarray(found["probabilities"])
    written = probabilities > 0
    np.testing.assert_allclose(probabilities[written], chances[tokens[written]], rtol=1e-5)
    assert set(tokens[written]) <= {2, 3, 4}


def test_minimum_length_and_no_repeat():
    tokens = np.asarray(sample(STEP, *start(50), END, 9, min_length=5, no_repeat_ngram=1, **RULES)["tokens"])
    assert not np.any(tokens[:, :5] == END)
    for row in tokens.tolist():
        words = [token for token in row if token]
        assert len(words) == len(set(words))
