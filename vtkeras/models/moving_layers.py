"""The motion of a generated clip: pieces of the first frame on paths, before a background."""

import keras
from keras import ops

from vtkeras.layers import CrossAttention, SoftShift, depth_to_space, rms_norm, space_to_depth
from vtkeras.models.frame_codec import GRID

SHARPEST = 0.3  # pixels, the least width of a moved piece's kernel
DECIDED = 4  # power that brings the masks of a drawn clip near 0 and 1
SEEN = 4  # frames of a clip that its code is read off


@keras.saving.register_keras_serializable("vtkeras")
class MovingLayers(keras.layers.Layer):
    """Makes a clip of a first frame: masks divide it into pieces, each piece has a path, a background is behind them.

    Words and a code of the motion are read at every position of the frame, so that a piece's path comes from what the
    words say of what is there. The code tells what first frame and words leave open, such as speed; in training it is
    read off the clip. Pieces are moved from the first frame, not from frame to frame, and so stay as sharp as it is.

    Args:
        num_frames: int, of a clip.
        code_dim: int, numbers of the code.
        pieces: int, moving pieces.
        dim: int, width of the 8 x 8 grid.
        num_heads: int, attention heads.

    Call arguments:
        first_frame: float (batch, size, size, 3), 0 to 1.
        code: float (batch, code_dim).
        words: float (batch, length, word_dim).
        readable: bool (batch, length).
        times: int32 (batch, some), the frames to make, 1 to num_frames - 1; None for all.

    Returns:
        (batch, some, size, size, 3).

    Example:
        >>> MovingLayers(num_frames=16)(first_frame, code, words, readable).shape
        (2, 15, 64, 64, 3)

    Source: Wang and Adelson, "Representing Moving Images with Layers", 1994; the code after Denton and Fergus,
    "Stochastic Video Generation with a Learned Prior", 2018.
    """

    def __init__(self, num_frames, code_dim=16, pieces=3, dim=96, num_heads=4, **kwargs):
        super().__init__(**kwargs)
        self.num_frames = num_frames
        self.code_dim = code_dim
        self.pieces = pieces
        self.dim = dim
        self.num_heads = num_heads

    def build(self, first_frame_shape, code_shape, words_shape, readable_shape):
        batch, size = first_frame_shape[:2]
        self.patch = size // (2 * GRID)
        pixels, half = self.patch**2 * 3, self.dim // 2
        plain = {"dtype": self.dtype_policy}
        smooth = {"padding": "same", "activation": "silu", **plain}
        conv, dense = keras.layers.Conv2D, keras.layers.Dense
        self.code_reader = keras.Sequential(
            [
                conv(64, 1, **smooth),
                conv(64, 3, strides=2, **smooth),
                conv(64, 3, strides=2, **smooth),
                keras.layers.Flatten(**plain),
                dense(128, "silu", **plain),
                dense(2 * self.code_dim, **plain),
            ],
            name="code_reader",
        )
        self.look = conv(half, 3, name="look", **smooth)
        self.merge = conv(self.dim, 4, strides=2, name="merge", **smooth)
        self.read_code = dense(self.dim, name="read_code", **plain)
        self.relate = [conv(self.dim, 3, name=f"relate_{index}", **smooth) for index in range(3)]
        self.read_words = CrossAttention(self.dim, self.num_heads, name="read_words", **plain)
        self.read_grid = CrossAttention(self.dim, self.num_heads, name="read_grid", **plain)
        self.split = conv(4 * half, 1, name="split", **plain)
        self.blend = conv(half, 3, name="blend", **smooth)
        self.paint = conv(self.patch**2 * (self.pieces + 4), 1, name="paint", **plain)
        self.importance = conv(1, 1, name="importance", **plain)
        self.plan_path = keras.Sequential(
            [
                dense(2 * self.dim, "silu", **plain),
                dense(2 * self.dim, "silu", **plain),
                dense((self.num_frames - 1) * 4, kernel_initializer=keras.initializers.RandomNormal(0.01), **plain),
            ],
            name="plan_path",
        )
        self.shift = SoftShift(name="shift", **plain)
        self.position = self.add_weight(
            shape=(1, GRID, GRID, self.dim), initializer=keras.initializers.RandomNormal(0.1), name="position"
        )
        fine, grid = (batch, 2 * GRID, 2 * GRID), (batch, GRID, GRID, self.dim)
        sequence = (batch, GRID * GRID, self.dim)
        self.code_reader.build((None, *fine[1:], SEEN * pixels))
        self.look.build((*fine, pixels))
        self.merge.build((*fine, half))
        self.read_code.build(code_shape)
        for layer in (*self.relate, self.split, self.importance):
            layer.build(grid)
        self.read_words.build(sequence, words_shape)
        self.read_grid.build(sequence, sequence)
        self.blend.build((*fine, 2 * half))
        self.paint.build((*fine, half))
        self.plan_path.build((None, self.pieces, self.dim))

    def code_of(self, clips):
        """Mean and log variance, each float (batch, code_dim), of the code of clips (batch, num_frames, ...)."""
        last = self.num_frames - 1
        patches = [space_to_depth(clips[:, place], self.patch) for place in (0, 1, last // 2, last)]
        return ops.split(self.code_reader(ops.concatenate(patches, axis=-1)), 2, axis=-1)

    def call(self, first_frame, code, words, readable, times=None):
        seen = self.look(space_to_depth(first_frame, self.patch))
        grid = self._grid(seen, code, words, readable)
        masks, background = self._divide(first_frame, grid, seen, drawn=times is None)
        displacement, width = self._paths(grid, masks, times)
        if times is None:  # a clip is drawn, not a mean of clips
            width = ops.full_like(width, SHARPEST)
        return self._render(first_frame, masks, background, displacement, width)

    def _grid(self, seen, code, words, readable):
        grid = self.merge(seen) + self.position
        grid = grid + self.relate[0](rms_norm(grid))
        sequence = self._as_sequence(grid)
        sequence = sequence + self.read_words(rms_norm(sequence), words, context_mask=readable)
        sequence = sequence + self.read_code(code)[:, None]
        normal = rms_norm(sequence)
        grid = ops.reshape(sequence + self.read_grid(normal, normal), (-1, GRID, GRID, self.dim))
        for layer in self.relate[1:]:
            grid = grid + layer(rms_norm(grid))
        return grid

    def _divide(self, first_frame, grid, seen, drawn):
        """Masks (batch, size, size, pieces) of what moves, and the background (batch, size, size, 3) behind it."""
        fine = self.blend(ops.concatenate([depth_to_space(self.split(grid), 2), seen], axis=-1))
        painted = depth_to_space(self.paint(fine), self.patch)
        masks = ops.softmax(painted[..., : self.pieces + 1])
        if drawn:  # neighbouring pixels go together, so that a thing does not fall apart between pieces
            masks = ops.average_pool(masks, masks.shape[1] // GRID + 1, 1, padding="same")
            masks = masks**DECIDED / ops.sum(masks**DECIDED, axis=-1, keepdims=True)
        rest, masks = masks[..., :1], masks[..., 1:]
        return masks, rest * first_frame + (1 - rest) * ops.sigmoid(painted[..., self.pieces + 1 :] - 2)

    def _paths(self, grid, masks, times):
        """Displacements and widths (batch, some, pieces, 2) in pixels, read off where each piece is."""
        cell = masks.shape[1] // GRID
        weight = ops.exp(ops.clip(self.importance(rms_norm(grid)), -6.0, 6.0))
        covered = ops.reshape(ops.average_pool(masks, cell, cell) * weight, (-1, GRID * GRID, self.pieces))
        covered = covered / (ops.sum(covered, axis=1, keepdims=True) + 1e-6)
        pieces = ops.einsum("bpk,bpd->bkd", covered, self._as_sequence(grid))
        path = self.plan_path(rms_norm(pieces))
        path = ops.transpose(ops.reshape(path, (-1, self.pieces, self.num_frames - 1, 4)), (0, 2, 1, 3))
        path = ops.concatenate([ops.cumsum(path[..., :2], axis=1), path[..., 2:]], axis=-1)  # a velocity a frame
        if times is not None:
            path = ops.take_along_axis(path, times[:, :, None, None] - 1, axis=1)
        size = masks.shape[1]
        return path[..., :2] * size / 16, SHARPEST + ops.softplus(path[..., 2:] * 4 + 1)

    def _render(self, first_frame, masks, background, displacement, width):
        size, some = masks.shape[1], displacement.shape[1]
        images = ops.concatenate([masks[..., None, :] * first_frame[..., None], masks[..., None, :]], axis=3)
        images = ops.transpose(images, (0, 4, 1, 2, 3))  # pieces (batch, pieces, size, size, 3 colours and a mask)
        images = ops.repeat(images[:, None], some, axis=1)
        moved = self.shift(_rows(images), _rows(displacement), _rows(width))
        moved = ops.sum(ops.reshape(moved, (-1, some, self.pieces, size, size, 4)), axis=2)
        uncovered = ops.relu(1 - moved[..., 3:])
        return moved[..., :3] + uncovered * background[:, None]

    def _as_sequence(self, grid):
        return ops.reshape(grid, (-1, GRID * GRID, self.dim))

    def compute_output_shape(self, first_frame_shape, code_shape, words_shape, readable_shape, times_shape=None):
        some = times_shape[1] if times_shape else self.num_frames - 1
        return (first_frame_shape[0], some, *first_frame_shape[1:])

    def get_config(self):
        sizes = {name: getattr(self, name) for name in ("num_frames", "code_dim", "pieces", "dim", "num_heads")}
        return {**super().get_config(), **sizes}


def _rows(array):
    """(batch, some, pieces, ...) to (batch * some * pieces, ...)."""
    return ops.reshape(array, (-1, *array.shape[3:]))
