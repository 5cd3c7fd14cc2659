"""What is simple and quick: linear models on the pooled features of a frozen encoder, one for each head.

They are in the race so that nothing dearer is kept that does worse, and they stand in the run's table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from vtkeras import keys
from vtkeras.config import DataConfig
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.base import Source
from vtkeras.data.text import SPECIAL_TOKENS, Vocabulary
from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.models import pool_clips
from vtkeras.tasks import Head
from vtkeras.tasks.predicted import ClassProbabilities, Examples, Predicted

ENCODER = "efficientnet_lite0"  # the pretrained one that plans and linear models read clips with
COMPONENTS = 128
MOST_SENTENCES = 400  # different captions that are treated as classes; with more, the nearest clip's is taken
OWN_MODEL = 30  # times that a question is asked in training, from which on it has a model of its own
TITLE = "linear on frozen features"
SIDE, FRAMES = 224, 8  # that a baseline reads clips with


@dataclass
class Table:
    """A split for linear models.

    Attributes:
        examples: texts and truths, an example for each question.
        features: float32 (clips, channels).
        clips: int (examples,), the row of `features` that belongs to each example.
        questions: as in `examples`.
    """

    examples: Examples
    features: np.ndarray
    clips: np.ndarray


def read_table(source: Source, split: str, heads: Sequence[Head], limit: int | None = None) -> Table:
    """Reads a split of a source of frame features.

    Args:
        source: gives clips with features and all their questions.
        split: one of its splits.
        heads: whose truths to keep.
        limit: examples at most; None takes all.
    """
    examples = Examples(truths={head.name: [] for head in heads})
    features: list[np.ndarray] = []
    clips: list[int] = []
    for clip in source.clips(split).map(_pooled, num_parallel_calls=tf.data.AUTOTUNE).as_numpy_iterator():
        if limit is not None and len(clips) >= limit:
            break
        pairs = list(zip(clip[keys.QUESTION], clip[keys.ANSWER])) or [(b"", b"")]
        for question, answer in pairs[: None if limit is None else limit - len(clips)]:
            one = {**clip, keys.QUESTION: question, keys.ANSWER: answer}
            examples.ids.append(clip[keys.VIDEO_ID].decode())
            examples.questions.append(question.decode())
            for head in heads:
                examples.truths[head.name].append(head.truth(one))
            clips.append(len(features))
        features.append(clip[keys.LINEAR])
    return Table(examples, np.stack(features), np.array(clips))


def _pooled(clip: dict) -> dict:
    """A clip whose features are pooled, so that they take little room."""
    pooled = pool_clips(clip[keys.FRAME_FEATURES][None], clip[keys.FRAMES_MASK][None])[0]
    return {key: value for key, value in clip.items() if key != keys.FRAME_FEATURES} | {keys.LINEAR: pooled}


def pool(features: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """float32 (4 * channels,) of a clip's features (time, patches, channels), see `pool_clips`."""
    return np.asarray(pool_clips(features[None].astype(np.float32), mask[None]))[0]


