"""Encoders. Each gives {"sequence": (batch, length, dim), "mask": (batch, length), "pooled": (batch, dim)}."""

from vtkeras.encoders.convnet import convnet_tiny
from vtkeras.encoders.efficientnet_lite import VARIANTS, fine_frame_encoder, frame_encoder, pyramid_frame_encoder
from vtkeras.encoders.frames import FRAME_ENCODERS, FrameEncoder
from vtkeras.encoders.minilm import minilm
from vtkeras.encoders.nfnet import nfnet_tiny
from vtkeras.encoders.spatial_softmax import SpatialSoftmaxTokens
from vtkeras.encoders.temporal import TEMPORAL_ENCODERS
from vtkeras.encoders.text import TEXT_ENCODERS

FINE, PYRAMID = "_fine", "_pyramid"  # end the names of encoders that read another one halfway, and at three depths

FRAME_ENCODERS["convnet_tiny"] = convnet_tiny
FRAME_ENCODERS["nfnet_tiny"] = nfnet_tiny
FRAME_ENCODERS.update({name: frame_encoder(name) for name in VARIANTS})
FRAME_ENCODERS.update({name + FINE: fine_frame_encoder(name) for name in VARIANTS})
FRAME_ENCODERS.update({name + PYRAMID: pyramid_frame_encoder(name) for name in VARIANTS})
TEXT_ENCODERS["minilm"] = minilm
TEMPORAL_ENCODERS["spatial_softmax"] = SpatialSoftmaxTokens

__all__ = ["FINE", "FRAME_ENCODERS", "PYRAMID", "TEMPORAL_ENCODERS", "TEXT_ENCODERS", "FrameEncoder"]
