"""Which way the content of each patch moves, whatever that content is."""

import keras
import numpy as np
from keras import ops

CELLS = 2  # cells a patch side: matching works on a coarse copy of the frame
REACH = 3  # cells: the farthest displacement that is looked for
WINDOW = 4  # cells a side of what is compared: the patch and half of its neighbours
SHARPNESS = 30.0  # how much better than its rivals the best match counts
REST = 0.1  # cost of each cell of displacement: where all matches are equally good, nothing moved


@keras.saving.register_keras_serializable("vtkeras")
class PatchFlow(keras.layers.Layer):
    """Displacement of every patch since the frame before, by block matching; nothing is learned.

    Each patch is compared with the frame before at every displacement within reach, as in the
    correlation layer of Dosovitskiy et al., "FlowNet", 2015; the displacements are averaged by how well
    they match (soft argmin: Kendall et al., "GC-Net", 2017). A model that reads motion from here cannot
    tell from it what moves, so that it recognises a thing that moves in a way it never saw.

    Args:
        grid: int, patches a side of the frame.

    Call arguments:
        frames: uint8 or float (batch, time, height, width, 3), values 0 to 255.

    Returns:
        float (batch, time, grid * grid, 4), patches row by row: how far, in half patches from 0 to 3, its
        content moved down, up, right and left. Zeros in the first frame.

    Example:
        >>> PatchFlow(grid=8)(ops.zeros((2, 8, 64, 64, 3), "uint8")).shape
        (2, 8, 64, 4)

    Source: block matching after Jain and Jain, "Displacement Measurement and Its Application in
    Interframe Image Coding", 1981.
    """

    channels = 4

    def __init__(self, grid, **kwargs):
        super().__init__(**kwargs)
        self.grid = grid

    def build(self, frames_shape):
        """Nothing to build."""

    def call(self, frames):
        batch, time = ops.shape(frames)[:2]
        now = self._cells(frames)
        before = ops.concatenate([now[:, :1], now[:, :-1]], axis=1)
        side = self.grid * CELLS
        now, before = (ops.reshape(cells, (batch * time, side, side)) for cells in (now, before))
        vertical, horizontal = ops.split(self._match(now, before), 2, axis=-1)
        ways = ops.concatenate([vertical, -vertical, horizontal, -horizontal], axis=-1)
        ways = ops.reshape(ops.relu(ways), (batch, time, self.grid**2, self.channels))
        return ops.cast(ops.stop_gradient(ways), self.compute_dtype)

    def _cells(self, frames):
        """Grey values from 0 to 1, float32 (batch, time, grid * CELLS, grid * CELLS)."""
        batch, time, height, width, _ = ops.shape(frames)
        grey = ops.reshape(ops.mean(ops.cast(frames, "float32"), axis=-1) / 255, (batch * time, height, width, 1))
        side = self.grid * CELLS
        if height % side or width % side:
            grey = ops.image.resize(grey, (side, side), antialias=True)
        else:
            grey = ops.average_pool(grey, (height // side, width // side))
        return ops.reshape(grey, (batch, time, side, side))

    def _match(self, now, before):
        """Mean displacement (frames, grid, grid, 2), in cells, down and to the right."""
        side = self.grid * CELLS
        padded = ops.pad(before, ((0, 0), (REACH, REACH), (REACH, REACH)))
        steps = [(down, right) for down in range(-REACH, REACH + 1) for right in range(-REACH, REACH + 1)]
        differences = [
            ops.square(now - padded[:, REACH - down : REACH - down + side, REACH - right : REACH - right + side])
            for down, right in steps
        ]
        cost = self._pool(ops.stack(differences, axis=-1)) / (self._pool(ops.square(now)[..., None]) + 1e-3)
        shifts = np.array(steps, "float32")
        cost = cost + REST * np.abs(shifts).sum(axis=1)
        return ops.matmul(ops.softmax(-SHARPNESS * cost, axis=-1), shifts)

    def _pool(self, cells):
        return ops.average_pool(cells, (WINDOW, WINDOW), strides=(CELLS, CELLS), padding="same")

    def compute_output_shape(self, frames_shape):
        return (*frames_shape[:2], self.grid**2, self.channels)

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}
