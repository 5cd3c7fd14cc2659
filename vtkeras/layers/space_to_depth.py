"""Squares of pixels as channels, and back."""

from keras import ops


def space_to_depth(images, side):
    """Makes each square of pixels one position with more channels.

    Args:
        images: float (batch, height, width, channels), height and width multiples of `side`.
        side: int, pixels a side of the square.

    Returns:
        (batch, height / side, width / side, side * side * channels).

    Example:
        >>> space_to_depth(ops.ones((2, 64, 64, 3)), 4).shape
        (2, 16, 16, 48)
    """
    height, width, channels = images.shape[1:]
    squares = ops.reshape(images, (-1, height // side, side, width // side, side, channels))
    squares = ops.transpose(squares, (0, 1, 3, 2, 4, 5))
    return ops.reshape(squares, (-1, height // side, width // side, side * side * channels))


def depth_to_space(grid, side):
    """Undoes `space_to_depth`.

    Args:
        grid: float (batch, height, width, side * side * channels).
        side: int.

    Returns:
        (batch, height * side, width * side, channels).

    Example:
        >>> depth_to_space(ops.ones((2, 16, 16, 48)), 4).shape
        (2, 64, 64, 3)
    """
    height, width, depth = grid.shape[1:]
    channels = depth // side**2
    squares = ops.reshape(grid, (-1, height, width, side, side, channels))
    squares = ops.transpose(squares, (0, 1, 3, 2, 4, 5))
    return ops.reshape(squares, (-1, height * side, width * side, channels))
