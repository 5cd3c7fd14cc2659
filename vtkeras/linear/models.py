"""What is simple and quick: linear models on the statistics of a frozen encoder's features, one for each head.

They are in the race so that nothing dearer is kept that does worse, they stand in the run's table, and beside the
winner they have a say of their own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from scipy.special import expit
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from vtkeras import keys
from vtkeras.config import DataConfig
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.base import Source
from vtkeras.data.sources.datasets import clips_or_examples
from vtkeras.data.text import build_vocabulary
from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.linear.fits import MOST_LABELS, fit_answers, fit_labels, fit_one_label, fit_sentences
from vtkeras.linear.search import SEARCH_TEXTS, WORDS, best_installed, embed_texts, fit_space
from vtkeras.linear.table import Table
from vtkeras.models import LinearClasses, LinearExperts, LinearSentences, LinearSpace
from vtkeras.models.clip_statistics import group_sizes, read_clips
from vtkeras.pretrained.sentence_encoder import SentenceEncoder
from vtkeras.tasks import Head
from vtkeras.tasks.predicted import ClassProbabilities, Examples, Predicted

ENCODER = "efficientnet_lite0"  # the pretrained one that plans and linear models read clips with
COMPONENTS = 128
STILL = 1e-4  # times the median spread of a group's features, below which one does not differ
NEGLIGIBLE = 1e-5  # share of the variance below which a component tells nothing
TITLE = "linear on frozen features"
SIDE, FRAMES = 224, 8  # that a baseline reads clips with
VOCABULARY, TOKENS = 4000, 64  # of a baseline: word pieces, and those of a text at most
BATCH = 256  # examples that are asked about at once
REPORT_SECONDS = 20.0  # between two lines of progress


class LinearModels:
    """Linear models of every head that can have one, fitted to a training split.

    Args:
        heads: those of the task.
        train: the training split.
        preprocessor: brings texts to word pieces, and knows the answers and labels.
        several: whether a clip may have several labels; None looks whether one has.
        meaning: sentence encoder that search may use beside words.

    Attributes:
        classes: {head: `LinearClasses`}, of those that choose among answers or labels.
        space: `LinearSpace` for search, or None.
        sentences: {head: `LinearSentences` and the captions that it knows}, of those that write about a clip.

    Example:
        >>> models = LinearModels(heads, train, preprocessor)
        >>> models.predict(validation)["label"].texts[0]
        'jump'
    """

    @threadpool_limits.wrap(limits=1)  # several, in steps as small as these, mostly wait for each other
    def __init__(
        self,
        heads: Sequence[Head],
        train: Table,
        preprocessor: Preprocessor,
        several: bool | None = None,
        meaning: SentenceEncoder | None = None,
        seconds: float = math.inf,
    ):
        self.heads = heads
        self.preprocessor = preprocessor
        self.groups = list(train.groups) or [train.features.shape[1]]
        widest = max(self.groups)
        self.reduced = [_components(group, widest) for group in self._grouped(train.features)]
        x = self.vectors(train)
        self.classes: dict[str, LinearClasses] = {}
        self.sentences: dict[str, tuple[LinearSentences, list[str]]] = {}
        self.space: LinearSpace | None = None
        for head in heads:
            truths = train.examples.truths[head.name]
            if not head.field:
                self.space = fit_space(head, x, train, preprocessor, meaning, seconds)
            elif not any(texts := [head.as_text(truth) for truth in truths]):
                continue
            elif head.reads_question and head.separator is None:
                if answers := fit_answers(head, x, train, preprocessor):
                    self.classes[head.name] = answers
            elif head.from_classes:
                found = any(keys.LABEL_SEPARATOR in text for text in texts) if several is None else several
                self.classes[head.name] = (fit_labels if found else fit_one_label)(head, x, train, preprocessor)
            else:
                self.sentences[head.name] = fit_sentences(head, x, train, preprocessor)

    @property
    def left_out(self) -> str:
        """One sentence on labels that they never say; "" where they say all."""
        count = len(self.preprocessor.vocabulary.labels)
        said = any(head.learns_from == "labels" and head.name in self.classes for head in self.heads)
        many = said and count > MOST_LABELS
        return f"linear models know only the {MOST_LABELS} most frequent of {count} labels" if many else ""

    def vectors(self, table: Table) -> np.ndarray:
        """float32 (examples, components): each example's clip, as the models read it."""
        groups = zip(self._grouped(table.features), self.reduced)
        return np.hstack([features @ kernel + bias for features, (kernel, bias) in groups])[table.clips]

    def _grouped(self, features: np.ndarray) -> list[np.ndarray]:
        return np.split(features, np.cumsum(self.groups)[:-1], axis=1)

    def predict(self, test: Table) -> dict[str, Predicted]:
        """{head: what the linear model says}, for the heads that have one."""
        x = self.vectors(test)
        found = {}
        for name, (layer, known) in self.sentences.items():
            best = np.asarray(layer.log_probabilities(x)).argmax(axis=1)
            found[name] = Predicted([known[place] for place in best])
        tokens = self.preprocessor.question(tf.constant(test.examples.questions))
        for head in self.heads:
            if head.name in self.classes:
                found[head.name] = self._choose(head, x, tokens)
            elif self.space and head.name == self.space.name:
                texts = list(dict.fromkeys(filter(None, map(head.as_text, test.examples.truths[head.name]))))
                if texts:
                    said = embed_texts(self.space, self.preprocessor, texts)
                    found[head.name] = Predicted(values=np.asarray(self.space.embed_video(x)) @ said.T)
        return found

    def experts(self, encoder: keras.layers.Layer, channels: int) -> LinearExperts:
        """The same layers as a model that reads frames, for heads that choose, for search and for captions.

        Args:
            encoder: frozen frame encoder that gave the features.
            channels: of its patches.

        Returns:
            Experts of which each counts as much as the network until they are weighed.
        """
        assert self.preprocessor.beside is not None
        shape = self.preprocessor.beside.config
        classes = {head.name: self.classes[head.name] for head in self.heads
                   if head.from_classes and head.name in self.classes}  # fmt: skip
        sentences = [self.sentences[head.name][0] for head in self.heads
                     if head.once_a_clip and head.name in self.sentences]  # fmt: skip
        experts = LinearExperts(
            encoder, channels, shape.num_frames, shape.image_size, [len(bias) for _, bias in self.reduced], classes,
            self.space, sentences[0] if sentences else None, copies=True, fine=len(self.groups) > 1,
            name="linear_experts",
        )  # fmt: skip
        for layer, weights in zip([experts.reduce, *experts.reduce_fine], self.reduced):
            layer.set_weights(weights)
        return experts

    def _choose(self, head: Head, x: np.ndarray, tokens: tf.Tensor) -> Predicted:
        layer, words = self.classes[head.name], self.preprocessor.vocabulary
        rows = range(0, len(x), BATCH)
        logits = np.concatenate([layer(x[row : row + BATCH], tokens[row : row + BATCH]) for row in rows])
        if layer.several:
            chances = expit(logits)
            named = ((words.labels[place] for place in np.flatnonzero(row > 0.5)) for row in chances)
            texts = [keys.LABEL_SEPARATOR.join(one) for one in named]
            return Predicted(texts, ClassProbabilities(words.labels, chances, several=True))
        names = words.labels if head.learns_from == "labels" else words.answers
        chances = np.exp(logits)  # which a layer of one choice gives as log-probabilities
        return Predicted([names[place] for place in chances.argmax(axis=1)], ClassProbabilities(names, chances))


