"""Linear models fitted beside a trained network, and how much each of them counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from vtkeras import keys
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.base import Source
from vtkeras.data.text import END_ID
from vtkeras.evaluation.evaluate import figure, score
from vtkeras.evaluation.reading import read_split
from vtkeras.linear.models import OWN_MODEL, LinearModels, Table, logistic
from vtkeras.models import LinearClasses, LinearExperts, LinearSpace
from vtkeras.tasks import Head, Reader

SHARES = (0.0, 0.25, 0.5, 1.0, 2.0, 8.0)  # of a linear model beside the network, of which the best is taken
NEVER = -1e3  # logit of a class that a question never had
CERTAIN = 6.0  # logit of a label that every clip has
MOST_WEIGHTS = 4_000_000  # of all questions of a head together
MOST_EXAMPLES = 5000  # that the model of all questions is fitted to
SPACE = 128
FEWEST = 10  # captions from which on a space is fitted


def fit_experts(
    network: Mapping[str, keras.layers.Layer],
    heads: Sequence[Head],
    train: Table,
    preprocessor: Preprocessor,
    encoder: keras.layers.Layer,
    channels: int,
) -> LinearExperts:
    """Linear models beside the heads of a network that can have one.

    Args:
        network: {head: its layer}.
        heads: those of the network.
        train: the training split, in the encoder's features.
        preprocessor: of the network, whose `beside` has the shape of the clips that the encoder read.
        encoder: frozen frame encoder that gave the features.
        channels: of its patches.

    Returns:
        The experts; each counts as much as the network until `choose_shares` has weighed them.
    """
    models = LinearModels(list(heads), train)
    scale, pca = models.reduce.named_steps.values()
    kernel = (pca.components_ / scale.scale_).T
    bias = -(scale.mean_ / scale.scale_ + pca.mean_) @ pca.components_.T
    classes, space = {}, None
    for head in heads:
        if not head.field:
            space = _space(head, models.x, train, preprocessor)
        elif head.from_classes:
            single = getattr(network[head.name], "single", True)
            fit = _answers if head.separator is None else _one_label if single else _labels
            classes[head.name] = fit(head, models.x, train, preprocessor)
    assert preprocessor.beside is not None
    shape = preprocessor.beside.config
    experts = LinearExperts(
        encoder, channels, shape.num_frames, shape.image_size, kernel.shape[1], classes, space, name="linear_experts"
    )
    experts.reduce.set_weights([kernel, bias])
    return experts


def choose_shares(
    experts: LinearExperts, reader: Reader, source: Source, limit: int | None = None
) -> dict[str, tuple[float, float]]:
    """Gives every linear model the share with which its head does best on the validation split.

    Args:
        experts: whose shares are set.
        reader: of the network with these experts, for the heads that have one.
        source: gives validation examples with LINEAR beside what the network reads.
        limit: examples at most.

    Returns:
        {head: (share, figure)}; the share is 0 where the network does best alone.
    """
    best: dict[str, tuple[float, float]] = {}
    for share in SHARES:
        for variable in experts.shares.values():
            variable.assign(share)
        examples, said = read_split(source, keys.VALIDATION, reader.heads, reader.preprocessor, {"": reader}, limit)
        for head in reader.heads:
            found = figure(head, score([head], said[""], examples)) or 0.0
            if head.name not in best or found > best[head.name][1]:
                best[head.name] = share, found
    for name, (share, _) in best.items():
        experts.shares[name].assign(share)
    return best


def _answers(head: Head, x: np.ndarray, train: Table, preprocessor: Preprocessor) -> LinearClasses:
    """A model for each frequent question, and one for all others that reads their words."""
    names = {name: place for place, name in enumerate(preprocessor.vocabulary.answers)}
    texts = [" ".join(head.as_text(truth).lower().split()) for truth in train.examples.truths[head.name]]
    y = np.array([names.get(text, -1) for text in texts])
    tokens = preprocessor.question(tf.constant(train.examples.questions)).numpy()
    different, own, counts = np.unique(tokens[y >= 0], axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")[: MOST_WEIGHTS // (x.shape[1] * len(names))]
    kept = [place for place in order if counts[place] >= OWN_MODEL]
    rows = np.flatnonzero(y >= 0)
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


def _by_words(
    x: np.ndarray, y: np.ndarray, tokens: np.ndarray, rows: np.ndarray, classes: int, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each word piece of a question adds, kernel and bias of a model of clips and questions together."""
    take = np.random.default_rng(0).permutation(rows)[:MOST_EXAMPLES]
    counts = np.zeros((len(take), size))
    np.add.at(counts, (np.arange(len(take))[:, None], tokens[take]), 1.0)
    counts[:, : END_ID + 1] = 0.0  # special tokens tell nothing
    present = np.flatnonzero(counts.any(axis=0))
    kernel, bias = _softmax(np.hstack([x[take], counts[:, present]]), y[take], np.arange(len(take)), classes)
    words = np.zeros((size, classes))
    words[present] = kernel[x.shape[1] :]
    return words, kernel[: x.shape[1]], bias