class LinearModels:
    """Linear models of every head that can have one, fitted to a training split.

    Args:
        heads: those of the task.
        train: the training split.
        sentences: from texts to vectors (texts, channels) that tell their meaning; None takes word counts.

    Example:
        >>> models = LinearModels(heads, train)
        >>> models.predict(validation)["label"].texts[0]
        'jump'
    """

    def __init__(self, heads: list[Head], train: Table, sentences: Callable | None = None):
        self.heads = heads
        self.reduce = make_pipeline(StandardScaler(), PCA(min(COMPONENTS, *train.features.shape), random_state=0))
        self.train = train
        self.x = self.reduce.fit_transform(train.features)[train.clips]
        self.sentences = sentences or _word_counts(train)

    def predict(self, test: Table) -> dict[str, Predicted]:
        """{head: what the linear model says}, for the heads that have one."""
        x = self.reduce.transform(test.features)[test.clips]
        found = {}
        for head in self.heads:
            predicted = self._predict(head, x, test)
            if predicted is not None:
                found[head.name] = predicted
        return found

    def _predict(self, head: Head, x: np.ndarray, test: Table) -> Predicted | None:
        truths = self.train.examples.truths[head.name]
        if not head.field:
            return self._search(truths, x, test.examples.truths[head.name])
        texts = [head.as_text(truth) for truth in truths]
        if not any(texts):
            return None
        if head.reads_question and head.separator is None:
            return Predicted(self._answers(texts, x, test.examples.questions))
        return self._classes(head, texts, x)

    def _classes(self, head: Head, texts: list[str], x: np.ndarray) -> Predicted:
        """Each different text is a class; where they are too many, that of the nearest clip."""
        known = np.array([bool(text) for text in texts])
        y = np.array(texts)[known]
        if len(set(y)) > MOST_SENTENCES:
            return Predicted([str(y[row]) for row in _nearest(self.x[known], x)])
        if len(set(y)) == 1:
            return Predicted([str(y[0])] * len(x))
        model = logistic().fit(self.x[known], y)
        texts = [str(text) for text in model.predict(x)]
        if not head.from_classes:
            return Predicted(texts)
        several = head.separator is not None and any(head.separator in text for text in y)
        classes = None if several else ClassProbabilities(tuple(map(str, model.classes_)), model.predict_proba(x))
        return Predicted(texts, classes)

    def _answers(self, texts: list[str], x: np.ndarray, questions: list[str]) -> list[str]:
        """A model for each frequent question, and one for all others that reads the question's words."""
        asked = self.train.examples.questions
        counts = Counter(asked)
        found = np.full(len(questions), "", dtype=object)
        rows = np.array(asked)
        for question in set(questions):
            if counts[question] >= OWN_MODEL:
                own, wanted = rows == question, np.array(questions) == question
                y = np.array(texts)[own]
                found[wanted] = y[0] if len(set(y)) == 1 else logistic().fit(self.x[own], y).predict(x[wanted])
        rest = found == ""
        if rest.any():
            words = TfidfVectorizer(token_pattern=r"\S+", max_features=300).fit(asked)
            both = np.hstack([self.x, 5 * words.transform(asked).toarray()])
            take = np.random.default_rng(0).permutation(len(both))[:5000]
            y = np.array(texts)[take]
            wanted = np.hstack([x[rest], 5 * words.transform(np.array(questions)[rest]).toarray()])
            found[rest] = y[0] if len(set(y)) == 1 else logistic().fit(both[take], y).predict(wanted)
        return [str(text) for text in found]

    def _search(self, truths: list[str], x: np.ndarray, tests: list[str]) -> Predicted | None:
        """Ridge regression from clips to the meaning of their captions; similarity of captions to clips."""
        known = np.array([bool(text) for text in truths])
        texts = list(dict.fromkeys(filter(None, tests)))
        if not known.any() or not texts:
            return None
        targets = self.sentences(list(np.array(truths)[known]))
        model = Ridge(alpha=float(len(self.x)) / 10).fit(self.x[known], targets)
        return Predicted(values=_unit(model.predict(x)) @ _unit(self.sentences(texts)).T)


class LinearBaseline:
    """The linear models as a baseline of `evaluate`; it reads every clip once through EfficientNet-Lite0.

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
        self.known: dict[str, np.ndarray] = {}

    def __call__(self, head: Head, train: Examples, test: Examples) -> Predicted | None:
        """What the linear model of a head says of `test`."""
        models = LinearModels([head], self._table(train, self.training))
        return models.predict(self._table(test, self.source)).get(head.name)

    def _table(self, examples: Examples, source: Source) -> Table:
        names = list(dict.fromkeys(examples.ids))
        if not {*names} <= {*self.known}:
            self._read(source, {*names} - {*self.known})
        rows = {name: row for row, name in enumerate(names)}
        features = np.stack([self.known[name] for name in names])
        return Table(examples, features, np.array([rows[name] for name in examples.ids]))

    def _read(self, source: Source, wanted: set[str]) -> None:
        self.report(f"{TITLE}: reading {len(wanted)} clips")
        preprocessor = Preprocessor(DataConfig(num_frames=FRAMES, image_size=SIDE), Vocabulary(SPECIAL_TOKENS, (), ()))
        encode = tf.function(lambda frames: self.encoder(frames[None], training=False)[0])
        for split in source.splits():
            for clip in source.load(split):
                name = clip[keys.VIDEO_ID].numpy().decode()
                if name in wanted:
                    wanted.remove(name)
                    frames, mask = preprocessor.clip(clip[keys.FRAMES])
                    self.known[name] = pool(encode(frames).numpy(), mask.numpy())
                if not wanted:
                    return


def logistic() -> Pipeline:
    """Logistic regression on standardised features, regularised for a few hundred clips."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200))


def _nearest(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return (_unit(asked) @ _unit(known).T).argmax(axis=1)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _word_counts(train: Table) -> Callable:
    texts = [text for truths in train.examples.truths.values() for text in truths if isinstance(text, str) and text]
    words = TfidfVectorizer(token_pattern=r"\S+", max_features=2000).fit(texts or ["none"])
    return lambda texts: words.transform(texts).toarray()
