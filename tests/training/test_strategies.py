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


@pytest.fixture(scope="module")
def runs():
    # The encoder has batch normalisation, whose statistics are of all devices.
    encoder = ["model.frame_encoder=efficientnet_tiny", "model.temporal_encoder=none"]
    sizes = ["model.fusion_layers=1", "model.decoder_layers=1"]
    overrides = [*TINY, *encoder, *sizes, "model.dropout=0", "train.warmup_steps=5", "train.learning_rate=0.002"]
    done = subprocess.run(
        [sys.executable, PROGRAM, *overrides], capture_output=True, text=True, cwd=PROGRAM.parents[2]
    )
    assert not done.returncode, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.whole
def test_first_twenty_losses_are_equal(runs):
    (one, _), (two, _) = runs
    assert set(one) == set(two) >= {"loss", "caption_loss", "answer_loss", "label_loss", "contrastive_loss"}
    for name in one:
        assert len(one[name]) == 20
        np.testing.assert_allclose(two[name], one[name], atol=1e-4, err_msg=name)


@pytest.mark.whole
def test_the_steps_did_learn(runs):
    # Else equal losses would say nothing about the gradients.
    (one, _), _ = runs
    assert np.mean(one["loss"][-3:]) < 0.9 * np.mean(one["loss"][:3])
    assert max(one["contrastive_loss"]) > 0.1


@pytest.mark.whole
def test_evaluation_is_equal(runs):
    (_, one), (_, two) = runs
    assert set(one) == set(two)
    for name in one:
        np.testing.assert_allclose(two[name], one[name], atol=2e-3, err_msg=name)


def test_one_device_gathers_nothing():
    assert gather_for(tf.distribute.OneDeviceStrategy("CPU:0")) is None
    assert make_strategy().num_replicas_in_sync == 1
