import numpy as np
import tensorflow as tf
from keras import ops

from vtkeras.generation import greedy

END = 3
# Logits of the next token after tokens 0 to 4, as logs of the probabilities:
#   after 1: token 2 with 0.5;  after 2: token 4 with 0.7;  after 4: the end (3) with 0.9.
CHANCES = np.array(
    [
        [0.2, 0.2, 0.2, 0.2, 0.2],
        [0.1, 0.1, 0.5, 0.2, 0.1],
        [0.1, 0.1, 0.05, 0.05, 0.7],
        [0.2, 0.2, 0.2, 0.2, 0.2],
        [0.025, 0.025, 0.025, 0.9, 0.025],
    ],
    "float32",
)


def step(tokens, index, state):
    """The state counts the calls; the score of a token is its index plus 1."""
    logits = ops.log(ops.take(ops.convert_to_tensor(CHANCES), tokens, axis=0))
    scores = ops.ones((ops.shape(tokens)[0], 2)) * (ops.cast(index, "float32") + 1)
    return logits, state + 1, scores


def test_by_hand():
    # From 1: 2, 4, end. From 4: the end at once. Then nothing but 0.
    found = greedy(step, ops.zeros(()), ops.array([1, 4]), END, max_length=5)
    np.testing.assert_array_equal(found["tokens"], [[2, 4, 3, 0, 0], [3, 0, 0, 0, 0]])
    np.testing.assert_allclose(found["probabilities"], [[0.5, 0.7, 0.9, 0, 0], [0.9, 0, 0, 0, 0]], rtol=1e-5)
    assert found["scores"].shape == (2, 5, 2)
    np.testing.assert_array_equal(found["scores"][..., 0], [[1, 2, 3, 0, 0], [1, 0, 0, 0, 0]])


def test_in_the_graph_equals_eager():
    starts = tf.constant([1, 4, 2])
    run = tf.function(
        lambda tokens: greedy(step, tf.zeros(()), tokens, END, max_length=4),
        input_signature=[tf.TensorSpec((None,), tf.int32)],
    )
    eager, graph = greedy(step, ops.zeros(()), starts, END, max_length=4), run(starts)
    for name in eager:
        np.testing.assert_allclose(graph[name], eager[name], rtol=1e-5)


def test_cut_at_max_length():
    found = greedy(step, ops.zeros(()), ops.array([1]), END, max_length=2)
    np.testing.assert_array_equal(found["tokens"], [[2, 4]])


def test_stops_when_all_have_ended():
    calls = tf.Variable(0)

    @tf.function
    def run(tokens):
        def counted(*args):
            calls.assign_add(1)
            return step(*args)

        return greedy(counted, tf.zeros(()), tokens, END, max_length=50)

    run(tf.constant([4, 4]))
    assert calls.numpy() == 2  # one to learn the shapes, one that ends both texts
