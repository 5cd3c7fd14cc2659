"""What endpoints take, as the exported model declares it."""

import tensorflow as tf

FRAMES = tf.TensorSpec((None, None, None, None, 3), tf.uint8, name="frames")
TEXT = tf.TensorSpec((None,), tf.string, name="text")
CHOICES = tf.TensorSpec((None, None), tf.string, name="choices")


def _scalars(dtype: tf.DType, *names: str) -> list[tf.TensorSpec]:
    return [tf.TensorSpec((), dtype, name=name) for name in names]


LIMITS = (*_scalars(tf.int32, "min_length", "max_length", "no_repeat_ngram"),)
BEAM = (*_scalars(tf.int32, "width"), *_scalars(tf.float32, "length_penalty"), *LIMITS)
SAMPLE = (*_scalars(tf.float32, "temperature", "top_p"), *_scalars(tf.int32, "top_k", "seed"), *LIMITS)
