"""Functional models assembled from parts handed in."""

from vtkeras.models.build import build_video_text_model, choose
from vtkeras.models.decoder import DecoderBlock, TextDecoder
from vtkeras.models.video_text import VideoTextModel

__all__ = ["DecoderBlock", "TextDecoder", "VideoTextModel", "build_video_text_model", "choose"]
