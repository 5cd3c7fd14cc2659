"""The adversarial trainer: its stages, going on, several devices, NaN, and its numbers by hand."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.tiny_adversarial import OVERRIDES, TINY
from vtkeras import keys
from vtkeras.config import AdversarialConfig, StageConfig, TrainConfig
from vtkeras.errors import UserError
from vtkeras.models.generators import GENERATORS
from vtkeras.training.fit import Training, train
from vtkeras.training.run import Run
from vtkeras.training.state import read_meta
from vtkeras.training.trainers import adversarial
from vtkeras.training.trainers.adversarial import (
    WRONG_TOKENS,
    AdversarialLearner,
    staged_weight,
    with_wrong_words,
)
from vtkeras.workspace.logs import read_logs

ROOT = Path(__file__).parents[3]
SOME = "matching: 0.1, penalties: {r1: 0.1}, spectral_norm: true"
STAGES = "train.stages=[{epochs: 1, adversarial: 0}, {epochs: 1}]"


@pytest.fixture(scope="module")
def config(tiny_config):
    """A callable from overrides to the tiny experiment with discriminators."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(GENERATORS, TINY.name, TINY)
        yield lambda *overrides: tiny_config(*OVERRIDES, "train.learning_rate=0.01", *overrides)


def checkpoint(folder, name="last"):
    with np.load(folder / "checkpoints" / f"{name}.npz") as file:
        return {key: file[key] for key in file.files if key != "meta"}


@pytest.fixture(scope="module")
def runs(config, tmp_path_factory):
    """A run of two epochs, and a copy of its folder while the first one is measured, gone on."""
    home = tmp_path_factory.mktemp("adversarial")
    chosen = config(STAGES, f"train.adversarial={{n_discriminator: 2, ramp_steps: 2, {SOME}}}")

    def report(line):
        if "end of epoch 1" in line:
            shutil.copytree(home / "whole", home / "killed")  # what kill -9 leaves here
            shutil.copytree(home / "killed" / "checkpoints", home / "warm" / "checkpoints")

    train(chosen, home / "whole", report=report)
    train(chosen, home / "killed", resume=True, report=str)
    return home


@pytest.mark.whole
def test_a_run_that_was_killed_goes_on_to_the_same_clips(runs):
    begun = read_meta(runs / "warm" / "checkpoints" / "last.npz")
    assert begun["epoch"] == 1 and not begun["measured"]
    texts, seeds = tf.constant(["digit 3 is moving up and down"] * 2), tf.constant([7, 8], tf.int64)
    whole, killed = (Run.open(runs / name).reader().generate(texts, seeds).numpy() for name in ("whole", "killed"))
    np.testing.assert_allclose(whole.astype(int), killed, atol=1)
    assert (whole[0] != whole[1]).any()
    whole, killed = checkpoint(runs / "whole"), checkpoint(runs / "killed")
    assert whole.keys() == killed.keys()
    for key, array in whole.items():
        np.testing.assert_allclose(killed[key], array, atol=1e-5, err_msg=key)


@pytest.mark.whole
def test_discriminators_rest_in_the_warm_up_and_learn_after_it(runs):
    warm, done = checkpoint(runs / "warm"), checkpoint(runs / "whole")
    momentums = [key for key in warm if key.startswith("discriminator_optimizer/momentums/")]
    assert momentums and all(not warm[key].any() for key in momentums)
    assert all(done[key].any() for key in momentums if "kernel" in key)
    kernel = "frame/normed/layer/kernel"
    assert (warm[kernel] != done[kernel]).any()
    # Two steps an epoch, and two of the discriminators to each of them.
    assert warm["discriminator_optimizer/iterations"] == 0 and done["discriminator_optimizer/iterations"] == 4


@pytest.mark.whole
def test_the_best_weights_are_the_average_of_the_last_epoch(runs):
    # Nothing scores the clips here.
    best, last = checkpoint(runs / "whole", "best"), checkpoint(runs / "whole")
    assert read_meta(runs / "whole" / "checkpoints" / "best.npz")["epoch"] == 2
    assert all((best[key] == last[key]).all() for key in best)
    assert (last["paint/kernel"] != last["generator/paint/kernel"]).any()


@pytest.mark.whole
def test_what_the_curves_show(runs):
    scalars = read_logs(runs / "whole").scalars
    found = scalars[scalars.part == "train"].pivot_table(index="step", columns="tag", values="value")
    shown = ["generator_loss", "discriminator_loss", "real_accuracy", "fake_accuracy", "r1"]
    shown += ["generator_gradient", "discriminator_gradient", "error", "size"]
    epochs = found[[f"epoch_{name}" for name in shown]].dropna()
    assert len(epochs) == 2 and (epochs.iloc[1] > 0).all()
    rested = epochs.iloc[0]
    assert rested.epoch_discriminator_loss == rested.epoch_generator_loss == 0 < rested.epoch_generator_gradient


