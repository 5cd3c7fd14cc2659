"""Changes of where things are in the picture."""

from __future__ import annotations

import math

import tensorflow as tf

from vtkeras import keys


def crop(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Moves and scales the picture by up to this share of its sides; what is outside mirrors what is inside.

    Args:
        example: dict of tensors, whose FRAMES are uint8 (time, height, width, 3), RGB.
        amount: float, 0 to 0.5, the most that the picture is moved or scaled, as a share of its sides.
        seed: int64 (2,), which decides what is drawn; the same for all frames.

    Returns:
        The example with other FRAMES, of the same shape.
    """
    scale, down, right = tf.unstack(tf.random.stateless_uniform((3,), seed, -amount, amount))
    size = tf.shape(example[keys.FRAMES])[1:3]
    height, width = tf.unstack(tf.cast(size, tf.float32))
    zoom = 1.0 + scale
    rows = (0.0, zoom, height * ((1.0 - zoom) / 2 + down))
    columns = (zoom, 0.0, width * ((1.0 - zoom) / 2 + right))
    return _transformed(example, columns, rows)


def rotate(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Turns the picture about its middle by up to this many degrees, either way.

    Args:
        example: dict of tensors, whose FRAMES are uint8 (time, height, width, 3), RGB.
        amount: float, 0 to 180, the greatest angle, in degrees.
        seed: int64 (2,), which decides what is drawn; the same for all frames.

    Returns:
        The example with other FRAMES, of the same shape.
    """
    angle = tf.random.stateless_uniform((), seed, -amount, amount) * (math.pi / 180)
    size = tf.shape(example[keys.FRAMES])[1:3]
    middle_y, middle_x = tf.unstack(tf.cast(size - 1, tf.float32) / 2)
    cos, sin = tf.cos(angle), tf.sin(angle)
    columns = (cos, -sin, middle_x - cos * middle_x + sin * middle_y)
    rows = (sin, cos, middle_y - sin * middle_x - cos * middle_y)
    return _transformed(example, columns, rows)


def _transformed(example: dict, columns: tuple, rows: tuple) -> dict:
    """Frames whose pixel (x, y) is the old one at (columns . (x, y, 1), rows . (x, y, 1)); one change for a clip."""
    frames = example[keys.FRAMES]
    changed = tf.raw_ops.ImageProjectiveTransformV3(
        images=frames,
        transforms=tf.stack([*columns, *rows, 0.0, 0.0])[None],
        output_shape=tf.shape(frames)[1:3],
        interpolation="BILINEAR",
        fill_mode="REFLECT",
        fill_value=0.0,
    )
    return {**example, keys.FRAMES: tf.ensure_shape(changed, frames.shape)}
