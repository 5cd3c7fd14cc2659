import numpy as np
import pytest
import tensorflow as tf
from fixtures.chances import END, PAD, START, every_text, log_probability, make_step, random_chances, start
from keras import ops

from vtkeras.generation import beam, greedy, repeat_rows
from vtkeras.generation.beam import penalty

VOCABULARY, LENGTH = 5, 4
RULES = {"forbidden_ids": (PAD, START)}


def test_penalty_by_hand():
    # (5 + 7) / 6 = 2; (5 + 1) / 6 = 1.
    for length, alpha, expected in [(7, 1, 2), (7, 2, 4), (7, 0, 1), (1, 0.6, 1), (7, -1, 0.5), (19, 0.5, 2)]:
        assert float(penalty(length, alpha)) == pytest.approx(expected)


def test_repeat_rows():
    found = repeat_rows({"a": ops.array([1, 2]), "b": (None, ops.array([[3], [4]]))}, 2)
    np.testing.assert_array_equal(found["a"], [1, 1, 2, 2])
    np.testing.assert_array_equal(found["b"][1], [[3], [3], [4], [4]])
    assert found["b"][0] is None


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0, -1.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_what_all_texts_hold(seed, alpha):
    # Two words: 1 + 2 + 4 + 8 texts that end and 16 that are cut, so 32 beams lose none.
    chances = random_chances(VOCABULARY, seed)
    texts = list(every_text(VOCABULARY, LENGTH))
    assert len(texts) == 31
    scores = [log_probability(chances, text) / ((5 + len(text)) / 6) ** alpha for text in texts]
    order = np.argsort(scores)[::-1]
    found = beam(make_step(chances), *start(1), END, LENGTH, width=32, length_penalty=alpha, **RULES)
    beams = [tuple(text)[: len(texts[best])] for text, best in zip(np.asarray(found["beams"])[0], order)]
    assert beams == [texts[best] for best in order]
    np.testing.assert_allclose(found["beam_scores"][0, :31], np.sort(scores)[::-1], rtol=1e-4)
    assert found["beam_scores"][0, 31] == -np.inf and not np.any(found["beams"][0, 31])


@pytest.mark.parametrize("seed", range(6))
def test_one_beam_without_penalty_is_greedy(seed):
    step = make_step(random_chances(12, seed))
    one = beam(step, *start(2), END, 9, width=1, length_penalty=0.0, **RULES)
    other = greedy(step, *start(2), END, 9, **RULES)
    for name in other:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-5, err_msg=name)


def test_beams_find_what_greedy_misses():
    # Greedy: 3 (0.6), then 3 or the end with 0.5 each. The better text begins with 4: 0.4 * 1.0.
    chances = np.full((5, 5, 5), 0.2)
    chances[:, START] = [0, 0, 0, 0.6, 0.4]
    chances[:, 3] = [0, 0, 0.5, 0.5, 0]
    chances[:, 4] = [0, 0, 1, 0, 0]
    step = make_step(chances)
    assert np.asarray(greedy(step, *start(1), END, 3)["tokens"]).tolist() == [[3, 2, 0]]
    found = beam(step, *start(1), END, 3, width=2, length_penalty=0.0)
    assert np.asarray(found["tokens"]).tolist() == [[4, 2, 0]]
    np.testing.assert_allclose(found["probabilities"], [[0.4, 1, 0]], rtol=1e-5)
    np.testing.assert_allclose(found["beam_scores"], [np.log([0.4, 0.3])], rtol=1e-5)
    assert np.asarray(found["beams"]).tolist() == [[[4, 2, 0], [3, 2, 0]]]


