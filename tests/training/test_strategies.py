"""Two devices compute what one computes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import TINY
from vtkeras.training.strategies import gather_for, make_strategy

PROGRAM = Path(__file__).parents[1] / "fixtures" / "two_devices.py"


# The encoder has batch normalisation, whose statistics are of all devices.
ENCODER = ["model.frame_encoder=efficientnet_tiny", "model.temporal_encoder=none"]
SIZES = ["model.fusion_layers=1", "model.decoder_layers=1"]
LEARNING = ["model.dropout=0", "train.warmup_steps=5", "train.learning_rate=0.002"]


def trained(case, *overrides):
    """What came of the same steps on one device and on two: [[losses, evaluation, weights], [...]]."""
    command = [sys.executable, PROGRAM, case, *TINY, *ENCODER, *SIZES, *LEARNING, *overrides]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROGRAM.parents[2])
    assert not done.returncode, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def runs():
    return trained("plain")


@pytest.mark.whole
def test_first_twenty_losses_are_equal(runs):
    (one, *_), (two, *_) = runs
    assert set(one) == set(two) >= {"loss", "caption_loss", "answer_loss", "label_loss", "contrastive_loss"}
    for name in one:
        assert len(one[name]) == 20
        np.testing.assert_allclose(two[name], one[name], atol=1e-4, err_msg=name)


@pytest.mark.whole
def test_the_steps_did_learn(runs):
    # Else equal losses would say nothing about the gradients.
    (one, *_), _ = runs
    assert np.mean(one["loss"][-3:]) < 0.9 * np.mean(one["loss"][:3])
    assert max(one["contrastive_loss"]) > 0.1


@pytest.mark.whole
def test_evaluation_is_equal(runs):
    (_, one, _), (_, two, _) = runs
    assert set(one) == set(two)
    for name in one:
        np.testing.assert_allclose(two[name], one[name], atol=2e-3, err_msg=name)


@pytest.mark.whole
@pytest.mark.parametrize(
    "case, overrides, losses_apart, moves_apart",
    [
        ("plain", [], 1e-4, 0.01),
        ("plain", ["train.precision=mixed_float16"], 0.2, 1.0),  # the steps whose gradients overflow are not the same
        ("gaps", [], 1e-4, 0.01),  # clips without a caption, most of them on one device
        ("plain", ["task=captioning", "train.stages=[{epochs: 1, self_critical: 1.0}]"], 1e-6, 0.01),
    ],
)
def test_weights_are_equal(case, overrides, losses_apart, moves_apart):
    # By plain steps: those of Adam grow with the ratio of gradients that are nearly 0, which rounding decides.
    (one, _, moves), (two, _, others) = trained(case, "train.optimizer=sgd", "train.learning_rate=0.01", *overrides)
    np.testing.assert_allclose(two["loss"], one["loss"], atol=losses_apart, rtol=0)
    assert np.isfinite(one["loss"]).all() and np.ptp(one["loss"]) > 1e-3
    assert set(moves) == set(others) and len(moves) > 50
    for key, moved in moves.items():
        apart = moves_apart * max(np.abs(moved).max(), 1e-4)
        np.testing.assert_allclose(others[key], moved, atol=apart, rtol=0, err_msg=key)


def test_one_device_gathers_nothing():
    assert gather_for(tf.distribute.OneDeviceStrategy("CPU:0")) is None
    assert make_strategy().num_replicas_in_sync == 1
