"""Losses. Each gives one value per example before reduction."""

from vtkeras.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from vtkeras.losses.captions import SequenceCrossEntropy
from vtkeras.losses.contrastive import ContrastiveLoss
from vtkeras.losses.ssim import SsimLoss

__all__ = ["ADVERSARIAL_LOSSES", "AdversarialLoss", "ContrastiveLoss", "SequenceCrossEntropy", "SsimLoss"]
