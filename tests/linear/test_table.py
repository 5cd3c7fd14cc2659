"""Splits as linear models read them."""

import numpy as np
import tensorflow as tf

from vtkeras.data.sources.base import Source
from vtkeras.linear.table import read_table
from vtkeras.tasks import HEADS


class TwoClips(Source):
    """One clip that is asked two things, and one that is asked nothing."""

    def clips(self, split, epoch=0):
        def rows():
            for name, asked in (("a", [("what?", "cat"), ("how many?", "one")]), ("b", [])):
                features, statistics = np.ones((2, 1, 3), "float32"), np.arange(5, dtype="float32")
                texts = {"captions": [f"clip {name}"], "label": name, "video_id": name}
                questions = {"question": [one for one, _ in asked], "answer": [one for _, one in asked]}
                yield {"frame_features": features, "statistics": statistics, **texts, **questions}

        names = {"captions": (None,), "label": (), "video_id": (), "question": (None,), "answer": (None,)}
        return tf.data.Dataset.from_generator(
            rows,
            output_signature={
                "frame_features": tf.TensorSpec((2, 1, 3), tf.float32),
                "statistics": tf.TensorSpec((5,), tf.float32),
                **{name: tf.TensorSpec(shape, tf.string) for name, shape in names.items()},
            },
        )


class OneQuestionEach(Source):
    """Three examples of a source that gives no whole clips."""

    def load(self, split, epoch=0):
        columns = {"video_id": ["a", "b", "c"], "question": ["what?", "", "how?"], "answer": ["cat", "", "slow"]}
        return tf.data.Dataset.from_tensor_slices({**columns, "statistics": np.eye(3, dtype="float32")})


def test_a_source_without_whole_clips_is_read_example_by_example():
    table = read_table(OneQuestionEach(), "train", [HEADS["answer"]])
    assert table.examples.ids == ["a", "b", "c"] and table.clips.tolist() == [0, 1, 2]
    assert table.examples.questions == ["what?", "", "how?"] and table.features.tolist() == np.eye(3).tolist()
    assert table.examples.truths["answer"] == [["cat"], [""], ["slow"]]


def test_a_clip_is_told_once_and_each_question_has_its_answer():
    table = read_table(TwoClips(), "train", [HEADS[name] for name in ("caption", "answer", "label")], groups=[3, 2])
    assert table.examples.ids == ["a", "a", "b"] and table.clips.tolist() == [0, 0, 1]
    assert table.examples.questions == ["what?", "how many?", ""]
    assert table.examples.truths["answer"] == [["cat"], ["one"], [""]]
    captions = table.examples.truths["caption"]
    assert captions == [["clip a"], ["clip a"], ["clip b"]] and captions[0] is captions[1]
    assert table.once.tolist() == [True, False, True] and table.groups == [3, 2]
    assert table.features.tolist() == [[0, 1, 2, 3, 4]] * 2
    assert read_table(TwoClips(), "train", [], limit=1).examples.ids == ["a"]
