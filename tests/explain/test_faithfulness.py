"""Curves by hand: an output that rests on one known patch."""

import numpy as np
import pytest

from vtkeras.explain import faithfulness
from vtkeras.explain.faithfulness import Faithfulness, Sweep, measure, pixel_change, sweep, without

GRID = (1, 2, 2)
# Four patches of 2 x 2 pixels, all black but the last one, which is white: the median colour is black.
FRAMES = np.zeros((1, 4, 4, 3), "uint8")
FRAMES[0, 2:, 2:] = 255


def last_patch(clips):
    """How white the last patch is: 1 where it is there, 0 where it was filled."""
    return clips[:, 0, 2:, 2:].mean(axis=(1, 2, 3)) / 255


def test_the_right_order_by_hand():
    # The patch goes first: 1 before, 0 from a quarter on. Deletion: a triangle of base 1/4, area 1/8.
    # Insertion: 0 before, 1 from a quarter on: 1 - 1/8.
    found = sweep(last_patch, FRAMES, np.array([3, 0, 1, 2]), GRID)
    np.testing.assert_array_equal(found.shares, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_array_equal(found.deletion, [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(found.insertion, [0, 1, 1, 1, 1])
    assert found.deletion_auc == 1 / 8 and found.insertion_auc == 7 / 8


def test_the_worst_order_by_hand():
    # The patch goes last: 1 until three quarters, then down to 0: 3/4 + 1/8.
    found = sweep(last_patch, FRAMES, np.array([0, 1, 2, 3]), GRID)
    assert found.deletion_auc == 7 / 8 and found.insertion_auc == 1 / 8


def test_fewer_steps():
    # Two steps of two patches each; the patch is in the first one: a triangle of base 1/2.
    found = sweep(last_patch, FRAMES, np.array([0, 3, 1, 2]), GRID, steps=2)
    np.testing.assert_array_equal(found.shares, [0, 0.5, 1])
    assert found.deletion_auc == 1 / 4 and found.insertion_auc == 3 / 4


def test_a_map_is_followed_from_its_highest_value_on():
    np.testing.assert_array_equal(faithfulness.falling(np.array([[[0.1, 0.4], [0.3, 0.2]]])), [1, 2, 3, 0])


def test_several_outputs_at_once():
    both = sweep(
        lambda clips: np.stack([last_patch(clips), 1 - last_patch(clips)], 1), FRAMES, np.arange(4), GRID
    )
    assert both.of(0).deletion_auc == 7 / 8 and both.of(1).deletion_auc == 1 / 8


# 4 x 4 patches of a pixel each; the output is the last one's. A random order has it at place p of 16 (from
# 0): deletion area (p + 1/2) / 16. The right map has 1/32, which one random order in 16 has as well.
WIDE = np.zeros((1, 4, 4, 3), "uint8")
WIDE[0, 3, 3] = 255
RIGHT = np.zeros((1, 4, 4))
RIGHT[0, 3, 3] = 1


def last_pixel(clips):
    return clips[:, 0, 3, 3, 0] / 255


def test_right_map_is_faithful():
    found = measure(last_pixel, WIDE, RIGHT, seed=0)
    places = [int(np.flatnonzero(order == 15)[0]) for order in faithfulness.random_orders(16, 20, seed=0)]
    chance = found.against_random()
    assert chance["random_deletion_auc"] == pytest.approx((np.mean(places) + 0.5) / 16)
    assert chance["random_deletion_std"] == pytest.approx(np.std(places) / 16)
    assert chance["random_insertion_auc"] == pytest.approx(1 - chance["random_deletion_auc"])
    assert found.sweep.deletion_auc == 1 / 32
    assert found.better == (True, True) and found.verdict.startswith("Faithful")


def test_wrong_map_is_no_better_than_random():
    found = measure(last_pixel, WIDE, -RIGHT, seed=0)
    assert found.depends and found.better == (False, False)
    assert found.verdict.startswith("No better than random")


def test_an_output_that_needs_no_picture_cannot_be_judged():
    found = measure(lambda clips: np.full(len(clips), 0.9), WIDE, RIGHT)
    assert not found.depends and "cannot be judged" in found.verdict and "90%" in found.verdict


def test_an_output_that_is_likelier_without_the_picture_cannot_be_judged():
    # 30 % with the white pixel, 80 % without it.
    found = measure(lambda clips: 0.8 - 0.5 * last_pixel(clips), WIDE, RIGHT)
    assert (found.whole, found.empty) == pytest.approx((0.3, 0.8)) and not found.depends
    assert "likelier without the picture (80%) than with it (30%)" in found.verdict
    assert faithfulness.depends(0.5, 0.4) and not faithfulness.depends(0.5, 0.46) and not faithfulness.depends(0.4, 0.5)


@pytest.mark.parametrize(
    "beaten, orders, better",
    [(19, 19, True), (18, 18, False), (20, 20, True), (19, 20, False), (38, 39, True), (37, 39, False)],
)
def test_luck(beaten, orders, better):
    # Drawn by lot, a map is the best of 20 once in 20 times: 0.05. That one of 20 orders does as well is 2 of 21.
    def flat(height):
        return Sweep(np.array([0.0, 1.0]), np.array([height] * 2), np.array([1 - height] * 2))

    found = Faithfulness(flat(0.3), [flat(0.5)] * beaten + [flat(0.2)] * (orders - beaten))
    assert found.better == (better, better)


def test_half_faithful():
    shares, low, high = np.array([0.0, 1.0]), np.zeros(2), np.ones(2)
    random = 19 * [Sweep(shares, high / 2, high / 2)]
    for curves, better in (((low, low), (True, False)), ((high, high), (False, True))):
        found = Faithfulness(Sweep(shares, *curves), random)
        assert found.better == better
    mixed = Faithfulness(Sweep(shares, np.array([1.0, 0.0]) / 4, low), random)
    assert mixed.verdict.startswith("Half faithful")


def test_patches_are_filled_on_their_pixels():
    frames = np.full((2, 4, 6, 3), 9, "uint8")
    gone = np.zeros((2, 2, 3), bool)
    gone[1, 0, 2] = True  # second frame, upper row (2 pixels), third of three columns (2 pixels)
    found = without(frames, gone, np.array([1, 2, 3], "uint8"))
    assert (found[1, :2, 4:] == [1, 2, 3]).all()
    assert (found == 9).sum() == frames.size - 2 * 2 * 3


def test_patches_of_uneven_size_cover_every_pixel():
    # 5 rows of pixels over 2 patches: rows 0 to 2 are the first's, 3 and 4 the second's.
    patch = faithfulness.on_pixels(np.array([[[0], [1]]]), 5, 1)[0, :, 0]
    np.testing.assert_array_equal(patch, [0, 0, 0, 1, 1])


def test_pixel_change_by_hand():
    # The last patch is 255 away from the median black, the others are black.
    np.testing.assert_array_equal(pixel_change(FRAMES, GRID), [[[0, 0], [0, 255]]])


def test_random_orders_are_orders_and_repeat():
    first, second = faithfulness.random_orders(50, 2, seed=3)
    assert sorted(first) == sorted(second) == list(range(50)) and (first != second).any()
    np.testing.assert_array_equal(first, faithfulness.random_orders(50, 1, seed=3)[0])
