import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from vtkeras.config import DataConfig
from vtkeras.data.preprocess import Preprocessor, even_frames
from vtkeras.data.text import END_ID, START_ID, UNKNOWN_ID, Vocabulary

TOKENS = ("[PAD]", "[UNK]", "[START]", "[END]", "a", "cat", "dog", "runs", "##ning", "run", "猫", "?")
WORDS = Vocabulary(TOKENS, ("yes", "up and down", "straße", "猫 是"), ("cat", "dog", "two words"))
CONFIG = DataConfig(num_frames=4, image_size=16, caption_length=6, question_length=4)


@pytest.fixture(scope="module")
def prepare():
    return Preprocessor(CONFIG, WORDS)


@pytest.fixture(params=["eager", "in a dataset"])
def run(request):
    """Calls a function on a batch, eagerly or inside `Dataset.map`, where nothing is known of the shape."""

    def in_dataset(function, values):
        values = tf.constant(values)
        unknown = tf.TensorSpec([None] * values.shape.rank, values.dtype)
        dataset = tf.data.Dataset.from_generator(lambda: iter([values]), output_signature=unknown)
        return next(iter(dataset.map(function)))

    return (lambda function, values: function(tf.constant(values))) if request.param == "eager" else in_dataset


def ids(*words):
    return [TOKENS.index(word) for word in words]


@pytest.mark.parametrize(
    "length,indices,mask",
    [
        (16, [2, 6, 10, 14], [1, 1, 1, 1]),  # stretches of 4 frames: 0-3, 4-7, 8-11, 12-15
        (4, [0, 1, 2, 3], [1, 1, 1, 1]),
        (5, [0, 1, 3, 4], [1, 1, 1, 1]),  # middles at 0.625, 1.875, 3.125, 4.375
        (3, [0, 1, 2, 2], [1, 1, 1, 0]),
        (1, [0, 0, 0, 0], [1, 0, 0, 0]),
    ],
)
def test_even_frames_by_hand(length, indices, mask):
    found, real = even_frames(tf.constant(length), 4)
    np.testing.assert_array_equal(found, indices)
    np.testing.assert_array_equal(real, np.array(mask, bool))


@pytest.mark.parametrize(
    "stored,length,indices,mask",
    [
        (None, 12, [1, 4, 7, 10], [1, 1, 1, 1]),
        (8, 12, [2, 5, 8, 11], [1, 1, 1, 1]),  # stored: 0, 2, 3, 5, 6, 8, 9, 11, and of these the second, fourth, ...
        (8, 8, [1, 3, 5, 7], [1, 1, 1, 1]),  # a stored clip is taken as it is
        (8, 3, [0, 1, 2, 2], [1, 1, 1, 0]),
        (2, 12, [3, 9, 9, 9], [1, 1, 0, 0]),  # fewer were stored than a model takes
    ],
)
def test_of_a_video_the_frames_are_taken_that_are_taken_of_its_stored_clip(run, stored, length, indices, mask):
    beside = Preprocessor(CONFIG, WORDS)
    prepare = Preprocessor(CONFIG, WORDS, beside)
    prepare.read_as_stored(stored, None)
    frames = np.arange(length, dtype="uint8").reshape(length, 1, 1, 1) * np.ones((length, 16, 16, 3), "uint8")
    for preprocessor in (prepare, beside):
        found, real = run(preprocessor.clip, frames)
        np.testing.assert_array_equal(found[:, 3, 5, 1], indices)
        np.testing.assert_array_equal(real, np.array(mask, bool))
    np.testing.assert_array_equal(run(prepare.clips, frames[None])[0][0, :, 3, 5, 1], indices)


def test_clip_takes_frames_and_keeps_pixels(prepare, run):
    frames = np.arange(16, dtype="uint8").reshape(16, 1, 1, 1) * np.ones((16, 16, 16, 3), "uint8")
    found, mask = run(prepare.clip, frames)
    assert found.shape == (4, 16, 16, 3) and found.dtype == tf.uint8
    np.testing.assert_array_equal(found[:, 3, 5, 1], [2, 6, 10, 14])
    assert mask.numpy().all()


def test_one_frame_is_a_video(prepare, run):
    found, mask = run(prepare.clip, np.full((1, 16, 16, 3), 9, "uint8"))
    np.testing.assert_array_equal(found, np.full((4, 16, 16, 3), 9))
    np.testing.assert_array_equal(mask, [True, False, False, False])


def test_resize_by_hand(prepare, run):
    # 32 x 64 to 16 x 16: left half 0, right half 200. Antialiasing blends the two columns at the edge,
    # in equal parts: 8 columns each side, symmetrical around 100.
    frames = np.zeros((1, 32, 64, 3), "uint8")
    frames[:, :, 32:] = 200
    row = run(prepare.clip, frames)[0].numpy()[0, 7, :, 0].astype(int)
    assert (row[:7] == 0).all() and (row[9:] == 200).all()
    assert row[7] + row[8] == 200 and row[7] < 60


