"""Attention drawn over frames."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from vtkeras.data.fonts import drawable

FONT = 11  # pixels
HEAT = np.array([255.0, 96.0, 0.0])  # orange: visible on dark and on light frames
MOST_WORDS = 40  # in a picture or an animation, which long captions would make gigabytes large


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


def caption_picture(frames: np.ndarray, words: list[str], attention: np.ndarray) -> np.ndarray:
    """A table of pictures: a row a word, a column a frame, tinted where the word looked.

    Args:
        frames: uint8 (time, height, width, 3).
        words: the words; an empty string has no row, nor has any word after the first `MOST_WORDS` others.
        attention: float (words, time, rows, columns).

    Returns:
        uint8 (height, width, 3) picture with the words in a margin on the left; the number of a word, from 1, where no
        font shows it.
    """
    time, height, width, _ = frames.shape
    shown = [index for index, word in enumerate(words) if word][:MOST_WORDS]
    names = [drawable(words[index], index + 1, FONT) for index in shown]
    margin = max(72, round(max((font.getlength(name) for name, font in names), default=0)) + 8)
    canvas = Image.new("RGB", (margin + time * width, max(len(shown), 1) * height), "white")
    draw = ImageDraw.Draw(canvas)
    for row, (index, (name, font)) in enumerate(zip(shown, names)):
        draw.text((4, row * height + height // 2), name, "black", font, anchor="lm")
        peak = attention[index].max()
        for column in range(time):
            tinted = Image.fromarray(overlay(frames[column], attention[index, column], peak))
            canvas.paste(tinted, (margin + column * width, row * height))
    return np.asarray(canvas)