def _one_label(head: Head, x: np.ndarray, train: Table, preprocessor: Preprocessor) -> LinearClasses:
    """One model, whose classes exclude each other."""
    names = preprocessor.vocabulary.labels
    truths = train.examples.truths[head.name]
    y = np.array([names.index(truth) if truth in names else -1 for truth in truths])
    weights = np.array([preprocessor.config.label_weights.get(truth, 1.0) for truth in truths])
    kernel, bias = _softmax(x, y, np.flatnonzero(_once(train) & (y >= 0)), len(names), weights)
    layer = LinearClasses(len(names), x.shape[1], name=head.name)
    layer.kernel.assign(kernel[None])
    layer.bias.assign(bias[None])
    return layer


def _labels(head: Head, x: np.ndarray, train: Table, preprocessor: Preprocessor) -> LinearClasses:
    """A model of yes or no for each label."""
    names = preprocessor.vocabulary.labels
    labels = preprocessor.labels(tf.constant(train.examples.truths[head.name]))
    has, weights = labels.numpy() > 0, preprocessor.label_weight(labels).numpy()
    rows = _once(train) & has.any(axis=1)
    kernel, bias = np.zeros((x.shape[1], len(names))), np.zeros(len(names))
    for place in range(len(names)):
        y = has[rows, place]
        if y.all() or not y.any():
            bias[place] = CERTAIN if y.all() else -CERTAIN
        else:
            kernel[:, [place]], bias[[place]] = _unscaled(_fit(x[rows], y, weights[rows]))
    layer = LinearClasses(len(names), x.shape[1], several=True, name=head.name)
    layer.kernel.assign(kernel[None])
    layer.bias.assign(bias[None])
    return layer


def _space(head: Head, x: np.ndarray, train: Table, preprocessor: Preprocessor) -> LinearSpace | None:
    """Ridge regression from clips to the weighted word pieces of their captions, in fewer dimensions."""
    texts = np.array(train.examples.truths[head.name])
    rows = _once(train) & (texts != "")
    if rows.sum() < FEWEST:
        return None
    size = len(preprocessor.vocabulary.tokens)
    counts = np.zeros((rows.sum(), size), np.float32)
    tokens = preprocessor.match(tf.constant(texts[rows])).numpy()
    np.add.at(counts, (np.arange(len(tokens))[:, None], tokens), 1.0)
    counts[:, : END_ID + 1] = 0.0  # special tokens tell nothing
    weights = np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1
    weighted = counts * weights
    weighted /= np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-9)
    svd = TruncatedSVD(min(SPACE, *(side - 1 for side in counts.shape)), random_state=0).fit(weighted)
    ridge = Ridge(alpha=len(counts) / 10).fit(x[rows], svd.transform(weighted))
    words = weights[:, None] * svd.components_.T
    words[: END_ID + 1] = 0.0
    space = LinearSpace(x.shape[1], size, words.shape[1], name=head.name)
    space.kernel.assign(ridge.coef_.T)
    space.bias.assign(ridge.intercept_)
    space.words.assign(words)
    return space


def _once(train: Table) -> np.ndarray:
    """bool (examples,), True for the first example of each clip."""
    rows = np.zeros(len(train.clips), bool)
    rows[train.examples.first_rows()] = True
    return rows


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


def _fit(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> Pipeline:
    return logistic().fit(x, y, logisticregression__sample_weight=weights)


def _unscaled(model: Pipeline) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias of a `logistic` model, for features that are not standardised."""
    scale, regression = model.named_steps.values()
    kernel = (regression.coef_ / scale.scale_).T
    return kernel, regression.intercept_ - scale.mean_ @ kernel
