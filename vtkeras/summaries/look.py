"""How a shot looks, whatever the model knows: colour histograms of the quarters of its frames."""

from __future__ import annotations

import cv2
import numpy as np

BLACK = 40  # of 255: below this brightness a pixel has no colour to speak of
GREY = 40  # of 255: below this saturation it has none either
HUES, SATURATIONS, BRIGHTNESSES, GREYS = 8, 2, 2, 4
BINS = 1 + GREYS + HUES * SATURATIONS * BRIGHTNESSES
QUARTERS = 4


def look(frames: np.ndarray) -> np.ndarray:
    """The square roots of colour shares, in each quarter of the picture.

    The product of two looks is the Bhattacharyya coefficient of their histograms, 1 for equal ones and 0
    for colours that never meet in the same quarter.

    Args:
        frames: uint8 (time, height, width, 3), RGB.

    Returns:
        float32 (4 * 37,), a unit vector.

    Example:
        >>> red, blue = np.zeros((2, 1, 8, 8, 3), np.uint8)
        >>> red[..., 0], blue[..., 2] = 255, 255
        >>> float(look(red) @ look(red)), float(look(red) @ look(blue))
        (1.0, 0.0)
    """
    bins = np.stack([_bins(frame) for frame in frames])
    _, height, width = bins.shape
    # A frame of one pixel has but one quarter; the others are then the same.
    rows = (slice(0, max(height // 2, 1)), slice(height // 2, None))
    columns = (slice(0, max(width // 2, 1)), slice(width // 2, None))
    shares = [np.bincount(bins[:, row, column].ravel(), minlength=BINS) for row in rows for column in columns]
    shares = np.array(shares, np.float32) / np.sum(shares, axis=1, keepdims=True)
    return np.sqrt(shares / QUARTERS).ravel().astype(np.float32)


def _bins(frame: np.ndarray) -> np.ndarray:
    """The bin of each pixel, int (height, width): black, then greys, then colours."""
    hue, saturation, brightness = cv2.split(cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2HSV_FULL))
    grey = 1 + brightness.astype(int) * GREYS // 256
    colour = 1 + GREYS + hue.astype(int) * HUES // 256
    colour += HUES * (saturation >= 128) + HUES * SATURATIONS * (brightness >= 128)
    return np.where(brightness < BLACK, 0, np.where(saturation < GREY, grey, colour))
