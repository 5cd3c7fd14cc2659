import numpy as np
import pytest

from vtkeras.models.moving_layers import SHARPEST, MovingLayers

RNG = np.random.default_rng(0)
FIRST = RNG.uniform(size=(2, 16, 16, 3)).astype("float32")
CODE = RNG.normal(size=(2, 4)).astype("float32")
WORDS = RNG.normal(size=(2, 3, 5)).astype("float32")
READABLE = np.ones((2, 3), bool)


@pytest.fixture(scope="module")
def motion():
    layer = MovingLayers(num_frames=5, code_dim=4, pieces=2, dim=8, num_heads=2)
    layer(FIRST, CODE, WORDS, READABLE)
    return layer


def choose(motion, masks):
    """Sets the masks everywhere alike: logits of the rest and of each piece."""
    kernel, bias = motion.paint.get_weights()
    painted = np.zeros((motion.patch**2, motion.pieces + 4), "float32")
    painted[:, : motion.pieces + 1] = masks
    motion.paint.set_weights([np.zeros_like(kernel), painted.reshape(bias.shape)])


def go(motion, down):
    """Gives all pieces the same path, so many pixels down a frame."""
    last = motion.plan_path.layers[-1]
    kernel, bias = last.get_weights()
    velocity = np.zeros((motion.num_frames - 1, 4), "float32")
    velocity[:, 0] = down / (FIRST.shape[1] / 16)
    last.set_weights([np.zeros_like(kernel), velocity.reshape(bias.shape)])


def test_a_piece_on_its_path_by_hand(motion):
    choose(motion, [-30, 30, -30])  # all is in the first piece
    go(motion, 2)
    clip = motion(FIRST, CODE, WORDS, READABLE).numpy()
    assert clip.shape == (2, 4, 16, 16, 3)
    for place in range(4):
        down = 2 * (place + 1)
        np.testing.assert_allclose(clip[:, place, down:], FIRST[:, :-down], atol=0.03)  # 0.3 pixels wide


def test_what_is_no_piece_stays(motion):
    choose(motion, [30, -30, -30])
    go(motion, 3)
    clip = motion(FIRST, CODE, WORDS, READABLE).numpy()
    np.testing.assert_allclose(clip, np.repeat(FIRST[:, None], 4, axis=1), atol=1e-5)


def test_some_frames_are_those_of_the_clip_but_for_the_blur_of_learning(motion):
    choose(motion, [-30, 30, -30])
    go(motion, 1)
    times = np.array([[4, 2], [1, 1]], "int32")
    some = motion(FIRST, CODE, WORDS, READABLE, times).numpy()
    whole = motion(FIRST, CODE, WORDS, READABLE).numpy()
    for row in range(2):
        for place, time in enumerate(times[row]):
            # softplus(1) = 1.31 pixels wider: the same picture, smeared, so their means are about the same.
            assert np.abs(some[row, place].mean() - whole[row, time - 1].mean()) < 0.02
    assert some.std() < 0.7 * whole.std() and SHARPEST < 0.5


def test_a_code_of_a_clip(motion):
    clips = RNG.uniform(size=(2, 5, 16, 16, 3)).astype("float32")
    mean, log_variance = motion.code_of(clips)
    assert mean.shape == log_variance.shape == (2, 4)
    other = clips.copy()
    other[:, 3] = 0  # frames 0, 1, 2 and 4 are looked at
    np.testing.assert_array_equal(motion.code_of(other)[0], mean)
    other[:, 4] = 0
    assert np.abs(motion.code_of(other)[0] - mean).max() > 1e-4
