"""What is foreign to a model: clips unlike those it was calibrated on."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.errors import UserError
from vtkeras.novelty import Calibration, ClipStatistics, Gaussian, calibrate
from vtkeras.novelty.calibrate import held_out_distances, upper_bound
from vtkeras.novelty.filmed_again import filmed_again
from vtkeras.serving import describe as describing
from vtkeras.serving.describe import to_lines
from vtkeras.serving.predictor import Predictor

ONES = tf.ones((1, 4), tf.bool)


@pytest.fixture(scope="module")
def predictor(exported_run):
    return Predictor(exported_run)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).integers(0, 256, (8, 40, 50, 3)).astype("uint8")


def test_distance_is_that_of_mahalanobis_a_dimension():
    corners = np.array([[1, 2], [-1, 2], [1, -2], [-1, -2]] * 1000)  # spread 1 and 2, uncorrelated
    cloud = Gaussian.fit(corners + [5, 0])
    found = cloud.distance(np.array([[5, 0], [8, 0], [5, 8], [8, 8]]))
    np.testing.assert_allclose(found, np.sqrt([0, 9 / 2, 16 / 2, 25 / 2]), rtol=1e-3)


def test_a_channel_that_never_changed_tells_when_it_does():
    rng = np.random.default_rng(0)
    cloud = Gaussian.fit(np.stack([rng.normal(size=300), np.zeros(300)], axis=1))
    assert cloud.distance(np.array([[0, 0.5]])) > 50 * cloud.distance(np.array([[1.0, 0]]))


def test_clips_that_are_all_the_same_have_a_distance():
    cloud = Gaussian.fit(np.full((30, 4), 0.1))  # whose mean is not quite 0.1
    assert cloud.distance(np.full((1, 4), 0.1))[0] < 1e-3 and cloud.distance(np.array([[0.1, 0.1, 0.1, 0.2]]))[0] > 10


@pytest.mark.parametrize("clips, dim", [(20, 100), (500, 10)])
def test_one_in_a_hundred_of_new_clips_is_foreign(clips, dim):
    rng = np.random.default_rng(1)
    mix = rng.normal(size=(dim, dim))
    own, new = (rng.normal(size=(count, dim)) @ mix for count in (clips, 2000))
    threshold = upper_bound(held_out_distances(own[:, None]))
    assert (Gaussian.fit(own).distance(new) > threshold).mean() < 0.025
    # Compared with a cloud that holds them, few clips seem nearer than new ones will be.
    assert clips == 500 or np.quantile(Gaussian.fit(own).distance(own), 0.99) < 0.8 * threshold


def test_few_distances_are_extrapolated():
    # Logarithms of mean 0 and spread 0.1; Student's 1 % at 2 degrees of freedom: 6.965.
    few = np.exp([[0.0], [0.1], [-0.1]])
    assert upper_bound(few) == pytest.approx(np.exp(6.965 * 0.1 * np.sqrt(4 / 3)), rel=1e-3)
    copies = np.repeat(few, 1000, axis=1)  # as many clips as before, not 3,000
    assert upper_bound(copies) == pytest.approx(upper_bound(few))
    assert upper_bound(np.arange(1001.0)[:, None]) == pytest.approx(990)


def test_statistics_leave_padding_out(tiny_model):
    statistics = ClipStatistics(tiny_model.frame_encoder)
    frames = np.random.default_rng(2).integers(0, 256, (1, 4, 32, 32, 3)).astype("uint8")
    padded = frames.copy()
    padded[:, 2:] = 7
    mask = tf.constant([[True, True, False, False]])
    one, other = statistics(frames, mask), statistics(padded, mask)
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert np.abs(one - statistics(frames, ONES)).max() > 1e-3
    assert one.shape == (1, 2 * (32 + 64))  # mean and spread of the channels at 16 and at 8 pixels a side


def test_copies_of_a_clip_are_held_out_together():
    pairs = np.random.default_rng(3).normal(size=(10, 1, 2)).repeat(2, axis=1)  # two equal copies of each clip
    found = held_out_distances(pairs, folds=10)
    for clip in range(10):
        others = Gaussian.fit(np.delete(pairs, clip, axis=0).reshape(-1, 2))
        np.testing.assert_allclose(found[clip], others.distance(pairs[clip]))


def test_a_clip_filmed_again_shows_the_same_in_other_light():
    frames = np.zeros((2, 4, 32, 32, 3), "uint8")
    frames[1, :, 8:24, 8:24] = 200
    again, mask = filmed_again(tf.constant(frames), tf.ones((2, 4), tf.bool))
    assert again.dtype == tf.uint8 and again.shape == frames.shape and mask.shape == (2, 4)
    again = again.numpy().astype(int)
    assert again[0].max() <= 6  # black stays all but black: 5, and what JPEG rounds
    assert np.abs(again[1, :, 12:20, 12:20] - 200).max() <= 0.4 * 200 + 5 + 6 and (again[1] != frames[1]).any()
    np.testing.assert_array_equal(again, filmed_again(tf.constant(frames), mask)[0])
    alone = filmed_again(tf.constant(frames[1:]), mask[1:])[0]
    np.testing.assert_array_equal(again[1:], alone)  # whatever is beside it


def test_light_that_nobody_sees_is_not_foreign(tiny_model, preprocessor):
    """A tint of 5 of 255, which clips calibrated as they are alone lie far from."""
    statistics = ClipStatistics(tiny_model.frame_encoder)
    found = calibrate(MovingDigits(eval_clips=200), preprocessor, statistics)
    clips = np.stack([MovingDigits().example("test", 0, index)["frames"] for index in range(20)])

    def vectors(frames):
        return statistics(*preprocessor.clips(frames)).numpy()

    tinted = vectors(np.maximum(clips, np.array([5, 3, 0], "uint8")))
    assert (found.cloud.distance(tinted) < found.threshold).mean() >= 0.9
    assert (found.cloud.distance(vectors(255 - clips)) > found.threshold).all()
    as_they_are = vectors(np.stack([MovingDigits().example("validation", 0, one)["frames"] for one in range(200)]))
    alone = upper_bound(held_out_distances(as_they_are[:, None]))
    assert (Gaussian.fit(as_they_are).distance(tinted) > alone).mean() >= 0.9


def test_each_clip_counts_once_however_many_questions_it_has(preprocessor):
    class Asked(MovingDigits):
        def load(self, split, epoch=0):
            return super().load(split).flat_map(lambda one: tf.data.Dataset.from_tensors(one).repeat(3))

    found = calibrate(Asked(eval_clips=6), preprocessor, lambda frames, mask: tf.reduce_mean(
        tf.cast(frames, tf.float32), axis=(2, 3, 4)
    ))  # fmt: skip
    assert (found.clips, found.split) == (6, keys.VALIDATION)
    assert found.summary()["note"].endswith("there are only 6")


def test_what_cannot_be_calibrated(preprocessor):
    assert calibrate(SimpleNamespace(spec={keys.FRAME_FEATURES: None}), preprocessor, None) is None
    few = MovingDigits(eval_clips=2, train_clips=4)
    assert calibrate(few, preprocessor, lambda frames, mask: tf.zeros((len(frames), 1))) is None


def test_where_validation_has_too_few_clips_training_has_them(preprocessor):
    found = [
        calibrate(MovingDigits(eval_clips=clips, train_clips=6), preprocessor,
                  lambda frames, mask: tf.reduce_mean(tf.cast(frames, tf.float32), axis=(2, 3, 4)))
        for clips in (4, 5)
    ]  # fmt: skip
    assert [(one.split, one.clips) for one in found] == [("train", 6), ("validation", 5)]


def test_enough_clips_need_no_note():
    assert Calibration(None, 1.5, 200, "validation").summary() == {
        "threshold": 1.5, "clips": 200, "split": "validation", "note": ""
    }  # fmt: skip


def test_the_exported_model_alone_tells_noise_from_its_own_clips(exported_run, noise):
    model = tf.saved_model.load(str(exported_run / "saved_model"))
    told = json.loads((exported_run / "endpoints.json").read_text())["novelty"]
    own = np.stack([MovingDigits(eval_clips=8).example("validation", 0, index)["frames"] for index in range(8)])
    ours, foreign = model.novelty(own), model.novelty(noise[None])
    assert told["clips"] == 8 and told["note"].endswith("there are only 8")
    np.testing.assert_allclose(ours["threshold"], told["threshold"], rtol=1e-6)
    assert max(ours["score"]) < told["threshold"] < foreign["score"][0] / 2


def test_predict_puts_one_sentence_in_place_of_a_headline(predictor, noise, tmp_path):
    from PIL import Image

    Image.fromarray(noise[0]).save(tmp_path / "noise.png")

    def ask(method, *arguments):
        return getattr(predictor, method)(*arguments)

    def describe(**options):
        [found] = describing.describe(predictor.card, ask, [tmp_path / "noise.png"], **options)
        return found

    asked = {"questions": ["how many digits are there?"]}
    found = describe(**asked)
    [only] = to_lines(found)
    assert only.startswith("this model has no words for this clip: it is unlike most of its training videos (novelty ")
    assert only.endswith("; --anyway lets it guess")
    assert found.caption is None and not found.labels and not found.answers
    with pytest.raises(UserError, match="nothing to picture of a clip .* give --anyway"):
        describing.save_picture(found, tmp_path / "look.png")
    first, *anyway = to_lines(describe(anyway=True, **asked))
    assert first.endswith("what it says all the same is a guess") and anyway[0].startswith("caption: ")
    assert any("labels: " in line for line in anyway) and anyway[1].startswith("how many digits are there?")


def test_a_model_of_before_says_nothing_of_it(predictor, noise):
    old = object.__new__(Predictor)
    old.card = replace(predictor.card, novelty={})
    assert old.novelties([noise, noise]) == [None, None]
