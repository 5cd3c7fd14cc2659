"""Readers of video and image files: with PyAV, and with Pillow where FFmpeg does not decode."""

from __future__ import annotations

import os
from pathlib import Path

from vtkeras.data.containers import ANIMATED_WEBP, EXTENSIONS, container_format_of
from vtkeras.data.readers.av_reader import AvReader
from vtkeras.data.readers.base import Frame, Reader, VideoInfo
from vtkeras.data.readers.webp_reader import WebpReader
from vtkeras.errors import PassingError, UserError

__all__ = ["AvReader", "Frame", "Reader", "VideoInfo", "WebpReader", "open_reader"]


def open_reader(path: str | Path) -> AvReader | WebpReader:
    """Opens a video or image file with the reader of its container.

    Raises:
        UserError: for an empty or unknown file, or one that does not decode; a `PassingError` for a missing one.
    """
    path = Path(path)
    if not path.is_file():
        closed = "" if os.access(path, os.R_OK | os.X_OK) else " that cannot be read"
        raise PassingError(f"No video file {path}{f': it is a folder{closed}' if path.is_dir() else ''}.")
    if not path.stat().st_size:
        raise UserError(f"{path} is empty.")
    container_format = container_format_of(path)
    if container_format is None:
        known = ", ".join(extension[1:] for extension in EXTENSIONS)
        raise UserError(f"{path} is not a video or image that can be read ({known}).")
    return WebpReader(path) if container_format == ANIMATED_WEBP else AvReader(path, container_format)
