"""Several clips as one picture."""

from __future__ import annotations

import numpy as np

SHEET = "contact_sheet.png"  # the file beside generated clips
SHOWN_FRAMES = 8


def contact_sheet(clips: np.ndarray, most: int = SHOWN_FRAMES) -> np.ndarray:
    """Clips uint8 (clips, time, height, width, 3) as one picture: a row each, its frames from left to right.

    Args:
        clips: of one size.
        most: frames of a clip, at even distances.

    Example:
        >>> contact_sheet(np.zeros((3, 16, 64, 64, 3), "uint8")).shape
        (192, 512, 3)
    """
    count = min(most, clips.shape[1])
    chosen = clips[:, np.linspace(0, clips.shape[1] - 1, count).round().astype(int)]
    rows, frames, height, width, channels = chosen.shape
    return chosen.transpose(0, 2, 1, 3, 4).reshape(rows * height, frames * width, channels)
