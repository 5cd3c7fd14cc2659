"""Where a token stands: in the frame, and in time."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("vtkeras")
class SpaceTimePosition(keras.layers.Layer):
    """Adds a learned vector for the frame and one for the patch to every video token.

    Args:
        max_frames: int, the most frames a clip may have.

    Call arguments:
        patches: float (batch, time, patches, dim), time at most `max_frames`.

    Returns:
        Same shape.

    Example:
        >>> SpaceTimePosition(max_frames=8)(keras.random.normal((2, 8, 16, 64))).shape
        (2, 8, 16, 64)
    """

    def __init__(self, max_frames, **kwargs):
        super().__init__(**kwargs)
        self.max_frames = max_frames

    def build(self, input_shape):
        _, _, patches, dim = input_shape
        self.time = self.add_weight(
            shape=(self.max_frames, 1, dim), initializer=keras.initializers.RandomNormal(0.02), name="time"
        )
        self.space = self.add_weight(
            shape=(1, patches, dim), initializer=keras.initializers.RandomNormal(0.02), name="space"
        )

    def call(self, patches):
        time = self.time[: ops.shape(patches)[1]]
        return patches + ops.cast(time + self.space, patches.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "max_frames": self.max_frames}
