"""Names over time, with a classifier that a test can follow: it names the gray level of a square."""

import numpy as np
import pytest
from fixtures.pretrained import needs
from fixtures.videos import gray_frames, make_video
from PIL import Image

from vtkeras.errors import UserError
from vtkeras.tagging.tagger import Tag, Tagger, best_tags, squares_of

NAMES = ["dark", "bright"]


def by_brightness(squares):
    """The share of white, and the rest."""
    assert squares.dtype == np.uint8 and squares.shape[1:] == (224, 224, 3)
    bright = squares.mean(axis=(1, 2, 3)) / 255
    return np.stack([1 - bright, bright], axis=1)


TAGGER = Tagger("efficientnet_lite0", by_brightness, NAMES)


def test_names_over_time(tmp_path):
    # Frame i of 20, at 10 a second, has the level 10 (i + 1): of two, frame 5 at 0.5 s and frame 15 at 1.5 s.
    tagged = TAGGER(make_video(tmp_path / "a.mp4", gray_frames(20)), frames=2)
    np.testing.assert_allclose(tagged.times, [0.5, 1.5], atol=1e-6)
    np.testing.assert_allclose(tagged.probabilities[:, 1], [60 / 255, 160 / 255], atol=0.02)
    assert tagged.note == "" and tagged.video.endswith("a.mp4")
    part = TAGGER(tmp_path / "a.mp4", frames=1, start=1.0)
    np.testing.assert_allclose(part.times, [1.5], atol=1e-6)


def test_a_picture_is_a_video_of_one_frame_and_a_bad_file_one_sentence(tmp_path):
    Image.new("RGB", (50, 30), "white").save(tmp_path / "white.png")
    tagged = TAGGER(tmp_path / "white.png")
    np.testing.assert_allclose(tagged.probabilities, [[0, 1]], atol=1e-6)
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    with pytest.raises(UserError, match="bad.mp4"):
        TAGGER(tmp_path / "bad.mp4")


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("length,count", [(40, 1), (60, 2), (79, 2), (120, 3), (4000, 4)])
def test_squares_show_both_ends(length, count, wide):
    frame = np.zeros((40, length, 3), np.uint8)
    frame[:, :20], frame[:, -20:] = 100, 200
    squares = squares_of(frame if wide else frame.swapaxes(0, 1), 8)
    squares = squares if wide else squares.swapaxes(1, 2)
    assert squares.shape == (count, 8, 8, 3)
    assert squares[0, 4, 0, 0] == 100 and squares[-1, 4, -1, 0] == 200
    if count == 1:
        assert length < 1.5 * 40


def test_best_tags_by_hand():
    scores = np.array([[0.1, 0.7, 0.2], [0.6, 0.1, 0.3]])
    times = np.array([0.5, 1.5])
    dog, cat = Tag("dog", 0.7, 0.5, pytest.approx(0.4)), Tag("cat", 0.6, 1.5, pytest.approx(0.35))
    assert best_tags(scores, ["cat", "dog", "car"], times, most=2) == [dog, cat]
    assert best_tags(scores, ["cat", "dog", "car"], times, least=0.65) == [dog]
    assert best_tags(scores, ["dog", "dog", "car"], times, most=2)[1].name == "car"  # two classes of one name


@needs("efficientnet_lite0", "imagenet_names")
def test_real_names_of_a_photograph():
    from matplotlib.cbook import get_sample_data

    with get_sample_data("grace_hopper.jpg", asfileobj=True) as file:
        tagged = Tagger()(file.name)
    assert best_tags(tagged.probabilities, tagged.names, tagged.times)[0].name == "military uniform"
