"""Where the content of each patch was in the frame before, and where it goes."""

import math

import keras
from keras import ops

SHARPNESS = 10.0  # times which likenesses go into the softmax, at first
DISPLACEMENT = 5.0  # times a displacement in sides of the frame


@keras.saving.register_keras_serializable("vtkeras")
class FrameMatching(keras.layers.Layer):
    """Finds each patch again in the frame before and in the next one: how far it moved, and how it changed.

    Each head projects the patches, and compares each with all patches of the neighbouring frame by the cosine. The
    softmax of these likenesses weighs places, which gives a displacement whatever it is that moved, and projections,
    which gives what changed; zeros where there is no such frame.

    Args:
        dim: int, width of the result.
        num_heads: int, ways to compare patches.
        head_dim: int, width of each head's projection.

    Call arguments:
        patches: float (batch, time, grid * grid, channels), row by row.
        frames_mask: bool (batch, time), False where a frame is padding, which no frame is compared with.

    Returns:
        (batch, time, grid * grid, dim).

    Example:
        >>> FrameMatching(dim=64)(keras.random.normal((2, 8, 100, 96)), ops.ones((2, 8), "bool")).shape
        (2, 8, 100, 64)

    Source: matching patches of neighbouring frames by likeness, and its expected displacement, are of Kwon et al.,
    "MotionSqueeze: neural motion feature learning for video understanding", 2020.
    """

    def __init__(self, dim, num_heads=2, head_dim=24, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.num_heads = num_heads
        self.head_dim = head_dim

    def build(self, patches_shape, frames_mask_shape=None):
        self.grid = math.isqrt(patches_shape[2])
        options = {"dtype": self.dtype_policy}
        width = self.num_heads * self.head_dim
        self.project = keras.layers.Dense(width, name="project", **options)
        self.project.build(patches_shape)
        self.sharpness = self.add_weight(
            shape=(self.num_heads, 1, 1), initializer=keras.initializers.Constant(math.log(SHARPNESS)), name="sharpness"
        )
        self.mix = keras.layers.Dense(self.dim, activation="gelu", name="mix", **options)
        self.mix.build((*patches_shape[:-1], 2 * (width + 2 * self.num_heads)))

    def call(self, patches, frames_mask):
        mask = ops.cast(frames_mask, "float32")[:, :, None, None, None]
        heads = self._heads(self.project(patches))
        unit = heads * ops.rsqrt(ops.sum(heads * heads, axis=-1, keepdims=True) + 1e-6)
        here = ops.concatenate([ops.broadcast_to(self._places(), (*ops.shape(heads)[:4], 2)), heads], axis=-1)
        sharp = ops.exp(ops.cast(self.sharpness, "float32")) * unit
        found = []
        for neighbours in (_following, _preceding):
            weights = ops.softmax(ops.matmul(sharp, ops.swapaxes(neighbours(unit), -1, -2)), axis=-1)
            there = ops.matmul(weights, neighbours(here))
            found.append((there - here) * neighbours(mask))
        return self.mix(ops.cast(self._side_by_side(found), self.compute_dtype))

    def _heads(self, patches):
        """(batch, time, patches, width) as float32 (batch, time, heads, patches, head_dim)."""
        shape = (*ops.shape(patches)[:3], self.num_heads, self.head_dim)
        return ops.transpose(ops.cast(ops.reshape(patches, shape), "float32"), (0, 1, 3, 2, 4))

    def _side_by_side(self, found):
        """What was found by all heads, (batch, time, patches, channels)."""
        found = ops.transpose(ops.concatenate(found, axis=2), (0, 1, 3, 2, 4))
        batch, time, patches, heads, width = ops.shape(found)
        return ops.reshape(found, (batch, time, patches, heads * width))

    def _places(self):
        """Row and column of each patch, float32 (grid * grid, 2)."""
        steps = DISPLACEMENT * ops.arange(self.grid, dtype="float32") / self.grid
        return ops.reshape(ops.stack(ops.meshgrid(steps, steps, indexing="ij"), axis=-1), (self.grid**2, 2))

    def compute_output_shape(self, patches_shape, frames_mask_shape=None):
        return (*patches_shape[:-1], self.dim)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim, "num_heads": self.num_heads, "head_dim": self.head_dim}


def _following(frames):
    """The next frame of each; none, zeros, of the last."""
    return ops.concatenate([frames[:, 1:], ops.zeros_like(frames[:, :1])], axis=1)


def _preceding(frames):
    return ops.concatenate([ops.zeros_like(frames[:, :1]), frames[:, :-1]], axis=1)
