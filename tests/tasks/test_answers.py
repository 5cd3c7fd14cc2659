"""Several questions a reading, written answers and choices, on a tiny model with random weights."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import load_config
from vtkeras.data.pipeline import make_dataset
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.sort_of_clevr import SortOfClevr
from vtkeras.data.text import END_ID, build_vocabulary
from vtkeras.errors import UserError
from vtkeras.tasks import TASKS
from vtkeras.tasks.heads.answers import _or_new
from vtkeras.tasks.predicted import ClassProbabilities, Examples, Predicted

TINY = [
    "data.image_size=32", "data.answer_length=3", "model.dim=16", "model.num_heads=2",
    "model.temporal_options={num_tokens: 4}", "model.temporal_layers=1", "model.fusion_layers=2",
]  # fmt: skip
TASK = TASKS["question_answering"]
ANSWER, WRITTEN = "answer", "written_answer"
HEADS = TASK.heads
HEAD = HEADS[0]


@pytest.fixture(scope="module")
def config():
    return load_config("sort_of_clevr", TINY)


@pytest.fixture(scope="module")
def source():
    return SortOfClevr(train_images=4, eval_images=2)


@pytest.fixture(scope="module")
def preprocessor(config, source):
    return Preprocessor(config.data, build_vocabulary(source.texts(), 400, written_answers=True))


@pytest.fixture(scope="module")
def model(config, preprocessor):
    keras.utils.set_random_seed(0)
    return TASK.build(config, preprocessor.vocabulary, HEADS)


@pytest.fixture(scope="module")
def reader(model, preprocessor):
    return TASK.reader(model, preprocessor, HEADS)


def batch(source, preprocessor, split=keys.TEST, **options):
    return next(iter(make_dataset(source, split, preprocessor, dict, 2, **options)))


@pytest.fixture(scope="module")
def examples(source, preprocessor):
    """Two pictures with their twenty questions each."""
    return batch(source, preprocessor)


@pytest.fixture(scope="module")
def clip(examples):
    return examples[keys.FRAMES]


@pytest.fixture(scope="module")
def questions(examples):
    return examples[keys.QUESTION][:, 0]


def test_a_clip_read_once_answers_as_one_read_for_each_question(model, reader, examples, preprocessor, clip):
    inputs, targets, weights = TASK.preprocess(examples, preprocessor, HEADS)
    assert inputs[keys.QUESTION_TOKENS].shape == (2, 20, 14) and targets[ANSWER].shape == (2, 20)
    assert (weights[ANSWER].numpy() == 1).all()
    outputs = model(inputs)
    for number in (0, 7, 19):
        alone = reader.answer(clip, examples[keys.QUESTION][:, number])
        together = tf.nn.softmax(outputs[ANSWER][:, number])
        np.testing.assert_allclose(together, alone["probabilities"], atol=1e-5)


def test_losses_and_targets_of_several_questions(model, config, examples, preprocessor):
    inputs, targets, weights = TASK.preprocess(examples, preprocessor, HEADS)
    outputs = model(inputs)
    assert outputs[WRITTEN].shape == (2, 20, 3, len(preprocessor.vocabulary.tokens))
    for head, loss in TASK.losses(config, HEADS).items():
        assert loss.call(tf.cast(targets[head], tf.float32), outputs[head]).shape == (2, 20)
    words = preprocessor.to_text(tf.reshape(targets[WRITTEN], (-1, 3)))
    assert words.numpy().tolist() == tf.reshape(examples[keys.ANSWER], (-1,)).numpy().tolist()


def test_training_draws_questions_and_fills_up(source, preprocessor):
    def with_questions(count):
        data = preprocessor.config.model_copy(update={"questions_per_clip": count})
        return Preprocessor(data, preprocessor.vocabulary)

    few = [
        batch(source, with_questions(5), keys.TRAIN, training=True, epochs=[epoch])[keys.QUESTION].numpy()
        for epoch in (1, 1, 2)
    ]
    assert few[0].shape == (2, 5) and (few[0] == few[1]).all() and (few[0] != few[2]).any()
    first = batch(source, with_questions(5))
    whole = batch(source, with_questions(20))
    assert (first[keys.QUESTION].numpy() == whole[keys.QUESTION].numpy()[:, :5]).all()
    many = batch(source, with_questions(22))
    assert (many[keys.QUESTION].numpy()[:, 20:] == b"").all() and (many[keys.ANSWER].numpy()[:, 20:] == b"").all()
    _, _, weights = TASK.preprocess(many, with_questions(22), HEADS)
    assert weights[ANSWER].numpy().sum(axis=1).tolist() == [20, 20]


def test_a_source_of_single_questions_is_refused(preprocessor, vocabulary):
    from vtkeras.data.sources.moving_digits import MovingDigits

    with pytest.raises(UserError, match="questions_per_clip above 1 needs clips with several questions"):
        make_dataset(MovingDigits(), keys.TRAIN, preprocessor, dict, 2)


def test_a_fusion_that_mixes_questions_is_refused(preprocessor):
    config = load_config("sort_of_clevr", [*TINY, "model.fusion=co_attention"])
    with pytest.raises(UserError, match="would mix the questions"):
        TASK.build(config, preprocessor.vocabulary, HEADS)


def test_written_answer_is_the_likeliest_word_after_word(model, reader, clip, questions, preprocessor):
    found = tf.function(reader.write_answer)(clip, questions)
    _, read, _ = reader.read_question(questions, reader.read_frames(clip))
    tokens = np.zeros((2, 4), "int32")
    tokens[:, 0] = 2
    score = np.ones(2)
    for place in range(3):
        logits = model.heads[WRITTEN].decoder(tokens[:, :3], read[keys.SEQUENCE], read[keys.MASK])[:, place]
        going = (tokens[:, 1 : place + 1] != END_ID).all(axis=1)
        chances = tf.nn.softmax(logits).numpy()
        tokens[:, place + 1] = np.where(going, chances.argmax(axis=1), 0)
        score *= np.where(going, chances.max(axis=1), 1)
    assert found["answer"].numpy().tolist() == preprocessor.to_text(tf.constant(tokens[:, 1:])).numpy().tolist()
    np.testing.assert_allclose(found["score"], score, rtol=1e-4)


@pytest.mark.parametrize("written, likely, taken", [
    ("grey yes", 0.51, True),  # none of the closed set
    ("grey yes", 0.5, False),
    ("Yes ", 0.99, False),  # one of the closed set, which chooses by itself
    ("", 0.99, False),
])  # fmt: skip
def test_a_new_answer_is_given_where_it_is_likelier_than_all_else(
    written, likely, taken, model, preprocessor, clip, questions, monkeypatch
):
    said = tf.constant([written] * 2), tf.constant([likely] * 2)
    monkeypatch.setattr("vtkeras.tasks.heads.answers.written_about", lambda reader, read: said)
    found = TASK.reader(model, preprocessor, HEADS).answer(clip, questions)
    best = found["probabilities"].numpy().argmax(axis=1)
    closed = [preprocessor.vocabulary.answers[place].encode() for place in best]
    assert found["answer"].numpy().tolist() == ([written.encode()] * 2 if taken else closed)
    chances = found["probabilities"].numpy().max(axis=1)
    np.testing.assert_allclose(found["score"], [likely] * 2 if taken else chances, rtol=1e-5)
    alone = TASK.reader(model, preprocessor, [HEAD]).answer(clip, questions)  # as shares of linear models are chosen
    assert alone["answer"].numpy().tolist() == found["answer"].numpy().tolist()


@pytest.mark.parametrize("share, taken", [(8.0, True), (100.0, False)])
def test_where_a_linear_model_decides_alone_nothing_new_is_said(share, taken, reader, monkeypatch):
    said = tf.constant(["grey yes"]), tf.constant([0.9])
    monkeypatch.setattr("vtkeras.tasks.heads.answers.written_about", lambda reader, read: said)
    experts = SimpleNamespace(classes={ANSWER: SimpleNamespace(share=share)})
    beside = SimpleNamespace(preprocessor=reader.preprocessor, experts=experts)
    text, score = _or_new(beside, {}, tf.constant(["no"]), tf.constant([0.4]))
    assert text.numpy().tolist() == [b"grey yes" if taken else b"no"]
    np.testing.assert_allclose(score, 0.9 if taken else 0.4)


@pytest.mark.parametrize("length, closed", [(8, [True, True, False, False]), (3, [True, True, True, False])])
def test_a_closed_answer_that_the_length_cuts_is_none_that_is_new(length, closed, config):
    answers = ["yes", "a red cube behind a blue ball"]
    texts = {"captions": [], "questions": ["what?"], "answers": answers * 10, "labels": []}
    vocabulary = build_vocabulary(texts, 400, written_answers=True)
    cut = Preprocessor(config.data.model_copy(update={"answer_length": length}), vocabulary)
    written = tf.constant(["Yes ", answers[1], "a red", "a blue"])
    assert cut.is_closed(written).numpy().tolist() == closed
    assert tf.function(cut.is_closed)(written).numpy().tolist() == closed


def test_new_answers_that_are_wrong_are_one_class_together():
    truths, names = [["yes"], ["no"], ["red ball"], ["no"]], ("yes", "no")
    chances = np.full((4, 2), 0.5)
    said = Predicted(["yes", "grey", "red ball", "dark"], ClassProbabilities(names, chances), confidence=np.ones(4))
    found = HEAD.score(said, Examples(truths={ANSWER: truths}))
    assert found["answer_accuracy"] == 0.5
    assert found["answer_macro_f1"] == pytest.approx(2 / 4)  # yes 1, red ball 1, no 0, what is new and wrong 0


def test_choice_among_the_closed_set_is_made_there_though_the_model_writes(reader, preprocessor, clip, questions):
    chances = reader.answer(clip, questions)["probabilities"].numpy()
    yes, no = (preprocessor.vocabulary.answers.index(word) for word in ("yes", "no"))
    found = reader.choose(clip, questions, tf.constant([["yes", "no"]] * 2))
    expected = chances[:, [yes, no]] / chances[:, [yes, no]].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-4)


def test_without_a_head_that_writes_answers_come_from_the_closed_set(config, preprocessor, clip, questions):
    data = config.data.model_copy(update={"answer_length": 0})
    closed = config.model_copy(update={"data": data})
    heads = [head for head in HEADS if head.active(closed, preprocessor.vocabulary, HEADS)]
    model = TASK.build(closed, preprocessor.vocabulary, heads)
    found = TASK.reader(model, preprocessor, heads).answer(clip, questions)
    assert WRITTEN not in model.heads
    assert {text.decode() for text in found["answer"].numpy()} <= {*preprocessor.vocabulary.answers}


def test_attention_of_object_tokens_lies_on_patches(reader, clip, questions):
    found = reader.answer(clip, questions)
    # Two blocks of two heads; one frame of 32 / 4 = 8 x 8 patches.
    assert found["attention"].shape == (2, 14, 4, 1, 8, 8)
    np.testing.assert_allclose(np.sum(found["attention"], axis=(3, 4, 5)), 1, atol=1e-5)
    rolled = reader.explain_answer(clip, questions)["rollout"]
    np.testing.assert_allclose(np.sum(rolled, axis=(2, 3, 4)), 1, atol=1e-5)


def test_choice_in_the_closed_set_shares_out_its_probabilities(config, preprocessor, clip, questions):
    keras.utils.set_random_seed(0)
    closed = TASK.reader(TASK.build(config, preprocessor.vocabulary, HEADS[:1]), preprocessor, HEADS[:1])
    chances = closed.answer(clip, questions)["probabilities"].numpy()
    yes, no = (preprocessor.vocabulary.answers.index(word) for word in ("yes", "no"))
    choices = tf.constant([["yes", "No ", "purple"]] * 2)
    found = closed.choose(clip, questions, choices)
    expected = chances[:, [yes, no]] / chances[:, [yes, no]].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["probabilities"][:, :2], expected, rtol=1e-4)
    assert found["known"].numpy().tolist() == [[True, True, False]] * 2
    assert (found["probabilities"][:, 2].numpy() == 0).all()
    best = [choices[row, place].numpy() for row, place in enumerate(expected.argmax(axis=1))]
    assert found["answer"].numpy().tolist() == best


def test_choice_of_a_writing_model_weighs_whole_texts(model, reader, preprocessor, clip, questions):
    choices = tf.constant([["yes", "red object"]] * 2)
    found = reader.choose(clip, questions, choices)
    _, read, _ = reader.read_question(questions, reader.read_frames(clip))
    logs = []
    for text in ("yes", "red object"):
        inputs, targets = preprocessor.written_answer(tf.constant([text] * 2))
        chances = tf.nn.log_softmax(model.heads[WRITTEN].decoder(inputs, read[keys.SEQUENCE], read[keys.MASK])).numpy()
        logs.append([
            sum(chances[row, place, token] for place, token in enumerate(targets[row].numpy()) if token)
            for row in range(2)
        ])  # fmt: skip
    expected = np.exp(np.array(logs).T)
    np.testing.assert_allclose(found["probabilities"], expected / expected.sum(axis=1, keepdims=True), rtol=1e-4)


def test_of_several_answers_the_first_is_learned(preprocessor):
    classes = preprocessor.answer(tf.constant(["yes|no|yes", "no", "|yes", "purple|yes"])).numpy().tolist()
    yes, no = (preprocessor.vocabulary.answers.index(word) for word in ("yes", "no"))
    assert classes == [yes, no, -1, -1]


def test_file_round_trip(model, tmp_path, examples, preprocessor):
    inputs, _, _ = TASK.preprocess(examples, preprocessor, HEADS)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(model.weights)  # the decoder that two heads share is still one
    for head in (ANSWER, WRITTEN):
        np.testing.assert_allclose(loaded(inputs)[head], model(inputs)[head], atol=1e-5)
