"""Linear models beside a network, by numbers that can be checked by hand."""

import numpy as np
import pytest
from fixtures.sentences import tiny_sentence_encoder

from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.models import LinearClasses, LinearExperts, LinearSentences, LinearSpace
from vtkeras.models.clip_statistics import fine_statistics, group_sizes, pool_clips, read_clips, small_copies
from vtkeras.training.run import load_model

CLIPS = np.array([[1.0, 0.0], [0.0, 2.0]], "float32")


def test_a_clip_is_its_means_and_what_changes():
    # Two frames of two patches, one channel, and a third frame that is padding.
    features = np.array([[[[1.0], [3.0]], [[5.0], [7.0]], [[9.0], [9.0]]]], "float32")
    mean, largest, change, spread = np.asarray(pool_clips(features, np.array([[True, True, False]])))[0]
    assert (mean, largest, change, spread) == pytest.approx((4.0, 5.0, 4.0, 2.0))


def test_copies_tell_what_is_where():
    frames = np.zeros((1, 1, 32, 32, 3), "uint8")
    frames[0, 0, :16, 16:, 0] = 255  # the upper right quarter is red
    copy = np.asarray(small_copies(frames)).reshape(8, 8, 3)
    assert copy[:3, 5:, 0] == pytest.approx(1.0) and copy[:3, :3].max() == copy[5:].max() == copy[..., 1:].max() == 0


def test_copies_stand_behind_the_statistics_frame_by_frame():
    copies = np.stack([np.full(192, 0.25), np.full(192, 0.5)]).astype("float32")[None]
    pooled = np.asarray(pool_clips(np.ones((1, 2, 1, 1), "float32"), np.array([[True, False]]), copies))[0]
    assert pooled.shape == (4 + 2 * 192,)
    assert pooled[4:196] == pytest.approx(0.25) and not pooled[196:].any()  # the second frame is padding


def test_finer_maps_tell_what_small_things_leave():
    # Two frames of two places, one channel, and a third frame that is padding: 1 becomes 4, and 3 becomes 2.
    maps = np.array([[[[1.0], [3.0]], [[4.0], [2.0]], [[9.0], [9.0]]]], "float32")
    found = np.asarray(fine_statistics(maps, np.array([[True, True, False]])))[0]
    mean, strongest, most, rise, fall, whole_rise, whole_fall, change, spread = found
    assert (mean, strongest, most) == pytest.approx((2.5, 3.5, 4.0))
    assert (rise, fall, whole_rise, whole_fall) == pytest.approx((3.0, 1.0, 3.0, 1.0))
    assert change == pytest.approx(1.0) and spread == pytest.approx(1.5)  # (3 + 1) / 2 places / 2 frames


def test_a_picture_does_not_change():
    maps = np.array([[[[1.0], [3.0]]]], "float32")
    found = np.asarray(fine_statistics(maps, np.array([[True]])))[0]
    assert found == pytest.approx((2.0, 3.0, 3.0, 0, 0, 0, 0, 0, 0))


def test_where_a_small_thing_changes_does_not_matter():
    maps = np.random.default_rng(0).normal(size=(1, 4, 9, 3)).astype("float32")
    mask = np.ones((1, 4), bool)
    np.testing.assert_allclose(fine_statistics(maps[:, :, ::-1], mask), fine_statistics(maps, mask), atol=1e-5)


def test_statistics_are_those_of_features_copies_and_maps_in_turn():
    encoder = FRAME_ENCODERS["efficientnet_lite0"](image_size=32)
    frames = np.random.default_rng(0).integers(0, 256, (2, 2, 32, 32, 3), dtype="uint8")
    mask = np.array([[True, True], [True, False]])
    features, statistics, maps = read_clips(encoder, frames, mask)
    assert [*group_sizes(1280, 2, encoder.map_channels)] == [4 * 1280 + 2 * 192, 9 * 40, 9 * 112]
    expected = [pool_clips(features, mask, small_copies(frames))]
    expected += [fine_statistics(one, mask) for one in maps[:2]]  # the third one is no finer than the features
    assert maps[2].shape == (2, 2, 1, 192)
    np.testing.assert_allclose(statistics, np.concatenate(expected, axis=1), atol=1e-5)


def test_one_model_gives_log_probabilities_by_its_share():
    layer = LinearClasses(2, 2)
    layer.kernel.assign([[[2.0, 0.0], [0.0, 1.0]]])
    layer.share.assign(0.5)
    np.testing.assert_allclose(layer(CLIPS), 0.5 * np.log([[0.8808, 0.1192], [0.1192, 0.8808]]), atol=1e-3)
    # The logits of clip 0 are 2 and 0, those of clip 1 are 0 and 2: 1 / (1 + exp(-2)) = 0.8808.


