"""Linear models of one head each, as layers, fitted to clips' vectors and texts."""

from __future__ import annotations

import warnings

import numpy as np
import tensorflow as tf
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import END_ID
from vtkeras.linear.table import Table
from vtkeras.models import LinearClasses, LinearSentences
from vtkeras.tasks import Head

OWN_MODEL = 30  # times that a question is asked in training, from which on it has a model of its own
NEVER = -1e3  # logit of a class that a question never had
CERTAIN = 6.0  # logit of a label that every clip has
MOST_WEIGHTS = 4_000_000  # of all questions of a head together
MOST_CHOICES = 2000  # different answers, above which there is no model of them
MOST_ANSWERS = 300  # that a model of answers is fitted to
MOST_EXAMPLES = 5000  # that the model of all questions is fitted to
MOST_LABELS = 300  # that a model of labels is fitted to
MOST_PAIRS = 2_000_000  # of a label and a clip, to which models of several labels are fitted; 5,000 clips at least
ITERATIONS = 60  # of a fit: more change nothing that it says
MOST_SENTENCES = 400  # different captions that are treated as classes, if they occur twice in the mean
GROUPS = 5  # of clips, each left out once to tell which does better, a class for each caption or the nearest clip
MOST_CLIPS = 4000  # among which the nearest is looked for
SHARPNESS = 20.0  # times a cosine: how much likelier the caption of a nearer clip is


