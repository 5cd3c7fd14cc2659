"""Search by words and by meaning, on captions whose words tell nothing, and on such whose meaning does not."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fixtures.pretrained import needs
from keras import ops

from vtkeras.config import DataConfig
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import build_vocabulary
from vtkeras.linear.models import LinearModels
from vtkeras.linear.search import (
    SEARCH_TEXTS,
    WORDS,
    _reciprocal_rank,
    affordable,
    best_installed,
    embed_texts,
    fit_space,
)
from vtkeras.linear.table import Table
from vtkeras.models import LinearSpace
from vtkeras.tasks import HEADS
from vtkeras.tasks.predicted import Examples

HEAD = HEADS["contrastive"]
KINDS, FIRST = 20, 0x4E00 // 20 * 20  # of things, and the number of the first word's character


class Kind(keras.layers.Layer):
    """A sentence encoder that knows what kind of thing a word means, by the number of its first character."""

    dim = KINDS

    def tokenize(self, texts):
        codes = tf.strings.unicode_decode(tf.convert_to_tensor(texts), "UTF-8").to_tensor()
        return codes[:, :1] % KINDS

    def call(self, tokens):
        return ops.one_hot(tokens[:, 0], KINDS)


def examples(texts, features):
    names = [str(place) for place in range(len(texts))]
    told = Examples(names, [""] * len(texts), truths={"contrastive": [(text,) if text else () for text in texts]})
    return Table(told, features.astype("float32"), np.arange(len(texts)))


def clips(rng, count, word):
    """Clips of one of `KINDS` things, and a caption of one word for each."""
    kinds = rng.integers(0, KINDS, count)
    texts = [word(place, kind) for place, kind in enumerate(kinds)]
    return texts, np.eye(KINDS)[kinds] + rng.normal(0, 0.1, (count, KINDS))


def preprocessor(texts):
    vocabulary = build_vocabulary({"captions": texts, "questions": [], "answers": [], "labels": []}, 2000)
    return Preprocessor(DataConfig(num_frames=1, image_size=16, caption_length=12), vocabulary)


def fitted(word, meaning):
    texts, x = clips(np.random.default_rng(0), 200, word)
    reads = preprocessor(texts)
    return fit_space(HEAD, x, examples(texts, x), reads, meaning), reads


def own_word(place, kind, first=FIRST):
    """A word that no other clip has: a character whose number tells the kind."""
    return chr(first + KINDS * place + kind)


def common_word(place, kind):
    return "thing" + chr(ord("a") + kind)


def half_common_word(place, kind):
    """One that many clips have, or one that none has."""
    return own_word(place, kind) + (common_word(place, kind) if place % 2 else "")


def unheard(seed):
    """40 clips, their words, none of which training has, and which clips and words are of one kind."""
    texts, x = clips(np.random.default_rng(seed), 40, lambda place, kind: own_word(place, kind, FIRST + 400 * KINDS))
    kinds = np.array([ord(text) % KINDS for text in texts])
    return texts, x.astype("float32"), kinds[:, None] == kinds


def test_meaning_finds_what_was_never_said():
    space, reads = fitted(own_word, Kind())
    texts, x, same = unheard(1)
    alike = np.asarray(space.embed_video(x)) @ embed_texts(space, reads, texts).T
    assert (alike.min(axis=1, where=same, initial=9) > alike.max(axis=1, where=~same, initial=-9)).mean() > 0.9


def test_without_meaning_it_is_not_found():
    space, reads = fitted(own_word, None)
    texts, x, same = unheard(1)
    alike = np.asarray(space.embed_video(x)) @ embed_texts(space, reads, texts).T
    assert np.take_along_axis(same, alike.argmax(axis=1)[:, None], axis=1).mean() < 0.3


class Rarely(Kind):
    """One that knows the kind of a share of the words, and says of all others the same."""

    def __init__(self, share):
        super().__init__()
        self.share = share

    def tokenize(self, texts):
        codes = tf.strings.unicode_decode(tf.convert_to_tensor(texts), "UTF-8").to_tensor()[:, :1]
        known = (codes - FIRST) // KINDS % 100 < int(100 * self.share)
        return tf.where(known, codes % KINDS, 0)


@pytest.mark.parametrize("share, kept", [(0.0, False), (0.03, False), (0.8, True), (1.0, True)])
def test_an_encoder_that_adds_little_is_left_out(share, kept):
    space, _ = fitted(half_common_word, Rarely(share))
    assert (space.meaning is not None) == kept
    assert space.kernel.shape[1] == space.embedding_dim + kept * KINDS


def test_few_captions_tell_nothing_of_an_encoder():
    texts, x = clips(np.random.default_rng(0), 10, common_word)
    assert fit_space(HEAD, x, examples(texts, x), preprocessor(texts), Rarely(0.0)).meaning is None


@pytest.mark.parametrize("count, seconds, read", [
    (1000, 10.0, 320),  # 64 take two seconds
    (1000, 0.5, 64),
    (200, 10.0, 200),
    (1000, float("inf"), 1000),
    (64, 0.5, 64),
])  # fmt: skip
def test_as_many_captions_are_read_as_time_allows(count, seconds, read):
    time = [0.0]

    def reads(texts):
        time[0] += len(texts) / 32

    assert affordable(reads, ["a"] * count, seconds, lambda: time[0]) == read


def test_a_sample_of_captions_stands_for_all():
    texts, x = clips(np.random.default_rng(0), 200, own_word)
    space = fit_space(HEAD, x, examples(texts, x), preprocessor(texts), Kind(), seconds=0.0)
    assert space.meaning is not None  # by 64 captions of twenty kinds


def test_rank_by_hand():
    alike = np.array([[0.9, 0.5, 0.1], [0.2, 0.3, 0.4], [1.0, 1.0, 1.0]])
    right = np.array([[True, False, False], [True, False, True], [False, True, False]])
    # First, first by the better of two, and second: of the two others that are as alike, one stands before it.
    assert _reciprocal_rank(alike, right) == pytest.approx((1, 1, 1 / 2))


def test_too_few_captions_have_no_space():
    texts, x = clips(np.random.default_rng(0), 9, common_word)
    assert fit_space(HEAD, x, examples(texts, x), preprocessor(texts)) is None


def test_both_spaces_side_by_side_by_hand():
    space = LinearSpace(2, 3, 2, meaning=Kind())
    space.words.assign([[0, 0], [3, 0], [0, 4]])
    space.word_weight.assign(0.5)
    found = np.asarray(space.embed_text(np.array([[1, 2]]), np.array([[2]])))[0]
    expected = np.concatenate([0.5 * np.array([0.6, 0.8]), np.eye(KINDS)[2]]) / np.sqrt(1.25)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    space.mean.assign(np.eye(KINDS)[2] * 0.5 + np.eye(KINDS)[3] * 0.5)
    meaning = np.asarray(space.embed_text(np.array([[1, 2]]), np.array([[2]])))[0, 2:]
    assert meaning[2] == pytest.approx(-meaning[3])


CHOICES = [pytest.param(name, marks=[] if name == WORDS else needs(name)) for name in SEARCH_TEXTS]


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_can_be_used(name):
    meaning = SEARCH_TEXTS[name]()
    texts, x = clips(np.random.default_rng(0), 30, common_word)
    told = examples(texts, np.tile(x, 2))
    models = LinearModels([HEAD], told, preprocessor(texts), meaning=meaning)
    assert HEAD.score(models.predict(told)["contrastive"], told.examples)["recall_at_1"] > 0.9


def test_the_best_that_is_installed_and_whole(monkeypatch):
    for state, expected in (("installed", "minilm"), ("missing", WORDS), ("it is another file", WORDS)):
        monkeypatch.setattr("vtkeras.linear.search.state", lambda name, told=state: told)
        assert best_installed() == expected
