"""What heads and tasks are: declarations that training, evaluation, export and menus loop over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vtkeras.config import Config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import Vocabulary
from vtkeras.errors import UserError
from vtkeras.tasks.predicted import Examples, Predicted

HIGHER, LOWER = "higher", "lower"


@dataclass(frozen=True)
class Column:
    """A figure that `evaluate` gives.

    Attributes:
        title: heading in tables.
        unit: "%" for shares, which tables show times 100; "" otherwise.
        better: `HIGHER` or `LOWER`.
        listed: whether tables list it; the others are in `metrics.json` alone.
    """

    title: str
    unit: str = ""
    better: str = HIGHER
    listed: bool = True


@dataclass(frozen=True)
class Endpoint:
    """A function of the exported model.

    Attributes:
        name: how it is called.
        function: (reader, *tensors as `signature` says) to a dict of tensors, or one tensor; its arguments'
            names are those of the exported function.
        signature: `tf.TensorSpec` of each argument.
    """

    name: str
    function: Callable
    signature: tuple[tf.TensorSpec, ...]


class Head:
    """One thing that a model learns to say. A head makes Keras layers and is none: nothing of it is saved.

    A new head is a subclass in a file of its own and one line in `HEADS`.

    Attributes:
        name: its key in `HEADS`, in the model's outputs and in `train.loss_weights`.
        title: its name for people.
        field: column of the data that holds what is right, "" for none; names the columns of `predictions.csv`.
        learns_from: which of the `texts()` of a source it needs.
        reads_question: whether what it says depends on a question.
        answers_questions: whether what is right is the answer to the example's question.
        writes_captions: whether it writes what is on a clip: judges ask it, and it may learn by reward.
        once_a_clip: whether it says the same of a clip whatever is asked.
        kept_once: names of what `predict` gives that `collect` gets for the first example of each clip alone.
        from_classes: whether it chooses among the classes that training showed.
        separator: what joins several right classes of an example, None for one class an example.
        loss_weight: weight of its loss unless the config gives one.
        columns: {name: `Column`}, the figures that `score` gives.
        headline: the one of `columns` that stands for them in a line of progress.
        goals: {one of `columns`: the best that it can be}, by which the best weights are chosen.
        auxiliary: whether it only helps the others to learn: nothing asks it.
        switch: the option of a config that turns it on, "" where nothing does.
        needs_judge: whether figures ask a judge what is on clips, see `judged`.
        baselines: {name: function(head, training examples, examples) to what it says of them}, systems that need no
            model and that this head alone is compared with.
    """

    name: str = ""
    title: str = ""
    field: str = ""
    learns_from: str = ""
    reads_question: bool = False
    answers_questions: bool = False
    writes_captions: bool = False
    once_a_clip: bool = False
    kept_once: tuple[str, ...] = ()
    from_classes: bool = False
    separator: str | None = None
    loss_weight: float = 1.0
    columns: dict[str, Column] = {}
    headline: str = ""
    goals: dict[str, float] = {}
    auxiliary: bool = False
    switch: str = ""
    needs_judge: bool = False
    baselines: dict[str, Callable[[Any, Examples, Examples], Predicted | None]] = {}

    def active(self, config: Config, vocabulary: Vocabulary, heads: Sequence[Head]) -> bool:
        """Whether the data and the config have something for this head to learn.

        Args:
            config: the experiment.
            vocabulary: what training showed.
            heads: all heads of the task.
        """
        return True

    def inputs(self, examples: dict, preprocessor: Preprocessor) -> dict[str, tf.Tensor]:
        """What the head's layer takes of a batch beside what the trunk read, by the names of the model's inputs."""
        return {}

    def targets(self, examples: dict, preprocessor: Preprocessor) -> tuple[tf.Tensor, tf.Tensor]:
        """What is right for each example of a batch, and a weight float32 (batch,), 0 where nothing is known."""
        raise NotImplementedError

    def layer(self, parts: Any, vocabulary: Vocabulary) -> keras.layers.Layer:
        """The output layer; `parts` are what the task's `build` hands to every head."""
        raise NotImplementedError

    def loss(self, config: Config, gather: Callable | None = None) -> keras.losses.Loss:
        """The loss, one value per example; `gather` brings (batch, ...) to that of all devices."""
        raise NotImplementedError

    def metrics(self, config: Config) -> list[keras.metrics.Metric]:
        """What the progress line and TensorBoard show beside the loss."""
        return []

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What an exported model with this head can do."""
        return ()

    def constants(self, config: Config) -> dict[str, Any]:
        """Options that stand in the exported graph, by which the same weights make something else; {} for none."""
        return {}

    def predict(self, reader: Reader, batch: dict) -> dict[str, tf.Tensor]:
        """What a model says of a batch, in the graph: tensors with one row an example.

        Args:
            reader: of the model.
            batch: prepared examples, and what `reader.predict` read of them for all heads.
        """
        raise NotImplementedError

    def collect(self, outputs: dict[str, np.ndarray], reader: Reader, examples: Examples) -> Predicted:
        """What `predict` gave for all batches of a split, put together.

        Args:
            outputs: {name: array}, with one row for each example of the split; of `kept_once` for each clip.
            reader: of the model.
            examples: of the split, in the same order.
        """
        raise NotImplementedError

    def truth(self, example: dict) -> Any:
        """What is right for one example (a dict of NumPy values), as `score` wants it."""
        raise NotImplementedError

    def as_text(self, truth: Any) -> str:
        """The truth as a text of the data's column `field`, "" where nothing is known."""
        return truth

    def correct(self, truth: Any, text: str) -> bool:
        """Whether a text is right."""
        return truth == text

    def by_clip(self, examples: Examples) -> bool:
        """Whether figures count each clip of a split once, however many questions it has."""
        return self.once_a_clip

    def score(self, predicted: Predicted, examples: Examples, meteor: bool = False) -> dict[str, float | None]:
        """Figures with the names of `columns`; those that the data leave empty are missing or None.

        Args:
            predicted: what a system says of each example.
            examples: with this head's truths.
            meteor: score texts by METEOR too, which takes Java some seconds.
        """
        raise NotImplementedError

    def goal_scores(self, predicted: Predicted, examples: Examples) -> dict[str, float | None]:
        """The figures of `score` that `goals` names, and others only where these cost nothing more."""
        return self.score(predicted, examples)

    def judged(self, judge: Any) -> Head:
        """This head, scored with the help of a judge (`vtkeras.evaluation.judges`); only for those that need one."""
        raise NotImplementedError

    def samples(self, reader: Reader, batch: dict) -> dict[str, str | np.ndarray]:
        """What TensorBoard shows of a few examples: {tag: Markdown text, or uint8 picture (height, width, 3)}."""
        return {}


