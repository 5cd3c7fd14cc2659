import numpy as np

from vtkeras.layers import depth_to_space, space_to_depth


def test_by_hand_and_back():
    image = np.arange(16.0, dtype="float32").reshape(1, 4, 4, 1)
    grid = space_to_depth(image, 2)
    np.testing.assert_array_equal(grid[0, 0, 1], [2, 3, 6, 7])  # the square at the top right
    np.testing.assert_array_equal(depth_to_space(grid, 2), image)
