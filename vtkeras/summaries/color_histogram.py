"""The appearance of a shot, independent of any model: colour histograms of the quarters of its frames."""

from __future__ import annotations

import cv2
import numpy as np

BLACK_THRESHOLD = 40  # brightness, of 255; a darker pixel counts as black
GREY_THRESHOLD = 40  # saturation, of 255; a less saturated pixel counts as grey
HUES, SATURATIONS, BRIGHTNESSES, GREYS = 8, 2, 2, 4
BINS = 1 + GREYS + HUES * SATURATIONS * BRIGHTNESSES
QUARTERS = 4


def color_histogram(frames: np.ndarray) -> np.ndarray:
    """The square roots of colour shares, in each quarter of the picture.

    The dot product of two results is the Bhattacharyya coefficient of their histograms, 1 for equal ones and 0
    for colours that never meet in the same quarter.

    Args:
        frames: uint8 (time, height, width, 3), RGB.

    Returns:
        float32 (4 * 37,), a unit vector.

    Example:
        >>> red, blue = np.zeros((2, 1, 8, 8, 3), np.uint8)
        >>> red[..., 0], blue[..., 2] = 255, 255
        >>> float(color_histogram(red) @ color_histogram(red)), float(color_histogram(red) @ color_histogram(blue))
        (1.0, 0.0)
    """
    bins = np.stack([_bins(frame) for frame in frames])
    _, height, width = bins.shape
    # Where a side has one pixel, both halves of it are that pixel.
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
    return np.where(brightness < BLACK_THRESHOLD, 0, np.where(saturation < GREY_THRESHOLD, grey, colour))
