"""A generator and its discriminators train each other (Goodfellow et al., "Generative Adversarial Nets", 2014)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import AdversarialConfig, StageConfig, TrainConfig
from vtkeras.errors import UserError, lookup
from vtkeras.layers import GradientReversal
from vtkeras.losses import ADVERSARIAL_LOSSES
from vtkeras.tasks import Head, Task
from vtkeras.training.data import ToBatch, TrainingData
from vtkeras.training.optimizers import global_norm, make_optimizer
from vtkeras.training.penalties import PENALTIES
from vtkeras.training.state import Variables, model_variables, optimizer_variables
from vtkeras.training.trainers.generative import Draws, GenerativeTrainer

MIX, WRONG_TOKENS = "adversarial_mix", "adversarial_wrong_tokens"


class AdversarialTrainer(GenerativeTrainer):
    """As `GenerativeTrainer`, and beside the model's own losses discriminators tell it from real clips.

    The model has, beside what `GeneratorKind` asks for, `discriminators(spectral_norm=False)`: {name: a Keras model of
    `frames` float (batch, num_frames, height, width, 3), 0 to 1, and `match_tokens`, that gives scores (batch, ...)}.
    What is evaluated and exported is a running average of the generator that learns.

    Raises:
        UserError: for an unknown name in `train.adversarial`, or float16, in which gradients of gradients overflow.
    """

    has_discriminators = True

    def __init__(self, task: Task, heads: Sequence[Head], data: TrainingData, strategy: tf.distribute.Strategy):
        if data.config.train.precision == "mixed_float16":
            raise UserError("train.precision mixed_float16 is too narrow to train against discriminators: use float32.")
        super().__init__(task, heads, data, strategy)
        with strategy.scope():
            self.model = task.build(self.config, data.preprocessor.vocabulary, self.heads)
            self.reader = task.reader(self.model, data.preprocessor, self.heads)
        self.learner.average = self.model
        self.optimizers["discriminator_optimizer"] = self.learner.discriminator_optimizer

    def optimizer_options(self) -> dict[str, float]:
        options = self.config.train
        betas = {"beta_1": options.adversarial.beta_1, "beta_2": options.adversarial.beta_2}
        return betas if options.optimizer in ("adam", "adamw") else {}

    def make_learner(self) -> keras.Model:
        options = self.config.train.adversarial
        lookup(ADVERSARIAL_LOSSES, options.loss, "train.adversarial.loss")
        for name in options.penalties:
            lookup(PENALTIES, name, "train.adversarial.penalties")
        discriminators = self.model.discriminators(spectral_norm=options.spectral_norm)
        for name in options.discriminators:
            lookup(discriminators, name, "train.adversarial.discriminators")
        variables = [variable for model in discriminators.values() for variable in model.trainable_variables]
        optimizer = make_optimizer(self.config, self._discriminator_rate, variables, **self.optimizer_options())
        weight = staged_weight(self.config.train, self.data.steps)
        return AdversarialLearner(self.model, discriminators, optimizer, options, weight)

    def _discriminator_rate(self):
        """The discriminators' learning rate: it follows the generator's, whatever steps they take."""
        return self.config.train.adversarial.discriminator_rate * self.rate(self.learner.optimizer.iterations)

    def to_batch(self, stage: StageConfig | None = None) -> ToBatch:
        return with_wrong_words(super().to_batch(stage))

    def draws(self) -> Draws:
        steps = self.config.train.adversarial.n_discriminator
        own = {
            "normal": {drawn(part): (steps + 1, *shape) for part, shape in self.model.noise_shapes.items()},
            "uniform": {MIX: (steps,)},
        }
        return {kind: {**self.model.draws.get(kind, {}), **some} for kind, some in own.items()}

    def variables(self) -> Variables:
        found = model_variables(self.model)
        for part, model in {"generator": self.learner.generator, **self.learner.discriminators}.items():
            found |= {f"{part}/{key}": variable for key, variable in model_variables(model).items()}
        slots = [optimizer_variables(optimizer, found, name) for name, optimizer in self.optimizers.items()]
        for one in slots:
            found |= one
        return found

    def score(self, logs: dict[str, float]) -> float:
        """Where nothing scores the clips, the last weights are the best: no loss of this game tells."""
        return super().score(logs) if self.scored() else -float(self.learner.optimizer.iterations)

    def fit(self, batches, validation=None, epochs=1, first_epoch=0, callbacks=()) -> None:
        if not first_epoch:  # the model may have been given weights of another run
            self.learner.generator.set_weights(self.model.get_weights())
        super().fit(batches, validation, epochs, first_epoch, callbacks)


def drawn(part: str) -> str:
    """The name in a batch of the noise of a part for the adversarial steps, (batch, steps, ...)."""
    return f"adversarial_{part}"


def with_wrong_words(to_batch: ToBatch) -> ToBatch:
    """A task's `preprocess` whose inputs also carry the words of another example of the batch.

    It sees the batch of all devices; an example may get its own words where another one has the same.
    """

    def wrapped(examples):
        inputs, *rest = to_batch(examples)
        return {**inputs, WRONG_TOKENS: tf.roll(inputs[keys.MATCH_TOKENS], 1, axis=0)}, *rest

    return wrapped


def staged_weight(options: TrainConfig, steps_per_epoch: int) -> Callable:
    """The weight of the discriminators in the generator's loss, as a function of the step.

    Args:
        options: their stages and `adversarial`.
        steps_per_epoch: int.

    Example:
        >>> weight = staged_weight(options, 10)  # ramp_steps 4, stages [{epochs: 1, adversarial: 0}, {epochs: 1}]
        >>> [float(weight(step)) for step in (9, 10, 11, 19)]
        [0.0, 0.25, 0.5, 1.0]
    """
    ramps, begin, before = [], 0, 0.0
    for stage in options.stages:
        goal = options.adversarial.weight if stage.adversarial is None else stage.adversarial
        ramps.append((begin, before, goal))
        length = stage.epochs * steps_per_epoch
        before += (goal - before) * min(1.0, length / options.adversarial.ramp_steps)
        begin += length

    def weight(step):
        step, found = tf.cast(step, tf.float32), tf.constant(0.0)
        for begin, before, goal in ramps:
            share = tf.clip_by_value((step - begin + 1) / options.adversarial.ramp_steps, 0, 1)
            found = tf.where(step >= begin, before + (goal - before) * share, found)
        return found

    return weight


class AdversarialLearner(keras.Model):
    """What Keras fits: the steps of the discriminators, then one of the generator.

    All random numbers come with the batch, see `AdversarialTrainer.to_batch`, so that several devices, and a run that
    goes on, take the steps that one device takes in one go.

    Args:
        generator: the model that learns; `compile` gets its optimizer and the loss of its outputs.
        discriminators: {name: model}.
        discriminator_optimizer: built.
        options: losses and weights.
        weight: from the step to the discriminators' weight in the generator's loss; while it is 0 they rest.

    Attributes:
        average: the running average of `generator`, a model of the same kind; None keeps none.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminators: dict[str, keras.Model],
        discriminator_optimizer: keras.optimizers.Optimizer,
        options: AdversarialConfig,
        weight: Callable,
    ):
        super().__init__(name="adversarial_learner")
        self.generator = generator
        self.discriminators = discriminators
        self.discriminator_optimizer = discriminator_optimizer
        self.options = options
        self.weight = weight
        self.average: keras.Model | None = None
        self.adversarial_loss = ADVERSARIAL_LOSSES[options.loss]
        self.reversal = GradientReversal()
        shown = ["generator_loss", "generator_gradient", *self._discriminator_logs(), "discriminator_gradient"]
        self.shown = {name: keras.metrics.Mean(name) for name in shown}

    def build(self, inputs_shape):
        """Nothing is left to make."""

    def call(self, inputs, training=None):
        return self.generator({name: inputs[name] for name in self.generator.input}, training=training)

    def test_step(self, data):
        """The losses of the generator's own; those of the game say nothing about other clips."""
        return {name: value for name, value in super().test_step(data).items() if name not in self.shown}

    def train_step(self, data):
        inputs, targets, weights = data
        counted = tf.reduce_mean(tf.stack(tf.nest.flatten(weights)), axis=0)  # of each example
        weight = self.weight(self.optimizer.iterations)
        awake = weight > 0
        sick = tf.constant(0.0)  # becomes NaN where a number is not finite
        for turn in range(self.options.n_discriminator):
            gradients, told = tf.cond(
                awake,
                lambda turn=turn: self._discriminator_gradients(inputs, counted, turn),
                lambda: self._no_gradients(counted),
            )
            self.discriminator_optimizer.apply(gradients, self._discriminator_variables())
            # Adam's first steps are those after the rest: it corrects its averages of gradients by their number.
            steps = self.discriminator_optimizer.iterations
            steps.assign(steps * tf.cast(awake, steps.dtype))
            told["discriminator_gradient"] = global_norm(gradients)
            self._show(told, tf.cast(awake, tf.float32))
            sick += 0 * (tf.reduce_sum(told["discriminator_loss"]) + told["discriminator_gradient"])

        with tf.GradientTape() as tape:
            outputs = self(inputs, training=True)
            own = self.compute_loss(inputs, targets, outputs, weights)
            said = tf.cond(awake, lambda: self._generator_loss(inputs), lambda: tf.zeros_like(counted))
            loss = own + weight * self._shared(said * counted) + self._size(self.generator)
        variables = self.generator.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply(gradients, variables)
        self._update_average()

        norm = global_norm(gradients)
        self._show({"generator_loss": said, "generator_gradient": norm}, 1.0)
        whole = loss * tf.distribute.get_strategy().num_replicas_in_sync
        total = next(metric for metric in self.metrics if metric.name == "loss")
        total.update_state(whole + sick + 0 * norm, sample_weight=tf.shape(counted)[0])
        return self.compute_metrics(inputs, targets, outputs, weights)

    def _discriminator_gradients(self, inputs, counted, turn):
        """Gradients, and what is shown of the step."""
        options, loss = self.options, self.adversarial_loss
        real, tokens, wrong = _clips(inputs), inputs[keys.MATCH_TOKENS], inputs[WRONG_TOKENS]
        matching = options.matching * tf.cast(tf.reduce_any(wrong != tokens, axis=1), tf.float32)
        fake = tf.stop_gradient(self._make(inputs, turn))
        clips, words = [real, fake], [tokens, tokens]
        if options.matching:
            clips, words = [*clips, real], [*words, wrong]
        told = {name: tf.zeros_like(counted) for name in self._discriminator_logs()}
        with tf.GradientTape() as tape:
            for model in self.discriminators.values():
                scores = _scores(model, tf.concat(clips, 0), tf.concat(words, 0), training=True)
                on_real, on_fake, *on_wrong = tf.split(scores, len(clips))
                fakes = loss.fake(on_fake)
                if on_wrong:
                    fakes = (1 - matching) * fakes + matching * loss.fake(on_wrong[0])
                told["discriminator_loss"] += loss.real(on_real) + fakes
                for name, penalty_weight in options.penalties.items():
                    critic = lambda clips, model=model: _scores(model, clips, tokens)  # noqa: E731
                    penalty = PENALTIES[name](critic, real, fake, inputs[MIX][:, turn])
                    told[name] += penalty
                    told["discriminator_loss"] += penalty_weight * penalty
                told["real_accuracy"] += _share(on_real > 0) / len(self.discriminators)
                told["fake_accuracy"] += _share(on_fake < 0) / len(self.discriminators)
            total = self._shared(told["discriminator_loss"] * counted)
            total += sum(self._size(model) for model in self.discriminators.values())
        variables = self._discriminator_variables()
        gradients = tape.gradient(total, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.convert_to_tensor(gradient) for gradient in gradients], told

    def _no_gradients(self, counted):
        told = {name: tf.zeros_like(counted) for name in self._discriminator_logs()}
        return [tf.zeros_like(variable) for variable in self._discriminator_variables()], told

    def _generator_loss(self, inputs):
        """What the discriminators' scores of new clips cost the generator, (batch,)."""
        tokens, fake = inputs[keys.MATCH_TOKENS], self._make(inputs, self.options.n_discriminator)
        total = tf.zeros((tf.shape(tokens)[0],))
        for name, model in self.discriminators.items():
            if self.options.gradient_reversal:
                value = self.adversarial_loss.fake(_scores(model, self.reversal(fake), tokens))
            else:
                value = self.adversarial_loss.generator(_scores(model, fake, tokens))
            total += self.options.discriminators.get(name, 1.0) * value
        return total

    def _make(self, inputs, turn):
        """Clips of the batch's words, from the noise of a step."""
        noise = {part: inputs[drawn(part)][:, turn] for part in self.generator.noise_shapes}
        return tf.cast(self.generator.generate(inputs[keys.MATCH_TOKENS], noise), tf.float32)

    def _update_average(self):
        """Moves the average towards the generator, faster in the first steps, when it knows little."""
        if self.average is None:
            return
        step = tf.cast(self.optimizer.iterations, tf.float32)
        kept = tf.minimum(self.options.average, step / (step + 9))
        for mean, value in zip(self.average.trainable_variables, self.generator.trainable_variables):
            mean.assign(value + tf.cast(kept, value.dtype) * (mean - value))
        for mean, value in zip(self.average.non_trainable_variables, self.generator.non_trainable_variables):
            mean.assign(value)

    def _size(self, model):
        """This device's share of the penalty of a model's kernels."""
        if not self.options.l1 and not self.options.l2:
            return 0.0
        size = keras.regularizers.L1L2(self.options.l1, self.options.l2)
        kernels = [variable for variable in model.trainable_variables if variable.name == "kernel"]
        return sum(size(kernel) for kernel in kernels) / tf.distribute.get_strategy().num_replicas_in_sync

    def _shared(self, values):
        """The mean over the examples of all devices, which sum it up."""
        return tf.reduce_mean(values) / tf.distribute.get_strategy().num_replicas_in_sync

    def _show(self, told, weight):
        for name, value in told.items():
            self.shown[name].update_state(value, sample_weight=weight * tf.ones_like(value))

    def _discriminator_logs(self):
        return ["discriminator_loss", "real_accuracy", "fake_accuracy", *self.options.penalties]

    def _discriminator_variables(self):
        return [variable for model in self.discriminators.values() for variable in model.trainable_variables]


def _clips(inputs):
    return tf.cast(inputs[keys.FRAMES], tf.float32) / 255


def _scores(model, clips, tokens, training=False):
    """Scores (batch, ...) in float32."""
    return tf.cast(model({keys.FRAMES: clips, keys.MATCH_TOKENS: tokens}, training=training), tf.float32)


def _share(right):
    """The share of True of each example, (batch,)."""
    return tf.reduce_mean(tf.reshape(tf.cast(right, tf.float32), (tf.shape(right)[0], -1)), axis=1)