def test_clips_equal_each_clip(prepare, run):
    frames = np.random.default_rng(0).integers(0, 256, (2, 7, 20, 30, 3), dtype="uint8")
    found, mask = run(prepare.clips, frames)
    assert found.shape == (2, 4, 16, 16, 3) and mask.shape == (2, 4)
    for index in range(2):
        alone = prepare.clip(tf.constant(frames[index]))[0]
        np.testing.assert_allclose(tf.cast(found[index], tf.int32), tf.cast(alone, tf.int32), atol=1)


def test_caption_input_and_target_are_shifted(prepare, run):
    inputs, targets = run(prepare.caption, ["a cat runs", "", "a a a a a a a a"])
    np.testing.assert_array_equal(
        inputs,
        [
            [START_ID, *ids("a", "cat", "runs"), 0, 0],
            [START_ID, 0, 0, 0, 0, 0],
            [START_ID, *ids(*"aaaaa")],  # cut, and still with its end
        ],
    )
    np.testing.assert_array_equal(
        targets,
        [[*ids("a", "cat", "runs"), END_ID, 0, 0], [0, 0, 0, 0, 0, 0], [*ids(*"aaaaa"), END_ID]],
    )
    assert inputs.dtype == targets.dtype == tf.int32


def test_question_and_match_keep_one_token(prepare, run):
    np.testing.assert_array_equal(
        run(prepare.question, ["a dog?", "", "a cat a cat a cat"]),
        [[START_ID, *ids("a", "dog", "?")], [START_ID, 0, 0, 0], [START_ID, *ids("a", "cat", "a")]],
    )
    assert run(prepare.match, ["a dog", ""]).shape == (2, 6)


def test_words_of_any_script(prepare, run):
    # Lower case, word pieces, a Chinese word by its signs, and nothing known of an emoji.
    np.testing.assert_array_equal(
        run(prepare.match, ["RUNNING 猫猫", "🙂 Cat"]),
        [[START_ID, *ids("run", "##ning", "猫", "猫"), 0], [START_ID, UNKNOWN_ID, *ids("cat"), 0, 0, 0]],
    )


def test_to_text_is_the_way_back(prepare, run):
    texts = ["a cat running", "", "猫 runs"]
    tokens = prepare.caption(tf.constant(texts))[1]
    assert run(prepare.to_text, tokens.numpy()).numpy().tolist() == [text.encode() for text in texts]


def test_to_text_stops_at_the_end(prepare):
    tokens = tf.constant([[*ids("a", "cat"), END_ID, *ids("dog")], [START_ID, *ids("dog"), UNKNOWN_ID, 0]])
    assert prepare.to_text(tokens).numpy().tolist() == [b"a cat", b"dog"]


def test_pieces(prepare):
    pieces = prepare.pieces(tf.constant([ids("run", "##ning", "猫")]))
    assert [piece.decode() for piece in pieces.numpy()[0]] == ["run", "##ning", "猫"]


def test_answers(prepare, run):
    found = run(
        prepare.answer,
        ["yes", "  Up  AND\tdown ", "STRASSE", "Straße", "猫 是", "猫\u3000是\u00a0", "perhaps", "", "yes yes"],
    )
    np.testing.assert_array_equal(found, [0, 1, -1, 2, 3, 3, -1, -1, -1])
    assert found.dtype == tf.int32


def test_labels(prepare, run):
    found = run(prepare.labels, ["cat|dog", "two words", "dog | cat", "", "bird|dog", "cat|cat"])
    np.testing.assert_array_equal(
        found, [[1, 1, 0], [0, 0, 1], [1, 1, 0], [0, 0, 0], [0, 1, 0], [1, 0, 0]]
    )
    assert found.dtype == tf.float32


def test_of_several_labels_the_one_that_counts_most_decides(run):
    weighted = Preprocessor(CONFIG.model_copy(update={"label_weights": {"cat": 4.0, "dog": 0.5}}), WORDS)
    names = ["cat|dog", "dog", "two words", "bird", ""]
    found = run(lambda texts: weighted.label_weight(weighted.labels(texts)), names)
    np.testing.assert_array_equal(found, [4, 0.5, 1, 0, 0])


def test_no_answers_and_no_labels(run):
    bare = Preprocessor(CONFIG, dataclasses.replace(WORDS, answers=(), labels=()))
    np.testing.assert_array_equal(run(bare.answer, ["yes", ""]), [-1, -1])
    assert run(bare.labels, ["cat", ""]).shape == (2, 0)


def test_bytes_that_are_no_utf8_do_not_stop_it(prepare, run):
    bad = np.array([b"\xff\xfe cat", b"a"], object)
    assert run(prepare.match, bad).shape == (2, 6)
    np.testing.assert_array_equal(run(prepare.answer, bad), [-1, -1])


def test_an_answer_is_looked_up_however_many_there_are():
    prepare = Preprocessor(CONFIG, dataclasses.replace(WORDS, answers=("yes", "Yes", "no")))
    assert prepare.answer(tf.constant(["YES", "no", "maybe", ""])).numpy().tolist() == [0, 2, -1, -1]
    graph = tf.function(prepare.answer).get_concrete_function(tf.TensorSpec((None,), tf.string)).graph
    compared = [one.outputs[0].shape.rank for one in graph.get_operations() if one.type == "Equal"]
    assert compared == [1]  # each text with one answer, not with all
