"""Losses. Each gives one value per example before reduction."""

from vtkeras.losses.captions import SequenceCrossEntropy
from vtkeras.losses.contrastive import ContrastiveLoss
from vtkeras.losses.ssim import SsimLoss

__all__ = ["ContrastiveLoss", "SequenceCrossEntropy", "SsimLoss"]
