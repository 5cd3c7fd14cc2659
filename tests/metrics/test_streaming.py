"""Text metrics as Keras metrics: tensors, weights, saving, and inside `fit`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.metrics import (
    Bleu,
    Cider,
    DistinctNgrams,
    ExactMatch,
    OnTokens,
    RepeatedNgrams,
    RepetitionRate,
    RougeL,
    VqaAccuracy,
    bleu,
)

WITH_REFERENCES = [lambda: Bleu(3), RougeL, Cider, ExactMatch, VqaAccuracy]
ALONE = [RepetitionRate, RepeatedNgrams, lambda: DistinctNgrams(2)]


def columns(metric, corpus, rows):
    """What `update_state` takes of some rows of a corpus."""
    references, predictions = corpus
    taken = [[texts[row] for row in rows] for texts in (references, predictions)]
    return taken[-1:] if isinstance(metric, (RepetitionRate, RepeatedNgrams, DistinctNgrams)) else taken


def as_tensor(texts):
    encode = lambda text: text.encode("utf-8", "replace")  # noqa: E731
    if isinstance(texts[0], list):
        return tf.ragged.constant([[encode(text) for text in one] for one in texts])
    return tf.constant([encode(text) for text in texts])


def test_the_corpus_is_as_hard_as_promised(unusual_corpus):
    references, predictions = unusual_corpus
    several = [accepted for accepted in references if len(accepted) > 1]
    assert len(several) >= 200
    everything = "".join(text for accepted in references for text in accepted) + "".join(predictions)
    assert all(part in everything for part in ("你好世界", "🙂", "👍🏽", "...", "|||", "مرحبا"))
    assert predictions.count("") >= 10 and sum("" in accepted for accepted in references) >= 10


@pytest.mark.parametrize("make", [*WITH_REFERENCES, *ALONE])
def test_tensors_in_a_graph_equal_lists(unusual_corpus, make):
    by_hand, in_graph = make(), make()
    assert isinstance(by_hand, keras.metrics.Metric)
    update = tf.function(lambda *batch: (in_graph.update_state(*batch), in_graph.result())[1])
    for rows in (range(0, 40), range(40, 60)):
        batch = columns(by_hand, unusual_corpus, rows)
        by_hand.update_state(*batch)
        result = update(*map(as_tensor, batch))
    assert 0 < by_hand.result() == pytest.approx(float(result), abs=1e-12)


@pytest.mark.parametrize("make", [*WITH_REFERENCES, *ALONE])
def test_weight_0_leaves_out_and_saving_keeps_the_options(unusual_corpus, make):
    some = make()
    some.update_state(*columns(some, unusual_corpus, range(50)))
    weighted = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(some))
    assert type(weighted) is type(some) and weighted.name == some.name and weighted.result() == 0
    weights = np.array([1.0] * 50 + [0.0] * 30)
    weighted.update_state(*columns(some, unusual_corpus, range(80)), sample_weight=weights)
    assert weighted.result() == pytest.approx(some.result(), abs=1e-12)


def test_one_reference_each_in_a_plain_tensor():
    metric = ExactMatch()
    metric.update_state(tf.constant(["a cat", "a dog"]), tf.constant(["A cat.", "dog"]))
    assert metric.result() == 0.5


WORDS = tf.constant(["", "a", "cat", "sat", "down", "dog"])


def to_text(tokens):
    return tf.strings.strip(tf.strings.reduce_join(tf.gather(WORDS, tokens), axis=-1, separator=" "))


def test_metrics_run_in_fit():
    """A model that gives its input's words as the likeliest ones, against other words."""
    said = np.array([[1, 2, 3, 4], [1, 5, 0, 0], [1, 2, 3, 4], [1, 1, 1, 0]])
    right = np.array([[1, 2, 3, 4], [1, 2, 0, 0], [1, 5, 3, 4], [1, 2, 0, 0]])
    tokens = keras.Input((4,), dtype="int32")
    one_hot = keras.layers.CategoryEncoding(6, output_mode="one_hot")
    model = keras.Model(tokens, keras.layers.Lambda(lambda ids: one_hot(ids[..., None]))(tokens))
    metrics = [OnTokens(metric, to_text) for metric in (ExactMatch(), Bleu(2), Cider(), RepetitionRate())]
    model.compile(loss="sparse_categorical_crossentropy", metrics=metrics)
    logs = model.evaluate(said, right, batch_size=3, verbose=0, return_dict=True)
    assert logs["exact_match"] == pytest.approx(1 / 4) and logs["repetition_rate"] == pytest.approx(1 / 4)
    written = ["a cat sat down", "a dog", "a cat sat down", "a a a"]
    accepted = [["a cat sat down"], ["a cat"], ["a dog sat down"], ["a cat"]]
    assert logs["bleu2"] == pytest.approx(bleu(accepted, written, order=2), abs=1e-6)
    assert 0 < logs["cider"] < 10
    whole = model.evaluate(said, right, batch_size=4, verbose=0, return_dict=True)
    assert whole == pytest.approx(logs, abs=1e-6)
    assert np.isfinite(model.fit(said, right, batch_size=3, verbose=0).history["bleu2"]).all()
