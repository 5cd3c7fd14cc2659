"""The simulated user, over bars that are drawn from noise: what is measured of them is what was drawn."""

import numpy as np
import pytest
from benchmarks import creation

from vtkeras.data.sources.moving_digits import Actor, describe
from vtkeras.errors import UserError
from vtkeras.serving.generation_rounds import FIRST_FRAME

SIDE = 40


def draw(width, slant, row, column, step, time=4):
    """A bar 16 rows high that moves to the right: uint8 (time, side, side, 3)."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    frames = []
    for frame in range(time):
        middle = column + step * frame + slant * (row - rows)
        inside = np.clip(width / 2 + 0.5 - np.abs(columns - middle), 0, 1) * (np.abs(rows - row) < 8)
        frames.append((255 * inside).astype("uint8"))
    return np.repeat(np.stack(frames)[..., None], 3, axis=-1)


class Bars:
    """A generator whose clips follow from single directions of its noise."""

    info = {"name": "bars", "model_hash": "0"}

    def check(self, text):
        if "travels" in text:
            raise UserError("unknown")
        return text

    def noise(self, seeds):
        drawn = np.stack([np.random.default_rng(seed).normal(size=128) for seed in seeds]).astype("float32")
        return {"content": drawn[:, :64], "motion": drawn[:, 64:]}

    def best_noise(self, text, seeds):
        return self.noise(seeds)

    def generate(self, texts, noise, first_frames=None):
        clips = []
        for content, motion in zip(noise["content"], noise["motion"]):
            width, slant, row, column = (8 * part.mean() for part in content.reshape(4, 16))
            clips.append(draw(5 + width, 0.2 * slant, 20 + 2 * row, 18 + 2 * column, 8 * motion.mean()))
        clips = np.stack(clips)
        return clips if first_frames is None else np.concatenate([first_frames[:, None], clips[:, 1:]], axis=1)


def test_measures_by_hand():
    clip = draw(width=5, slant=0.5, row=20, column=10, step=2)
    assert creation.slant(clip) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(creation.centres(clip), [(20, 10 + 2 * time) for time in range(4)], atol=0.3)
    assert creation.first_movement(clip) == pytest.approx(2, abs=0.05)
    # 2 * area / outline of a rectangle of 5 x 15.
    assert creation.thickness(draw(5, 0, 20, 20, 0)) == pytest.approx(2 * 75 / 40, rel=0.05)


def test_a_quarter_of_the_pool_matches():
    bars = Bars()
    pool = bars.generate([""] * 200, bars.noise(range(200)))
    for end in (0, 1):
        far = creation.Want("slant", end, pool).distances(pool)
        assert np.mean(far <= 0) == pytest.approx(0.25, abs=0.01)
        slants = [creation.slant(clip) for clip in pool]
        assert (np.argmin(far) == np.argmax(slants)) if end else (np.argmin(far) == np.argmin(slants))


def test_marks_double_the_share_that_random_restarts_have():
    actor = Actor(3, "left and right")
    found = creation.measure(Bars(), lambda clip: describe([actor]), 1, (actor,), report=str)
    shares = found["shares"]
    assert found["sessions"] == 5 and all(len(rounds) == creation.ROUNDS for rounds in shares.values())
    assert shares["feedback"][-1] >= 2 * np.mean(shares["restarts"]) > 0.2
    assert len(set(shares["editing"])) == 1  # other words change nothing here
    assert found["locked_stay"] == {"content": 1, "motion": 1, FIRST_FRAME: 1}
    table = creation.to_markdown(found)
    assert f"| more and less | {shares['feedback'][0]:.1%} |" in table and "5 sessions" in table


def test_locks_alone_beside_real_clips_of_one_path():
    found = creation.measure_locks(Bars(), lambda clip: "digit 3 is moving left and right", 1, report=str)
    assert found["candidates"] == 4 * creation.CANDIDATES and found["locked_stay"][FIRST_FRAME] == 1
    assert 0.9 < found["motion_of_real_clips"] <= 1  # one path, so that the first movement goes the same way