class Reader(tf.Module):
    """A model ready to be asked; the endpoints of its heads are its methods.

    Evaluation asks it by `predict`, export saves its methods.

    Args:
        model: the Keras model.
        preprocessor: the one the model was trained with.
        heads: the heads that were trained.
        compiled: bool, let XLA compile what can be.
        rereads: bool, search takes a second look, which evaluation has time for and training has not.

    Example:
        >>> reader = task.reader(model, preprocessor, heads)
        >>> reader.caption(frames)["caption"]
        [b'digit 3 is moving up and down']
    """

    experts: Any = None  # linear models beside the network, where it has some

    def __init__(
        self,
        model: keras.Model,
        preprocessor: Preprocessor,
        heads: Sequence[Head],
        compiled: bool = False,
        rereads: bool = False,
    ):
        super().__init__(name="reader")
        self.model = model
        self.preprocessor = preprocessor
        self.heads = tuple(head for head in heads if not head.auxiliary)
        self.compiled = compiled
        self.rereads = rereads
        for head in reversed(self.heads):  # where two have an endpoint of one name, the first one's counts
            for endpoint in head.endpoints():
                setattr(self, endpoint.name, endpoint.function.__get__(self))
        self.ask = tf.function(self.predict, reduce_retracing=True, autograph=False)

    def predict(self, batch: dict) -> dict[str, dict[str, tf.Tensor]]:
        """{head: what it says} of a batch of prepared examples; `ask` is the same as a graph."""
        return self.say(self.read(batch))

    def read(self, batch: dict) -> Any:
        """What `say` needs of a batch of prepared examples, whatever the heads make of it."""
        return batch

    def say(self, read: Any) -> dict[str, dict[str, tf.Tensor]]:
        """{head: what it says} of what was read."""
        return {head.name: head.predict(self, read) for head in self.heads}

    def samples(self, batch: dict) -> dict[str, str | np.ndarray]:
        """What TensorBoard shows of a few examples, see `Head.samples`."""
        return {tag: sample for head in self.heads for tag, sample in head.samples(self, batch).items()}


