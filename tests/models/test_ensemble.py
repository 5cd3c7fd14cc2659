"""Two models that answer as one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.test_video_text import build, make_inputs
from vtkeras import keys
from vtkeras.models import VideoTextEnsemble
from vtkeras.tasks import TASKS
from vtkeras.training.run import load_model


@pytest.fixture(scope="module")
def members(tiny_config, tiny_model, vocabulary):
    keras.utils.set_random_seed(5)
    return [tiny_model, build(tiny_config(), vocabulary)]


@pytest.fixture(scope="module")
def ensemble(members):
    return VideoTextEnsemble(members)


@pytest.fixture(scope="module")
def inputs(tiny_model):
    return make_inputs(tiny_model)


@pytest.fixture(scope="module")
def readers(members, ensemble, tiny_config, preprocessor, vocabulary):
    task = TASKS["multitask"]
    heads = task.active_heads(tiny_config(), vocabulary)
    return [task.reader(model, preprocessor, heads) for model in (*members, ensemble)]


@pytest.fixture(scope="module")
def frames(preprocessor):
    side = preprocessor.config.image_size
    return tf.constant(np.random.default_rng(3).integers(0, 256, (2, 9, side, side, 3), "uint8"))


def test_logits_are_the_mean_and_products_of_vectors_too(members, ensemble, inputs):
    one, other = (model(inputs) for model in members)
    both = ensemble(inputs)
    for head in ("caption", "answer", "label"):
        np.testing.assert_allclose(both[head], (one[head] + other[head]) / 2, atol=1e-5)
        assert not np.allclose(one[head], other[head], atol=1e-3)
    products = [np.einsum("bd,bd->b", pair[:, 0], pair[:, 1]) for pair in (one["contrastive"], other["contrastive"])]
    pair = np.asarray(both["contrastive"])
    np.testing.assert_allclose(np.einsum("bd,bd->b", pair[:, 0], pair[:, 1]), np.mean(products, axis=0), rtol=1e-4)


def test_of_one_model_twice_nothing_changes(members, inputs):
    alone, twice = members[0](inputs), VideoTextEnsemble([members[0], members[0]])(inputs)
    for head in ("caption", "answer", "label"):
        np.testing.assert_allclose(twice[head], alone[head], atol=1e-5)


def test_file_round_trip(ensemble, inputs, tmp_path):
    ensemble.save(tmp_path / "model.keras")
    again, before = load_model(tmp_path / "model.keras")(inputs), ensemble(inputs)
    for head, value in before.items():
        np.testing.assert_allclose(again[head], value, atol=1e-5)


def test_a_reader_says_what_the_mean_of_the_logits_says(readers, members, frames, vocabulary):
    one, other, both = readers
    question = tf.constant(["what moves?", "is it red?"])
    logits = []
    for reader in (one, other):
        _, read, _ = reader.read_question(question, reader.read_frames(frames))
        logits.append(reader.model.heads["answer"]({keys.READS_QUESTION: read}))
    expected = tf.nn.softmax((logits[0] + logits[1]) / 2)
    np.testing.assert_allclose(both.answer(frames, question)["probabilities"], expected, atol=1e-5)


def test_a_caption_is_written_word_by_word_by_the_mean_of_the_logits(readers, frames):
    one, other, both = readers
    found = both.write_caption(both.read_frames(frames))
    tokens = found["token_ids"].numpy()
    inputs = np.concatenate([np.full((2, 1), 2), tokens[:, :-1]], axis=1)
    logits = [
        np.asarray(reader.decoder(inputs, *(reader.read_frames(frames)[name] for name in (keys.SEQUENCE, keys.MASK))))
        for reader in (one, other)
    ]
    mean = np.mean(logits, axis=0)
    mean[..., [0, 2]] = -np.inf  # never written
    for row, text in enumerate(tokens):
        for place, token in enumerate(text[: np.argmin(text) or len(text)]):
            assert token == mean[row, place].argmax()


def test_attention_has_the_heads_of_both(readers, frames):
    one, _, both = readers
    found = [reader.explain_caption(frames, tf.constant(["digit 3 moves", "a"])) for reader in (one, both)]
    shapes = [each["attention"].shape for each in found]
    assert shapes[1][2] == 2 * shapes[0][2] and shapes[1][3:] == shapes[0][3:]
    total = found[1]["rollout"].numpy().sum((2, 3, 4))
    assert total.max() > 0 and np.allclose(total[total > 0], 1, atol=1e-4)


def test_unlike_models_are_refused(members, tiny_config, vocabulary):
    with pytest.raises(ValueError, match="two or more models"):
        VideoTextEnsemble(members[:1])
    other = build(tiny_config("data.num_frames=3"), vocabulary)
    with pytest.raises(ValueError, match="alike but for their frame encoders"):
        VideoTextEnsemble([members[0], other])
    clip_alone = build(tiny_config("model.label_from_text=false"), vocabulary)
    with pytest.raises(ValueError, match="alike but for their frame encoders"):
        VideoTextEnsemble([members[0], clip_alone])
    with pytest.raises(ValueError, match="two or more models"):
        VideoTextEnsemble([])
    places = build(tiny_config("model.temporal_encoder=spatial_softmax"), vocabulary)
    with pytest.raises(ValueError, match="places"):
        VideoTextEnsemble([places, places])
