"""Fusion strategies. A new one is one file here and one line in `FUSIONS`."""

from vtkeras.fusion.base import Fusion
from vtkeras.fusion.co_attention import CoAttentionFusion
from vtkeras.fusion.concat import ConcatFusion
from vtkeras.fusion.cross_attention import CrossAttentionFusion
from vtkeras.fusion.early import EarlyFusion

FUSIONS = {
    "cross_attention": CrossAttentionFusion,
    "co_attention": CoAttentionFusion,
    "early": EarlyFusion,
    "concat": ConcatFusion,
}

__all__ = ["FUSIONS", "Fusion"]
