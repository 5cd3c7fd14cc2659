"""Writing small mp4 files with PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vtkeras.whole_files import replacing


def write_video(path: str | Path, frames: np.ndarray, fps: float) -> None:
    """Writes an mp4 (H.264, yuv420p) that every browser plays; the file appears only when whole.

    Args:
        path: where to write; an existing file is replaced.
        frames: uint8 (time, height, width, 3), RGB. Odd sizes are padded by repeating the edge.
        fps: frames a second.

    Raises:
        UserError: when the disk is full or the folder cannot be written.

    Example:
        >>> write_video("clip.mp4", np.zeros((16, 64, 64, 3), np.uint8), fps=8)
    """
    _, height, width, _ = frames.shape
    frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    with replacing(path) as temporary:
        # A slow rate needs a larger denominator: what is rounded off adds up over a long video.
        _encode(temporary, frames, Fraction(fps).limit_denominator(max(1000, round(1000 / fps))))


def _encode(path: Path, frames: np.ndarray, rate: Fraction) -> None:
    options = {"movflags": "+faststart"}
    with av.open(f"file:{path.absolute()}", "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
