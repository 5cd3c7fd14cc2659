"""Layers that encoders, fusion, decoder and models are made of; `keras.ops` only."""

from vtkeras.layers.cross_attention import CrossAttention, causal_mask, masked_softmax
from vtkeras.layers.feed_forward import FeedForward
from vtkeras.layers.frame_matching import FrameMatching
from vtkeras.layers.gradient_reversal import GradientReversal
from vtkeras.layers.modulated_block import ModulatedBlock
from vtkeras.layers.patch_flow import PatchFlow
from vtkeras.layers.patches import PatchMerge
from vtkeras.layers.pooling import MaskedMax, MaskedMean
from vtkeras.layers.positions import SpaceTimePosition
from vtkeras.layers.relation_attention import RelationAttention
from vtkeras.layers.rms_norm import rms_norm
from vtkeras.layers.rotate_motion import MaskGradient, NextTokenMask, RotateMotion
from vtkeras.layers.soft_shift import SoftShift
from vtkeras.layers.space_to_depth import depth_to_space, space_to_depth
from vtkeras.layers.standardized_conv import StandardizedConv2D

__all__ = [
    "CrossAttention",
    "FeedForward",
    "FrameMatching",
    "GradientReversal",
    "NextTokenMask",
    "MaskedMax",
    "MaskedMean",
    "ModulatedBlock",
    "PatchFlow",
    "PatchMerge",
    "RelationAttention",
    "SoftShift",
    "SpaceTimePosition",
    "StandardizedConv2D",
    "RotateMotion",
    "MaskGradient",
    "causal_mask",
    "depth_to_space",
    "masked_softmax",
    "rms_norm",
    "space_to_depth",
]
