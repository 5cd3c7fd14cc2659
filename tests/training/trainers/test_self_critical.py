"""Learning captions by reward: weights by hand, and an expected reward that rises."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.pipeline import make_dataset
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.data.text import build_vocabulary
from vtkeras.encoders import FRAME_ENCODERS, FrameEncoder
from vtkeras.tasks import TASKS
from vtkeras.training.trainers.self_critical import SelfCritical, SelfCriticalLearner, with_references

TASK = TASKS["captioning"]
BATCH = 4


@pytest.fixture(scope="module")
def source():
    return MovingDigits(train_clips=8, eval_clips=4, wordings=True)


@pytest.fixture(scope="module")
def batch(source, preprocessor, tiny_model):
    to_batch = with_references(lambda one: TASK.preprocess(one, preprocessor, TASK.heads), share=1.0)
    return next(iter(make_dataset(source, keys.TRAIN, preprocessor, to_batch, BATCH, training=True)))


@pytest.fixture
def self_critical(source, preprocessor, tiny_model):
    return SelfCritical(TASK.reader(tiny_model, preprocessor, TASK.heads), source.texts()["captions"], seed=5)


def by_letters(texts, ended, references):
    """A reward that every text gets: its letters."""
    return np.array([len(text) for text in texts], "float32")


def test_all_references_travel_with_the_batch(batch, source):
    inputs, _, _ = batch
    for index, lines in enumerate(inputs[keys.REFERENCES].numpy()):
        expected = source.example(keys.TRAIN, 0, index)[keys.CAPTIONS]
        assert lines.decode().split("\n") == expected and len(expected) == 4
    assert inputs[keys.REWARD_SHARE].numpy().tolist() == [1.0] * BATCH


def test_a_drawn_caption_is_its_own_target_and_weighs_what_it_earns(self_critical, batch, preprocessor):
    self_critical._score = by_letters
    inputs, targets, weights, logs = self_critical(*batch, step=3)
    assert keys.REFERENCES not in inputs and keys.REWARD_SHARE not in inputs
    tokens, target = inputs[keys.CAPTION_TOKENS].numpy(), targets["caption"].numpy()
    assert (tokens[:, 0] == 2).all()
    for row, said in zip(tokens, target):
        before = [0 if token == 3 else token for token in said[:-1]]
        assert row[1:].tolist() == before
    drawn = [len(text) for text in preprocessor.to_text(targets["caption"]).numpy()]
    reader = self_critical.reader
    video = reader.encode_video(inputs[keys.FRAMES], inputs[keys.FRAMES_MASK])
    greedy = [len(text) for text in reader.write_caption(video)["caption"].numpy()]
    length = (target > 0).sum(axis=1)
    gain = np.array(drawn) - greedy
    expected = (gain - gain.mean()) / 10 * length / target.shape[1]
    np.testing.assert_allclose(weights["caption"], expected, rtol=1e-5)
    np.testing.assert_allclose([logs["sampled_cider"], logs["greedy_cider"]], [np.mean(drawn), np.mean(greedy)])


def test_another_step_draws_other_captions_and_the_same_step_the_same(self_critical, batch):
    drawn = [self_critical(*batch, step=step)[1]["caption"].numpy().tolist() for step in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_captions_that_are_not_chosen_stay(self_critical, batch):
    inputs, targets, weights = batch
    half = {**inputs, keys.REWARD_SHARE: tf.constant([0.0, 1.0, 0.0, 1.0])}
    # The last one has nothing to compare with.
    half[keys.REFERENCES] = tf.tensor_scatter_nd_update(inputs[keys.REFERENCES], [[3]], [""])
    found, new_targets, new_weights, _ = self_critical(half, targets, weights, step=1)
    for before, after in [
        (inputs[keys.CAPTION_TOKENS], found[keys.CAPTION_TOKENS]),
        (targets["caption"], new_targets["caption"]),
    ]:
        same = (before.numpy() == after.numpy()).all(axis=1)
        assert same.tolist() == [True, False, True, True]
    assert new_weights["caption"].numpy()[[0, 2, 3]].tolist() == [1, 1, 1]
    none = {**inputs, keys.REWARD_SHARE: tf.zeros(BATCH)}
    _, untouched, _, logs = self_critical(none, targets, weights, step=1)
    assert (untouched["caption"].numpy() == targets["caption"].numpy()).all()
    assert float(logs["sampled_cider"]) == 0


def test_a_caption_that_runs_on_earns_nothing(self_critical):
    right = b"digit 3 is moving up and down"
    rewards = self_critical._score([right, right, b""], [True, False, True], [right, right, right])
    np.testing.assert_allclose(rewards, [10, 0, 0], atol=1e-5)


WORDINGS = ("the bird flies away", "a bird is flying", "one bird goes up")


@pytest.fixture
def birds(tiny_config):
    """A model of one convolution that has learned to say each of three wordings a third of the time."""

    def conv(image_size, motion=True, **options):
        layers = [keras.Input((image_size, image_size, 3)), keras.layers.Conv2D(8, 8, strides=8)]
        return FrameEncoder(keras.Sequential(layers), scale=1 / 255, motion=False, name="frame_encoder")

    config = tiny_config(
        "model.frame_encoder=conv", "model.temporal_encoder=none", "model.decoder_layers=1", "model.dropout=0",
        "model.dim=32", "data.caption_length=16", "data.num_frames=1", "model.motion=false",
    )  # fmt: skip
    texts = {"captions": list(WORDINGS) * 9, "questions": [], "answers": [], "labels": []}
    vocabulary = build_vocabulary(texts, 100)
    keras.utils.set_random_seed(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FRAME_ENCODERS, "conv", conv)
        model = TASK.build(config, vocabulary, TASK.heads)
    return config, Preprocessor(config.data, vocabulary), model


@pytest.mark.whole
def test_expected_reward_rises(birds):
    # Three wordings are learned alike; only the first is a reference. Drawn captions then earn about a third of
    # the ten points; learning by reward moves the model to the wording that earns them.
    config, preprocessor, model = birds
    count = 12
    examples = {
        keys.FRAMES: tf.zeros((count, 1, 32, 32, 3), tf.uint8),
        keys.FRAMES_MASK: tf.ones((count, 1), tf.bool),
        keys.CAPTION: tf.constant(WORDINGS * (count // 3)),
        keys.MATCH_ID: tf.constant(["same"] * count),
        keys.REFERENCES: tf.constant([WORDINGS[0]] * count),
        **{key: tf.constant([""] * count) for key in (keys.QUESTION, keys.ANSWER, keys.LABEL)},
    }
    self_critical = SelfCritical(TASK.reader(model, preprocessor, TASK.heads), WORDINGS, seed=0)

    def learn(share, steps):
        batch = with_references(lambda one: TASK.preprocess(one, preprocessor, TASK.heads), share)(examples)
        return learner.fit(tf.data.Dataset.from_tensors(batch).repeat(steps), verbose=0).history

    @tf.function
    def earned(inputs, seed):
        return self_critical.draw(inputs, inputs[keys.REFERENCES], seed)[1][:, 0]

    def expected():
        to_batch = with_references(lambda one: TASK.preprocess(one, preprocessor, TASK.heads), 1.0)
        inputs = to_batch(examples)[0]
        return np.mean([earned(inputs, tf.constant(seed)) for seed in range(1000, 1020)])  # 240 captions

    optimizer = keras.optimizers.Adam(0.005, clipnorm=1.0)
    learner = SelfCriticalLearner(model, self_critical)
    learner.compile(optimizer, loss=TASK.losses(config, TASK.heads), jit_compile=False)
    learn(share=0.0, steps=100)
    before = expected()
    optimizer.learning_rate = 0.001
    history = learn(share=1.0, steps=120)
    after = expected()
    assert 1.5 < before < 6 and after > 7, (before, after)
    assert history["greedy_cider"][-1] == pytest.approx(10, abs=1e-4)
