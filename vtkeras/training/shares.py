"""How much linear models have to say beside a network, by what does best on the validation split."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.sources.base import Source
from vtkeras.evaluation.evaluate import figure, goal_row
from vtkeras.evaluation.reading import read_split
from vtkeras.models import LinearExperts, LinearSentences
from vtkeras.models.linear_experts import ALONE
from vtkeras.models.linear_sentences import NEVER_NEW
from vtkeras.tasks import Head, Reader
from vtkeras.tasks.heads.captions import CaptionHead
from vtkeras.tasks.heads.contrastive import join_text, read_text
from vtkeras.tasks.predicted import Examples, Predicted

SHARES = (0.0, 0.25, 0.5, 1.0, 2.0, 8.0, ALONE)  # of a linear model beside the network: nothing to nearly all
SENTENCE_SHARES = (0.25, 1.0, 4.0, 16.0, 1000.0)  # of whole sentences: their logarithms are sums over words
GROUPS = 10  # of clips, each of which is left out once to find an error
GAIN = 1.0  # standard errors that a gain must have
SENTENCES_GAIN = 1.28  # of sentences, of which a linear model knows none that is new
FEW = 20  # clips below which a low figure tells nothing


@dataclass(frozen=True)
class Tried:
    """What a head says with a share.

    Attributes:
        share: of its linear model.
        figure: on the validation split.
        said: of its examples.
        new: log-probability of a new sentence, for captions.
    """

    share: float
    figure: float
    said: Predicted
    new: float = 0.0


def choose_shares(
    experts: LinearExperts, reader: Reader, source: Source, limit: int | None = None
) -> dict[str, tuple[float, float]]:
    """Gives every linear model the share with which its head does best on the validation split, see `best_of`.

    Args:
        experts: whose shares are set.
        reader: of the network with these experts, for the heads that have one.
        source: gives validation examples with LINEAR beside what the network reads.
        limit: examples at most.

    Returns:
        {head: (share, figure)}; the share is 0 where the network is left alone. A head of which the split knows
        nothing is missing, and its linear model counts as much as the network.
    """
    tried: dict[str, list[Tried]] = {head.name: [] for head in reader.heads}
    together = ReadTogether(reader, [experts.shares[head.name] for head in reader.heads])
    systems: dict[str, Any] = {str(share): AtShare(together, share) for share in SHARES}
    examples, said = read_split(source, keys.VALIDATION, reader.heads, reader.preprocessor, systems, limit)
    for share in SHARES:
        for head in reader.heads:
            found = figure(head, goal_row(head, said[str(share)][head.name], examples))
            if found is not None:
                tried[head.name].append(Tried(share, found, said[str(share)][head.name]))
    best = {head.name: best_of(head, tried[head.name], examples) for head in reader.heads if tried[head.name]}
    for head in reader.heads:
        experts.shares[head.name].assign(best[head.name].share if head.name in best else 1.0)
    return {name: (one.share, one.figure) for name, one in best.items()}


class ReadTogether:
    """A reader that is asked once for each share of its linear models, and reads each batch of clips once for all.

    Args:
        reader: of a network with linear models.
        shares: the variables that say how much these count.
    """

    def __init__(self, reader: Reader, shares: Sequence[Any]):
        self.reader = reader
        self.shares = shares
        self.last: tuple[Any, Any] = (None, None)
        self.texts: dict[tuple[bytes, ...], tuple] = {}
        self._read = tf.function(reader.read, reduce_retracing=True, autograph=False)
        self.say = tf.function(reader.say, reduce_retracing=True, autograph=False)

    def read(self, batch: dict) -> Any:
        """What the reader reads of a batch; of the one before, if it is the same, what it has read."""
        if self.last[0] is not batch:
            self.last = batch, self._read(batch)
        return self.last[1]

    def read_text(self, text: tf.Tensor) -> tuple:
        """What is read of texts, once for all shares: a sentence encoder may take a second for twenty of them."""
        batch = tuple(text.numpy())
        if batch not in self.texts:
            self.texts[batch] = read_text(self.reader, text)
        return self.texts[batch]


class AtShare:
    """One share of `ReadTogether`, as heads ask a reader."""

    def __init__(self, together: ReadTogether, share: float):
        self.together, self.share = together, share
        self.heads, self.preprocessor = together.reader.heads, together.reader.preprocessor

    def ask(self, batch: dict) -> dict:
        """{head: what it says} of a batch of prepared examples."""
        self._set_shares()
        return self.together.say(self.together.read(batch))

    @property
    def model(self) -> Any:
        """The network."""
        return self.together.reader.model

    def embed_text(self, text: tf.Tensor) -> tf.Tensor:
        """As the reader's."""
        self._set_shares()
        return join_text(self.together.reader, *self.together.read_text(text))

    def _set_shares(self) -> None:
        for share in self.together.shares:
            share.assign(self.share)


