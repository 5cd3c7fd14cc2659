"""Training that kill -9 ends and --resume goes on with: under determinism equal, to the last bit, to one unbroken."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import TINY
from vtkeras.training.state import read_meta

PROGRAM = Path(__file__).parents[1] / "fixtures" / "killed.py"
# Four steps an epoch; what draws: dropout, word dropout, the order of the clips, their captions and their pictures.
DRAWS = (
    *TINY,
    "model.frame_encoder=conv",
    "model.temporal_encoder=none",
    "model.fusion_layers=1",
    "model.decoder_layers=1",
    "model.dropout=0.3",
    "model.word_dropout=0.2",
    "data.num_frames=2",
    "data.shuffle_buffer=16",
    "data.augmentation={shift: 0.2}",
    "data.options={max_digits: 2, train_clips: 16, eval_clips: 8, wordings: true}",
    "train.batch_size=4",
    "train.warmup_steps=3",
    "train.precision=mixed_float16",
)


def assert_bit_equal(folder):
    for name in ("last", "best"):
        paths = [folder / run / "checkpoints" / f"{name}.npz" for run in ("straight", "killed")]
        with np.load(paths[0]) as straight, np.load(paths[1]) as killed:
            assert set(straight.files) == set(killed.files) and "meta" in killed.files
            assert any(key.startswith("loss_scale/") for key in straight.files) is (name == "last")
            for key in straight.files:
                np.testing.assert_array_equal(killed[key], straight[key], err_msg=f"{name} {key}")
    assert read_meta(paths[0])["best"] < np.inf


def killed(folder, points, *overrides):
    done = subprocess.run(
        [sys.executable, PROGRAM, folder, ",".join(points), *DRAWS, *overrides],
        capture_output=True, text=True, cwd=PROGRAM.parents[2],
    )  # fmt: skip
    assert not done.returncode, done.stderr[-3000:]


def test_two_kills(tmp_path):
    """In the second epoch, and in the validation of the last."""
    killed(tmp_path, ["1:1", "1:eval"], "task=classification", "train.stages=[{epochs: 2}]")
    assert_bit_equal(tmp_path)


@pytest.mark.slow
def test_twenty_kills(tmp_path):
    """At every place of an epoch, in turn."""
    places = ["0", "1", "2", "eval"]
    points = [f"{epoch}:{places[epoch % 4]}" for epoch in range(20)]
    killed(tmp_path, points, "train.stages=[{epochs: 20}]")
    assert_bit_equal(tmp_path)
