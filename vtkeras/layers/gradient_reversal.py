"""The identity, whose gradient is turned round."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("vtkeras")
class GradientReversal(keras.layers.Layer):
    """The identity on the way forward; on the way back the gradient is multiplied by -scale.

    What stands before it learns to raise a loss that what stands behind it learns to lower.

    Args:
        scale: float, how much of the gradient comes back.

    Call arguments:
        inputs: float, any shape.

    Returns:
        The inputs.

    Example:
        >>> scores = discriminator(GradientReversal()(generator(noise)))  # one loss trains both

    Source: Ganin and Lempitsky, "Unsupervised Domain Adaptation by Backpropagation", 2015.
    """

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def build(self, inputs_shape):
        """Nothing to build."""

    def call(self, inputs):
        @ops.custom_gradient
        def reverse(values):
            return ops.copy(values), lambda gradient: -self.scale * gradient

        return reverse(inputs)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