def fit_answers(head: Head, x: np.ndarray, train: Table, preprocessor: Preprocessor) -> LinearClasses | None:
    """A model for each frequent question, and one for all others that reads their words.

    Rare answers are left out of the fit, and are not said. Of very many answers, or none, there is no model.

    Args:
        head: whose truths are answers.
        x: float (examples, dim), the vector of each example's clip.
        train: the training split, with questions and truths.
        preprocessor: knows the answers, and brings questions to word pieces.

    Returns:
        The layer, with a class for each answer of the vocabulary; or None.
    """
    names = {name: place for place, name in enumerate(preprocessor.vocabulary.answers)}
    if not 0 < len(names) <= MOST_CHOICES:
        return None
    texts = [" ".join(head.as_text(truth).lower().split()) for truth in train.examples.truths[head.name]]
    y = np.array([names.get(text, -1) for text in texts])
    rows = np.flatnonzero(np.isin(y, _frequent(y[y >= 0], MOST_ANSWERS)))
    tokens = preprocessor.question(tf.constant(train.examples.questions)).numpy()
    different, own, counts = np.unique(tokens[rows], axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")[: MOST_WEIGHTS // (x.shape[1] * len(names))]
    kept = [place for place in order if counts[place] >= OWN_MODEL]
    fitted = [_softmax(x, y, rows[own.ravel() == place], len(names)) for place in kept]
    words, *general = _by_words(x, y, tokens, rows, len(names), len(preprocessor.vocabulary.tokens))
    kernels, biases = zip(*fitted, general)
    size = len(preprocessor.vocabulary.tokens)
    layer = LinearClasses(len(names), x.shape[1], len(kept), tokens.shape[1], size, name=head.name)
    layer.kernel.assign(np.stack(kernels))
    layer.bias.assign(np.stack(biases))
    layer.words.assign(words)
    if kept:
        layer.known.assign(different[kept])
    return layer


def _frequent(y: np.ndarray, most: int) -> np.ndarray:
    """The most frequent classes, so many of them."""
    classes, counts = np.unique(y, return_counts=True)
    return classes[np.argsort(-counts, kind="stable")[:most]]


def _by_words(
    x: np.ndarray, y: np.ndarray, tokens: np.ndarray, rows: np.ndarray, classes: int, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each word piece of a question adds, kernel and bias of a model of clips and questions together."""
    take = np.random.default_rng(0).permutation(rows)[:MOST_EXAMPLES]
    counts = word_counts(tokens[take], size)
    present = np.flatnonzero(counts.any(axis=0))
    kernel, bias = _softmax(np.hstack([x[take], counts[:, present]]), y[take], np.arange(len(take)), classes)
    words = np.zeros((size, classes))
    words[present] = kernel[x.shape[1] :]
    return words, kernel[: x.shape[1]], bias


def fit_one_label(head: Head, x: np.ndarray, train: Table, preprocessor: Preprocessor) -> LinearClasses:
    """One model, whose classes exclude each other. Rare labels beyond `MOST_LABELS` are not said.

    Args:
        head: whose truths are labels, one an example.
        x: float (examples, dim), the vector of each example's clip.
        train: the training split; the first example of each clip counts, if it has a label.
        preprocessor: knows the labels, and how much each one counts.

    Returns:
        The layer, with a class for each label of the vocabulary.
    """
    names = preprocessor.vocabulary.labels
    truths = train.examples.truths[head.name]
    places = {name: place for place, name in enumerate(names)}
    y = np.array([places.get(truth, -1) for truth in truths])
    weights = np.array([preprocessor.config.label_weights.get(truth, 1.0) for truth in truths])
    known = train.once & (y >= 0)
    rows = np.flatnonzero(known & np.isin(y, _frequent(y[known], MOST_LABELS)))
    kernel, bias = _softmax(x, y, rows, len(names), weights)
    layer = LinearClasses(len(names), x.shape[1], name=head.name)
    layer.kernel.assign(kernel[None])
    layer.bias.assign(bias[None])
    return layer


def fit_labels(head: Head, x: np.ndarray, train: Table, preprocessor: Preprocessor) -> LinearClasses:
    """A model of yes or no for each label. Rare labels beyond `MOST_LABELS` are not said.

    Args:
        head: whose truths are labels, joined by `|`.
        x: float (examples, dim), the vector of each example's clip.
        train: the training split; the first example of each clip counts, if it has a label.
        preprocessor: knows the labels, and how much each one counts.

    Returns:
        The layer, with a class for each label of the vocabulary, each with a probability of its own.
    """
    names = preprocessor.vocabulary.labels
    x, truths = x[train.once], np.array(train.examples.truths[head.name], object)[train.once]
    labels = preprocessor.labels(tf.constant(truths))
    has, weights = labels.numpy() > 0, preprocessor.label_weight(labels).numpy()
    frequent = _frequent(has.nonzero()[1], MOST_LABELS)
    most = max(MOST_EXAMPLES, MOST_PAIRS // max(1, len(frequent)))
    rows = np.sort(np.random.default_rng(0).permutation(np.flatnonzero(has.any(axis=1)))[:most])
    kernel, bias = np.zeros((x.shape[1], len(names))), np.full(len(names), -CERTAIN)
    for place in frequent:
        y = has[rows, place]
        if y.all() or not y.any():
            bias[place] = CERTAIN if y.all() else -CERTAIN
        else:
            kernel[:, [place]], bias[[place]] = _unscaled(_fit(x[rows], y, weights[rows]))
    layer = LinearClasses(len(names), x.shape[1], several=True, name=head.name)
    layer.kernel.assign(kernel[None])
    layer.bias.assign(bias[None])
    return layer


def fit_sentences(
    head: Head, x: np.ndarray, train: Table, preprocessor: Preprocessor
) -> tuple[LinearSentences, list[str]]:
    """Each different caption as a class, or that of the nearest clip where they are too many or that does better; and
    the captions.

    How likely a caption is none of these is the share of those that training has once (Good, "The population
    frequencies of species and the estimation of population parameters", 1953).
    """
    texts = np.array([head.as_text(truth) for truth in train.examples.truths[head.name]], object)  # see `fit_space`
    rows = train.once & (texts != "")
    x, texts = x[rows], texts[rows]
    different, classes, counts = np.unique(texts, return_inverse=True, return_counts=True)
    many = len(different) > max(1, min(MOST_SENTENCES, len(x) // 2))
    nearest = many or _nearest_does_better(x, classes.ravel())
    if nearest:
        take = np.sort(np.random.default_rng(0).permutation(len(x))[:MOST_CLIPS])
        kernel, bias = SHARPNESS * to_unit(x[take]).T, np.zeros(len(take))
        known = texts[take]
    else:
        kernel, bias = _softmax(x, classes.ravel(), np.arange(len(x)), len(different))
        known = different
    tokens = preprocessor.caption(tf.constant(known))[1].numpy()
    layer = LinearSentences(len(known), x.shape[1], tokens.shape[1], nearest=nearest, name=head.name)
    layer.kernel.assign(kernel)
    layer.bias.assign(bias)
    layer.tokens.assign(tokens)
    layer.new.assign(np.log(np.clip((counts == 1).sum(), 1, len(x)) / (len(x) + 1)))
    return layer, known.tolist()


def _nearest_does_better(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether the nearest of other clips tells the class of a clip more often than a model fitted to these does."""
    groups, gain = np.random.default_rng(0).permutation(len(x)) % GROUPS, 0
    for group in range(min(GROUPS, len(x)) if len(x) > 1 else 0):
        asked, known = groups == group, np.flatnonzero(groups != group)
        kernel, bias = _softmax(x, y, known, y.max() + 1)
        by_model = (x[asked] @ kernel + bias).argmax(axis=1)
        by_clip = y[known][(to_unit(x[asked]) @ to_unit(x[known]).T).argmax(axis=1)]
        gain += int((by_clip == y[asked]).sum()) - int((by_model == y[asked]).sum())
    return gain > 0


def to_unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def word_counts(tokens: np.ndarray, size: int) -> np.ndarray:
    """How often each word piece stands in texts, (texts, size), of tokens int32 (texts, length)."""
    counts = np.zeros((len(tokens), size), np.float32)
    np.add.at(counts, (np.arange(len(tokens))[:, None], tokens), 1.0)
    counts[:, : END_ID + 1] = 0.0  # special tokens tell nothing
    return counts


def _softmax(
    x: np.ndarray, y: np.ndarray, rows: np.ndarray, classes: int, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel (dim, classes) and bias (classes,) of a model fitted to some rows, which count by their weights."""
    kernel, bias = np.zeros((x.shape[1], classes)), np.full(classes, NEVER, dtype=np.float64)
    present = np.unique(y[rows])
    bias[present] = 0.0
    if len(present) > 1:
        own = present[1:] if len(present) == 2 else present  # of two, the second's logit is beside a zero
        kernel[:, own], bias[own] = _unscaled(_fit(x[rows], y[rows], None if weights is None else weights[rows]))
    return kernel, bias


def logistic() -> Pipeline:
    """Logistic regression on standardised features, regularised for a few hundred clips."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=ITERATIONS))


def _fit(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> Pipeline:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")  # captions are that many
        return logistic().fit(x, y, logisticregression__sample_weight=weights)


def _unscaled(model: Pipeline) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias of a `logistic` model, for features that are not standardised."""
    scale, regression = model.named_steps.values()
    kernel = (regression.coef_ / scale.scale_).T
    return kernel, regression.intercept_ - scale.mean_ @ kernel
