"""A temporal encoder that gathers each frame's patches into a few tokens and relates those by place."""

import keras
import numpy as np
from keras import ops

from vtkeras import keys
from vtkeras.errors import UserError
from vtkeras.layers import FeedForward, MaskedMean, RelationAttention

# Variance of the first maps' weights times their inputs: less, and every token is the mean of the whole frame.
SHARPNESS = 16.0


@keras.saving.register_keras_serializable("vtkeras")
class SpatialSoftmaxTokens(keras.layers.Layer):
    """A few tokens a frame, each with a place, related by self-attention that knows how far apart they are.

    Each token is the mean of the frame's patches under a learned map, and its place the mean of their
    places (the spatial softmax of Finn et al., "Deep spatial autoencoders", 2016), so that a place is
    told far finer than the grid. Relating twenty tokens instead of a hundred patches is many times
    cheaper, and a token that stands for one thing makes "the nearest other thing" easy to find.

    Args:
        dim: int, width of the video sequence.
        max_frames: int, the most frames of a clip.
        num_tokens: int, tokens of a frame.
        num_layers: int, self-attention blocks.
        num_heads: int, attention heads.
        dropout: float.

    Call arguments:
        patches: float (batch, time, patches, channels), patches row by row over a square.
        frames_mask: bool (batch, time), False where a frame is padding.
        return_scores: bool.

    Returns:
        the encoder contract, dict of `sequence` (batch, time * tokens, dim), frame by frame, `mask` and
        `pooled`, and `maps` float32 (batch, time * tokens, patches): how much of each patch of its
        frame is in a token, summing to 1. With `return_scores` also a list with each block's attention
        (batch, heads, time * tokens, time * tokens).

    Example:
        >>> encoder = SpatialSoftmaxTokens(dim=64, max_frames=8, num_tokens=16)
        >>> video = encoder(keras.random.normal((2, 8, 100, 96)), ops.ones((2, 8), "bool"))
        >>> video["sequence"].shape, video["maps"].shape
        ((2, 128, 64), (2, 128, 100))
    """

    def __init__(self, dim, max_frames, num_tokens=16, num_layers=1, num_heads=4, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.max_frames = max_frames
        self.num_tokens = num_tokens
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout

    @staticmethod
    def sizes(options):
        """Keyword arguments of this kind of encoder out of a `ModelConfig`.

        Raises:
            UserError: if the config keeps channels for motion alone, or matches patches, which this encoder cannot.
        """
        if options.matching_heads:
            raise UserError(
                "model.temporal_encoder 'spatial_softmax' matches no patches: set model.matching_heads to 0."
            )
        if options.motion and options.motion_dim:
            raise UserError(
                "model.temporal_encoder 'spatial_softmax' keeps no channels for motion: set model.motion_dim to 0."
            )
        return {}

    def build(self, patches_shape, frames_mask_shape=None):
        options = {"dtype": self.dtype_policy}
        _, time, patch_count, _ = patches_shape
        self.side = round(patch_count**0.5)
        self.project = keras.layers.Dense(self.dim, name="project", **options)
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", **options)
        sharp = keras.initializers.VarianceScaling(SHARPNESS, "fan_in")
        self.choose = keras.layers.Dense(self.num_tokens, kernel_initializer=sharp, name="choose", **options)
        self.place = keras.layers.Dense(self.dim, name="place", **options)
        self.pool = MaskedMean(name="pool", **options)
        self.blocks = [
            RelationBlock(self.num_heads, dropout=self.dropout, name=f"block_{index}", **options)
            for index in range(self.num_layers)
        ]
        self.last_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="last_norm", **options)
        tokens_shape = (None, None, self.dim)
        self.project.build(patches_shape)
        self.norm.build((*patches_shape[:3], self.dim))
        self.choose.build(patches_shape)
        self.place.build((None, None, 3))
        self.last_norm.build(tokens_shape)
        for block in self.blocks:
            block.build(tokens_shape, (None, None, 3))
        self.position = self.add_weight(
            shape=(self.max_frames, self.num_tokens, self.dim),
            initializer=keras.initializers.RandomNormal(0.02),
            name="position",
        )

    def call(self, patches, frames_mask, return_scores=False, training=None):
        batch, time, patch_count, _ = ops.shape(patches)
        length = time * self.num_tokens
        features = self.norm(self.project(patches))
        maps = ops.softmax(ops.cast(self.choose(patches), "float32"), axis=2)
        maps = ops.swapaxes(maps, 2, 3)  # (batch, time, tokens, patches)
        places = ops.concatenate([self._places(maps), self._times(maps)], axis=-1)
        places = ops.reshape(places, (batch, length, 3))
        tokens = ops.matmul(ops.cast(maps, features.dtype), features)
        tokens = tokens + ops.cast(self.position[:time], features.dtype)
        tokens = ops.reshape(tokens, (batch, length, self.dim)) + self.place(places)
        mask = ops.repeat(ops.cast(frames_mask, "bool"), self.num_tokens, axis=1)
        all_scores = []
        for block in self.blocks:
            tokens, scores = block(tokens, places, mask, training=training)
            all_scores.append(scores)
        sequence = self.last_norm(tokens)
        video = {
            keys.SEQUENCE: sequence,
            keys.MASK: mask,
            keys.POOLED: self.pool(sequence, mask),
            keys.MAPS: ops.reshape(maps, (batch, length, patch_count)),
        }
        return (video, all_scores) if return_scores else video

    def begin_with(self, detectors):
        """Lets tokens begin as what a classifier of patches has learned to find, one token a class.

        A map that begins at random mixes things, and is slow to sort them out.

        Args:
            detectors: built dense layer, patches (..., channels) to logits (..., classes); classes beyond
                the number of tokens are left out.
        """
        kernel, bias = (ops.convert_to_numpy(weight).copy() for weight in self.choose.get_weights())
        for mine, theirs in zip((kernel, bias), detectors.get_weights()):
            count = min(mine.shape[-1], theirs.shape[-1])
            mine[..., :count] = theirs[..., :count]
        self.choose.set_weights([kernel, bias])

    def _places(self, maps):
        """Column and row of each token, -1 to 1: float32 (batch, time, tokens, 2)."""
        row, column = np.mgrid[-1 : 1 : self.side * 1j, -1 : 1 : self.side * 1j].reshape(2, -1)
        return ops.matmul(maps, ops.convert_to_tensor(np.stack([column, row], axis=1), "float32"))

    def _times(self, maps):
        """Time of each token, 0 to 1 over the longest clip: float32 (batch, time, tokens, 1)."""
        times = ops.arange(ops.shape(maps)[1], dtype="float32")[None, :, None, None] / self.max_frames
        return ops.ones_like(maps[..., :1]) * times

    def compute_output_spec(self, patches, frames_mask, training=None):
        batch, time, patch_count, _ = patches.shape
        length = None if time is None else time * self.num_tokens
        return {
            keys.SEQUENCE: keras.KerasTensor((batch, length, self.dim), self.compute_dtype),
            keys.MASK: keras.KerasTensor((batch, length), "bool"),
            keys.POOLED: keras.KerasTensor((batch, self.dim), self.compute_dtype),
            keys.MAPS: keras.KerasTensor((batch, length, patch_count), "float32"),
        }

    def get_config(self):
        names = ("dim", "max_frames", "num_tokens", "num_layers", "num_heads", "dropout")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("vtkeras")
