"""Twins are found within a split and across splits, and the one to evaluate on stays."""

import numpy as np
import tensorflow as tf

from tests.fixtures.cleaning import facts
from vtkeras.data.cleaning import near_duplicates as twins
from vtkeras.data.cleaning.facts import thumbnail, tints
from vtkeras.data.cleaning.near_duplicates import near_duplicates
from vtkeras.data.cleaning.options import CleaningOptions


def find(*clips, **options):
    return [(mark.clip, mark.reason) for mark in near_duplicates(clips, CleaningOptions(**options))]


def one_square(difference):
    """A thumbnail of which one square is another in all eight frames."""
    squares = np.zeros((8, 256), np.float32)
    squares[:, 0] = difference
    return squares.ravel()


def moving_square(*columns, height=12.0):
    """A thumbnail with a square that is elsewhere in each of its eight frames."""
    squares = np.zeros((8, 16, 16), np.float32)
    squares[range(8), 5, columns] = height
    return squares.ravel()


def test_the_first_of_a_split_stays():
    clips = facts("a"), facts("b", thumbnail=one_square(16)), facts("c", thumbnail=one_square(17)), facts("d")
    # b differs by as much as is allowed, c by more; c and b are twins, but b is gone.
    assert find(*clips) == [("b", "near_duplicate"), ("d", "near_duplicate")]
    assert find(*clips, twin_luma=1) == [("d", "near_duplicate"), ("c", "near_duplicate")]
    assert find(*clips, twin_luma=0) == []


def test_of_a_leak_the_clip_to_train_on_goes():
    clips = facts("a"), facts("b", split="validation"), facts("c", split="test"), facts("d")
    assert find(*clips) == [("a", "leak"), ("b", "leak"), ("d", "leak")]
    [first, *_] = near_duplicates(clips, CleaningOptions())
    assert first.detail.startswith("shows what c shows (largest difference 0 of 255), which is in the split test: ")


def test_a_mirrored_clip_is_a_twin():
    there, mirrored = moving_square(*range(8)), moving_square(*range(15, 7, -1))
    [mark] = near_duplicates([facts("a", thumbnail=there), facts("b", thumbnail=mirrored)], CleaningOptions())
    assert mark.clip == "b" and mark.detail == "shows what a shows, mirrored (largest difference 0 of 255)"


def test_a_mirrored_clip_of_which_other_things_are_said_is_no_twin():
    there, mirrored = moving_square(*range(8)), moving_square(*range(15, 7, -1))
    right = facts("right", "a red square moves right", thumbnail=there)
    assert find(right, facts("left", "a red square moves left", thumbnail=mirrored)) == []
    assert find(right, facts("copy", "A red square moves right.", thumbnail=mirrored)) == [("copy", "near_duplicate")]
    assert find(right, facts("copy", "another caption", thumbnail=there)) == [("copy", "near_duplicate")]
    asked = facts("asked", thumbnail=there, other_texts=("where?\nto the left",))
    assert find(asked, facts("other", thumbnail=mirrored, other_texts=("where?\nto the right",))) == []
    assert find(asked, facts("same", thumbnail=mirrored, other_texts=("where?\nto the left",))) != []


def test_a_fixed_camera_does_not_make_twins_of_what_moves_otherwise():
    there = facts("there", thumbnail=moving_square(*range(8)))
    back = facts("back", thumbnail=moving_square(*range(7, -1, -1)))  # no square differs by more than 12
    assert find(there, back) == [] and find(there, back, twin_motion=0) == [("back", "near_duplicate")]
    fainter = facts("fainter", thumbnail=moving_square(*range(8), height=9))
    assert find(there, fainter) == [("fainter", "near_duplicate")]


def test_texts_are_read_only_where_pictures_are_alike(monkeypatch):
    """All clips of a fixed camera are near each other, and each comparison of texts would take its time."""
    compared = []
    monkeypatch.setattr(twins, "_texts", lambda clip: compared.append(clip.clip))
    there = facts("there", thumbnail=moving_square(*range(8)))
    back = facts("back", thumbnail=moving_square(*range(8, 16)))  # its mirror image moves the other way
    assert find(there, back) == [] and compared == []
    assert find(there, facts("mirrored", thumbnail=moving_square(*range(15, 7, -1)))) != []
    assert compared == ["mirrored", "there"]


def test_many_clips_are_compared_in_parts(monkeypatch):
    clips = [facts(str(number), thumbnail=one_square(5 * number)) for number in range(9)]
    whole = find(*clips)
    # Up to 15 is alike: 0 stays without 1 to 3, 4 without 5 to 7, and 8.
    assert [name for name, _ in whole] == ["1", "2", "3", "5", "6", "7"]
    monkeypatch.setattr(twins, "CHUNK", 2)
    assert find(*clips) == whole


def test_what_differs_in_colour_alone_is_no_copy():
    left = np.zeros((8, 4, 4, 3), np.float32)
    left[:, :, 0] = [17, -5, 0]
    assert find(facts("gray"), facts("red", tints=left)) == []
    assert find(facts("gray"), facts("red", tints=left), twin_colour=17) == [("red", "near_duplicate")]
    there, mirrored = moving_square(*range(8)), moving_square(*range(15, 7, -1))
    clips = facts("a", thumbnail=there, tints=left), facts("b", thumbnail=mirrored, tints=left[:, :, ::-1])
    assert find(*clips) == [("b", "near_duplicate")]


def test_tints_by_hand():
    # Red of 100 has a luma of 21.25: what is left of it is 78.75 red, and as much less than gray of the others.
    frames = np.zeros((3, 8, 8, 3), np.uint8)
    frames[:, :, :4, 0] = 100
    found = tints(tf.constant(frames)).numpy()
    assert found.shape == (8, 4, 4, 3)
    np.testing.assert_allclose(found[:, :, :2], np.broadcast_to([78.75, -21.25, -21.25], (8, 4, 2, 3)), atol=0.01)
    np.testing.assert_allclose(found[:, :, 2:], 0, atol=0.01)


def test_no_clips():
    assert find() == []


def test_thumbnail_by_hand():
    # The left half is 100 lighter than the right one: 50 above the mean and 50 below, in each of eight frames.
    frames = np.full((5, 32, 16, 3), 20, np.uint8)
    frames[:, :, :8] = 120
    found = thumbnail(tf.constant(frames)).numpy().reshape(8, 16, 16)
    np.testing.assert_allclose(found[:, :, :8], 50, atol=0.01)
    np.testing.assert_allclose(found[:, :, 8:], -50, atol=0.01)
    brighter = thumbnail(tf.constant(frames + np.uint8(30))).numpy().reshape(8, 16, 16)
    np.testing.assert_allclose(brighter, found, atol=0.01)


def test_thumbnail_of_a_small_picture():
    assert thumbnail(tf.fill([1, 2, 3, 3], tf.constant(9, tf.uint8))).numpy().tolist() == [0] * 2048
