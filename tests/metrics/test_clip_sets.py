"""Figures of sets of clips, beside arithmetic by hand."""

import tracemalloc

import numpy as np
import pytest

from vtkeras.metrics.clip_sets import (
    blurred,
    mean_distance_within,
    movement,
    movement_distance,
    nearest_distances,
)


def flat(*levels, time=2):
    """A clip of one grey level each, uint8 (clips, time, 4, 4, 3)."""
    return np.stack([np.full((time, 4, 4, 3), level, "uint8") for level in levels])


def test_nearest_distances():
    known = flat(*range(0, 70), 255)  # more than are compared at once
    np.testing.assert_allclose(nearest_distances(flat(10, 120, 255), known), [0, 51 / 255, 0], atol=1e-3)
    one = flat(0)
    one[0, 0, :2] = 255  # a quarter of the pixels: root of 1/4
    np.testing.assert_allclose(nearest_distances(one, flat(0)), [0.5], atol=1e-5)


def test_mean_distance_within():
    clips = flat(0, 51, 102, 255)
    # Within "a" the pairs differ by 51, 102 and 51 levels; "b" has one clip.
    assert mean_distance_within(clips, ["a", "a", "a", "b"]) == pytest.approx((0.2 + 0.4 + 0.2) / 3, abs=1e-5)
    assert mean_distance_within(clips, "abcd") is None


def test_pairs_of_many_clips_are_counted_once():
    # 100 black and 100 white clips, in turn: 10,000 of the 19,900 pairs differ, by 1.
    assert mean_distance_within(flat(*[0, 255] * 100), ["a"] * 200) == pytest.approx(10_000 / 19_900, abs=1e-6)


def test_many_clips_take_no_memory_as_floats():
    clips = flat(*[0, 255] * 500, time=40)  # 1,000 clips of 1,920 pixels: 1.9 MB, as floats 7.7 MB
    calls = [
        lambda: nearest_distances(clips, clips[:2]),
        lambda: mean_distance_within(clips, ["a"] * 500 + ["b"] * 500),
        lambda: blurred(clips),
    ]
    for call in calls:
        tracemalloc.start()
        call()
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
        tracemalloc.stop()


def test_movement():
    clip = np.concatenate([flat(0, time=1), flat(51, time=1), flat(51, time=1)], axis=1)
    np.testing.assert_allclose(movement(clip), [0.2, 0.0], atol=1e-6)
    # Steps 0.2 and 0 beside 0 and 0: half of them lie apart.
    assert movement_distance(clip, flat(7, time=3)) == pytest.approx(0.5)
    assert movement_distance(clip, clip) == 0


def test_blurred():
    clip = np.zeros((1, 1, 5, 5, 1), "uint8")
    clip[0, 0, 2, 2] = 90
    found = blurred(clip)[0, 0, :, :, 0]
    np.testing.assert_array_equal(found[1:4, 1:4], 10)
    assert found.sum() == 90
    np.testing.assert_array_equal(blurred(flat(77)), flat(77))
