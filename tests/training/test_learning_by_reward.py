"""Learning by reward on two devices, and what it brings in a small real training."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TINY
from vtkeras.config import load_config
from vtkeras.training.fit import train

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "fixtures" / "two_devices_by_reward.py"


@pytest.mark.slow
def test_two_devices(tmp_path):
    overrides = [*TINY, "task=captioning", "train.stages=[{epochs: 1, self_critical: 1.0}]"]
    command = [sys.executable, PROGRAM, tmp_path / "run", *overrides]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert not done.returncode, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert "2 device(s)" in told["lines"][0]
    assert re.search(r"end of epoch 1, .*cider \d", told["lines"][-1])
    # Two steps of eight clips: each device draws for four, and never with the seed of another draw.
    seeds, sizes = zip(*told["drawn"])
    assert sizes == (4,) * 4 and len(set(seeds)) == 4


def earned(config, folder):
    """The validation CIDEr after every epoch."""
    lines = []
    train(config, folder, report=lines.append)
    return [float(line.split("cider ")[1].split()[0]) for line in lines if "end of epoch" in line]


@pytest.mark.slow
def test_what_it_brings(tmp_path):
    # The shipped frame encoder, frozen; a caption model from the beginning, with four wordings for every clip.
    overrides = [
        "task=captioning",
        "data.options={max_digits: 1, train_clips: 768, eval_clips: 128, wordings: true}",
        "model.frame_trainable=false",
        "model.cache_features=true",
        f"train.start_from={ROOT / 'saved_models' / 'multitask' / 'moving_digits'}",
        "train.warmup.steps=0",
        "train.stages=[{epochs: 3}, {epochs: 3, self_critical: 1.0, learning_rate: 0.0003}]",
    ]
    figures = earned(load_config("demo", overrides), tmp_path / "run")
    print("validation CIDEr after each epoch:", figures)
    assert max(figures[3:]) > figures[2]
