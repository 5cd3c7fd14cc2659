"""Shape work on grids of patches."""

import math

import keras
from keras import ops

from vtkeras.errors import UserError


@keras.saving.register_keras_serializable("vtkeras")
class PatchMerge(keras.layers.Layer):
    """Merges each square of patches into one token of a new width (Liu et al., "Swin", 2021).

    Args:
        dim: int, width of the merged token.
        side: int, patches a side of the square; must divide the grid's side. 1 only projects.

    Call arguments:
        patches: float (batch, time, grid * grid, channels), row by row.

    Returns:
        (batch, time, (grid / side) ** 2, dim).

    Raises:
        UserError: if `side` does not divide the grid.

    Example:
        >>> PatchMerge(dim=64, side=2)(keras.random.normal((2, 8, 64, 96))).shape
        (2, 8, 16, 64)
    """

    def __init__(self, dim, side=1, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.side = side

    def build(self, input_shape):
        self.grid = math.isqrt(input_shape[2])
        if self.grid**2 != input_shape[2] or self.grid % self.side:
            raise UserError(
                f"model.patch_merge {self.side} does not divide the frame encoder's grid of "
                f"{input_shape[2]} patches: use a divisor of {self.grid}."
            )
        width = input_shape[3] * self.side**2
        self.projection = keras.layers.Dense(self.dim, dtype=self.dtype_policy, name="projection")
        self.projection.build((*input_shape[:2], (self.grid // self.side) ** 2, width))

    def call(self, patches):
        if self.side > 1:
            patches = self._squares(patches)
        return self.projection(patches)

    def _squares(self, patches):
        batch, time, _, channels = ops.shape(patches)
        rows = self.grid // self.side
        squares = ops.reshape(patches, (batch * time, rows, self.side, rows, self.side * channels))
        squares = ops.transpose(squares, (0, 1, 3, 2, 4))
        return ops.reshape(squares, (batch, time, rows**2, self.side**2 * channels))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], input_shape[2] // self.side**2, self.dim)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim, "side": self.side}