@dataclass(frozen=True)
class Task:
    """A list of heads, the model that they stand on, and how it is trained.

    Attributes:
        name: the task's key in `TASKS`.
        heads: what it learns to say, in the order of tables.
        inputs: (examples, Preprocessor, active heads) to what the model takes of a batch, targets aside.
        build: (Config, Vocabulary, active heads, from_features=False) to a Keras model whose output is a dict
            with the heads' names.
        reader: the `Reader` of such models.
        trainer: name in `vtkeras.training.trainers.TRAINERS`, or a function that gives it from the config.
        told_by: the option of `model` that tells two runs of this task apart in tables.
        text_role: what the text that an example comes with is: a "question", or "speech".
        without: options of a config that do nothing for this task.
    """

    name: str
    heads: tuple[Head, ...]
    inputs: Callable[..., dict]
    build: Callable[..., keras.Model]
    reader: Callable[..., Reader] = Reader
    trainer: str | Callable[[Config], str] = "supervised"
    told_by: str = "fusion"
    text_role: str = field(default="question")
    without: tuple[str, ...] = ()

    def check_options(self, config: Config) -> None:
        """Refuses options that would do nothing.

        Raises:
            UserError: for one of `without` that is not at its default, and for the switch of a head that has no weight.
        """
        usual, weights = Config(), config.train.loss_weights

        def changed(key: str) -> bool:
            return any(value not in _values_at(usual, key) for value in _values_at(config, key))

        for key in filter(changed, self.without):
            raise UserError(f"{key} does nothing for the task '{self.name}': leave it out.")
        for head in self.heads:
            if head.switch and changed(head.switch) and weights is not None and not weights.get(head.name):
                raise UserError(
                    f"{head.switch} does nothing without a weight: add `{head.name}: 1` to train.loss_weights, or "
                    f"leave {head.switch} out."
                )

    def trainer_of(self, config: Config) -> str:
        """The name of what trains this task with a config."""
        return self.trainer if isinstance(self.trainer, str) else self.trainer(config)

    def active_heads(self, config: Config, vocabulary: Vocabulary) -> tuple[Head, ...]:
        """The heads that have a loss weight and something to learn from.

        Raises:
            UserError: if none is left, or a weight is given to no head of the task.
        """
        weights = config.train.loss_weights
        heads = tuple(
            head
            for head in self.heads
            if head.active(config, vocabulary, self.heads) and (weights is None or weights.get(head.name, 0) > 0)
        )
        if not heads:
            raise UserError(
                f"Task '{self.name}' has nothing to train: the data have no "
                f"{' or '.join(head.name for head in self.heads)}, or train.loss_weights leaves them out."
            )
        return heads

    def loss_weights(self, config: Config, heads: Sequence[Head]) -> dict[str, float]:
        """{head: the weight of its loss}."""
        weights = config.train.loss_weights or {}
        return {head.name: weights.get(head.name, head.loss_weight) for head in heads}

    def losses(self, config: Config, heads: Sequence[Head], gather: Callable | None = None) -> dict:
        """{head: its loss}.

        Args:
            config: the experiment.
            heads: the active heads.
            gather: brings (batch, ...) to that of all devices, for a loss that compares examples; None for one device.
        """
        return {head.name: head.loss(config, gather) for head in heads}

    def metrics(self, config: Config, heads: Sequence[Head]) -> dict:
        """{head: its metrics}, of the heads that have some."""
        return {head.name: metrics for head in heads if (metrics := head.metrics(config))}

    def preprocess(
        self, examples: dict, preprocessor: Preprocessor, heads: Sequence[Head]
    ) -> tuple[dict, dict, dict]:
        """A batch of examples as (inputs, targets, sample weights), the latter two by head.

        Args:
            examples: dict of what the source gives, with one caption an example, and frames brought to one shape;
                questions and answers are (batch,), or (batch, questions) where a clip has several.
            preprocessor: brings texts to token ids and classes.
            heads: the active heads.
        """
        inputs = self.inputs(examples, preprocessor, heads)
        for head in heads:
            inputs = {**inputs, **head.inputs(examples, preprocessor)}
        known = {head.name: head.targets(examples, preprocessor) for head in heads}
        targets = {name: target for name, (target, _) in known.items()}
        return inputs, targets, {name: tf.cast(weight, tf.float32) for name, (_, weight) in known.items()}


def sample_table(title: str, given: tf.Tensor, said: tf.Tensor) -> str:
    """A Markdown table of what was given, under `title`, beside what a model says; strings (batch,) both."""
    rows = [f"| {a.decode()} | {b.decode()} |" for a, b in zip(given.numpy(), said.numpy())]
    return "\n".join([f"| {title} | model says |", "| --- | --- |", *rows])


def _values_at(options: Any, key: str) -> list:
    """The values of a key like `train.stages.epochs`: one, or one of each entry."""
    name, _, rest = key.partition(".")
    found = getattr(options, name)
    if not rest:
        return [found]
    return [value for one in (found if isinstance(found, tuple) else [found]) for value in _values_at(one, rest)]
