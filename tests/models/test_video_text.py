"""The multi-task model: outputs, saving, parts that agree with the whole, and empty inputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.errors import UserError
from vtkeras.layers import rotate_motion
from vtkeras.models.head_layers import ClassLogits
from vtkeras.tasks import TASKS
from vtkeras.training.run import load_model

RNG = np.random.default_rng(0)


def make_inputs(model, batch=2):
    def tokens(length):
        ids = RNG.integers(4, 30, (batch, length))
        ids[:, 0] = 2
        ids[0, length // 2 :] = 0
        return ids.astype("int32")

    mask = np.ones((batch, model.num_frames), bool)
    mask[0, 1:] = False
    return {
        keys.FRAMES: RNG.integers(0, 256, (batch, model.num_frames, 32, 32, 3), dtype="uint8"),
        keys.FRAMES_MASK: mask,
        keys.QUESTION_TOKENS: tokens(model.question_length),
        keys.CAPTION_TOKENS: tokens(22),
        keys.MATCH_TOKENS: tokens(22),
    }


def build(config, vocabulary):
    task = TASKS["multitask"]
    return task.build(config, vocabulary, task.active_heads(config, vocabulary))


def test_labels_of_a_clip_with_few_questions_read_these_alone():
    layer = ClassLogits(2, with_video=True)
    pooled = np.array([[[1.0, 2.0], [9.0, 9.0], [3.0, 4.0]]] * 2, "float32")
    mask = np.array([[[1, 1, 0], [1, 0, 0], [1, 1, 1]], [[1, 0, 0]] * 3], bool)  # the start token alone: nothing asked
    video = {keys.SEQUENCE: np.zeros((2, 1, 3), "float32"), keys.MASK: np.ones((2, 1), bool)}
    reading = {keys.READS_VIDEO: video, keys.READS_QUESTION: {keys.POOLED: pooled, keys.MASK: mask}}
    layer(reading)
    layer.logits.set_weights([np.concatenate([np.zeros((3, 2)), np.eye(2)]), np.zeros(2)])
    np.testing.assert_allclose(layer(reading), [[2, 3], [13 / 3, 5]], rtol=1e-6)


@pytest.fixture(scope="module")
def inputs(tiny_model):
    return make_inputs(tiny_model)


@pytest.fixture(scope="module")
def outputs(tiny_model, inputs):
    return {head: np.asarray(value) for head, value in tiny_model(inputs).items()}


def test_heads(tiny_model, outputs, vocabulary):
    assert {head: value.shape for head, value in outputs.items()} == {
        "caption": (2, 22, len(vocabulary.tokens)),
        "answer": (2, len(vocabulary.answers)),
        "label": (2, len(vocabulary.labels)),
        "contrastive": (2, 2, 8),
    }
    assert all(value.dtype == "float32" and np.isfinite(value).all() for value in outputs.values())


def test_file_round_trip(tiny_model, inputs, outputs, tmp_path):
    tiny_model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    for head, value in loaded(inputs).items():
        np.testing.assert_allclose(value, outputs[head], atol=1e-5)
    video, same = (m.trunk.encode_video(inputs[keys.FRAMES], inputs[keys.FRAMES_MASK]) for m in (tiny_model, loaded))
    np.testing.assert_allclose(same[keys.POOLED], video[keys.POOLED], atol=1e-5)


def test_a_decoder_of_two_heads_is_one_in_a_file(tiny_config, vocabulary, tmp_path):
    model = build(tiny_config("data.answer_length=4", "model.frame_encoder=convnet_tiny"), vocabulary)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(model.weights)
    assert loaded.heads["caption"].decoder is loaded.heads["written_answer"].decoder


def test_parts_agree_with_the_whole(tiny_model, inputs, outputs):
    video = tiny_model.trunk.encode_video(inputs[keys.FRAMES], inputs[keys.FRAMES_MASK])
    trunk, heads = tiny_model.trunk, tiny_model.heads
    question, scores = trunk.fuse(trunk.encode_text(inputs[keys.QUESTION_TOKENS]), video, return_scores=True)
    reading = {keys.READS_VIDEO: video, keys.READS_QUESTION: question}
    tokens = 4 * 2 * 2  # frames, and a 4 x 4 grid merged 2 by 2
    assert scores.shape == (2, 2, 2, tiny_model.question_length, tokens)  # batch, blocks, heads
    np.testing.assert_allclose(np.asarray(scores).sum(-1), 1, atol=1e-5)
    assert (np.asarray(scores)[0, ..., 4:] == 0).all()  # clip 0 has one frame
    np.testing.assert_allclose(heads["answer"](reading), outputs["answer"], atol=1e-5)
    np.testing.assert_allclose(heads["label"](reading), outputs["label"], atol=1e-5)
    caption = heads["caption"].decoder(inputs[keys.CAPTION_TOKENS], video[keys.SEQUENCE], video[keys.MASK])
    np.testing.assert_allclose(caption, outputs["caption"], atol=1e-5)


def test_labels_of_the_clip_alone_do_not_depend_on_a_question(tiny_config, vocabulary, inputs):
    model = build(tiny_config("model.label_from_text=false"), vocabulary)
    assert model.heads["label"].reads == (keys.READS_VIDEO,)
    asked = model(inputs)
    other = model({**inputs, keys.QUESTION_TOKENS: inputs[keys.QUESTION_TOKENS][::-1]})
    np.testing.assert_allclose(asked["label"], other["label"], atol=1e-6)
    assert np.abs(np.asarray(asked["answer"]) - other["answer"]).max() > 1e-4


def test_embeddings_are_unit_vectors_and_the_pair_is_scaled(tiny_model, inputs, outputs):
    trunk, space = tiny_model.trunk, tiny_model.heads["contrastive"]
    video = space.embed_video(trunk.encode_video(inputs[keys.FRAMES], inputs[keys.FRAMES_MASK]))
    text = space.embed_text(trunk.encode_text(inputs[keys.MATCH_TOKENS]))
    np.testing.assert_allclose(np.linalg.norm(video, axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(text, axis=-1), 1, atol=1e-5)
    # exp(2.66) = 14.3 = 1 / 0.07, half of it (in the exponent) on each side.
    pair = np.stack([video, text], axis=1) * np.exp(1.33)
    np.testing.assert_allclose(outputs["contrastive"], pair, atol=1e-4)


def test_padded_frames_change_nothing(tiny_model, inputs, outputs):
    changed = inputs[keys.FRAMES].copy()
    changed[0, 1:] = 255 - changed[0, 1:]
    for head, value in tiny_model({**inputs, keys.FRAMES: changed}).items():
        np.testing.assert_allclose(value, outputs[head], atol=1e-4)


def test_nothing_said_and_nothing_seen_is_finite(tiny_model, inputs):
    empty = {name: np.zeros_like(value) for name, value in inputs.items()}
    for head, value in tiny_model(empty).items():
        assert np.isfinite(value).all(), head


def test_heads_without_classes_are_left_out(tiny_config, vocabulary):
    bare = type(vocabulary)(vocabulary.tokens, (), ())
    assert set(build(tiny_config(), bare).output) == {"caption", "contrastive"}


@pytest.mark.parametrize("fusion", ["co_attention", "concat"])
def test_other_fusions_and_encoders(tiny_config, vocabulary, fusion):
    model = build(
        tiny_config(
            f"model.fusion={fusion}",
            "model.decoder_fusion=concat",
            "model.temporal_encoder=" + ("gru" if fusion == "concat" else "none"),
            "model.text_encoder=lstm",
        ),
        vocabulary,
    )
    assert all(np.isfinite(value).all() for value in model(make_inputs(model)).values())


@pytest.mark.parametrize(
    "override,sentence",
    [
        ("model.fusion=glue", "model.fusion 'glue' is unknown: use one of co_attention, concat"),
        ("model.decoder_fusion=co_attention", "would let a word see the words after it"),
        ("model.frame_encoder=eyes", "model.frame_encoder 'eyes' is unknown"),
        ("model.temporal_encoder=clock", "model.temporal_encoder 'clock' is unknown"),
        ("model.text_encoder=ears", "model.text_encoder 'ears' is unknown"),
        ("model.text_encoder=preset", "needs model.text_preset"),
        ("model.patch_merge=3", "model.patch_merge 3 does not divide"),
    ],
)
def test_unknown_parts(tiny_config, vocabulary, override, sentence):
    with pytest.raises(UserError, match=sentence):
        build(tiny_config(override), vocabulary)


@pytest.mark.parametrize(
    "option,sentence",
    [("motion_dim=4", "keeps no channels for motion: set"), ("matching_heads=1", "matches no patches: set")],
)
def test_tokens_by_place_refuse_what_they_cannot(tiny_config, vocabulary, option, sentence):
    with pytest.raises(UserError, match=sentence):
        build(tiny_config("model.temporal_encoder=spatial_softmax", f"model.{option}"), vocabulary)


@pytest.mark.usefixtures("float32_after")
def test_mixed_precision_gives_float32_heads(tiny_config, vocabulary, tiny_model, inputs, outputs):
    keras.mixed_precision.set_global_policy("mixed_float16")
    model = build(tiny_config(), vocabulary)
    model.set_weights(tiny_model.get_weights())
    assert {value.dtype for value in model.output.values()} == {"float32"}
    for head, value in model(inputs).items():
        assert value.dtype == "float32", head
        np.testing.assert_allclose(value, outputs[head], atol=0.25)


def test_damaged_file(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"PK\x03\x04 not a model")
    with pytest.raises(UserError, match="model.keras is damaged"):
        load_model(tmp_path / "model.keras")


def rotated(*words):
    options = f"model.feature_augmentation_options={{words: [{', '.join(words)}]}}"
    return "model.feature_augmentation=rotate_motion", options


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_rotated_clips_teach_no_word_of_motion(share, tiny_config, vocabulary, inputs, monkeypatch):
    monkeypatch.setattr(rotate_motion, "ROTATED_SHARE", share)
    config = tiny_config(*rotated("up", "down"), "model.motion_dim=4", "model.word_dropout=0.0")
    model = build(config, vocabulary)
    up, down = model.augmentation.tokens
    assert [vocabulary.tokens[token] for token in (up, down)] == ["up", "down"]
    captions = np.array(inputs[keys.CAPTION_TOKENS])
    captions[:, 1:4] = [up, 5, down]  # so that words of motion are the targets of positions 0 and 2

    def taught(head, place):
        with tf.GradientTape() as tape:
            found = model({**inputs, keys.CAPTION_TOKENS: captions}, training=True)[head]
            value = tf.reduce_sum(found[:, place] ** 2)
        return bool(tf.reduce_any(tape.gradient(value, model.temporal_encoder.project_motion.weights[0]) != 0))

    own = share == 0
    assert [taught("caption", place) for place in range(3)] == [own, True, own]
    assert [taught(head, 0) for head in ("answer", "label")] == [own, own]


def test_augmentation_words_must_be_words_of_the_captions(tiny_config, vocabulary):
    with pytest.raises(UserError, match="'sideways' is no word of the captions"):
        build(tiny_config(*rotated("up", "sideways")), vocabulary)