@pytest.mark.whole
def test_two_devices_compute_what_one_computes():
    options = f"train.adversarial={{l2: 0.001, ramp_steps: 5, {SOME}}}"
    program = [sys.executable, "-m", "tests.fixtures.adversarial_two_devices"]
    overrides = ["train.stages=[{epochs: 1}]", options, "train.learning_rate=0.002", "train.warmup_steps=0"]
    done = subprocess.run([*program, *overrides], capture_output=True, text=True, cwd=ROOT)
    assert not done.returncode, done.stderr[-3000:]
    one, two = json.loads(done.stdout)
    assert one.keys() == two.keys() and len(one["loss"]) == 10
    for name in one:
        np.testing.assert_allclose(two[name], one[name], atol=1e-4, rtol=1e-4, err_msg=name)
    assert one["discriminator_loss"][-1] != one["discriminator_loss"][0] and one["error"][-1] < one["error"][0]


@pytest.mark.whole
def test_a_number_that_is_not_finite_stops_the_run(config, tmp_path):
    begun = config("train.stages=[{epochs: 1}]", "train.warmup_steps=0", "train.adversarial={discriminator_rate: 1000}")
    wild = begun.model_copy(update={"train": begun.train.model_copy(update={"learning_rate": 1e33})})
    with pytest.raises(UserError, match=r"The loss became (nan|inf) in batch \d of epoch 1"):
        train(wild, tmp_path / "run", report=str)
    assert read_meta(tmp_path / "run" / "checkpoints" / "last.npz")["epoch"] == 0
    assert all(np.isfinite(array).all() for array in checkpoint(tmp_path / "run").values())


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("train.adversarial.loss=gan", "train.adversarial.loss 'gan' is unknown: use one of bce, bce_mse, hinge, wass"),
        ("train.adversarial.penalties={r2: 1}", "train.adversarial.penalties 'r2' is unknown: use one of r1, wgan_gp"),
        ("train.adversarial.discriminators={clip: 1}", "discriminators 'clip' is unknown: use one of frame, video"),
        ("train.precision=mixed_float16", "mixed_float16 is too narrow"),
    ],
)
def test_mistakes_in_the_config(config, tmp_path, float32_after, override, told):
    with pytest.raises(UserError, match=told):
        train(config(override), tmp_path / "run", report=str)


def test_the_weight_of_the_discriminators_by_hand():
    options = TrainConfig(
        stages=[StageConfig(epochs=2, adversarial=0), StageConfig(epochs=1), StageConfig(epochs=9, adversarial=0.5)],
        adversarial=AdversarialConfig(weight=2.0, ramp_steps=4),
    )
    weight = staged_weight(options, steps_per_epoch=2)
    # Nothing for four steps; then a quarter of the way to 2 a step, of which there are two; then from 1 to 0.5.
    expected = [0, 0, 0, 0, 0.5, 1.0, 0.875, 0.75, 0.625, 0.5, 0.5]
    np.testing.assert_allclose([float(weight(step)) for step in range(11)], expected)


def test_the_rate_of_the_discriminators_follows_that_of_the_generator(config, tmp_path):
    options = ("train.adversarial.discriminator_rate=3", "train.learning_rate=0.1", "train.warmup_steps=0")
    stage = "train.stages=[{epochs: 2, learning_rate_end: 0.02, schedule: linear}]"
    learner = Training(config(stage, *options), tmp_path, str).trainer.learner
    learner.optimizer.iterations.assign(3)  # of four steps: 0.1 - 3 / 4 * 0.08 = 0.04
    learner.discriminator_optimizer.iterations.assign(100)
    np.testing.assert_allclose(learner.discriminator_optimizer.learning_rate, 0.12, rtol=1e-6)


def test_wrong_words_are_those_of_another_example():
    tokens = tf.constant([[1, 2], [3, 4], [5, 6]])
    inputs, target = with_wrong_words(lambda examples: (examples, "target"))({keys.MATCH_TOKENS: tokens})
    assert inputs[WRONG_TOKENS].numpy().tolist() == [[5, 6], [1, 2], [3, 4]] and target == "target"


class Painter(keras.Model):
    """Makes clips of one pixel of one grey, which is a weight."""

    noise_shapes = {"content": (), "motion": ()}

    def __init__(self, grey):
        tokens = keras.Input((1,), dtype="int32", name=keys.MATCH_TOKENS)
        super().__init__({keys.MATCH_TOKENS: tokens}, {"video": keras.ops.cast(tokens, "float32")})
        self.grey = self.add_weight(shape=(), initializer=keras.initializers.Constant(grey), name="kernel")

    def generate(self, tokens, noise):
        return tf.fill((tf.shape(tokens)[0], 1, 1, 1, 1), 1.0) * self.grey


def learner(options):
    """A painter of grey 0.25 against a discriminator whose score is the pixel times 4."""
    frames = keras.Input((1, 1, 1, 1), name=keys.FRAMES)
    tokens = keras.Input((1,), dtype="int32", name=keys.MATCH_TOKENS)
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(4.0))
    model = keras.Model({keys.FRAMES: frames, keys.MATCH_TOKENS: tokens}, dense(keras.layers.Flatten()(frames)))
    return AdversarialLearner(Painter(0.25), {"video": model}, None, options, None)


