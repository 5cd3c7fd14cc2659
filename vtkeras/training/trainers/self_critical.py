"""Captions learned by reward: what the model writes itself is made likelier where it scores well.

Self-critical sequence training (Rennie et al., 2017), a form of minimum-risk training (Shen et al., 2016): a
caption is drawn from the model, and the gradient of its log probability is weighed by how much more CIDEr-D
it gets against all references of the clip than the model's greedy caption.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import StageConfig
from vtkeras.data.sources.base import Source
from vtkeras.data.text import END_ID, PAD_ID, START_ID
from vtkeras.errors import UserError
from vtkeras.generation import greedy, sample
from vtkeras.metrics import CiderReward
from vtkeras.tasks import Head, Task
from vtkeras.tasks.video_text import VideoTextReader
from vtkeras.training.data import ToBatch, TrainingData
from vtkeras.training.strategies import gather_for
from vtkeras.training.trainers.supervised import SupervisedTrainer

SAMPLED, GREEDY = "sampled_cider", "greedy_cider"
MOST = 10.0  # the CIDEr-D of a caption that is all of its references
VALIDATION_BATCHES = 8


class SelfCriticalTrainer(SupervisedTrainer):
    """As `SupervisedTrainer`, and in stages that set `self_critical` that share of captions is learned by reward.

    With such a stage, the best weights are those whose greedy captions earn the most on the validation split,
    not those of the lowest loss.

    Raises:
        UserError: if captions are to be learned by reward and there is no validation split to choose the best
            weights by.
    """

    rewards_captions = True

    def __init__(self, task: Task, heads: Sequence[Head], data: TrainingData, strategy: tf.distribute.Strategy):
        self.by_reward = any(stage.self_critical for stage in data.config.train.stages)
        if self.by_reward:
            _check_validation(data.source)
        super().__init__(task, heads, data, strategy)
        if self.by_reward:
            self.figure, self.better = "val_cider", "higher"

    def make_learner(self) -> keras.Model:
        if not self.by_reward:
            return self.model
        corpus = self.data.source.texts()["captions"]
        self.self_critical = SelfCritical(self.reader, corpus, self.config.train.seed, gather_for(self.strategy))
        return SelfCriticalLearner(self.model, self.self_critical)

    def measured(self) -> Sequence[Head]:
        """All heads but captions, whose weights may be below zero where they are drawn."""
        return [head for head in self.heads if not (self.by_reward and head.writes_captions)]

    def to_batch(self, stage: StageConfig | None = None) -> ToBatch:
        plain = super().to_batch(stage)
        return with_references(plain, stage.self_critical) if stage and self.by_reward else plain

    def callbacks(self, prepared: Source | None) -> list[keras.callbacks.Callback]:
        scores = super().callbacks(prepared)
        if not self.by_reward:
            return scores
        to_batch = with_references(self.to_batch(), 0.0)
        batches = self.data.validation(to_batch, prepared, most=VALIDATION_BATCHES)
        return [*scores, ValidationCider(self.self_critical, batches)]


class SelfCriticalLearner(keras.Model):
    """A model that Keras fits to the batches of `with_references`; the logs show what captions earn.

    Args:
        model: what learns.
        self_critical: draws captions and rewards them.
    """

    def __init__(self, model: keras.Model, self_critical: SelfCritical):
        super().__init__(name="self_critical_learner")
        self.model = model
        self.self_critical = self_critical

    def build(self, inputs_shape):
        """Nothing is left to make."""

    def call(self, inputs, training=None):
        return self.model({name: inputs[name] for name in self.model.input}, training=training)

    def train_step(self, data):
        inputs, targets, weights = data
        inputs, targets, weights, rewards = self.self_critical(inputs, targets, weights, self.optimizer.iterations)
        return {**super().train_step((inputs, targets, weights)), **rewards}


def _check_validation(source: Source) -> None:
    if keys.VALIDATION not in source.splits() or not source.size(keys.VALIDATION):
        raise UserError(
            "train.stages: self_critical chooses the best weights by the captions of the validation split, and "
            "the data have none: put some clips into it."
        )


def with_references(to_batch: Callable[[dict], tuple], share: float) -> Callable[[dict], tuple]:
    """A task's `preprocess` whose inputs also carry what `SelfCritical` needs.

    Args:
        to_batch: maps a batch of examples to (inputs, targets, sample weights).
        share: share of the captions to learn by reward, 0 to 1.
    """

    def wrapped(examples):
        inputs, targets, weights = to_batch(examples)
        references = examples[keys.REFERENCES]
        extra = {keys.REFERENCES: references, keys.REWARD_SHARE: tf.fill(tf.shape(references), float(share))}
        return {**inputs, **extra}, targets, weights

    return wrapped


class SelfCritical:
    """Turns a batch of captions to copy into one of captions to learn by reward.

    Args:
        reader: of the model, which draws and writes; it has a head that writes captions.
        corpus: training captions, from which n-grams get their weights.
        seed: int, what is drawn depends on it and on the step.
        gather: brings (batch, ...) to (every device's batch, ...), see `gather_for`; None with one device.

    Example:
        >>> self_critical = SelfCritical(reader, captions, seed=0)
        >>> inputs, targets, weights, logs = self_critical(inputs, targets, weights, step=7)
    """

    def __init__(
        self,
        reader: VideoTextReader,
        corpus: Sequence[str],
        seed: int = 0,
        gather: Callable[[tf.Tensor], tf.Tensor] | None = None,
    ):
        self.reader = reader
        self.gather = gather or tf.identity
        self.head = next(name for name, layer in reader.model.heads.items() if layer.word_by_word)
        self.length = reader.model.heads[self.head].length
        self.reward = CiderReward(corpus)
        self.seed = seed

    def __call__(self, inputs: dict, targets: dict, weights: dict, step) -> tuple[dict, dict, dict, dict]:
        """What `model.train_step` takes, with drawn captions in place of some of those given.

        A drawn caption is its own target. Its gain is its reward less that of the greedy caption, and its
        weight (gain - the batch's mean gain) * tokens / caption_length, below zero where it does worse than
        the others; the reward is CIDEr-D as a share of the 10 there are. With a loss that is the mean over
        tokens, the gradient is that of the expected reward, over caption_length. Label smoothing, where set,
        smooths drawn captions as well.

        Args:
            inputs: as `with_references` gives them: frames uint8 (batch, time, height, width, 3) or their
                features, frames_mask bool (batch, time), caption_tokens int32 (batch, caption_length), the
                references string (batch,), one a line, and the share float32 (batch,).
            targets, weights: of the heads; of the caption int32 (batch, caption_length) and float32 (batch,).
            step: int scalar, may be a variable.

        Returns:
            inputs without the references, targets, weights, and a dict of the mean CIDEr-D of drawn and of
            greedy captions, 0 where the batch has none.
        """
        inputs = dict(inputs)
        references, share = inputs.pop(keys.REFERENCES), inputs.pop(keys.REWARD_SHARE)
        seed = self._seed(step)
        chosen = tf.random.stateless_uniform(tf.shape(share), (seed, 0)) < share
        chosen = tf.logical_and(chosen, tf.not_equal(references, ""))
        given = (inputs[keys.CAPTION_TOKENS], targets[self.head], weights[self.head])

        def draw():
            return self.draw(inputs, references, seed)

        def keep():
            return targets[self.head], tf.zeros((tf.shape(share)[0], 2))

        # All devices draw or none, as the mean gain is over all.
        drawn, rewards = tf.cond(tf.reduce_any(self.gather(tf.cast(chosen, tf.int32)) > 0), draw, keep)
        weight, means = self._weigh(drawn, rewards, references, chosen)
        words = tf.where(drawn == END_ID, PAD_ID, drawn)[:, :-1]
        before = tf.pad(words, ((0, 0), (1, 0)), constant_values=START_ID)
        rows = [tf.where(_align(chosen, new), new, old) for new, old in zip((before, drawn, weight), given)]
        return (
            {**inputs, keys.CAPTION_TOKENS: rows[0]},
            {**targets, self.head: rows[1]},
            {**weights, self.head: rows[2]},
            {SAMPLED: means[0], GREEDY: means[1]},
        )

    def draw(self, inputs: dict, references, seed) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws a caption for every clip and rewards it.

        Args:
            inputs: dict of frames uint8 (batch, time, height, width, 3) or their features, and frames_mask bool (batch,
                time).
            references: strings (batch,), all captions of each clip, one a line.
            seed: int32 scalar; the same one draws the same captions.

        Returns:
            the drawn captions int32 (batch, length), and rewards float32 (batch, 2): CIDEr-D of the drawn and of the
            greedy caption.
        """
        video = self._video(inputs)
        texts = [self.reader.write(sample, video, self.length, seed=seed)["tokens"], self._greedy(video)]
        rewards = tf.stack([self._rewards(tokens, references) for tokens in texts], axis=1)
        return tf.ensure_shape(texts[0], (None, self.length)), rewards

    def _weigh(self, drawn, rewards, references, chosen) -> tuple[tf.Tensor, tf.Tensor]:
        """The weight of each drawn caption, float32 (batch,), and the mean rewards of those chosen, float32 (2,).

        Both means are over the clips of all devices.
        """
        told = tf.cast(tf.strings.length(references) > 0, tf.float32)  # a clip without captions tells nothing
        gain = told * (rewards[:, 0] - rewards[:, 1])
        counted = tf.cast(chosen, tf.float32)
        columns = [gain, told, counted, counted * rewards[:, 0], counted * rewards[:, 1]]
        total = tf.reduce_sum(self.gather(tf.stack(columns, axis=1)), axis=0)
        # Around the batch's mean: where the greedy captions are right already, drawn ones can only be worse, and
        # nothing but pushing away would unlearn the words, and the end, that right and wrong captions share.
        mean = tf.math.divide_no_nan(total[0], total[1])
        length = tf.reduce_sum(tf.cast(drawn > PAD_ID, tf.float32), axis=1)
        weight = (gain - told * mean) / MOST * length / drawn.shape[1]
        return weight, tf.math.divide_no_nan(total[3:], total[2])

    def greedy_reward(self, inputs: dict) -> tf.Tensor:
        """CIDEr-D float32 (batch,) of the greedy captions."""
        return self._rewards(self._greedy(self._video(inputs)), inputs[keys.REFERENCES])

    def _greedy(self, video):
        return self.reader.write(greedy, video, self.length)["tokens"]

    def _video(self, inputs):
        video = inputs.get(keys.FRAME_FEATURES, inputs.get(keys.FRAMES))
        return self.reader.model.trunk.encode_video(video, inputs[keys.FRAMES_MASK])

    def _seed(self, step):
        replica = tf.distribute.get_replica_context()
        number = replica.replica_id_in_sync_group if replica else 0
        return self.seed + 1009 * tf.cast(step, tf.int32) + 7919 * tf.cast(number, tf.int32)

    def _rewards(self, tokens, references):
        """CIDEr-D of texts; a text that does not end gets nothing, lest captions learn to run on."""
        ended = tf.reduce_any(tf.equal(tokens, END_ID), axis=1)
        texts = self.reader.preprocessor.to_text(tokens)
        rewards = tf.numpy_function(self._score, [texts, ended, references], tf.float32, stateful=False)
        return tf.ensure_shape(rewards, (None,))

    def _score(self, texts, ended, references):
        return np.array(
            [
                self.reward(_text(lines).split("\n"), _text(text)) if end else 0.0
                for text, end, lines in zip(texts, ended, references)
            ],
            "float32",
        )


def _align(rows, array):
    return tf.reshape(rows, (-1, *([1] * (array.shape.rank - 1))))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


class ValidationCider(keras.callbacks.Callback):
    """Adds `val_cider` to the logs of every epoch: the mean CIDEr-D of greedy captions.

    The validation loss asks how likely the references are, which rises and falls apart from how good the
    captions are that the model writes.

    Args:
        self_critical: gives the reward.
        batches: validation batches as `with_references` makes them.
    """

    def __init__(self, self_critical: SelfCritical, batches: tf.data.Dataset):
        super().__init__()
        self.reward = tf.function(self_critical.greedy_reward, reduce_retracing=True)
        self.batches = batches

    def on_epoch_end(self, epoch, logs=None):
        rewards = [self.reward(inputs).numpy() for inputs, _, _ in self.batches]
        logs["val_cider"] = float(np.concatenate(rewards).mean())
