"""Temporal encoders: from the patches of every frame to one video sequence."""

import keras
import keras_nlp
from keras import ops

from vtkeras import keys
from vtkeras.layers import FrameMatching, MaskedMean, PatchFlow, PatchMerge, SpaceTimePosition


class _TemporalEncoder(keras.layers.Layer):
    """Projects patches, adds positions, lets `mix` relate them; gives the encoder contract.

    Motion keeps channels of its own at the end of every token: positions and mixing leave them alone.

    Args:
        dim: int, width of the video sequence.
        max_frames: int, the most frames of a clip.
        num_layers: int, layers that mix over time.
        num_heads: int, attention heads.
        dropout: float.
        patch_merge: int, merge squares of this many patches a side.
        motion_dim: int, how many of the `dim` channels tell of motion, read from the last channels of
            the patches, a `PatchFlow`; 0 where patches bring none.
        matching_heads: int, heads of a `FrameMatching`, which adds to each token where its patches are in the frames
            before and after; 0 leaves it out.

    Call arguments:
        patches: float (batch, time, patches, channels).
        frames_mask: bool (batch, time), False where a frame is padding.
        return_scores: bool.

    Returns:
        dict of `sequence` (batch, time * tokens, dim), frame by frame, `mask`
        (batch, time * tokens) and `pooled` (batch, dim); with `return_scores` also a list with each
        layer's attention (batch, heads, time * tokens, time * tokens), empty for encoders that have none.
    """

    def __init__(
        self,
        dim,
        max_frames,
        num_layers=1,
        num_heads=4,
        dropout=0.0,
        patch_merge=1,
        motion_dim=0,
        matching_heads=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.dim = dim
        self.motion_dim = motion_dim
        self.appearance_dim = dim - motion_dim
        self.max_frames = max_frames
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.patch_merge = patch_merge
        self.matching_heads = matching_heads
        self.project = PatchMerge(self.appearance_dim, patch_merge, dtype=self.dtype_policy, name="project")
        if motion_dim:
            self.project_motion = PatchMerge(motion_dim, patch_merge, dtype=self.dtype_policy, name="project_motion")
        if matching_heads:
            self.matching = FrameMatching(self.appearance_dim, matching_heads, dtype=self.dtype_policy, name="matching")
            self.merge_matches = PatchMerge(
                self.appearance_dim, patch_merge, dtype=self.dtype_policy, name="merge_matches"
            )
        self.position = SpaceTimePosition(max_frames, dtype=self.dtype_policy, name="position")
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name="norm")
        self.pool = MaskedMean(dtype=self.dtype_policy, name="pool")

    @staticmethod
    def sizes(options):
        """Keyword arguments of this kind of encoder out of a `ModelConfig`."""
        return {
            "patch_merge": options.patch_merge,
            "motion_dim": options.motion_dim if options.motion else 0,
            "matching_heads": options.matching_heads,
        }

    def build(self, patches_shape, frames_mask_shape=None):
        appearance_shape = self._appearance_shape(patches_shape)
        self.project.build(appearance_shape)
        if self.motion_dim:
            self.project_motion.build((*patches_shape[:-1], PatchFlow.channels))
        if self.matching_heads:
            self.matching.build(appearance_shape)
            self.merge_matches.build(self.matching.compute_output_shape(appearance_shape))
        tokens_shape = self.project.compute_output_shape(appearance_shape)
        self.position.build(tokens_shape)
        self.norm.build(tokens_shape)
        self.build_mix(tokens_shape)

    def call(self, patches, frames_mask, return_scores=False, training=None):
        appearance = patches[..., : self._appearance_shape(patches.shape)[-1]]
        tokens = self.project(appearance)
        if self.matching_heads:
            tokens = tokens + self.merge_matches(self.matching(appearance, frames_mask))
        tokens = self.norm(self.position(tokens))
        batch, time, patch_count, dim = ops.shape(tokens)
        mask = ops.repeat(ops.cast(frames_mask, "bool"), patch_count, axis=1)
        all_scores: list | None = [] if return_scores else None
        sequence = self.mix(tokens, frames_mask, mask, training, all_scores)
        sequence = ops.reshape(sequence, (batch, time * patch_count, dim))
        if self.motion_dim:
            motion = self.project_motion(patches[..., -PatchFlow.channels :])
            motion = ops.reshape(motion, (batch, time * patch_count, self.motion_dim))
            sequence = ops.concatenate([sequence, motion], axis=-1)
        video = {keys.SEQUENCE: sequence, keys.MASK: mask, keys.POOLED: self.pool(sequence, mask)}
        return (video, all_scores) if return_scores else video

    def _appearance_shape(self, patches_shape):
        return (*patches_shape[:-1], patches_shape[-1] - (PatchFlow.channels if self.motion_dim else 0))

    def compute_output_spec(self, patches, frames_mask, training=None):
        batch, time, patch_count, _ = self.project.compute_output_shape(patches.shape)
        length = None if time is None else time * patch_count
        return {
            keys.SEQUENCE: keras.KerasTensor((batch, length, self.dim), self.compute_dtype),
            keys.MASK: keras.KerasTensor((batch, length), "bool"),
            keys.POOLED: keras.KerasTensor((batch, self.dim), self.compute_dtype),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "max_frames": self.max_frames,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "patch_merge": self.patch_merge,
            "motion_dim": self.motion_dim,
            "matching_heads": self.matching_heads,
        }