def test_penalty_turns_to_longer_texts():
    # "2" has log 0.5 = -0.693. "3 2" has log 0.5 * 0.8 = -0.916, divided by (7 / 6) ** 2 = 1.361: -0.673.
    chances = np.full((4, 4, 4), 0.25)
    chances[:, START] = [0, 0, 0.5, 0.5]
    chances[:, 3] = [0.2, 0, 0.8, 0]
    for alpha, text, score in [(0.0, [2, 0], -0.6931), (2.0, [3, 2], -0.6733)]:
        found = beam(make_step(chances), *start(1), END, 2, width=2, length_penalty=alpha)
        assert np.asarray(found["tokens"]).tolist() == [text]
        assert float(found["beam_scores"][0, 0]) == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize("width", [2, 3, 8])
def test_a_row_does_not_know_its_neighbours(width):
    step = make_step(random_chances(7, 3))
    state = ops.array([[0], [3], [6]], "int32")
    starts = ops.array([START, 4, 5], "int32")
    together = beam(step, state, starts, END, 6, width=width, **RULES)
    for row in range(3):
        alone = beam(step, state[row : row + 1], starts[row : row + 1], END, 6, width=width, **RULES)
        for name in alone:
            np.testing.assert_allclose(together[name][row], alone[name][0], rtol=1e-5, err_msg=name)


def test_wider_beams_are_never_worse_here():
    step = make_step(random_chances(9, 1))
    found = [beam(step, *start(1), END, 6, width=width, **RULES) for width in (1, 4, 64)]
    best = [float(one["beam_scores"][0, 0]) for one in found]
    assert min(np.diff(best)) > -1e-5  # one text scored at two widths may differ by rounding


def test_no_bigram_twice():
    # Left to itself the text is 3 4 3 4 3 4; with the rule "3 4" comes once, and after 3 comes 5.
    chances = np.full((6, 6, 6), 0.05)
    for last, likeliest, second in [(START, 3, 4), (3, 4, 5), (4, 3, 5), (5, END, 4)]:
        chances[:, last, likeliest], chances[:, last, second] = 0.6, 0.2
    for decode in (greedy, lambda *args, **rules: beam(*args, width=1, **rules)):
        free = decode(make_step(chances), *start(1), END, 6)["tokens"]
        ruled = decode(make_step(chances), *start(1), END, 6, no_repeat_ngram=2)["tokens"]
        assert np.asarray(free).tolist() == [[3, 4, 3, 4, 3, 4]]
        assert np.asarray(ruled).tolist() == [[3, 4, 3, 5, 2, 0]]


def test_minimum_length():
    chances = np.full((5, 5, 5), 0.01)
    chances[:, :, END] = 0.9
    found = beam(make_step(chances), *start(1), END, 6, width=3, min_length=2, **RULES)
    ends = [text.index(END) for text in np.asarray(found["beams"])[0].tolist()]
    assert ends == [2, 2, 2]


def test_stops_when_nothing_better_can_come():
    # The end has 0.98 at once; every other text has 0.01 at most. All three beams are full after 2 steps.
    chances = np.full((5, 5, 5), 0.005)
    chances[:, :, END] = 0.98
    calls = tf.Variable(0)

    @tf.function
    def run():
        def counted(*args):
            calls.assign_add(1)
            return make_step(chances)(*args)

        return beam(counted, *start(1), END, 50, width=3, length_penalty=0.0, **RULES)["tokens"]

    assert run().numpy()[0, :2].tolist() == [END, 0]
    assert calls.numpy() == 3  # one to learn the shapes, one that ends "2", one that ends "3 2" and "4 2"


def test_penalty_as_an_argument_of_a_graph():
    step = make_step(random_chances(6, 2))

    @tf.function(input_signature=[tf.TensorSpec((), tf.float32)])
    def run(alpha):
        return beam(step, *start(2), END, 5, width=3, length_penalty=alpha)

    for alpha in (0.0, 1.5):
        eager = beam(step, *start(2), END, 5, width=3, length_penalty=alpha)
        graph = run(alpha)
        for name in eager:
            np.testing.assert_allclose(graph[name], eager[name], rtol=1e-5)
