"""The position-wise half of a Transformer block."""

import keras


@keras.saving.register_keras_serializable("vtkeras")
class FeedForward(keras.layers.Layer):
    """Two dense layers with GELU between them, applied to every position alike.

    Args:
        dim: int, width of the output.
        expansion: int, the inner layer is this many times as wide.
        dropout: float, rate after the second layer.

    Call arguments:
        inputs: float (batch, length, dim).

    Returns:
        (batch, length, dim).

    Example:
        >>> FeedForward(64)(keras.random.normal((2, 5, 64))).shape
        (2, 5, 64)
    """

    def __init__(self, dim, expansion=2, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.expansion = expansion
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        inner = self.dim * self.expansion
        self.widen = keras.layers.Dense(inner, activation="gelu", dtype=self.dtype_policy, name="widen")
        self.narrow = keras.layers.Dense(self.dim, dtype=self.dtype_policy, name="narrow")
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.widen.build(input_shape)
        self.narrow.build((*input_shape[:-1], inner))

    def call(self, inputs, training=None):
        return self.drop(self.narrow(self.widen(inputs)), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.dim)

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "expansion": self.expansion,
            "dropout": self.dropout,
        }