def test_each_question_has_its_model_and_others_are_read_word_by_word():
    layer = LinearClasses(2, 2, questions=2, question_length=3, vocabulary_size=8)
    layer.kernel.assign(np.array([np.eye(2), -np.eye(2), np.zeros((2, 2))]))
    layer.words.assign([[0, 0]] * 6 + [[1, 0], [0, 0.5]])
    layer.known.assign([[2, 5, 0], [2, 6, 0]])
    asked = np.array([[2, 5, 0], [2, 6, 0]])
    first, second = np.asarray(layer(CLIPS, asked))
    np.testing.assert_allclose(first, [-0.3133, -1.3133], atol=1e-3)  # logits 1 and 0
    np.testing.assert_allclose(second, [-0.1269, -2.1269], atol=1e-3)  # logits 0 and -2
    rest = np.exp(layer(CLIPS, np.array([[2, 6, 7], [2, 5, 7]])))
    np.testing.assert_allclose(rest, [[0.6225, 0.3775], [0.3775, 0.6225]], atol=1e-3)  # logits 1, 0.5 and 0, 0.5


def test_several_labels_have_logits():
    layer = LinearClasses(2, 2, several=True)
    layer.kernel.assign(np.array([np.eye(2)]))
    np.testing.assert_allclose(layer(CLIPS), CLIPS)


def test_similarities_of_both_spaces_add_up():
    space = LinearSpace(2, 4, 2)
    space.kernel.assign(np.eye(2))
    space.words.assign([[0, 0], [0, 0], [3, 0], [0, 3]])
    space.share.assign(3.0)
    video, text = space.embed_video(CLIPS), space.embed_text(np.array([[2, 0], [2, 3]]))
    own = np.array([[1.0, 0.0], [0.6, 0.8]], "float32")
    both = np.asarray(space.beside(own, video)) @ np.asarray(space.beside(own, text)).T
    cosines = np.array([[1, 0.5**0.5], [0, 0.5**0.5]])
    np.testing.assert_allclose(both, (own @ own.T + 3 * cosines) / 4, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(space.beside(own, video), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("copies, fine", [(True, True), (False, False)])
def test_a_file_holds_encoder_and_models(copies, fine, tmp_path):
    encoder = FRAME_ENCODERS["efficientnet_lite0"](image_size=32)
    answer, label = LinearClasses(2, 3, 1, 4, 9, name="answer"), LinearClasses(2, 3, several=True, name="label")
    classes = {"answer": answer, "label": label}
    meaning, dim = tiny_sentence_encoder() if fine else None, [1, 1, 1] if fine else 3
    space = LinearSpace(3, 8, 2, meaning, name="contrastive")
    experts = LinearExperts(encoder, 1280, 2, 32, dim, classes, space, copies=copies, fine=fine)
    rng = np.random.default_rng(0)
    frames, mask = rng.integers(0, 256, (2, 2, 32, 32, 3), dtype="uint8"), np.array([[True, True], [True, False]])
    experts(frames, mask)
    for weight in experts.weights:
        if weight.dtype == "float32" and not weight.path.startswith("frame_encoder"):
            weight.assign(rng.normal(size=weight.shape))
    answer.known.assign([[2, 5, 6, 0]])
    experts.save(tmp_path / "linear.keras")
    again = load_model(tmp_path / "linear.keras")
    clips = experts(frames, mask)
    np.testing.assert_allclose(again(frames, mask), clips, atol=1e-4)
    asked = np.array([[2, 5, 6, 0], [2, 5, 0, 0]])
    np.testing.assert_allclose(again.classes["answer"](clips, asked), answer(clips, asked), atol=1e-4)
    np.testing.assert_allclose(again.space.embed_video(clips), experts.space.embed_video(clips), atol=1e-4)
    texts, tokens = ["a dog", "cats"], np.array([[1, 2], [3, 0]])
    one, other = (found.space.embed_text(tokens, found.space.pieces(texts)) for found in (experts, again))
    np.testing.assert_allclose(other, one, atol=1e-6)
    assert set(again.shares) == {"answer", "label", "contrastive"}
    assert not again.trainable_variables


def test_without_some_heads_the_rest_stays_the_same():
    encoder = FRAME_ENCODERS["efficientnet_tiny"](image_size=32, motion=False)
    answer, sentences = LinearClasses(2, 3, name="answer"), LinearSentences(5, 3, 4, name="caption")
    space = LinearSpace(3, 8, 2, name="contrastive")
    experts = LinearExperts(encoder, 96, 2, 32, 3, {"answer": answer}, space, sentences, copies=True)
    frames, mask = np.full((1, 2, 32, 32, 3), 99, "uint8"), np.ones((1, 2), bool)
    experts.reduce.kernel.assign(np.random.default_rng(0).normal(size=experts.reduce.kernel.shape))
    assert set(experts.shares) == {"answer", "contrastive", "caption"}
    for layer in (space, sentences):
        lean = experts.without([layer.name])
        np.testing.assert_array_equal(lean(frames, mask), experts(frames, mask))
        assert set(lean.shares) == {*experts.shares} - {layer.name}
        assert len(lean.weights) == len(experts.weights) - len(layer.weights)


def test_files_of_before_say_nothing_of_finer_maps():
    encoder = FRAME_ENCODERS["efficientnet_tiny"](image_size=32, motion=False)
    config = LinearExperts(encoder, 96, 2, 32, 3, {}, copies=True).get_config()
    del config["fine"], config["encoder"]["config"]["changes"]
    again = LinearExperts.from_config(config)
    assert not again.fine and again.reduce.kernel.shape == (4 * 96 + 2 * 192, 3)