def batch(real, words=(1, 2), wrong=(2, 1)):
    """Two clips of one pixel."""
    column = lambda values: tf.constant(values)[:, None]  # noqa: E731
    noise = {f"adversarial_{part}": tf.zeros((2, 2)) for part in ("content", "motion")}
    frames = tf.reshape(tf.constant(real, tf.float32) * 255, (2, 1, 1, 1, 1))
    return {
        keys.FRAMES: tf.cast(frames, tf.uint8), keys.MATCH_TOKENS: column(words), WRONG_TOKENS: column(wrong),
        "adversarial_mix": tf.zeros((2, 1)), **noise,
    }  # fmt: skip


def test_a_step_of_the_discriminator_by_hand():
    # Scores: real 4 and 0, fake 1 and 1. Hinge: real 0 and 1, fake 2 and 2. The gradient by the kernel of the mean:
    # real (0 - 0) / 2, fake (0.25 + 0.25) / 2.
    found = learner(AdversarialConfig(loss="hinge"))
    (gradient,), told = found._discriminator_gradients(batch([1.0, 0.0]), tf.ones(2), 0)
    np.testing.assert_allclose(told["discriminator_loss"], [2, 3])
    np.testing.assert_allclose(gradient, [[0.25]])
    np.testing.assert_allclose(told["real_accuracy"], [1, 0])
    np.testing.assert_allclose(told["fake_accuracy"], [0, 0])


def test_the_matching_term_by_hand():
    # A quarter of the fakes' weight goes to real clips with wrong words, whose scores are 4 and 0: 5 and 1. The second
    # example's other words are its own, so that they are not wrong.
    found = learner(AdversarialConfig(loss="hinge", matching=0.25))
    _, told = found._discriminator_gradients(batch([1.0, 0.0], words=(1, 2), wrong=(2, 2)), tf.ones(2), 0)
    np.testing.assert_allclose(told["discriminator_loss"], [0 + 0.75 * 2 + 0.25 * 5, 1 + 2])


def test_wrong_words_are_scored_only_where_they_count(monkeypatch):
    seen, scores = [], adversarial._scores

    def count(model, clips, words, training=False):
        seen.append((len(clips), len(words)))
        return scores(model, clips, words, training)

    monkeypatch.setattr(adversarial, "_scores", count)
    for matching in (0.0, 0.25):
        options = AdversarialConfig(loss="hinge", matching=matching)
        learner(options)._discriminator_gradients(batch([1.0, 0.0]), tf.ones(2), 0)
    assert seen == [(4, 4), (6, 6)]  # two real and two made clips, and the real ones again with other words


def test_penalties_and_the_size_of_weights_by_hand():
    # The gradient by the pixel is 4: R1 is 8, WGAN-GP (4 - 1) ** 2 = 9. An example that does not count has no gradient.
    options = AdversarialConfig(loss="wasserstein", penalties={"r1": 0.5, "wgan_gp": 2.0}, l1=0.1, l2=0.01)
    found = learner(options)
    (gradient,), told = found._discriminator_gradients(batch([1.0, 0.0]), tf.constant([1.0, 0.0]), 0)
    np.testing.assert_allclose(told["r1"], [8, 8], rtol=1e-6)
    np.testing.assert_allclose(told["wgan_gp"], [9, 9], rtol=1e-5)
    np.testing.assert_allclose(told["discriminator_loss"], [-4 + 1 + 22, 0 + 1 + 22], rtol=1e-5)
    # By the kernel k = 4, of half of the first example's: -1 + 0.25 + 0.5 k + 2 * 2 (k - 1), and l1 + 2 l2 k.
    np.testing.assert_allclose(gradient, [[0.5 * (-0.75 + 2 + 12) + 0.1 + 0.08]], rtol=1e-5)


@pytest.mark.parametrize("reversal", [False, True])
def test_what_the_generator_learns_from_by_hand(reversal):
    # The score 1 costs the generator -1 (hinge), twice that by the weight; or the discriminator 2, turned round.
    options = AdversarialConfig(loss="hinge", discriminators={"video": 2.0}, gradient_reversal=reversal)
    found = learner(options)
    with tf.GradientTape() as tape:
        loss = found._generator_loss(batch([1.0, 0.0]))
    np.testing.assert_allclose(loss, [4, 4] if reversal else [-2, -2])
    np.testing.assert_allclose(tape.gradient(loss, found.generator.grey), -2 * 2 * 4)  # two examples, a score of 4 grey


def test_the_average_by_hand():
    found = learner(AdversarialConfig(average=0.2))
    found.average = Painter(0.0)
    found.compile(keras.optimizers.SGD(0.1))
    seen = []
    for step, grey in ((1, 0.5), (2, 1.0), (90, 2.0)):
        found.optimizer.iterations.assign(step)
        found.generator.grey.assign(grey)
        found._update_average()
        seen.append(float(found.average.grey))
    # Kept: 1/10 of 0; 2/11 of 0.45; then 1/5 at most.
    second = 1.0 + 2 / 11 * (0.45 - 1.0)
    np.testing.assert_allclose(seen, [0.45, second, 2 + 0.2 * (second - 2)], rtol=1e-6)
