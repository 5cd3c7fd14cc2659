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
CAUSAL_FUSIONS = {name: fusion for name, fusion in FUSIONS.items() if fusion.causal}  # no word sees those after it

__all__ = ["CAUSAL_FUSIONS", "FUSIONS", "Fusion"]
