"""Attention drawn over frames."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = ImageFont.load_default()
HEAT = np.array([255.0, 96.0, 0.0])  # orange: visible on dark and on light frames


def overlay(frame: np.ndarray, weights: np.ndarray, peak: float | None = None) -> np.ndarray:
    """Tints a frame where the attention is high.

    Args:
        frame: uint8 (height, width, 3).
        weights: float (rows, columns), attention of the patches of this frame, none negative.
        peak: the weight that gets the full tint; None takes the frame's own highest.

    Returns:
        uint8 (height, width, 3).

    Example:
        >>> overlay(np.zeros((4, 4, 3), "uint8"), np.array([[1.0, 0.0], [0.0, 0.0]])).max()
        204
    """
    height, width, _ = frame.shape
    peak = weights.max() if peak is None else peak
    strength = np.clip(weights / peak, 0, 1) if peak > 0 else np.zeros_like(weights)
    heat = Image.fromarray(strength.astype("float32")).resize((width, height), Image.Resampling.BILINEAR)
    alpha = 0.8 * np.asarray(heat)[..., None]
    return (frame * (1 - alpha) + HEAT * alpha).round().astype("uint8")


def caption_picture(
    frames: np.ndarray, words: list[str], attention: np.ndarray, scale: int = 1
) -> np.ndarray:
    """A table of pictures: a row a word, a column a frame, tinted where the word looked.

    Args:
        frames: uint8 (time, height, width, 3).
        words: the words; an empty string has no row.
        attention: float (words, time, rows, columns).
        scale: int, frames are enlarged this many times.

    Returns:
        uint8 (height, width, 3) picture with the words in a margin on the left.
    """
    time, height, width, _ = frames.shape
    shown = [index for index, word in enumerate(words) if word]
    longest = max((FONT.getlength(words[index]) for index in shown), default=0)
    height, width, margin = height * scale, width * scale, max(72, round(longest) + 8)
    canvas = Image.new("RGB", (margin + time * width, max(len(shown), 1) * height), "white")
    draw = ImageDraw.Draw(canvas)
    for row, index in enumerate(shown):
        draw.text((4, row * height + height // 2 - 6), words[index], "black", FONT)
        peak = attention[index].max()
        for column in range(time):
            tinted = Image.fromarray(overlay(frames[column], attention[index, column], peak))
            canvas.paste(tinted.resize((width, height)), (margin + column * width, row * height))
    return np.asarray(canvas)
