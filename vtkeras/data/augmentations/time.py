"""Changes of when the frames of a clip are taken."""

from __future__ import annotations

import tensorflow as tf

from vtkeras import keys


def time(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Plays the clip at 1 - amount to 1 + amount of its speed, each frame taken up to this many places off.

    A slower one shows a part of the clip, which begins anywhere, in more frames; a faster one is over before the
    last frame, and is filled up like any short clip.

    Args:
        example: dict of tensors, whose FRAMES are uint8 (time, height, width, 3), RGB, and whose FRAMES_MASK, bool
            (time,), is False for frames that fill up a short clip; without it all count.
        amount: float above 0, to 0.9, the greatest change of the speed, and the most places that a frame is off.
        seed: int64 (2,), which decides the speed, where the clip begins, and how far each frame is off.

    Returns:
        The example with other FRAMES, of the same shape, and with a FRAMES_MASK that fits them.
    """
    frames = example[keys.FRAMES]
    length = tf.shape(frames)[0]
    mask = example.get(keys.FRAMES_MASK, tf.fill((length,), True))
    last = tf.cast(tf.math.count_nonzero(mask), tf.float32) - 1
    speed_seed, begin_seed, jitter_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    speed = tf.random.stateless_uniform((), speed_seed, 1 - amount, 1 + amount)
    begin = tf.random.stateless_uniform((), begin_seed) * last * tf.maximum(1 - speed, 0.0)
    steps = tf.range(length, dtype=tf.float32)
    seen = tf.ensure_shape(mask & (begin + speed * steps <= last + 0.5), frames.shape[:1])
    places = begin + speed * steps + tf.random.stateless_uniform((length,), jitter_seed, -amount, amount)
    places = tf.sort(tf.cast(tf.round(tf.clip_by_value(places, 0.0, last)), tf.int32))
    shown = tf.reduce_sum(tf.cast(seen, tf.int32))
    changed = tf.gather(frames, tf.gather(places, tf.minimum(tf.range(length), shown - 1)))
    return {**example, keys.FRAMES: tf.ensure_shape(changed, frames.shape), keys.FRAMES_MASK: seen}
