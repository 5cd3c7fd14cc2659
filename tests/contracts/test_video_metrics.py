"""What every entry of VIDEO_METRICS must hold."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.metrics import VIDEO_METRICS

# Random weights of a small encoder do here; small frames take fewer scales.
RANDOM = {"encoder": "efficientnet_tiny", "weights": None, "image_size": 32}
OPTIONS = {"ms_ssim": {"scales": 2}, "perceptual": RANDOM, "frechet": RANDOM | {"channels": 4}}
RNG = np.random.default_rng(0)
CLIPS = RNG.integers(0, 256, (6, 2, 24, 24, 3), dtype="uint8")


def distorted(amount):
    return np.clip(CLIPS + amount * np.random.default_rng(1).normal(size=CLIPS.shape), 0, 255).astype("uint8")


@pytest.fixture(scope="module", params=VIDEO_METRICS)
def made(request):
    return VIDEO_METRICS[request.param](**OPTIONS.get(request.param, {}))


@pytest.fixture
def metric(made):
    made.reset_state()
    return made


def test_equal_clips_score_best_and_distorted_ones_worse_by_their_strength(metric):
    scores = []
    for candidate in (CLIPS, distorted(10), distorted(60)):
        metric.reset_state()
        metric.update_state(CLIPS, candidate)
        scores.append(float(metric.result()))
    assert scores[0] == metric.best or scores[0] == pytest.approx(metric.best, abs=1e-6)
    ordered = sorted(scores, reverse=metric.best > 0)
    assert scores == ordered and len(set(scores)) == 3


def test_batches_in_a_graph_give_what_the_whole_gives(metric):
    candidate = distorted(30)
    metric.update_state(CLIPS, candidate)
    whole = float(metric.result())
    metric.reset_state()
    step = tf.function(lambda *batch: (metric.update_state(*batch), metric.result())[1])
    for rows in (slice(0, 1), slice(1, 3), slice(3, 6)):
        found = step(CLIPS[rows], candidate[rows])
    assert float(found) == pytest.approx(whole, rel=1e-5)


def test_weight_0_leaves_an_example_out(metric):
    candidate = distorted(30)
    metric.update_state(CLIPS[:4], candidate[:4])
    some = float(metric.result())
    metric.reset_state()
    metric.update_state(CLIPS, candidate, sample_weight=np.array([1, 1, 1, 1, 0, 0]))
    assert float(metric.result()) == pytest.approx(some, rel=1e-5)


def test_nothing_seen_is_not_a_number(metric):
    assert math.isnan(metric.result())


def test_it_can_be_saved(metric):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(copy) is type(metric) and copy.get_config() == metric.get_config() and copy.name == metric.name
    assert isinstance(copy, keras.metrics.Metric) and not any(np.any(one) for one in copy.variables)
