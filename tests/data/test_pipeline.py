import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import DataConfig
from vtkeras.data.pipeline import make_dataset
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import Vocabulary

CONFIG = DataConfig(num_frames=2, image_size=16, caption_length=6, question_length=4)


class Numbers:
    """Ten clips; clip 3 has no caption, the others three each: "0 a", "0 b", "0 c", ..."""

    draws = True

    def load(self, split, epoch=0):
        def examples():
            for number in range(10):
                yield {
                    keys.FRAMES: np.full((1 + number, 16, 16, 3), number + 10 * epoch, "uint8"),
                    keys.VIDEO_ID: str(number),
                    keys.CAPTIONS: np.array([f"{number} {x}" for x in "abc"] if number != 3 else [], object),
                    keys.QUESTION: "?",
                    keys.ANSWER: "",
                    keys.LABEL: "",
                }

        names = (keys.VIDEO_ID, keys.QUESTION, keys.ANSWER, keys.LABEL)
        strings = {key: tf.TensorSpec((), tf.string) for key in names}
        return tf.data.Dataset.from_generator(
            examples,
            output_signature={
                keys.FRAMES: tf.TensorSpec((None, 16, 16, 3), tf.uint8),
                keys.CAPTIONS: tf.TensorSpec((None,), tf.string),
                **strings,
            },
        ).apply(tf.data.experimental.assert_cardinality(10))


@pytest.fixture(scope="module")
def preprocessor():
    return Preprocessor(CONFIG, Vocabulary(("[PAD]", "[UNK]", "[START]", "[END]", "a"), (), ()))


@pytest.fixture
def make(preprocessor):
    return lambda **options: make_dataset(
        Numbers(), keys.TRAIN, preprocessor, **{"to_batch": dict, "batch_size": 4, **options}
    )


def captions(dataset):
    return [caption.decode() for batch in dataset for caption in batch[keys.CAPTION].numpy()]


def test_every_reference_is_drawn_and_all_travel_along(make):
    # Three captions a clip: over twelve epochs each is drawn, one an epoch; clip 3 has none.
    drawn = [captions(make(training=True, epochs=[epoch], batch_size=10)) for epoch in range(12)]
    for number in set(range(10)) - {3}:
        assert {epoch[number] for epoch in drawn} == {f"{number} {x}" for x in "abc"}
    (batch,) = make(training=True, batch_size=10)
    references = [lines.decode().split("\n") for lines in batch[keys.REFERENCES].numpy()]
    assert references[5] == ["5 a", "5 b", "5 c"] and references[3] == [""]


def test_evaluation_keeps_order_first_caption_and_last_batch(make):
    batches = list(make())
    assert [len(batch[keys.CAPTION]) for batch in batches] == [4, 4, 2]
    assert captions(batches) == [f"{number} a" if number != 3 else "" for number in range(10)]
    assert batches[0][keys.FRAMES].shape == (4, 2, 16, 16, 3)
    np.testing.assert_array_equal(batches[0][keys.FRAMES_MASK], [[1, 0], [1, 1], [1, 1], [1, 1]])
    assert batches[0][keys.MATCH_ID].numpy().tolist() == [b"0 a", b"1 a", b"2 a", b""]


def test_training_leaves_out_the_short_batch_and_draws_captions(make):
    batches = list(make(training=True))
    assert [len(batch[keys.CAPTION]) for batch in batches] == [4, 4]
    found = captions(batches)
    assert [caption[:1] for caption in found] == ["0", "1", "2", "", "4", "5", "6", "7"]  # no shuffling
    assert len({caption[2:] for caption in found if caption}) > 1
    assert [match.decode()[:1] for batch in batches for match in batch[keys.MATCH_ID].numpy()] == [
        caption[:1] for caption in found
    ]


def test_same_arguments_same_batches(make):
    options = {"training": True, "shuffle_buffer": 10, "seed": 5, "batch_size": 5}
    tf.random.set_seed(5)
    first, again = make(**options), make(**options)
    assert captions(first) == captions(again) == captions(again)  # read a second time too
    assert captions(make(**{**options, "epochs": [1]})) != captions(first)
    assert captions(make(**{**options, "seed": 6})) != captions(first)
    assert sorted(caption[:1] for caption in captions(first)) == ["", *"012456789"]


def test_epochs_read_the_parts_in_turn(preprocessor):
    parts = Preprocessor(CONFIG.model_copy(update={"epoch_parts": 3}), preprocessor.vocabulary)  # of 10 clips

    def read(**options):
        found = captions(make_dataset(Numbers(), keys.TRAIN, parts, dict, 3, **options))
        return [caption[:1] or "3" for caption in found]

    assert [read(training=True, epochs=[epoch]) for epoch in range(4)] == [
        ["0", "3", "6"], ["1", "4", "7"], ["2", "5", "8"], ["0", "3", "6"],
    ]  # fmt: skip
    assert len(read()) == 10


def test_epoch_is_the_source_s(make):
    brightest = max(int(tf.reduce_max(batch[keys.FRAMES])) for batch in make(epochs=[2]))
    assert brightest == 9 + 20


@pytest.mark.whole
def test_augmentation_changes_training_alone_and_travels_in_batches(preprocessor):
    amounts = {"brightness": 0.3, "flip": 0.5, "time": 0.5, "word_dropout": 0.5}
    changing = Preprocessor(CONFIG.model_copy(update={"augmentation": amounts}), preprocessor.vocabulary)

    def batch(one, **options):
        return next(iter(make_dataset(Numbers(), keys.TRAIN, one, dict, 10, **options)))

    plain, evaluated = batch(preprocessor), batch(changing)
    assert plain.keys() == evaluated.keys()
    for key, value in plain.items():
        np.testing.assert_array_equal(value, evaluated[key])
    trained, again = batch(changing, training=True), batch(changing, training=True)
    other = batch(changing, training=True, epochs=[1])
    unchanged = batch(changing, training=True, augmentation={})  # as a stage may have it
    np.testing.assert_array_equal(unchanged[keys.FRAMES], plain[keys.FRAMES])
    assert trained[keys.FRAMES].shape == plain[keys.FRAMES].shape
    np.testing.assert_array_equal(trained[keys.FRAMES], again[keys.FRAMES])
    np.testing.assert_array_equal(trained[keys.MATCH_TEXT], again[keys.MATCH_TEXT])
    assert (trained[keys.FRAMES] != plain[keys.FRAMES]).numpy().mean() > 0.3
    assert (trained[keys.FRAMES] != other[keys.FRAMES] - 10).numpy().any()  # Numbers adds 10 an epoch
    read = list(zip(trained[keys.CAPTION].numpy(), trained[keys.MATCH_TEXT].numpy()))
    assert any(text != caption for caption, text in read) and all(text in caption for caption, text in read)


def test_every_example_of_every_epoch_draws_anew(make):
    seen = [tuple(draw) for batch in make(training=True, epochs=[0, 1]) for draw in batch[keys.DRAW].numpy()]
    assert len(seen) == len(set(seen)) == 16
    assert seen == [tuple(draw) for batch in make(training=True, epochs=[0, 1]) for draw in batch[keys.DRAW].numpy()]
