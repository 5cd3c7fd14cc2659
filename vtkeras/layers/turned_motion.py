"""Motion that is not the clip's own, so that what a thing is gets learned apart from how it moves."""

import keras
from keras import ops

TURNED_SHARE = 0.5  # with half, a thing is seen as often with one way of moving as with the other


@keras.saving.register_keras_serializable("vtkeras")
class TurnedMotion(keras.layers.Layer):
    """In training, turns the flow of half of the clips by a right angle.

    What the clips show is named as before; what is said of their motion is wrong for the turned ones and
    must not be learned from them: `Unlearned` keeps it out. Training data that show a thing moving one
    way only then no longer teach that what moves another way is something else. A counterfactual
    augmentation (Kaushik et al., 2020), made on features.

    Call arguments:
        patches: float (batch, time, patches, channels), whose last 4 channels are a `PatchFlow`.

    Returns:
        patches of the same shape, and bool (batch,), True for turned clips; outside training there are none.

    Example:
        >>> patches, turned = TurnedMotion()(ops.ones((2, 8, 64, 100)))
        >>> turned
        [False, False]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, patches_shape):
        """Nothing to build."""

    def call(self, patches, training=None):
        batch = ops.shape(patches)[0]
        if not training:
            return patches, ops.zeros((batch,), "bool")
        turned = keras.random.uniform((batch,), seed=self.seed_generator) < TURNED_SHARE
        looks, down_up, right_left = patches[..., :-4], patches[..., -4:-2], patches[..., -2:]
        other = ops.concatenate([looks, right_left, down_up], axis=-1)
        return ops.where(turned[:, None, None, None], other, patches), turned

    def compute_output_spec(self, patches, training=None):
        return keras.KerasTensor(patches.shape, patches.dtype), keras.KerasTensor((patches.shape[0],), "bool")


@keras.saving.register_keras_serializable("vtkeras")
class Unlearned(keras.layers.Layer):
    """Lets values through and keeps gradients back where a mask says so.

    Call arguments:
        values: float (batch, ...).
        blocked: bool, as many axes as `values` or the first ones of them.

    Returns:
        The values.

    Example:
        >>> Unlearned()(ops.ones((2, 3)), ops.array([True, False])).shape
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
class FollowedBy(keras.layers.Layer):
    """Tells which positions of turned texts are followed by one of the given tokens.

    Args:
        tokens: list of int, token ids.

    Call arguments:
        text: int32 (batch, length), a decoder's input, whose next token is the target.
        turned: bool (batch,).

    Returns:
        bool (batch, length).

    Example:
        >>> FollowedBy([7])(ops.array([[2, 5, 7, 3]]), ops.array([True]))
        [[False, True, False, False]]
    """

    def __init__(self, tokens, **kwargs):
        super().__init__(**kwargs)
        self.tokens = list(tokens)

    def build(self, text_shape, turned_shape):
        """Nothing to build."""

    def call(self, text, turned):
        following = ops.concatenate([text[:, 1:], ops.zeros_like(text[:, :1])], axis=1)
        told = ops.any(ops.equal(following[..., None], ops.array(self.tokens, following.dtype)), axis=-1)
        return ops.logical_and(told, turned[:, None])

    def compute_output_spec(self, text, turned):
        return keras.KerasTensor(text.shape, "bool")

    def get_config(self):
        return {**super().get_config(), "tokens": self.tokens}
