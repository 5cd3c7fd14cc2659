"""Where one word looked, as a moving picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw
from PIL.ImageFont import FreeTypeFont

from vtkeras.data.fonts import drawable, own_font
from vtkeras.explain.overlay import HEAT, MOST_WORDS, overlay

STRIP, BASELINE = 28, 20  # pixels, for a line of words beneath, and from its top to where the letters stand
FONT = 15
MOST_LINES = 6  # of words; of more, those around the word that is shown
SLOWEST, FASTEST = 2.0, 8.0  # frames a second at which a person can follow


def enlarge(frame: np.ndarray, side: int) -> np.ndarray:
    """Enlarges small frames by a whole factor to about `side` pixels, so that the tint is drawn finely.

    Args:
        frame: uint8 (height, width, 3).
        side: pixels of the longer side; larger frames stay as they are.
    """
    times = max(1, side // max(frame.shape[:2]))
    return frame.repeat(times, axis=0).repeat(times, axis=1)


def fit(frames: np.ndarray, side: int) -> np.ndarray:
    """As `enlarge`, of every frame, and scales larger ones down to `side` pixels.

    Args:
        frames: uint8 (time, height, width, 3).
        side: pixels of the longer side.
    """
    pictures = [Image.fromarray(enlarge(frame, side)) for frame in frames]
    for picture in pictures:
        picture.thumbnail((side, side), Image.Resampling.BOX)
    return np.stack([np.asarray(picture) for picture in pictures])


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
        chosen: which words to show, of which the first `MOST_WORDS` are.
        maps: float (words, time, rows, columns).
        times: float (time,), seconds, written under each frame with its share of the attention.
        side: pixels of the longer side of the frames.

    Returns:
        uint8 (words shown * time, height, width, 3). Where no font shows a word, its number from 1 stands for it.

    Example:
        >>> animate(frames, ["a", "cat"], [1], maps, times).shape
        (8, 312, 256, 3)
    """
    fitted = fit(frames, side)
    names = [drawable(word, number, FONT) for number, word in enumerate(words, start=1)]
    pictures = []
    for word in chosen[:MOST_WORDS]:
        peak = maps[word].max()
        for frame, grid, second in zip(fitted, maps[word], times):
            note = f"{second:.2f} s · {grid.sum():.0%}"
            pictures.append(_with_words(overlay(frame, grid, peak), names, word, note))
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


def _with_words(picture: np.ndarray, names: list[tuple[str, FreeTypeFont]], current: int, note: str) -> np.ndarray:
    height, width, _ = picture.shape
    lines = _around(_lines(names, width - 8), current)
    canvas = Image.new("RGB", (width, height + (len(lines) + 1) * STRIP), "black")
    canvas.paste(Image.fromarray(picture))
    draw = ImageDraw.Draw(canvas)
    for row, line in enumerate(lines):
        for place, left in line:
            colour = tuple(HEAT.astype(int)) if place == current else (190, 190, 190)
            name, font = names[place]
            draw.text((left, height + row * STRIP + BASELINE), name, colour, font, anchor="ls")
    draw.text((4, height + len(lines) * STRIP + BASELINE), note, (130, 130, 130), own_font(FONT), anchor="ls")
    return np.asarray(canvas)


def _lines(names: list[tuple[str, FreeTypeFont]], width: int) -> list[list[tuple[int, int]]]:
    """Breaks words into lines of (place, left edge in pixels)."""
    lines: list[list[tuple[int, int]]] = [[]]
    left = 4
    for place, (name, font) in enumerate(names):
        length = round(font.getlength(name))
        if lines[-1] and left + length > width:
            lines.append([])
            left = 4
        lines[-1].append((place, left))
        left += length + 7
    return lines


def _around(lines: list[list[tuple[int, int]]], current: int) -> list[list[tuple[int, int]]]:
    """The `MOST_LINES` lines around the one that holds a word."""
    row = next(number for number, line in enumerate(lines) if current <= line[-1][0])
    first = max(0, min(row - MOST_LINES // 2, len(lines) - MOST_LINES))
    return lines[first : first + MOST_LINES]
