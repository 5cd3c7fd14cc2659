"""Where one word looked, as a moving picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vtkeras.explain.overlay import HEAT, overlay

STRIP = 28  # pixels, for the words beneath
FONT = 15
SLOWEST, FASTEST = 2.0, 8.0  # frames a second at which a person can follow


def enlarge(frame: np.ndarray, side: int) -> np.ndarray:
    """Enlarges small frames by a whole factor to about `side` pixels, so that the tint is drawn finely.

    Args:
        frame: uint8 (height, width, 3).
        side: pixels of the longer side; larger frames stay as they are.
    """
    times = max(1, side // max(frame.shape[:2]))
    return frame.repeat(times, axis=0).repeat(times, axis=1)


def animate(
    frames: np.ndarray,
    words: list[str],
    chosen: list[int],
    maps: np.ndarray,
    times: np.ndarray,
    side: int = 256,
) -> np.ndarray:
    """Frames tinted where words looked, one word after the other, with the words beneath.

    Args:
        frames: uint8 (time, height, width, 3).
        words: all words; those chosen are marked in turn.
        chosen: which words to show.
        maps: float (words, time, rows, columns).
        times: float (time,), seconds, written under each frame with its share of the attention.
        side: pixels of the longer side of small frames.

    Returns:
        uint8 (len(chosen) * time, height, width, 3).

    Example:
        >>> animate(frames, ["a", "cat"], [1], maps, times).shape
        (8, 312, 256, 3)
    """
    large = [enlarge(frame, side) for frame in frames]
    pictures = []
    for word in chosen:
        peak = maps[word].max()
        for frame, grid, second in zip(large, maps[word], times):
            note = f"{second:.2f} s · {grid.sum():.0%}"
            pictures.append(_with_words(overlay(frame, grid, peak), words, word, note))
    return np.stack(pictures)


def pace(times: np.ndarray) -> float:
    """Frames a second of an animation: the clip's own, where a person can follow it.

    Example:
        >>> pace(np.array([0.0, 0.25, 0.5]))
        4.0
    """
    span = float(times[-1] - times[0])
    return float(np.clip((len(times) - 1) / span, SLOWEST, FASTEST)) if span > 0 else SLOWEST


def as_gif(pictures: np.ndarray, fps: float) -> bytes:
    """Pictures uint8 (time, height, width, 3) as a GIF that repeats."""
    # One palette for all: the colours of a tint would flicker from frame to frame.
    shown = Image.fromarray(pictures.reshape(-1, *pictures.shape[2:])).quantize(255)
    frames = [
        Image.fromarray(picture).quantize(palette=shown, dither=Image.Dither.NONE) for picture in pictures
    ]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=round(1000 / fps), loop=0)
    return data.getvalue()


def as_png(picture: np.ndarray) -> bytes:
    """A picture uint8 (height, width, 3) as a PNG."""
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    return data.getvalue()


def _with_words(picture: np.ndarray, words: list[str], current: int, note: str) -> np.ndarray:
    height, width, _ = picture.shape
    font = ImageFont.load_default(FONT)
    lines = _lines(words, width - 8, font)
    canvas = Image.new("RGB", (width, height + (len(lines) + 1) * STRIP), "black")
    canvas.paste(Image.fromarray(picture))
    draw = ImageDraw.Draw(canvas)
    for row, line in enumerate(lines):
        for place, left in line:
            colour = tuple(HEAT.astype(int)) if place == current else (190, 190, 190)
            draw.text((left, height + row * STRIP + 5), words[place], colour, font)
    draw.text((4, height + len(lines) * STRIP + 5), note, (130, 130, 130), font)
    return np.asarray(canvas)


def _lines(words: list[str], width: int, font) -> list[list[tuple[int, int]]]:
    """Breaks words into lines of (place, left edge in pixels)."""
    lines: list[list[tuple[int, int]]] = [[]]
    left = 4
    for place, word in enumerate(words):
        length = round(font.getlength(word))
        if lines[-1] and left + length > width:
            lines.append([])
            left = 4
        lines[-1].append((place, left))
        left += length + 7
    return lines
