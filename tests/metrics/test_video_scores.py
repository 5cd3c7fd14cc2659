"""Metrics of clips: against scikit-image, closed forms, and by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf
from fixtures.pretrained import needs
from scipy.ndimage import gaussian_filter
from scipy.signal import convolve2d
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from vtkeras.data.video import read_frames
from vtkeras.errors import UserError
from vtkeras.metrics import FrechetDistance, MultiscaleSsim, PerceptualDistance, Psnr, Ssim, frechet_distance
from vtkeras.metrics.ms_ssim import fitting_scales
from vtkeras.metrics.on_frames import FrozenEncoder
from vtkeras.run_files import shipped_model

RNG = np.random.default_rng(0)


def noisy(frames, amount):
    return np.clip(frames + np.random.default_rng(1).normal(0, amount, frames.shape), 0, 255).astype("uint8")


def plain(level, height=24, width=32):
    return np.full((height, width, 3), level, "uint8")


PHOTO = data.astronaut()[:192, :224]
DIGITS = read_frames(shipped_model("multitask", "moving_digits") / "samples" / "clip_00.mp4", 2).frames
PAIRS = {
    "random": tuple(RNG.integers(0, 256, (2, 40, 48, 3), dtype="uint8")),
    "constant": (plain(100), plain(200)),
    "constant, large": (plain(100, 720, 1280), plain(120, 720, 1280)),
    "almost equal": (plain(255), plain(254)),
    "photo": (PHOTO, noisy(PHOTO, 20)),
    "photo, darker": (PHOTO, PHOTO // 2),
    "clip": (DIGITS[0], DIGITS[1]),
}


def score(metric, reference, candidate):
    metric.update_state(reference[None], candidate[None])
    return float(metric.result())


@pytest.mark.parametrize("pair", PAIRS)
def test_ssim_and_psnr_equal_scikit_image(pair):
    first, second = PAIRS[pair]
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": -1}
    expected = structural_similarity(first, second, data_range=255, **options)
    assert score(Ssim(), first, second) == pytest.approx(expected, abs=1e-4)
    expected = peak_signal_noise_ratio(first, second, data_range=255)
    assert score(Psnr(), first, second) == pytest.approx(expected, abs=1e-4)
    scaled = [frame.astype("float32") / 255 for frame in (first, second)]
    assert score(Psnr(max_value=1.0), *scaled) == pytest.approx(expected, abs=1e-3)


def test_psnr_pools_the_error_of_all_clips():
    metric = Psnr()
    metric.update_state(np.stack([plain(100), plain(100)]), np.stack([plain(100), plain(120)]))
    assert float(metric.result()) == pytest.approx(10 * math.log10(255**2 / 200))  # (0 + 20 ** 2) / 2


def numpy_ms_ssim(first, second, scales):
    """Of one channel, straight from the articles: windows by plain convolution, scales by means of four pixels."""
    row = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(row, row) / row.sum() ** 2
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    product, (c1, c2) = 1.0, ((0.01 * 255) ** 2, (0.03 * 255) ** 2)
    for scale, weight in enumerate(weights / weights.sum()):
        around = lambda pixels: convolve2d(pixels, window, "valid")  # noqa: E731
        x, y = around(first), around(second)
        xx, yy, xy = around(first**2) - x**2, around(second**2) - y**2, around(first * second) - x * y
        factor = (2 * xy + c2) / (xx + yy + c2)
        if scale == scales - 1:
            factor = factor * (2 * x * y + c1) / (x**2 + y**2 + c1)
        product *= max(factor.mean(), 0) ** weight
        first, second = (sum(one[i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4 for one in (first, second))
    return product


@pytest.mark.parametrize(("pair", "scales"), [("photo", 5), ("photo", 3), ("photo, darker", 5), ("clip", 3)])
def test_ms_ssim_equals_its_formula(pair, scales):
    first, second = (frame.astype("float64") for frame in PAIRS[pair])
    expected = np.mean([numpy_ms_ssim(first[..., i], second[..., i], scales) for i in range(3)])
    assert score(MultiscaleSsim(scales), first, second) == pytest.approx(expected, abs=1e-4)


def test_ms_ssim_equals_tensorflows_and_ssim_at_one_scale():
    first, second = PAIRS["photo"]
    expected = tf.image.ssim_multiscale(first.astype("float32"), second.astype("float32"), 255.0)
    assert score(MultiscaleSsim(), first, second) == pytest.approx(float(expected), abs=1e-4)
    assert score(MultiscaleSsim(scales=1), first, second) == pytest.approx(score(Ssim(), first, second), abs=1e-5)


def test_scales_fit_as_long_as_the_window_does():
    assert [fitting_scales(side, 300) for side in (10, 11, 22, 64, 175, 176)] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("metric", "shapes", "told"),
    [
        (Ssim(), ((1, 10, 20, 3), (1, 10, 20, 3)), "20 x 10 are too small for SSIM"),
        (MultiscaleSsim(), ((1, 64, 64, 3), (1, 64, 64, 3)), "64 x 64 are too small for 5 scales: 3 fit"),
        (Psnr(), ((1, 4, 4, 3), (1, 4, 5, 3)), r"\(1, 4, 4, 3\) cannot be compared with \(1, 4, 5, 3\)"),
    ],
)
def test_frames_that_do_not_fit_are_refused(metric, shapes, told):
    with pytest.raises(UserError, match=told):
        metric.update_state(*(np.zeros(shape) for shape in shapes))


def test_impossible_scales_and_encoders_are_refused():
    with pytest.raises(UserError, match="1 to 5 scales, not 6"):
        MultiscaleSsim(scales=6)
    with pytest.raises(UserError, match="encoder 'eye' is unknown"):
        PerceptualDistance("eye")


def test_frechet_equals_the_closed_form_of_diagonal_gaussians():
    means, spreads = RNG.normal(size=(2, 6)), RNG.uniform(0.1, 2, (2, 6))
    expected = np.sum((means[0] - means[1]) ** 2) + np.sum((spreads[0] - spreads[1]) ** 2)
    found = frechet_distance(means[0], np.diag(spreads[0] ** 2), means[1], np.diag(spreads[1] ** 2))
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_frechet_of_vectors_whose_mean_and_covariance_are_known():
    # Vectors +-a on each axis: mean 0, covariance 2 a ** 2 / (n - 1) on the diagonal. The second set is moved by 3.
    first = np.concatenate([np.eye(3), -np.eye(3)])
    metric = FrechetDistance(3, "points")
    metric.update_state(first, 2 * first + [3, 0, 0])
    spread = math.sqrt(2 / 5)
    assert float(metric.result()) == pytest.approx(9 + 3 * spread**2)
    assert metric.name == "frechet_points"


def test_frechet_gathers_far_from_zero_and_sets_of_different_sizes():
    vectors = 1e6 + RNG.normal(size=(50, 4)) @ RNG.normal(size=(4, 4))
    others = 1e6 + RNG.normal(size=(50, 4))
    metric = FrechetDistance(4, "points")
    metric.update_state(vectors[:1], others[:3])
    assert math.isnan(metric.result())  # one vector has no spread
    metric.update_state(vectors[1:30], others[3:])
    metric.update_state(vectors[30:], others[:0])
    statistics = [part for one in (vectors, others) for part in (one.mean(axis=0), np.cov(one.T))]
    assert float(metric.result()) == pytest.approx(float(frechet_distance(*statistics)), rel=1e-6)


CLIPS = {"digits": DIGITS[:1], "photo": PHOTO[None, :, :192]}
DISTORTIONS = {
    "blur": (lambda frames, sigma: gaussian_filter(frames, (0, sigma, sigma, 0)), (0.5, 1, 2, 4)),
    "noise": (noisy, (5, 10, 20, 40)),
    "shift": (lambda frames, pixels: np.roll(frames, pixels, axis=2), (1, 2, 4, 8)),
    "less red": (lambda frames, share: (frames * np.array([1 - share, 1, 1])).astype("uint8"), (0.1, 0.2, 0.4, 0.8)),
}


@pytest.fixture(scope="module")
def encoder():
    return FrozenEncoder("efficientnet_lite0", "imagenet", 224)


@needs("efficientnet_lite0")
@pytest.mark.parametrize("clip", CLIPS)
def test_a_stronger_distortion_is_perceptually_farther(clip, encoder, monkeypatch):
    monkeypatch.setattr("vtkeras.metrics.perceptual.FrozenEncoder", lambda *_: encoder)
    frames = CLIPS[clip]
    distorted = [distort(frames, amount) for distort, amounts in DISTORTIONS.values() for amount in amounts]
    measure = tf.function(PerceptualDistance().measure)
    distances = measure(np.repeat(frames, len(distorted), axis=0), np.concatenate(distorted)).numpy()
    for found in np.split(distances, len(DISTORTIONS)):
        assert 0 < found[0] and (np.diff(found) > 0).all()


@needs("efficientnet_lite0")
def test_the_maps_are_those_of_each_size_of_the_encoder(encoder):
    levels = encoder.levels(PHOTO[None])
    assert [level.shape for level in levels] == [(1, 112**2, 96), (1, 56**2, 144), (1, 28**2, 240), (1, 14**2, 672)]
