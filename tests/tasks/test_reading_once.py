"""A clip that is asked several things is read once."""

import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.tasks import TASKS
from vtkeras.tasks.video_text import different

TASK = TASKS["multitask"]
IDS, QUESTIONS = ["b", "b", "a"], ["what moves?", "how many digits are there?", "what moves?"]


@pytest.fixture(scope="module")
def read(tiny_model, tiny_config, preprocessor, vocabulary):
    """A reader that notes how many clips each head is asked about, and a batch of three questions about two clips."""
    heads = TASK.active_heads(tiny_config(), vocabulary)
    config = preprocessor.config
    clips = np.random.default_rng(0).integers(0, 256, (2, 9, config.image_size, config.image_size, 3), "uint8")
    frames, mask = preprocessor.clips(tf.constant(clips))
    rows = [1, 1, 0]
    batch = {
        keys.VIDEO_ID: tf.constant(IDS),
        keys.QUESTION: tf.constant(QUESTIONS),
        keys.FRAMES: tf.gather(frames, rows),
        keys.FRAMES_MASK: tf.gather(mask, rows),
    }
    reader = TASK.reader(tiny_model, preprocessor, heads)
    return reader, batch


def test_the_first_place_of_each_name():
    first, row = different(tf.constant(IDS))
    assert first.numpy().tolist() == [0, 2]
    assert row.numpy().tolist() == [0, 0, 1]


def test_what_is_said_is_what_is_said_of_each_example_alone(read):
    reader, batch = read
    together = reader.predict(batch)
    for place in range(3):
        alone = reader.predict({name: values[place : place + 1] for name, values in batch.items()})
        for head, found in together.items():
            for name, values in found.items():
                one, other = np.asarray(values[place]), np.asarray(alone[head][name][0])
                if one.dtype.kind == "f":
                    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=f"{head} {name}")
                else:
                    np.testing.assert_array_equal(one, other, err_msg=f"{head} {name}")


def test_each_clip_goes_through_the_encoder_once(read, monkeypatch):
    reader, batch = read
    seen, encode = [], reader.encode_video
    monkeypatch.setattr(reader, "encode_video", lambda frames, mask: seen.append(len(frames)) or encode(frames, mask))
    written, write = [], reader.write_caption
    monkeypatch.setattr(
        reader, "write_caption", lambda video: written.append(len(video[keys.SEQUENCE])) or write(video)
    )
    reader.predict(batch)
    assert seen == [2]
    assert written == [2]
