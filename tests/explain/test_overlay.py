import numpy as np
import pytest

from vtkeras.data import fonts
from vtkeras.explain.overlay import HEAT, MOST_WORDS, caption_picture, overlay


def test_by_hand():
    # One patch over a gray frame: the full tint is 0.8 of (255, 96, 0) and 0.2 of the frame's 100:
    # 0.8 * 255 + 20 = 224, 0.8 * 96 + 20 = 96.8, 20. With a peak twice as high, half of that tint:
    # 0.4 * 255 + 0.6 * 100 = 162, 0.4 * 96 + 60 = 98.4, 60.
    frame = np.full((4, 4, 3), 100, "uint8")
    assert overlay(frame, np.array([[0.3]]))[2, 1].tolist() == [224, 97, 20]
    assert overlay(frame, np.array([[0.3]]), peak=0.6)[2, 1].tolist() == [162, 98, 60]


def test_no_attention_leaves_the_frame():
    frame = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype="uint8")
    np.testing.assert_array_equal(overlay(frame, np.zeros((2, 2))), frame)


@pytest.mark.parametrize("row,column", [(0, 0), (0, 3), (3, 1)])
def test_tint_lies_where_the_attention_is(row, column):
    weights = np.zeros((4, 4))
    weights[row, column] = 1
    red = overlay(np.zeros((32, 64, 3), "uint8"), weights)[..., 0]
    at = np.unravel_index(red.argmax(), red.shape)
    assert (at[0] // 8, at[1] // 16) == (row, column)
    assert 0.75 * HEAT[0] < red.max() <= 0.8 * HEAT[0]  # between the middles of two pixels it is a little less


def test_caption_picture():
    frames = np.full((3, 16, 16, 3), 50, "uint8")
    attention = np.zeros((4, 3, 1, 1))
    attention[0, 2] = attention[3, 0] = 0.5
    picture = caption_picture(frames, ["digit", "", "", "7"], attention)
    # Two words, so two rows of 16 pixels; a margin of 72 and three columns of 16.
    assert picture.shape == (32, 72 + 48, 3) and picture.dtype == np.uint8
    tinted = picture[8::16, 72 + 8 :: 16, 0] > 150
    assert tinted.tolist() == [[False, False, True], [True, False, False]]


def test_caption_picture_without_words():
    picture = caption_picture(np.zeros((2, 8, 8, 3), "uint8"), ["", ""], np.zeros((2, 2, 1, 1)))
    assert picture.shape == (8, 88, 3)


def margin(word):
    """What stands beside the one row of a word."""
    return caption_picture(np.zeros((1, 16, 16, 3), "uint8"), [word], np.zeros((1, 1, 1, 1)))[:, :72]


def test_words_of_other_alphabets_are_drawn(monkeypatch):
    for one, other in (("кот", "пёс"), ("γ", "δ"), ("ä", "ö"), ("ب", "ت")):
        assert (margin(one) != margin(other)).any()
    monkeypatch.setattr(fonts, "_installed", list)
    fonts.font_of.cache_clear()
    np.testing.assert_array_equal(margin("猫"), margin("1"))  # its number, as no font has it
    fonts.font_of.cache_clear()


def test_a_long_caption_is_cut():
    picture = caption_picture(np.zeros((1, 8, 8, 3), "uint8"), ["a"] * (MOST_WORDS + 1), np.zeros((41, 1, 1, 1)))
    assert picture.shape == (40 * 8, 72 + 8, 3)