@keras.saving.register_keras_serializable("vtkeras")
class TemporalTransformer(_TemporalEncoder):
    """Self-attention over all patches of all frames (keras-nlp TransformerEncoder layers).

    Example:
        >>> encoder = TemporalTransformer(dim=64, max_frames=8, num_layers=2)
        >>> video = encoder(keras.random.normal((2, 8, 16, 96)), ops.ones((2, 8), "bool"))
        >>> video["sequence"].shape
        (2, 128, 64)
    """

    def build_mix(self, tokens_shape):
        self.blocks = [
            keras_nlp.layers.TransformerEncoder(
                intermediate_dim=2 * self.appearance_dim,
                num_heads=self.num_heads,
                dropout=self.dropout,
                activation="gelu",
                normalize_first=True,
                dtype=self.dtype_policy,
                name=f"block_{index}",
            )
            for index in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build((tokens_shape[0], None, self.appearance_dim))
        self.last_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name="last_norm")
        self.last_norm.build((tokens_shape[0], None, self.appearance_dim))

    def mix(self, tokens, frames_mask, mask, training, all_scores):
        """Self-attention over all tokens of the clip; each layer's weights are added to `all_scores`, if a list."""
        batch, time, patch_count, dim = ops.shape(tokens)
        sequence = ops.reshape(tokens, (batch, time * patch_count, dim))
        for block in self.blocks:
            if all_scores is None:
                sequence = block(sequence, padding_mask=mask, training=training)
            else:
                sequence, scores = block(
                    sequence, padding_mask=mask, training=training, return_attention_scores=True
                )
                all_scores.append(scores)
        return self.last_norm(sequence)


@keras.saving.register_keras_serializable("vtkeras")
class TemporalRNN(_TemporalEncoder):
    """Bidirectional GRUs over the mean of each frame, added to that frame's patches.

    Example:
        >>> TemporalRNN(dim=64, max_frames=8)(keras.random.normal((2, 8, 16, 96)),
        ...     ops.ones((2, 8), "bool"))["sequence"].shape
        (2, 128, 64)
    """

    cell = keras.layers.GRU

    def build_mix(self, tokens_shape):
        batch, time, _, dim = tokens_shape
        self.blocks = [
            keras.layers.Bidirectional(
                self.cell(dim // 2, return_sequences=True, dtype=self.dtype_policy),
                dtype=self.dtype_policy,
                name=f"block_{index}",
            )
            for index in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build((batch, time, dim // 2 * 2 if block is not self.blocks[0] else dim))
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.widen = keras.layers.Dense(dim, dtype=self.dtype_policy, name="widen")
        self.widen.build((batch, time, dim // 2 * 2))

    def mix(self, tokens, frames_mask, mask, training, all_scores):
        """Adds to every token what the recurrent layers make of the frames' means."""
        frames = ops.mean(tokens, axis=2)
        for block in self.blocks:
            frames = self.drop(block(frames, mask=frames_mask, training=training), training=training)
        return tokens + self.widen(frames)[:, :, None]


@keras.saving.register_keras_serializable("vtkeras")
class TemporalLSTM(TemporalRNN):
    """As `TemporalRNN`, with LSTM cells."""

    cell = keras.layers.LSTM


@keras.saving.register_keras_serializable("vtkeras")
class TemporalIdentity(_TemporalEncoder):
    """No mixing over time: patches and positions only, the cheapest encoder.

    Example:
        >>> TemporalIdentity(dim=64, max_frames=8)(keras.random.normal((2, 8, 16, 96)),
        ...     ops.ones((2, 8), "bool"))["pooled"].shape
        (2, 64)
    """

    def build_mix(self, tokens_shape):
        """Nothing to build."""

    def mix(self, tokens, frames_mask, mask, training, all_scores):
        """The tokens as they are."""
        return tokens


TEMPORAL_ENCODERS: dict[str, type[keras.layers.Layer]] = {
    "transformer": TemporalTransformer,
    "gru": TemporalRNN,
    "lstm": TemporalLSTM,
    "none": TemporalIdentity,
}
