"""Figures of sets of clips, beside arithmetic by hand."""

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