class Candidates(CaptionHead):
    """Captions that are still to be chosen: what the network writes, and what a linear model offers.

    Args:
        head: writes them; it is judged by its own figures.
    """

    def __init__(self, head: Head):
        self.name, self.title, self.headline, self.goals = head.name, head.title, head.headline, head.goals

    def predict(self, reader, batch):
        read, network, linear = reader.weigh_sentences(batch[keys.READS_VIDEO])
        texts = reader.preprocessor.to_text(read["tokens"])
        return {"texts": tf.reshape(texts, tf.shape(network)), "network": network, "linear": linear}

    def collect(self, outputs, reader, examples):
        return Predicted(values=outputs)


def choose_sentences(
    sentences: LinearSentences, reader: Reader, source: Source, limit: int | None = None
) -> dict[str, tuple[float, float]]:
    """As `choose_shares`, for captions: also whether the network may write a new one.

    Args:
        sentences: whose share and whose probability of a new sentence are set.
        reader: of the network with these, for the head `Candidates` alone.
        source, limit: as in `choose_shares`.
    """
    (head,) = reader.heads
    sentences.share.assign(1.0)
    examples, said = read_split(source, keys.VALIDATION, reader.heads, reader.preprocessor, {"": reader}, limit)
    found: Any = said[""][head.name].values
    texts, network, linear = (np.asarray(found[name]) for name in ("texts", "network", "linear"))
    expected = float(sentences.new)
    is_new = linear[:, 0] == np.float32(expected)
    tried = []
    for share, new in [(0.0, expected), *itertools.product(SENTENCE_SHARES, (expected, NEVER_NEW))]:
        linear[is_new, 0] = new
        places = (network + share * linear).argmax(axis=1) if share else np.zeros(len(texts), int)
        chosen = [text.decode() for text in np.take_along_axis(texts, places[:, None], axis=1)[:, 0]]
        value = figure(head, goal_row(head, Predicted(chosen), examples))
        if value is None:
            return {}
        tried.append(Tried(share, value, Predicted(chosen), new))
    best = best_of(head, tried, examples, SENTENCES_GAIN)
    sentences.share.assign(best.share)
    sentences.new.assign(best.new)
    return {head.name: (best.share, best.figure)}


def best_of(head: Head, tried: Sequence[Tried], examples: Examples, errors: float = GAIN) -> Tried:
    """The one with the highest figure; but the network alone where that is no worse by more than so many errors.

    What has learned more by itself also does better on clips of another kind than validation has, which a linear
    model holds to what it knows. The network must do as well as the linear model for that.

    Of fewer than `FEW` clips a figure may be so low that it cannot be told from none. Then the network has learned too
    little to be asked, and the linear model is left alone: its sentences are known ones.

    Search, which says no text, goes by the highest figure. Ranks of few clips are often equal: then the linear model
    has a say, by the share that is nearest to 1, and of fewer than `FEW` clips it has one in any case.

    Args:
        head: whose figure it is.
        tried: the network alone first, the linear model all but alone last.
        examples: of the validation split.
        errors: standard errors that a gain must have.

    Source: near to the rule of one standard error (Breiman, Friedman, Olshen and Stone, "Classification and Regression
    Trees", 1984).
    """
    alone, linear, best = tried[0], tried[-1], max(tried, key=lambda one: one.figure)
    clips = len(set(examples.ids))
    if best.said.texts is None:
        able = tried[1:] if clips < FEW else tried
        return max(able, key=lambda one: (one.figure, one.share > 0, -abs(one.share - 1.0)))
    if clips < FEW and best.figure <= 0.5 / clips**0.5:  # the greatest error of a share
        return linear
    if alone.figure < linear.figure:
        return best
    chance = errors * error_of_gain(head, best.said, alone.said, examples)
    return best if best.figure - alone.figure > chance else alone


def error_of_gain(head: Head, one: Predicted, other: Predicted, examples: Examples) -> float:
    """Standard error of the difference between two figures of a head on the same examples; infinite for one clip.

    Clips are dealt into groups, of which each is left out once.

    Args:
        head: whose figure it is.
        one, other: what two systems say of each example.
        examples: with the truths of the head.

    Source: the jackknife (Tukey, "Bias and confidence in not-quite large samples", 1958).
    """
    group = {clip: number % GROUPS for number, clip in enumerate(dict.fromkeys(examples.ids))}
    groups = len(set(group.values()))
    if groups < 2:
        return np.inf
    gains = []
    for left_out in range(groups):
        rows = [row for row, clip in enumerate(examples.ids) if group[clip] != left_out]
        part = examples.take(rows)
        both = [figure(head, goal_row(head, said.take(rows), part)) or 0.0 for said in (one, other)]
        gains.append(both[0] - both[1])
    return float(np.sqrt((groups - 1) * np.var(gains)))