class LinearBaseline:
    """The linear models as a baseline of `evaluate`; it reads every clip once through EfficientNet-Lite0, and is fitted
    to the training examples that it is first given.

    Args:
        training: gives the training clips.
        source: gives the clips that are asked about.
        report: called with lines of progress.

    Raises:
        UserError: if the encoder's weights are not installed.

    Example:
        >>> evaluate(systems, source, preprocessor, ["test"], more={TITLE: LinearBaseline(source, source)})
    """

    def __init__(self, training: Source, source: Source, report: Callable[[str], None] = print):
        self.training = training
        self.source = source
        self.report = report
        self.encoder = FRAME_ENCODERS[ENCODER](image_size=SIDE, weights="imagenet")
        self.shape = (None, FRAMES, SIDE, SIDE, 3)
        sizes = {"num_frames": FRAMES, "image_size": SIDE, "question_length": TOKENS, "caption_length": TOKENS}
        self.preprocessor = Preprocessor(DataConfig(**sizes), build_vocabulary(training.texts(), VOCABULARY))
        self.known: dict[tuple[Source, str], dict[str, np.ndarray]] = {}
        self.fitted: dict[str, LinearModels] = {}

    def __call__(self, head: Head, train: Examples, test: Examples) -> Predicted | None:
        """What the linear model of a head says of `test`; None of one that makes clips."""
        if head.needs_judge:
            return None
        if head.name not in self.fitted:
            table, name = self._table(train, self.training), WORDS if head.field else best_installed()
            models = LinearModels([head], table, self.preprocessor, meaning=SEARCH_TEXTS[name]())
            if models.left_out:
                self.report(models.left_out)
            if models.space:
                self.report(f"{TITLE}: search compares texts by {name if models.space.meaning else WORDS}")
            self.fitted[head.name] = models
        return self.fitted[head.name].predict(self._table(test, self.source)).get(head.name)

    def _table(self, examples: Examples, source: Source) -> Table:
        names = list(dict.fromkeys(examples.ids))
        known = self.known.setdefault((source, examples.split), {})
        if wanted := {*names} - {*known}:
            known |= self._read(source, examples.split, wanted)
        rows = {name: row for row, name in enumerate(names)}
        features = np.stack([known[name] for name in names])
        groups = group_sizes(self.encoder.compute_output_shape(self.shape)[-1], FRAMES, self.encoder.map_channels)
        return Table(examples, features, np.array([rows[name] for name in examples.ids]), groups)

    def _read(self, source: Source, split: str, wanted: set[str]) -> dict[str, np.ndarray]:
        """{clip: its statistics}."""
        self.report(f"{TITLE}: reading {len(wanted)} clips")

        @tf.function
        def encode(frames, mask):
            return read_clips(self.encoder, frames[None], mask[None])[1][0]

        found: dict[str, np.ndarray] = {}
        began = told = time.monotonic()
        for clip in clips_or_examples(source, split)[0]:
            name = clip[keys.VIDEO_ID].numpy().decode()
            if name in wanted and name not in found:
                frames, mask = self.preprocessor.clip(clip[keys.FRAMES])
                found[name] = encode(frames, mask).numpy()
                if time.monotonic() - told > REPORT_SECONDS:
                    told = time.monotonic()
                    left = (told - began) / len(found) * (len(wanted) - len(found))
                    self.report(f"{TITLE}: {len(found)} of {len(wanted)} clips, about {left:.0f} s left")
            if len(found) == len(wanted):
                break
        return found


def _components(features: np.ndarray, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Kernel (channels, components) and bias to the principal components of standardised features, whose variances
    are together about `variance`, so that groups of few features count as much as those of many.

    Those in which the clips hardly differ are left out, and features too, such as changes of clips in which nothing
    moves: another clip may differ in them, and would stand out by far.
    """
    scale = StandardScaler().fit(features)
    scale.scale_[scale.scale_ < STILL * np.median(scale.scale_)] = np.inf
    pca = PCA(min(COMPONENTS, *features.shape), random_state=0).fit(scale.transform(features))
    directions = pca.components_[pca.explained_variance_ratio_ > NEGLIGIBLE]
    directions *= np.sqrt(variance / features.shape[1])
    kernel, bias = (directions / scale.scale_).T, -(scale.mean_ / scale.scale_ + pca.mean_) @ directions.T
    return kernel.astype(np.float32), bias.astype(np.float32)
