"""Functional models assembled from parts handed in."""

from vtkeras.models.build import Parts, build_video_text_model
from vtkeras.models.decoder import DecoderBlock, TextDecoder
from vtkeras.models.ensemble import VideoTextEnsemble
from vtkeras.models.head_layers import ClassLogits, SharedSpace, StatementLogits, WrittenText
from vtkeras.models.linear_experts import LinearClasses, LinearExperts, LinearSpace
from vtkeras.models.linear_sentences import LinearSentences
from vtkeras.models.trunk import Trunk
from vtkeras.models.video_text import VideoTextModel

__all__ = [
    "ClassLogits",
    "DecoderBlock",
    "LinearClasses",
    "LinearExperts",
    "LinearSentences",
    "LinearSpace",
    "Parts",
    "SharedSpace",
    "StatementLogits",
    "TextDecoder",
    "Trunk",
    "VideoTextEnsemble",
    "VideoTextModel",
    "WrittenText",
    "build_video_text_model",
]
