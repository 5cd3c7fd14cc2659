"""Other frames of a clip than those that are read of it once."""

from __future__ import annotations

import tensorflow as tf

from vtkeras import keys


def other_view(example: dict, view: int, count: int) -> dict:
    """An example with other frames: one of each of `count` equal stretches, the same share of it further on in all.

    Args:
        example: dict of tensors, whose FRAMES are uint8 (time, height, width, 3).
        view: int, from 1; 0 is what `even_frames` takes, the middle of each stretch. The places of view 1, 2, 3, ...
            are 0, 3/4, 1/4, ... of a stretch, so that however many there are, they are far apart.
        count: int, frames that a model reads. A clip that has no more stays as it is.

    Returns:
        The example with other FRAMES, (count, height, width, 3).

    Example:
        >>> other_view({"frames": clip_of_16_frames}, view=1, count=8)  # frames 0, 2, 4, ..., 14; view 0 has the others

    Source: Wang et al., "Temporal Segment Networks: Towards Good Practices for Deep Action Recognition", 2016, which
    draws a frame of each stretch.
    """
    frames = example[keys.FRAMES]
    length = tf.shape(frames)[0]
    begins, ends = tf.range(count) * length // count, tf.range(1, count + 1) * length // count
    places = begins + tf.cast(_share(view) * tf.cast(ends - begins, tf.float32), tf.int32)
    return {**example, keys.FRAMES: tf.cond(length > count, lambda: tf.gather(frames, places), lambda: frames)}


def _share(view: int) -> float:
    """Of a stretch: 1/2 for view 0, and as far as possible from those of the views before (van der Corput, 1935)."""
    bits = f"{view:b}"[::-1]
    return (0.5 + int(bits, 2) / 2 ** len(bits)) % 1
