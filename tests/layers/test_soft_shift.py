import numpy as np

from vtkeras.layers import SoftShift

IMAGES = np.random.default_rng(0).uniform(size=(2, 6, 6, 3)).astype("float32")
NARROW = np.full((2, 2), 0.1, "float32")


def test_whole_pixels_move_as_by_hand():
    moved = SoftShift()(IMAGES, np.array([[1.0, 0.0], [0.0, -2.0]], "float32"), NARROW).numpy()
    np.testing.assert_allclose(moved[0, 1:], IMAGES[0, :-1], atol=1e-6)  # one down
    np.testing.assert_allclose(moved[0, 0], IMAGES[0, 0], atol=1e-6)  # what comes in repeats the border
    np.testing.assert_allclose(moved[1, :, :-2], IMAGES[1, :, 2:], atol=1e-6)  # two to the left


def test_a_wide_kernel_smears_a_dot_into_a_gaussian():
    dot = np.zeros((1, 9, 9, 1), "float32")
    dot[0, 4, 4] = 1
    smeared = SoftShift()(dot, np.zeros((1, 2), "float32"), np.array([[1.0, 0.1]], "float32")).numpy()[0, :, :, 0]
    assert np.abs(np.delete(smeared, 4, axis=1)).max() < 1e-6  # only down and up
    # exp(-d^2 / 2) over its sum, 2.5066, which is that of all rows here.
    np.testing.assert_allclose(smeared[3:6, 4] * 2.5066, [np.exp(-0.5), 1, np.exp(-0.5)], rtol=1e-3)
