"""What every augmentation must hold, and what each one does to a picture."""

import math

import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.augmentations import AUGMENTATIONS, augment

AMOUNTS = {"crop": 0.2, "rotate": 20.0, "brightness": 0.2, "contrast": 0.4, "cutout": 0.4}
SEED = tf.constant([3, 4], tf.int64)
PICTURE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype="uint8")


def still_clip():
    return {keys.FRAMES: tf.constant(np.stack([PICTURE] * 3)), keys.CAPTION: tf.constant("a dog")}


@pytest.fixture(params=AUGMENTATIONS)
def name(request):
    return request.param


def frames(example):
    return example[keys.FRAMES].numpy()


def test_changes_pictures_and_keeps_shape_type_and_texts(name):
    before = still_clip()
    after = augment(before, {name: AMOUNTS[name]}, SEED)
    assert frames(after).shape == frames(before).shape and after[keys.FRAMES].dtype == tf.uint8
    assert (frames(after) != frames(before)).mean() > 0.05
    assert after[keys.CAPTION].numpy() == b"a dog"
    np.testing.assert_array_equal(frames(before)[0], PICTURE)  # the original stays as it is


def test_the_draw_is_one_for_all_frames_and_repeats_with_its_seed(name):
    options = {name: AMOUNTS[name]}
    once = frames(augment(still_clip(), options, SEED))
    np.testing.assert_array_equal(once, np.stack([once[0]] * 3))
    np.testing.assert_array_equal(once, frames(augment(still_clip(), options, SEED)))
    assert (once != frames(augment(still_clip(), options, SEED + 1))).any()


def test_the_same_in_a_pipeline(name):
    dataset = tf.data.Dataset.from_tensors(still_clip()).map(lambda one: augment(one, {name: AMOUNTS[name]}, SEED))
    mapped = frames(next(iter(dataset)))
    np.testing.assert_allclose(mapped, frames(augment(still_clip(), {name: AMOUNTS[name]}, SEED)), atol=1)


def test_nothing_to_do_changes_nothing():
    np.testing.assert_array_equal(frames(augment(still_clip(), {"crop": 0.0}, SEED)), frames(still_clip()))


def dot(height, width, row, column):
    picture = np.zeros((1, height, width, 3), "uint8")
    picture[0, row - 1 : row + 2, column - 1 : column + 2] = 255
    return {keys.FRAMES: tf.constant(picture)}


def middle_of(picture):
    rows, columns = np.nonzero(picture[0, :, :, 0] > 100)
    return rows.mean(), columns.mean()


def test_rotate_turns_about_the_middle():
    angle = float(tf.random.stateless_uniform((), SEED, -30.0, 30.0)) * math.pi / 180
    turned = AUGMENTATIONS["rotate"](dot(65, 65, 32, 52), 30.0, SEED)
    row, column = middle_of(frames(turned))
    assert (row, column) == pytest.approx((32 - 20 * math.sin(angle), 32 + 20 * math.cos(angle)), abs=1)


def test_crop_moves_by_the_share_that_it_draws():
    scale, down, right = tf.random.stateless_uniform((3,), SEED, -0.2, 0.2).numpy()
    moved = AUGMENTATIONS["crop"](dot(100, 100, 50, 50), 0.2, SEED)
    expected = [50 + (50 - 100 * (0.5 + shift)) / (1 + scale) for shift in (down, right)]
    assert middle_of(frames(moved)) == pytest.approx(expected, abs=1)


def test_brightness_adds_and_contrast_keeps_the_mean():
    grey = {keys.FRAMES: tf.constant(np.full((2, 4, 4, 3), 100, "uint8"))}
    added = 255 * float(tf.random.stateless_uniform((), SEED, -0.2, 0.2))
    assert frames(AUGMENTATIONS["brightness"](grey, 0.2, SEED))[0, 0, 0, 0] == round(100 + added)
    halves = np.full((1, 4, 4, 3), 80, "uint8")
    halves[:, :2] = 120
    changed = frames(AUGMENTATIONS["contrast"]({keys.FRAMES: tf.constant(halves)}, 0.4, SEED))
    factor = float(tf.random.stateless_uniform((), SEED, 0.6, 1.4))
    assert changed.max() == pytest.approx(100 + 20 * factor, abs=1) and changed.mean() == pytest.approx(100, abs=1)


def test_cutout_hides_one_grey_square():
    white = {keys.FRAMES: tf.constant(np.full((2, 20, 20, 3), 255, "uint8"))}
    hidden = frames(AUGMENTATIONS["cutout"](white, 0.4, SEED))[0, :, :, 0] == 127
    rows, columns = np.nonzero(hidden)
    assert hidden.sum() == np.unique(rows).size * np.unique(columns).size  # a rectangle, cut at the border
    assert 1 <= np.unique(rows).size <= 8 and 1 <= np.unique(columns).size <= 8
