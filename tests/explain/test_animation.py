import io

import numpy as np
import pytest
from PIL import Image

from vtkeras.explain.animation import MOST_LINES, STRIP, animate, as_gif, as_png, enlarge, fit, pace

FRAMES = np.full((3, 8, 8, 3), 50, "uint8")
MAPS = np.zeros((2, 3, 1, 1))
MAPS[0, 2] = MAPS[1, 0] = 1.0  # the first word looked at the last frame, the second at the first
TIMES = np.array([0.0, 0.25, 0.5])


def test_words_in_turn():
    found = animate(FRAMES, ["digit", "7"], [0, 1], MAPS, TIMES, side=64)
    # Two words of three frames each; 8 pixels become 64, with a line of words and a line of notes beneath.
    assert found.shape == (6, 64 + 2 * STRIP, 64, 3) and found.dtype == np.uint8
    tinted = found[:, 32, 32, 0] > 150
    assert tinted.tolist() == [False, False, True, True, False, False]


def test_chosen_word_is_marked():
    first, second = animate(FRAMES[:1], ["digit", "7"], [0, 1], MAPS[:, :1], TIMES[:1], side=64)[
        :, 64 : 64 + STRIP
    ]
    orange = [
        (part[..., 0].astype(int) - part[..., 2] > 100).any(axis=0).nonzero()[0] for part in (first, second)
    ]
    assert orange[0].max() < orange[1].min()  # the words stand side by side, each in its own place


def test_many_and_odd_words_are_broken_into_lines():
    words = ["incomprehensibilities"] * 3 + ["你好", "👍", ""]
    found = animate(FRAMES, words, [5], np.ones((6, 3, 1, 1)), TIMES, side=64)
    assert found.shape[1] == 64 + 5 * STRIP  # a line for each long word, one for the rest, one for the note


@pytest.mark.parametrize("size, side, expected", [((8, 6), 64, (64, 48)), ((300, 8), 64, (300, 8))])
def test_enlarge(size, side, expected):
    assert enlarge(np.zeros((*size, 3), "uint8"), side).shape[:2] == expected


@pytest.mark.parametrize("size, expected", [((8, 6), (64, 48)), ((128, 96), (64, 48)), ((300, 8), (64, 2))])
def test_fit(size, expected):
    assert fit(np.zeros((3, *size, 3), "uint8"), 64).shape == (3, *expected, 3)


def test_fit_takes_means():
    # Stripes of 0 and 200, two pixels each, become pixels of 100 where four are one.
    frame = np.zeros((1, 8, 8, 3), "uint8")
    frame[:, :, 2:4] = frame[:, :, 6:] = 200
    assert (fit(frame, 2) == 100).all()


def test_of_many_lines_those_around_the_word_are_shown():
    words = ["incomprehensibilities"] * 20  # a line each
    first, middle, last = animate(FRAMES[:1], words, [0, 10, 19], np.ones((20, 1, 1, 1)), TIMES, side=64)
    assert first.shape == middle.shape == last.shape == (64 + (MOST_LINES + 1) * STRIP, 64, 3)
    for picture, row in ((first, 0), (middle, 3), (last, 5)):
        lines = picture[64:].reshape(-1, STRIP, 64, 3).astype(int)
        assert [place for place, line in enumerate(lines) if (line[..., 0] - line[..., 2] > 100).any()] == [row]


@pytest.mark.parametrize(
    "times, fps", [([0, 0.25, 0.5], 4), ([0, 600, 1200], 2), ([0, 0.01, 0.02], 8), ([3.0], 2)]
)
def test_pace(times, fps):
    # 2 steps in half a second are 4 a second; a person follows 2 to 8.
    assert pace(np.array(times)) == fps


def test_gif_is_read_back():
    pictures = np.zeros((3, 20, 20, 3), "uint8")
    pictures[1, :10] = [250, 100, 0]
    gif = Image.open(io.BytesIO(as_gif(pictures, fps=4)))
    assert gif.n_frames == 3 and gif.info["duration"] == 250 and gif.info["loop"] == 0
    gif.seek(1)
    shown = np.asarray(gif.convert("RGB")).astype(int)
    assert np.abs(shown - pictures[1]).max() < 12


def test_png_is_read_back():
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype="uint8")
    np.testing.assert_array_equal(Image.open(io.BytesIO(as_png(picture))), picture)
