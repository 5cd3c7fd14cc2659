"""True and false statements about the clips of a batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import load_config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import build_vocabulary
from vtkeras.errors import UserError
from vtkeras.models import StatementLogits
from vtkeras.tasks import HEADS, TASKS

HEAD = HEADS["statement"]
CAPTIONS = ["a red ball hits the cube", "a dog runs", "a red ball hits the duck", "", "a dog runs", "the cube falls"]


def preprocessor(statements):
    texts = {"captions": CAPTIONS * 20, "questions": [], "answers": [], "labels": []}
    data = load_config("demo", [f"data.statements={statements}", "data.caption_length=10"]).data
    return Preprocessor(data, build_vocabulary(texts, 300))


def pairs(captions, statements, **more):
    """Of each clip, {statement: 1 for true, 0 for false} of those that count."""
    prepared = preprocessor(statements)
    examples = {keys.CAPTION: tf.constant(captions), **more}
    signature = {name: tf.TensorSpec((None,), tf.string) for name in examples}  # as in a pipeline
    made = tf.function(lambda one: (HEAD.inputs(one, prepared), HEAD.targets(one, prepared)), [signature])
    inputs, targets = made(examples)
    tokens = inputs[keys.STATEMENT_TOKENS]
    assert tokens.shape == (len(captions), 1 + statements, 10)
    texts = prepared.to_text(tf.reshape(tokens[..., 1:], (-1, 9))).numpy().reshape(tokens.shape[:2])
    truths, weights = (value.numpy() for value in targets)
    return [
        {text.decode(): int(true) for text, true, counts in zip(*row) if counts} for row in zip(texts, truths, weights)
    ]


def test_the_own_caption_is_true_and_what_shares_most_words_with_it_is_false():
    found = pairs(CAPTIONS, 1)
    assert found[0] == {CAPTIONS[0]: 1, CAPTIONS[2]: 0} and found[2] == {CAPTIONS[2]: 1, CAPTIONS[0]: 0}
    assert found[5] == {CAPTIONS[5]: 1, CAPTIONS[0]: 0}
    assert found[3] == {}  # no caption, so nothing is known of that clip


def test_captions_of_other_clips_that_are_right_are_not_false():
    for one in pairs(CAPTIONS, 4):
        assert list(one.values()).count(1) == bool(one)
    assert pairs(["a dog runs"] * 2, 1)[0] == {"a dog runs": 1}
    same = {keys.MATCH_ID: tf.constant(["one", "one", "two"])}  # two captions of one clip
    assert pairs(["a dog runs", "a red ball", "the cube"], 2, **same)[0] == {"a dog runs": 1, "the cube": 0}


def test_a_caption_that_the_model_reads_alike_is_not_false():
    found = pairs(["A dog runs", "a dog runs", "the cube falls"], 2)
    assert found[0] == {"a dog runs": 1, "the cube falls": 0}


@pytest.mark.parametrize("clips", [1, 2])
def test_a_batch_may_be_small(clips):
    found = pairs(CAPTIONS[:clips], 3)
    assert found[0] == ({CAPTIONS[0]: 1, CAPTIONS[1]: 0} if clips > 1 else {CAPTIONS[0]: 1})


def test_it_is_trained_and_nothing_asks_it(tiny_config, vocabulary):
    task = TASKS["multitask"]
    config = tiny_config("data.statements=2", "model.fusion=cross_attention")
    assert HEAD in task.active_heads(config, vocabulary) and HEAD not in task.active_heads(tiny_config(), vocabulary)
    heads = task.active_heads(config, vocabulary)
    model = task.build(config, vocabulary, heads)
    assert model.output["statement"].shape == (None, 3, 2)
    assert HEAD not in task.reader(model, Preprocessor(config.data, vocabulary), heads).heads
    loss = task.losses(config, heads)["statement"]
    assert loss.call(tf.constant([[1, 0, 0]]), tf.zeros((1, 3, 2))).shape == (1, 3)
    with pytest.raises(UserError, match="data.statements to 0"):
        task.build(tiny_config("data.statements=2", "model.fusion=co_attention"), vocabulary, heads)


def test_the_layer_tells_false_from_true_of_each_statement():
    layer = StatementLogits(2, 5)
    reading = {keys.READS_STATEMENT: {keys.POOLED: np.array([[[1.0, 0.0], [0.0, 1.0]]], "float32")}}
    layer(reading)
    layer.logits.set_weights([np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros(2)])
    np.testing.assert_allclose(layer(reading), [[[1, 2], [3, 4]]])
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.tokens == {keys.STATEMENT_TOKENS: (2, 5)}