class RelationBlock(keras.layers.Layer):
    """Self-attention over things with places, then a feed-forward layer, each added to its input.

    Args:
        num_heads: int, attention heads.
        dropout: float.

    Call arguments:
        tokens: float (batch, length, dim).
        places: float (batch, length, axes).
        mask: bool (batch, length).

    Returns:
        (batch, length, dim), and the attention (batch, heads, length, length).
    """

    def __init__(self, num_heads, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout = dropout

    def build(self, tokens_shape, places_shape, mask_shape=None):
        options = {"dtype": self.dtype_policy}
        dim = tokens_shape[-1]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", **options)
        self.attention = RelationAttention(dim, self.num_heads, self.dropout, name="attention", **options)
        self.forward_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="forward_norm", **options)
        self.forward = FeedForward(dim, dropout=self.dropout, name="forward", **options)
        self.drop = keras.layers.Dropout(self.dropout, **options)
        for layer in (self.norm, self.forward_norm, self.forward):
            layer.build(tokens_shape)
        self.attention.build(tokens_shape, places_shape)

    def call(self, tokens, places, mask=None, training=None):
        update, scores = self.attention(self.norm(tokens), places, mask, return_scores=True, training=training)
        tokens = tokens + self.drop(update, training=training)
        return tokens + self.forward(self.forward_norm(tokens), training=training), scores

    def get_config(self):
        return {**super().get_config(), "num_heads": self.num_heads, "dropout": self.dropout}
