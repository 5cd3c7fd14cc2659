"""A counterfactual augmentation: some clips get motion that is not their own."""

import keras
from keras import ops

ROTATED_SHARE = 0.5  # with half, a thing is seen as often with one way of moving as with the other


@keras.saving.register_keras_serializable("vtkeras")
class RotateMotion(keras.layers.Layer):
    """In training, turns the flow of half of the clips by a right angle.

    What the clips show is named as before; what is said of their motion is wrong for the rotated ones and
    must not be learned from them: `guard` keeps it out. Training data that show a thing moving one way
    only then no longer teach that what moves another way is something else (Kaushik et al., "Learning the
    difference that makes a difference with counterfactually-augmented data", 2020; here on features).

    Args:
        tokens: token ids of the words that tell how things move.

    Call arguments:
        patches: float (batch, time, patches, channels), whose last 4 channels are a `PatchFlow`.

    Returns:
        patches of the same shape, and bool (batch,), True for rotated clips; outside training there are none.

    Example:
        >>> patches, rotated = RotateMotion([7])(ops.ones((2, 8, 64, 100)))
        >>> rotated
        [False, False]
    """

    def __init__(self, tokens, **kwargs):
        super().__init__(**kwargs)
        self.tokens = list(tokens)
        self.seed_generator = keras.random.SeedGenerator()

    @classmethod
    def from_options(cls, words, token_id):
        """The layer for the words that tell of motion.

        Args:
            words: strings, each a word of the captions.
            token_id: callable from a word to its token id.
        """
        return cls([token_id(word) for word in words], name="rotate_motion")

    def guard(self, outputs, rotated, texts):
        """Keeps back the gradients of what must not be learned from rotated clips.

        Args:
            outputs: {name: float (batch, ...)}, what the heads give.
            rotated: bool (batch,).
            texts: {name: int32 (batch, length)}, the decoder's input of heads that write word by word: of
                these only the words of motion are kept back, of the others everything.

        Returns:
            The outputs, with the same values.
        """
        mask_gradient = MaskGradient(name="mask_gradient")
        next_token = NextTokenMask(self.tokens, name="next_token_mask")
        return {
            name: mask_gradient(values, next_token(texts[name], rotated) if name in texts else rotated)
            for name, values in outputs.items()
        }

    def build(self, patches_shape):
        """Nothing to build."""

    def call(self, patches, training=None):
        batch = ops.shape(patches)[0]
        if not training:
            return patches, ops.zeros((batch,), "bool")
        rotated = keras.random.uniform((batch,), seed=self.seed_generator) < ROTATED_SHARE
        appearance, down_up, right_left = patches[..., :-4], patches[..., -4:-2], patches[..., -2:]
        other = ops.concatenate([appearance, right_left, down_up], axis=-1)
        return ops.where(rotated[:, None, None, None], other, patches), rotated

    def compute_output_spec(self, patches, training=None):
        return keras.KerasTensor(patches.shape, patches.dtype), keras.KerasTensor((patches.shape[0],), "bool")

    def get_config(self):
        return {**super().get_config(), "tokens": self.tokens}


@keras.saving.register_keras_serializable("vtkeras")
class MaskGradient(keras.layers.Layer):
    """The identity, whose gradient is zero where a mask is True.

    Call arguments:
        values: float (batch, ...).
        blocked: bool, as many axes as `values` or the first ones of them.

    Returns:
        The values.

    Example:
        >>> MaskGradient()(ops.ones((2, 3)), ops.array([True, False])).shape
        (2, 3)
    """

    def build(self, values_shape, blocked_shape):
        """Nothing to build."""

    def call(self, values, blocked):
        blocked = ops.reshape(blocked, (*ops.shape(blocked), *(1 for _ in values.shape[len(blocked.shape) :])))
        return ops.where(blocked, ops.stop_gradient(values), values)

    def compute_output_shape(self, values_shape, blocked_shape):
        return values_shape


@keras.saving.register_keras_serializable("vtkeras")
class NextTokenMask(keras.layers.Layer):
    """Tells which positions of chosen texts are followed by one of the given tokens.

    Args:
        tokens: list of int, token ids.

    Call arguments:
        text: int32 (batch, length), a decoder's input, whose next token is the target.
        chosen: bool (batch,).

    Returns:
        bool (batch, length).

    Example:
        >>> NextTokenMask([7])(ops.array([[2, 5, 7, 3]]), ops.array([True]))
        [[False, True, False, False]]
    """

    def __init__(self, tokens, **kwargs):
        super().__init__(**kwargs)
        self.tokens = list(tokens)

    def build(self, text_shape, chosen_shape):
        """Nothing to build."""

    def call(self, text, chosen):
        following = ops.concatenate([text[:, 1:], ops.zeros_like(text[:, :1])], axis=1)
        told = ops.any(ops.equal(following[..., None], ops.array(self.tokens, following.dtype)), axis=-1)
        return ops.logical_and(told, chosen[:, None])

    def compute_output_spec(self, text, chosen):
        return keras.KerasTensor(text.shape, "bool")

    def get_config(self):
        return {**super().get_config(), "tokens": self.tokens}
