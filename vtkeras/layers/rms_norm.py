"""Root-mean-square normalisation."""

from keras import ops


def rms_norm(inputs):
    """Scales each position to a root mean square of 1 over its channels (Zhang and Sennrich, 2019); no weights.

    Example:
        >>> rms_norm(ops.array([[3.0, -3.0]]))
        [[1.0, -1.0]]
    """
    square = ops.mean(ops.square(ops.cast(inputs, "float32")), axis=-1, keepdims=True)
    return inputs * ops.cast(ops.rsqrt(square + 1e-6), inputs.dtype)
