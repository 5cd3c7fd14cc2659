"""How much linear models have to say beside a network."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.linear.test_models import make_preprocessor, table
from vtkeras.data.sources.base import Source
from vtkeras.linear.models import LinearModels
from vtkeras.models import LinearSentences
from vtkeras.models.linear_sentences import NEVER_NEW
from vtkeras.tasks import HEADS
from vtkeras.tasks.predicted import Examples, Predicted
from vtkeras.training.shares import (
    AtShare,
    Candidates,
    ReadTogether,
    Tried,
    best_of,
    choose_sentences,
    choose_shares,
    error_of_gain,
)


class Asked:
    """A reader that is right as often as the share of its linear model says."""

    def __init__(self, preprocessor, share):
        self.heads, self.preprocessor, self.share = (HEADS["label"],), preprocessor, share

        self.readings = tf.Variable(0)

    def read(self, batch):
        self.readings.assign_add(1)
        return tf.shape(batch["video_id"])

    def say(self, read):
        return {"label": {"right": tf.fill(read, self.share)}}


def test_the_share_that_does_best_is_kept(monkeypatch):
    preprocessor = make_preprocessor()
    models = LinearModels([HEADS["label"]], table(np.random.default_rng(0), 60), preprocessor)
    experts = models.experts(keras.layers.Identity(), channels=3)
    share, best = experts.shares["label"], 0.5

    def collect(self, outputs, reader, examples):
        right = int(len(examples.ids) * (1 - abs(float(outputs["right"][0]) - best)))
        truths = examples.truths["label"]
        return Predicted(truths[:right] + ["none"] * (len(truths) - right))

    monkeypatch.setattr(type(HEADS["label"]), "collect", collect)
    asked = Asked(preprocessor, share)
    found = choose_shares(experts, asked, Clips())
    assert found == {"label": (0.5, pytest.approx(1.0))} and float(share) == 0.5
    assert int(asked.readings) == 1  # of one batch, for all shares


def test_a_linear_model_counts_as_much_where_the_split_knows_nothing_of_its_head(monkeypatch):
    preprocessor = make_preprocessor()
    models = LinearModels([HEADS["label"]], table(np.random.default_rng(0), 60), preprocessor)
    experts = models.experts(keras.layers.Identity(), channels=3)
    share = experts.shares["label"]
    monkeypatch.setattr(type(HEADS["label"]), "collect", lambda self, outputs, reader, examples: Predicted(["red"] * 4))
    assert choose_shares(experts, Asked(preprocessor, share), Clips(label="")) == {}
    assert float(share) == 1.0


class Clips(Source):
    def __init__(self, label="red"):
        self.label = label

    def load(self, split, epoch=0):
        rows = {"video_id": [str(row) for row in range(4)], "label": [self.label] * 4}
        return tf.data.Dataset.from_tensor_slices(rows)


def test_texts_are_read_once_for_all_shares(monkeypatch):
    read = []
    monkeypatch.setattr("vtkeras.training.shares.read_text", lambda reader, text: read.append(text) or (1.0, 3.0))
    share = tf.Variable(0.0)

    def join(reader, network, linear):
        return (network + share * linear) / (1 + share)

    monkeypatch.setattr("vtkeras.training.shares.join_text", join)
    asked = Asked(make_preprocessor(), share)
    together = ReadTogether(asked, [share])
    texts = tf.constant(["a cat", "a dog"])
    assert [float(AtShare(together, one).embed_text(texts)) for one in (0.0, 1.0, 3.0)] == [1.0, 2.0, 2.5]
    assert len(read) == 1


class Wrote:
    """A reader whose network writes a new sentence for every clip, and whose linear model offers two."""

    def __init__(self, linear):
        self.heads, self.preprocessor = (Candidates(HEADS["caption"]),), make_preprocessor()
        self.linear = np.array(linear, "float32")

    def ask(self, batch):
        network = np.array([[-1.0, -5.0, -5.0]] * len(self.linear), "float32")
        texts = np.array([["new", "a red thing", "a blue thing"]] * len(self.linear), "S")
        return {"caption": {"texts": texts, "network": network, "linear": self.linear}}


UNSURE, SURE = [-2.0, -3.0, -4.0], [-2.0, -0.1, -4.0]


@pytest.mark.parametrize(
    "truths, linear, share, new",
    [
        (["new"] * 4, [UNSURE] * 4, 0.0, -2.0),  # the network is right alone
        (["new", "new", "a red thing", "a red thing"], [UNSURE] * 2 + [SURE] * 2, 4.0, -2.0),  # from a share of 2.1 on
        (["a red thing"] * 4, [UNSURE] * 4, 0.25, NEVER_NEW),  # a known one, and of these the likeliest
    ],
)
def test_captions_are_weighed_with_and_without_new_ones(truths, linear, share, new):
    sentences = LinearSentences(2, 2, 8, name="caption")
    sentences.new.assign(-2.0)
    found = choose_sentences(sentences, Wrote(linear * 5), Captions(truths * 5))
    assert found["caption"][0] == float(sentences.share) == share and float(sentences.new) == new
    assert found["caption"][1] >= 0.5  # all exact; one sentence for all has no CIDEr


class Captions(Clips):
    def __init__(self, truths):
        self.truths = truths

    def load(self, split, epoch=0):
        rows = {"video_id": [str(row) for row in range(len(self.truths))], "caption": self.truths}
        return tf.data.Dataset.from_tensor_slices({**rows, "captions": [[truth] for truth in self.truths]})


def answers(right):
    """Four clips whose answer is red, and a system that is right on some of them."""
    examples = Examples(["a", "b", "c", "d"], [""] * 4, [""] * 4, {"answer": [["red"]] * 4})
    return examples, Predicted(["red"] * right + ["blue"] * (4 - right))


def test_the_error_of_a_gain_by_hand():
    examples, all_right = answers(4)
    _, three_right = answers(3)
    # Without a, b or c the gain is 1/3, without d it is 0: variance 1/48, times 4 - 1.
    assert error_of_gain(HEADS["answer"], all_right, three_right, examples) == pytest.approx((3 / 48) ** 0.5)
    assert error_of_gain(HEADS["answer"], all_right, all_right, examples) == 0
    one = examples.take([0])
    assert error_of_gain(HEADS["answer"], all_right.take([0]), three_right.take([0]), one) == np.inf


def tried_on(alone, best, linear, clips):
    """What is said with no, some and nearly all of a linear model: right on so many of every ten clips."""
    ids = [str(clip) for clip in range(clips)]
    examples = Examples(ids, [""] * clips, [""] * clips, {"answer": [["red"]] * clips})
    shares = {0.0: alone, 0.5: best, 100.0: linear}
    says = {share: ["red" if clip % 10 < right else "blue" for clip in range(clips)] for share, right in shares.items()}
    return [Tried(share, said.count("red") / clips, Predicted(said)) for share, said in says.items()], examples


@pytest.mark.parametrize(
    "alone, best, linear, errors, chosen",
    [
        (5, 10, 1, 2.9, 0.5),  # five groups of ten more: a gain of 1/2 with an error of 1/6
        (5, 10, 1, 3.1, 0.0),
        (8, 8, 1, 1.0, 0.0),
        (8, 9, 9, 9.0, 0.5),  # the linear model does better than the network, which may not be left alone then
    ],
)
def test_the_network_is_left_alone_where_it_is_no_worse_by_more_than_chance(alone, best, linear, errors, chosen):
    assert best_of(HEADS["answer"], *tried_on(alone, best, linear, clips=20), errors).share == chosen


@pytest.mark.parametrize("figures, chosen", [((0.34, 0.2, 0.1), 100.0), ((0.36, 0.2, 0.1), 0.0)])
def test_a_figure_that_two_clips_cannot_tell_from_none_leaves_the_linear_model_alone(figures, chosen):
    tried, examples = tried_on(0, 0, 0, clips=2)  # the greatest error of a share of two clips is 0.354
    tried = [replace(one, figure=figure) for one, figure in zip(tried, figures)]
    assert best_of(HEADS["answer"], tried, examples).share == chosen


@pytest.mark.parametrize(
    "clips, figures, chosen",
    [
        (20, (0.5, 0.5, 0.5), 0.5),  # of equals the one whose share is nearest to 1
        (20, (0.5, 0.4, 0.5), 100.0),
        (20, (0.6, 0.5, 0.5), 0.0),
        (19, (0.6, 0.5, 0.4), 0.5),  # too few to do without the linear model
    ],
)
def test_search_keeps_its_linear_model_unless_many_clips_say_otherwise(clips, figures, chosen):
    examples = Examples([str(clip) for clip in range(clips)], [""] * clips, [""] * clips, {})
    tried = [Tried(share, one, Predicted(values=np.eye(2))) for share, one in zip((0.0, 0.5, 100.0), figures)]
    assert best_of(HEADS["contrastive"], tried, examples).share == chosen


def test_dense_captions_are_judged_by_their_events():
    head = Candidates(HEADS["events"])
    assert (head.name, head.goals) == ("events", HEADS["events"].goals) and "event_exact" in head.goals
