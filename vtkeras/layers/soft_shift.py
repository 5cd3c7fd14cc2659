"""Moves pictures by amounts that a network predicts."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("vtkeras")
class SoftShift(keras.layers.Layer):
    """Dynamic filters: each picture is moved by its own displacement, smeared by its own width.

    The kernel is a Gaussian around the displacement, separable, so that moving is two small matrix products; a wide one
    lets a wrong displacement learn from pixels far away. Outside of a picture its outermost pixels repeat. No weights.

    Call arguments:
        images: float (batch, size, size, channels).
        displacement: float (batch, 2), pixels down and to the right.
        width: float (batch, 2), standard deviations in pixels; about 0.3 moves without blur.

    Returns:
        (batch, size, size, channels).

    Example:
        >>> down = SoftShift()(images, ops.array([[1.0, 0.0]]), ops.array([[0.1, 0.1]]))
        >>> down[:, 1:] == images[:, :-1]

    Source: De Brabandere et al., "Dynamic Filter Networks", 2016; separable kernels after Niklaus et al., "Video Frame
    Interpolation via Adaptive Separable Convolution", 2017.
    """

    def call(self, images, displacement, width):
        size, channels = images.shape[1], images.shape[3]
        kernels = self._kernels(displacement, width, size)
        moved = ops.matmul(kernels[:, 0], ops.reshape(images, (-1, size, size * channels)))
        moved = ops.transpose(ops.reshape(moved, (-1, size, size, channels)), (0, 2, 1, 3))
        moved = ops.matmul(kernels[:, 1], ops.reshape(moved, (-1, size, size * channels)))
        return ops.transpose(ops.reshape(moved, (-1, size, size, channels)), (0, 2, 1, 3))

    def _kernels(self, displacement, width, size):
        """(batch, 2, to, from), rows that sum to 1."""
        place = ops.arange(size, dtype=self.compute_dtype)
        distance = place[:, None] - place[None] - displacement[..., None, None]
        return ops.softmax(-0.5 * ops.square(distance / width[..., None, None]))

    def compute_output_shape(self, images_shape, displacement_shape, width_shape):
        return images_shape
