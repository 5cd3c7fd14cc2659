"""What every augmentation must hold, and what those of pictures do."""

import math

import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.augmentations import AUGMENTATIONS, augment, check_amounts
from vtkeras.errors import UserError

PICTURES = {"crop": 0.2, "rotate": 20.0, "brightness": 0.2, "contrast": 0.4, "cutout": 0.4, "flip": 0.5}
PICTURES |= {"saturation": 0.8, "blur": 3.0, "time": 0.5, "shift": 0.3}
AMOUNTS = {**PICTURES, "word_dropout": 0.4, "synonyms": 0.5, "templates": 0.8}
SEED = tf.constant([3, 4], tf.int64)
SEEDS = [tf.constant([3, number], tf.int64) for number in range(8)]
PICTURE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype="uint8")
TEXTS = {keys.CAPTION: "a dog and a cat", keys.QUESTION: "has the dog seen that cat", keys.ANSWER: "dog"}


@pytest.fixture(autouse=True)
def wordnet(small_wordnet):
    """Synonyms without nltk's data."""


def clip(frames):
    return {keys.FRAMES: tf.constant(frames), **{key: tf.constant(text) for key, text in TEXTS.items()}}


def still_clip():
    return clip(np.stack([PICTURE] * 4))


def moving_clip():
    return clip(np.stack([PICTURE // 2 + 20 * step for step in range(4)]))


@pytest.fixture(params=AUGMENTATIONS)
def name(request):
    return request.param


def frames(example):
    return example[keys.FRAMES].numpy()


def assert_same(one, other, most=0):
    assert one.keys() == other.keys()
    for key in one.keys() - {keys.FRAMES}:
        np.testing.assert_array_equal(one[key], other[key])
    np.testing.assert_allclose(frames(one).astype(int), frames(other).astype(int), atol=most)


def test_changes_its_own_and_keeps_shape_type_and_what_is_learned_to_be_written(name):
    before = moving_clip()
    after = [augment(before, {name: AMOUNTS[name]}, seed) for seed in SEEDS]
    changed = [(frames(one) != frames(before)).mean() > 0.05 for one in after]
    asked = [one[keys.QUESTION] != before[keys.QUESTION] for one in after]
    assert any(changed) == (name in PICTURES) and any(asked) == (name not in PICTURES)
    for one in after:
        assert one[keys.FRAMES].shape == before[keys.FRAMES].shape and one[keys.FRAMES].dtype == tf.uint8
        assert one[keys.CAPTION].numpy() == b"a dog and a cat" and one[keys.ANSWER].numpy() == b"dog"
    assert_same(before, moving_clip())  # the original stays as it is


def test_the_draw_is_one_for_all_frames_and_repeats_with_its_seed(name):
    options = {name: AMOUNTS[name]}
    for seed in SEEDS:
        once = augment(still_clip(), options, seed)
        np.testing.assert_array_equal(frames(once), np.stack([frames(once)[0]] * 4))
        assert_same(once, augment(still_clip(), options, seed))
    results = [augment(moving_clip(), options, seed) for seed in SEEDS]
    assert len({frames(one).tobytes() + one[keys.QUESTION].numpy() for one in results}) > 1


def test_the_same_in_a_pipeline(name):
    options = {name: AMOUNTS[name]}
    seeds = tf.data.Dataset.from_tensor_slices(tf.stack(SEEDS))
    dataset = seeds.map(lambda seed: augment(moving_clip(), options, seed))
    assert dataset.element_spec[keys.FRAMES].shape == (4, 24, 32, 3)
    for mapped, seed in zip(dataset, SEEDS):
        assert_same(mapped, augment(moving_clip(), options, seed), most=1)


def test_nothing_to_do_changes_nothing(name):
    assert_same(augment(still_clip(), {name: 0.0}, SEED), still_clip())


def test_names_amounts_and_fields_are_checked():
    fields = [keys.FRAMES, keys.CAPTIONS]
    check_amounts(AMOUNTS, fields)
    check_amounts({"word_dropout": 0.1, "shift": 0.1}, fields, from_features=True)
    for arguments, told in (
        (({"crop": 0.6}, fields), r"^data.augmentation 'crop' = 0.6 is out of range: it must be from 0 to 0.5\.$"),
        (({"flip": -1}, fields), "'flip' = -1 is out of range"),
        (({"mirror": 1}, fields), "data.augmentation 'mirror' is unknown: use one of blur, "),
        (({"crop": 0.1}, fields, True), "'crop' changes frames, and training reads features"),
        (({"shift": 0.1}, [keys.AUDIO]), "'shift' changes frames, and training reads features"),
        (({"crop": 0.1}, [keys.AUDIO]), "'crop' changes frames, and training reads features"),
        (({"synonyms": 0.1}, [keys.FRAMES]), "'synonyms' changes texts, and there are none to read"),
    ):
        with pytest.raises(UserError, match=told):
            check_amounts(*arguments)


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


def test_saturation_keeps_greys_and_how_light_a_colour_is():
    coloured = np.array([[[[200, 100, 100], [90, 90, 90]]]], "uint8")
    factor = float(tf.random.stateless_uniform((), SEED, 0.5, 1.5))
    light = 0.299 * 200 + 0.587 * 100 + 0.114 * 100
    (red, grey) = frames(AUGMENTATIONS["saturation"]({keys.FRAMES: tf.constant(coloured)}, 0.5, SEED))[0, 0]
    np.testing.assert_allclose(red, light + factor * (np.array([200, 100, 100]) - light), atol=1)
    assert grey.tolist() == [90, 90, 90]


def test_blur_spreads_a_dot_as_a_gaussian_and_keeps_plain_pictures():
    sigma = float(tf.random.stateless_uniform((), SEED, 0.0, 8.0))
    line = np.zeros((1, 81, 41, 3), "uint8")
    line[:, :, 20] = 255
    blurred = frames(AUGMENTATIONS["blur"]({keys.FRAMES: tf.constant(line)}, 8.0, SEED))[0, 40, :, 0].astype(float)
    spread = (blurred * (np.arange(41) - 20) ** 2).sum() / blurred.sum()
    assert spread**0.5 == pytest.approx(sigma, rel=0.1) and sigma > 1
    plain = {keys.FRAMES: tf.constant(np.full((2, 5, 5, 3), 100, "uint8"))}
    assert (frames(AUGMENTATIONS["blur"](plain, 4.0, SEED)) == 100).all()


GRID = np.arange(9.0, dtype="float32").reshape(1, 9, 1)  # 0 1 2 / 3 4 5 / 6 7 8


def moved(rows, columns):
    """The grid, moved down and to the right: what lies at the edge is repeated."""
    source = np.clip(np.arange(3)[:, None] - rows, 0, 2) * 3 + np.clip(np.arange(3) - columns, 0, 2)
    return tuple(source.ravel().tolist())


def test_stored_features_are_moved_by_whole_patches():
    assert moved(0, 1) == (0, 0, 1, 3, 3, 4, 6, 6, 7) and moved(-1, 0) == (3, 4, 5, 6, 7, 8, 6, 7, 8)
    features = tf.constant(np.concatenate([GRID, GRID + 10]))
    drawn = set()
    for number in range(128):  # 0.4 of three patches are up to 1.2, so one at most
        example = augment({keys.FRAME_FEATURES: features}, {"shift": 0.4}, tf.constant([3, number], tf.int64))
        first, second = example[keys.FRAME_FEATURES].numpy()[..., 0]
        np.testing.assert_array_equal(second, first + 10)
        drawn.add(tuple(first.astype(int).tolist()))
    assert drawn == {moved(rows, columns) for rows in (-1, 0, 1) for columns in (-1, 0, 1)}


def test_a_shift_moves_frames_by_what_was_drawn():
    down, right = tf.unstack(tf.round(100 * tf.random.stateless_uniform((2,), SEED, -0.2, 0.2)))
    shifted = AUGMENTATIONS["shift"](dot(100, 100, 50, 50), 0.2, SEED)
    assert middle_of(frames(shifted)) == (50 + down, 50 + right) and (down, right) != (0, 0)
