"""What every task must hold: batches that its model trains on, and a decoder that runs in the graph."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fixtures.conv_encoder import conv_encoder

from vtkeras import keys
from vtkeras.data.pipeline import make_dataset
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.tasks import HEADS, TASKS
from vtkeras.tasks.heads.captions import sequence_exact_match

BATCH = 4
ELSEWHERE = ("events", "video")  # heads of other data or models: tests/tasks/ has them
TASK = TASKS["multitask"]
SMALL = ("model.frame_encoder=conv", "model.temporal_encoder=none", "model.fusion_layers=1", "model.decoder_layers=1")


@pytest.fixture(scope="module")
def heads(tiny_config, vocabulary):
    """The tiny model writes no answers word by word; see tests/tasks/test_answers.py for one that does."""
    return TASK.active_heads(tiny_config(), vocabulary)


@pytest.fixture(scope="module")
def source():
    return MovingDigits(train_clips=8, eval_clips=4, still_share=0.2)


@pytest.fixture(scope="module")
def examples(source, preprocessor):
    return next(iter(make_dataset(source, keys.TRAIN, preprocessor, dict, BATCH)))


@pytest.fixture(scope="module")
def reader(tiny_model, preprocessor, heads):
    return TASK.reader(tiny_model, preprocessor, heads)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("name", TASKS)
def test_trains(name, tiny_config, vocabulary, preprocessor, examples, monkeypatch):
    monkeypatch.setitem(FRAME_ENCODERS, "conv", conv_encoder)
    task, config = TASKS[name], tiny_config(*SMALL)
    assert task.name == name and all(HEADS[head.name] is head for head in task.heads)
    heads = [head for head in task.heads if head.name not in ELSEWHERE and head.active(config, vocabulary, task.heads)]
    if not heads:
        pytest.skip("no head of this task is in this file: see tests/tasks/test_events_head.py, test_text_to_video.py")
    keras.utils.set_random_seed(0)
    model = task.build(config, vocabulary, heads)
    inputs, targets, weights = task.preprocess(examples, preprocessor, heads)
    assert set(targets) == set(weights) == set(model.output) and set(inputs) == set(model.input)
    model.compile(
        keras.optimizers.Adam(0.003),
        loss=task.losses(config, heads),
        weighted_metrics=task.metrics(config, heads),
        run_eagerly=True,
    )
    losses = []
    for _ in range(3):
        logs = model.train_on_batch(inputs, targets, weights, return_dict=True)
        losses.append(float(logs["loss"]))
        model.reset_metrics()
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


def test_losses_give_one_value_an_example(tiny_config, tiny_model, preprocessor, examples, heads):
    inputs, targets, _ = TASK.preprocess(examples, preprocessor, heads)
    outputs = tiny_model(inputs)
    for head, loss in TASK.losses(tiny_config(), heads).items():
        assert loss.call(tf.cast(targets[head], tf.float32), outputs[head]).shape == (BATCH,), head


def test_weights_leave_out_what_is_not_there(preprocessor, examples, heads):
    bare = dict(examples)
    for key in (keys.CAPTION, keys.ANSWER, keys.LABEL):
        bare[key] = tf.tensor_scatter_nd_update(bare[key], [[0]], [""])
    bare[keys.ANSWER] = tf.tensor_scatter_nd_update(bare[keys.ANSWER], [[1]], ["no such answer"])
    _, targets, weights = TASK.preprocess(bare, preprocessor, heads)
    assert {head: weight.numpy().tolist() for head, weight in weights.items()} == {
        "caption": [0, 1, 1, 1],
        "answer": [0, 0, 1, 1],
        "label": [0, 1, 1, 1],
        "contrastive": [0, 1, 1, 1],
    }
    assert (targets["answer"].numpy() >= 0).all()  # a class that exists, though it has no weight
    ids = targets["contrastive"].numpy()
    assert ids[0] == -1 and (ids[1:] >= 0).all() and (ids < 2**24).all()
    assert (targets["caption"][0].numpy() == 0).all()


def test_examples_that_do_not_count_change_no_loss(tiny_config, tiny_model, preprocessor, examples, heads):
    bare = {**examples, keys.ANSWER: tf.fill((BATCH,), ""), keys.LABEL: tf.fill((BATCH,), "")}
    bare[keys.CAPTION] = tf.fill((BATCH,), "")
    inputs, targets, weights = TASK.preprocess(bare, preprocessor, heads)
    outputs = tiny_model(inputs)
    for head, loss in TASK.losses(tiny_config(), heads).items():
        assert float(loss(targets[head], outputs[head], sample_weight=weights[head])) == 0, head


def test_same_caption_same_id(preprocessor, examples, heads):
    twins = dict(examples)
    twins[keys.MATCH_ID] = tf.constant(["x", "y", "x", "z"])
    ids = TASK.preprocess(twins, preprocessor, heads)[1]["contrastive"].numpy()
    assert ids[0] == ids[2] and len(set(ids)) == 3


def test_sequence_exact_match_by_hand():
    # Likeliest tokens: 1, 2, 1. Right up to the padding; wrong in the second place; nothing to get wrong.
    logits = tf.one_hot([[1, 2, 1]] * 3, 4)
    texts = tf.constant([[1, 2, 0], [1, 3, 0], [0, 0, 0]])
    np.testing.assert_array_equal(sequence_exact_match(texts, logits), [1, 0, 1])


def graph_equals_eager(function, *args):
    eager, graph = function(*args), tf.function(function)(*args)
    for name, value in eager.items():
        if value.dtype == tf.string:
            assert graph[name].numpy().tolist() == value.numpy().tolist()
        else:
            np.testing.assert_allclose(graph[name], value, atol=1e-5)
    return eager


def test_caption(reader, examples, preprocessor, tiny_model):
    found = graph_equals_eager(reader.caption, examples[keys.FRAMES])
    length = preprocessor.config.caption_length
    assert found["caption"].shape == (BATCH,) and found["tokens"].shape == (BATCH, length)
    # Two blocks of two heads; four frames of 2 x 2 places.
    assert found["attention"].shape == (BATCH, length, 4, 4, 2, 2)
    sums = found["attention"].numpy().sum(axis=(3, 4, 5))
    written = found["probabilities"].numpy() > 0
    np.testing.assert_allclose(sums, np.broadcast_to(written[..., None], sums.shape), atol=1e-5)
    scores = np.where(written, found["probabilities"], 1).prod(axis=1)
    np.testing.assert_allclose(found["score"], scores, rtol=1e-4, atol=1.2e-38)  # the least normal float32


def test_captions_are_what_the_whole_decoder_says(reader, examples, tiny_model, preprocessor):
    # Greedy decoding with the cache, against the likeliest token of the whole decoder, word after word.
    frames = examples[keys.FRAMES]
    video = reader.read_frames(frames)
    tokens = np.zeros((BATCH, preprocessor.config.caption_length), "int32")
    tokens[:, 0] = 2
    ended = np.zeros(BATCH, bool)
    for index in range(preprocessor.config.caption_length - 1):
        logits = reader.decoder(tokens, video[keys.SEQUENCE], video[keys.MASK])
        chosen = np.where(ended, 0, np.argmax(logits[:, index], axis=-1))
        tokens[:, index + 1] = chosen
        ended |= chosen == 3
    expected = preprocessor.to_text(tf.constant(np.concatenate([tokens[:, 1:], tokens[:, :1] * 0], axis=1)))
    found = reader.caption(frames)["caption"].numpy()
    whole = [text for text, end in zip(found, ended)]
    for text, other, end in zip(whole, expected.numpy(), ended):
        assert text == other if end else text.startswith(other)


def test_caption_beam(reader, examples, preprocessor):
    found = graph_equals_eager(reader.caption_beam, examples[keys.FRAMES])
    assert set(found) == set(reader.caption(examples[keys.FRAMES])) | {"beams", "beam_scores"}
    assert found["beams"].shape == found["beam_scores"].shape == (BATCH, 4)
    assert found["beams"].numpy()[:, 0].tolist() == found["caption"].numpy().tolist()
    scores = found["beam_scores"].numpy()
    assert (np.diff(scores, axis=1) <= 0).all()
    written = found["probabilities"].numpy() > 0
    chances = np.log(np.where(written, found["probabilities"], 1)).sum(axis=1)  # their product may be too small
    expected = chances / ((5 + written.sum(axis=1)) / 6) ** 0.6
    np.testing.assert_allclose(scores[:, 0], expected, rtol=1e-4)
    assert found["attention"].shape == (BATCH, preprocessor.config.caption_length, 4, 4, 2, 2)


def test_one_beam_is_greedy(reader, examples):
    one = reader.caption_beam(examples[keys.FRAMES], length_penalty=0.0, width=1)
    other = reader.caption(examples[keys.FRAMES])
    for name in ("probabilities", "attention"):
        np.testing.assert_allclose(one[name], other[name], atol=1e-5)
    assert one["caption"].numpy().tolist() == other["caption"].numpy().tolist()


def test_compiled_captions_are_the_same(reader, examples, tiny_model, preprocessor, heads):
    compiled = TASK.reader(tiny_model, preprocessor, heads, compiled=True)
    found = compiled.caption(examples[keys.FRAMES])
    expected = reader.caption(examples[keys.FRAMES])
    assert found["caption"].numpy().tolist() == expected["caption"].numpy().tolist()
    for name in ("probabilities", "attention"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5)


def test_caption_sample(reader, examples):
    found = [reader.caption_sample(examples[keys.FRAMES], seed=seed) for seed in (1, 1, 2)]
    drawn = [one["caption"].numpy().tolist() for one in found]
    assert drawn[0] == drawn[1] != drawn[2]
    graph_equals_eager(reader.caption_sample, examples[keys.FRAMES])
    likeliest = reader.caption_sample(examples[keys.FRAMES], top_k=1, seed=9)["caption"]
    assert likeliest.numpy().tolist() == reader.caption(examples[keys.FRAMES])["caption"].numpy().tolist()


def test_answer(reader, examples, vocabulary, tiny_model):
    found = graph_equals_eager(reader.answer, examples[keys.FRAMES], examples[keys.QUESTION])
    assert {answer.decode() for answer in found["answer"].numpy()} <= set(vocabulary.answers)
    np.testing.assert_allclose(np.sum(found["probabilities"], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found["score"], np.max(found["probabilities"], axis=1))
    assert found["attention"].shape == (BATCH, tiny_model.question_length, 4, 4, 2, 2)
    np.testing.assert_allclose(np.sum(found["attention"], axis=(3, 4, 5)), 1, atol=1e-5)
    words = b" ".join(found["tokens"].numpy()[0]).decode().split()
    assert "".join(words).replace("##", "") == examples[keys.QUESTION].numpy()[0].decode().replace(" ", "")


def test_explained_caption_has_the_probabilities_of_training(reader, examples, preprocessor, tiny_model, heads):
    inputs, targets, _ = TASK.preprocess(examples, preprocessor, heads)
    inputs[keys.FRAMES_MASK] = tf.ones_like(inputs[keys.FRAMES_MASK])
    chances = tf.nn.softmax(tiny_model(inputs)["caption"]).numpy()
    found = reader.explain_caption(examples[keys.FRAMES], examples[keys.CAPTION])
    for row, tokens in enumerate(targets["caption"].numpy()):
        expected = [chances[row, place, token] if token else 0 for place, token in enumerate(tokens)]
        np.testing.assert_allclose(found["probabilities"][row], expected, rtol=1e-4)


def test_explained_caption_of_ones_own(reader, examples, preprocessor):
    texts = tf.constant(["digit 3 is moving up and down", "", "nothing", "digit 7 is moving left and right"])
    found = reader.explain_caption(examples[keys.FRAMES], texts)
    assert b" ".join(found["tokens"].numpy()[0]).split() == texts.numpy()[0].split()
    chances = found["probabilities"].numpy()
    counted = chances > 0
    np.testing.assert_allclose(found["score"], np.where(counted, chances, 1).prod(axis=1), rtol=1e-4)
    # Four frames of 2 x 2 places; rollout sums to 1 for every word and for the end, and to 0 after it.
    assert found["rollout"].shape == (BATCH, preprocessor.config.caption_length, 4, 2, 2)
    np.testing.assert_allclose(np.sum(found["rollout"], axis=(2, 3, 4)), counted, atol=1e-5)
    assert counted[0].sum() == 8 and counted[1].sum() == 0


def test_explained_answer(reader, examples, tiny_model):
    found = graph_equals_eager(reader.explain_answer, examples[keys.FRAMES], examples[keys.QUESTION])
    answer = reader.answer(examples[keys.FRAMES], examples[keys.QUESTION])
    assert found["tokens"].numpy().tolist() == answer["tokens"].numpy().tolist()
    assert found["rollout"].shape == (BATCH, tiny_model.question_length, 4, 2, 2)
    np.testing.assert_allclose(np.sum(found["rollout"], axis=(2, 3, 4)), 1, atol=1e-5)


def test_attention_lies_where_the_patches_are(reader):
    # Tokens come frame by frame, row by row: token 6 of 16 is frame 1, row 1, column 0.
    scores = np.zeros((1, 1, 2, 2, 16), "float32")
    scores[0, 0, 1, 0, 6] = 1
    grid = reader.on_grid(tf.constant(scores)).numpy()
    assert grid.shape == (1, 1, 4, 4, 2, 2)
    assert np.argwhere(grid).tolist() == [[0, 0, 2, 1, 1, 0]]


def test_classify(reader, examples, vocabulary):
    found = graph_equals_eager(reader.classify, examples[keys.FRAMES], tf.fill((BATCH,), ""))
    assert {label.decode() for label in found["label"].numpy()} <= set(vocabulary.labels)
    assert found["probabilities"].shape == (BATCH, len(vocabulary.labels))
    best = np.argmax(found["probabilities"], axis=1)
    assert found["label"].numpy().tolist() == [vocabulary.labels[index].encode() for index in best]


def test_embed(reader, examples):
    for vectors in (reader.embed_video(examples[keys.FRAMES]), reader.embed_text(examples[keys.CAPTION])):
        assert vectors.shape == (BATCH, 8)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_one_label_is_chosen_by_a_softmax(tiny_config, vocabulary, preprocessor, examples):
    config = tiny_config("model.single_label=true")
    task = TASKS["classification"]
    (head,) = task.active_heads(config, vocabulary)
    model = task.build(config, vocabulary, [head])
    found = task.reader(model, preprocessor, [head]).classify(examples[keys.FRAMES], examples[keys.QUESTION])
    np.testing.assert_allclose(np.sum(found["probabilities"], axis=1), 1, atol=1e-6)
    # Four classes, logits 0 but for ln 3: the softmax is 1/6, 1/6, 1/6, 1/2, so the loss of the last is ln 2.
    loss = head.loss(config)
    logits = np.array([[0, 0, 0, np.log(3)]], "float32")
    np.testing.assert_allclose(loss.call(np.array([[0, 0, 0, 1.0]], "float32"), logits), [np.log(2)], atol=1e-6)
