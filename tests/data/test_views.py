"""Other frames of a clip than those that are read of it once."""

import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config, DataConfig, StageConfig, TrainConfig
from vtkeras.data.pipeline import make_dataset
from vtkeras.data.preprocess import Preprocessor, even_frames
from vtkeras.data.sources import MovingDigits
from vtkeras.data.sources.base import Source, SourceOptions
from vtkeras.data.sources.datasets import clip_spec, drawn_clips
from vtkeras.data.text import build_vocabulary
from vtkeras.data.views import other_view
from vtkeras.training.data import TrainingData
from vtkeras.training.prepared import PreparedSource


def places(length, view, count=8):
    """Which frames of a clip are read, told by their colour."""
    frames = np.broadcast_to(np.arange(length, dtype="uint8")[:, None, None, None], (length, 2, 2, 3))
    return other_view({keys.FRAMES: tf.constant(frames)}, view, count)[keys.FRAMES][:, 0, 0, 0].numpy().tolist()


def test_two_views_of_twice_the_frames_show_each_once():
    first = even_frames(16, 8)[0].numpy().tolist()
    assert first == [1, 3, 5, 7, 9, 11, 13, 15]
    assert places(16, 1) == [0, 2, 4, 6, 8, 10, 12, 14]


def test_views_are_far_apart_in_each_stretch():
    # Stretches of 8 frames: view 0 is their middle, place 4; 1, 2 and 3 are at 0, 3/4 and 1/4.
    assert [places(64, view)[:2] for view in (1, 2, 3)] == [[0, 8], [6, 14], [2, 10]]
    assert even_frames(64, 8)[0].numpy().tolist()[:2] == [4, 12]


@pytest.mark.parametrize("length", [1, 7, 8, 9, 13, 100])
def test_every_stretch_has_a_frame_and_short_clips_stay(length):
    for view in range(1, 9):
        found = places(length, view)
        assert found == sorted(found) and found[-1] < length
        assert found == list(range(length)) if length <= 8 else len({*found}) == 8


@pytest.fixture(scope="module")
def source():
    return MovingDigits(train_clips=6, eval_clips=3, max_digits=1)


@pytest.fixture(scope="module")
def preprocessor(source):
    return Preprocessor(DataConfig(num_frames=4, image_size=32), build_vocabulary(source.texts(), 100))


def epochs_of(source, preprocessor, **options):
    """The frames of each epoch's only batch."""
    batches = make_dataset(source, "train", preprocessor, dict, 6, training=True, views=2, **options)
    return [batch[keys.FRAMES].numpy() for batch in batches]


def test_epochs_take_views_in_turn_and_kept_clips_are_the_same(source, preprocessor, tmp_path):
    clips = list(source.load("train").as_numpy_iterator())
    kept = PreparedSource(source, preprocessor, tmp_path, report=str)
    first, second, third = epochs_of(kept, preprocessor, epochs=(0, 1, 2))
    np.testing.assert_array_equal(first, third)
    for batch, taken in ((first, [2, 6, 10, 14]), (second, [0, 4, 8, 12])):
        expected = [preprocessor.clip(tf.constant(clip[keys.FRAMES][taken]))[0] for clip in clips]
        np.testing.assert_array_equal(batch, expected)


def test_each_part_of_a_large_set_is_seen_in_each_view(source, tmp_path):
    config = DataConfig(num_frames=4, image_size=32, epoch_parts=2)
    preprocessor = Preprocessor(config, build_vocabulary(source.texts(), 100))
    kept = PreparedSource(source, preprocessor, tmp_path, report=str)
    batches = make_dataset(kept, "train", preprocessor, dict, 3, training=True, epochs=range(4), views=2)
    seen = [batch[keys.FRAMES].numpy().tobytes() for batch in batches]
    assert len({*seen}) == 4


def test_evaluation_reads_one_view(source, preprocessor, tmp_path):
    kept = PreparedSource(source, preprocessor, tmp_path, report=str)
    one, two = (
        next(iter(make_dataset(kept, "test", preprocessor, dict, 3, epochs=(epoch,), views=2)))[keys.FRAMES]
        for epoch in (0, 1)
    )
    np.testing.assert_array_equal(one, two)
    assert kept.path("test").is_dir() and not kept.path("test", 1).exists()


class Counted(Source):
    """Four clips of eight frames; the colour of a frame is its place in the clip."""

    Options = SourceOptions
    draws = False

    def __init__(self):
        self.options = self.Options()

    @property
    def spec(self):
        return clip_spec(None, 32, 32)

    def splits(self):
        return ["train"]

    def size(self, split):
        return 4

    def load(self, split, epoch=0):
        frames = np.broadcast_to(np.arange(8, dtype="uint8")[:, None, None, None], (8, 32, 32, 3))
        clip = {keys.FRAMES: frames, keys.CAPTIONS: ["a clip"], keys.QUESTION: "", keys.ANSWER: "", keys.LABEL: ""}
        return drawn_clips(lambda index: {**clip, keys.VIDEO_ID: str(index)}, 4, self.spec)

    def texts(self):
        return {"captions": ["a clip"], "questions": [], "answers": [], "labels": []}


def test_a_stage_has_views_of_its_own_and_what_is_not_kept_shows_the_same(tmp_path):
    source, stages = Counted(), (StageConfig(epochs=1), StageConfig(epochs=2, views=2), StageConfig(epochs=1, views=1))
    shape = DataConfig(num_frames=4, image_size=32, views=3)
    config = Config(data=shape, train=TrainConfig(batch_size=4, stages=stages))
    data = TrainingData.of(config, source, build_vocabulary(source.texts(), 50))
    for prepared in (None, PreparedSource(source, data.preprocessor, tmp_path, report=str)):
        batches = data.epochs(lambda stage: dict, prepared=prepared)
        seen = [batch[keys.FRAMES][0, :, 0, 0, 0].numpy().tolist() for batch in batches]
        assert seen == [[1, 3, 5, 7], [0, 2, 4, 6], [1, 3, 5, 7], [1, 3, 5, 7]]
    assert len([*tmp_path.iterdir()]) == 2  # of the third view, which data.views has, no epoch is


def test_a_run_that_goes_on_sees_the_views_of_one_that_was_not_stopped():
    source, stages = Counted(), (StageConfig(epochs=5),)
    config = Config(
        data=DataConfig(num_frames=4, image_size=32, views=2), train=TrainConfig(batch_size=4, stages=stages)
    )
    data = TrainingData.of(config, source, build_vocabulary(source.texts(), 50))
    first = [batch[keys.FRAMES][0, :, 0, 0, 0].numpy().tolist() for batch in data.epochs(lambda stage: dict, 3)]
    assert first == [[0, 2, 4, 6], [1, 3, 5, 7]]  # epochs 3 and 4
