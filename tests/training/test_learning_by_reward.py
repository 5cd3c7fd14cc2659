"""Learning by reward on two devices, and what it brings in a small real training."""

import json
import re
import shutil
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


@pytest.mark.slow
def test_what_it_brings(tmp_path):
    # The shipped frame encoder, frozen; a caption model from the beginning, with four wordings for every clip. The
    # control goes on from the same weights word by word, with the same rate, clips and number of steps.
    overrides = [
        "task=captioning",
        "data.options={max_digits: 1, train_clips: 768, eval_clips: 128, wordings: true}",
        "model.frame_trainable=false",
        "model.cache_features=true",
        f"train.start_from={ROOT / 'saved_models' / 'multitask' / 'moving_digits'}",
        "train.warmup.steps=0",
    ]

    def earned(name, stages, resume=False):
        """The validation CIDEr after every epoch."""
        lines = []
        config = load_config("demo", [*overrides, f"train.stages=[{stages}]"])
        train(config, tmp_path / name, resume, lines.append, features=tmp_path / "features")
        return [float(line.split("cider ")[1].split()[0]) for line in lines if "end of epoch" in line]

    first = "{epochs: 3, self_critical: 1.0e-9}"  # so few that it is measured by CIDEr and never draws
    begun = earned("begun", first)
    figures = {}
    for name, share in (("word by word", 1.0e-9), ("by reward", 1.0)):
        shutil.copytree(tmp_path / "begun", tmp_path / name)
        more = f"{{epochs: 3, self_critical: {share:.9f}, learning_rate: 0.0003}}"
        figures[name] = earned(name, f"{first}, {more}", resume=True)
    print("validation CIDEr after each epoch:", begun, figures)
    assert max(figures["by reward"]) > max(*begun, *figures["word by word"])
