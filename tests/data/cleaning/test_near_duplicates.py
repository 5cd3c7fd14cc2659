"""Twins are found within a split and across splits, and the one to evaluate on stays."""

import numpy as np
import tensorflow as tf

from tests.fixtures.cleaning import facts
from vtkeras.data.cleaning.facts import thumbnail
from vtkeras.data.cleaning.near_duplicates import near_duplicates
from vtkeras.data.cleaning.options import CleaningOptions


def find(*clips, **options):
    return [(mark.clip, mark.reason) for mark in near_duplicates(clips, CleaningOptions(**options))]


def one_square(difference):
    """A thumbnail that differs in one of its 256 squares alone."""
    return np.array([difference, *[0] * 255], np.float32)


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


def test_no_clips():
    assert find() == []


def test_thumbnail_by_hand():
    # The left half is 100 lighter than the right one: 50 above the mean and 50 below, in each of four frames.
    frames = np.full((5, 32, 16, 3), 20, np.uint8)
    frames[:, :, :8] = 120
    found = thumbnail(tf.constant(frames)).numpy().reshape(4, 8, 8)
    np.testing.assert_allclose(found[:, :, :4], 50, atol=0.01)
    np.testing.assert_allclose(found[:, :, 4:], -50, atol=0.01)
    brighter = thumbnail(tf.constant(frames + np.uint8(30))).numpy().reshape(4, 8, 8)
    np.testing.assert_allclose(brighter, found, atol=0.01)


def test_thumbnail_of_a_small_picture():
    assert thumbnail(tf.fill([1, 2, 3, 3], tf.constant(9, tf.uint8))).numpy().tolist() == [0] * 256
