"""What every encoder must hold: shapes, and that padding changes nothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.encoders import FRAME_ENCODERS, TEMPORAL_ENCODERS, TEXT_ENCODERS
from vtkeras.encoders.text import text_preset
from vtkeras.errors import UserError
from vtkeras.layers import PatchFlow

# At 32 px: 8 and 4 pixels a patch for the tiny ones, 16 for the fine one and the pyramid, 32 for the others.
BUILT = {
    "efficientnet_tiny": (16, 96),
    "convnet_tiny": (64, 48),
    "nfnet_tiny": (16, 96),
    "efficientnet_b0": (1, 1280),
    "efficientnet_lite0": (1, 1280),
    "efficientnet_lite0_fine": (4, 544),
    "efficientnet_lite0_pyramid": (4, 592),
    "efficientnet_v2_b0": (1, 1280),
    "resnet50": (1, 2048),
}
PYRAMID = "efficientnet_lite0_pyramid"
FRAMES = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32, 3), dtype="uint8")


@pytest.fixture(scope="module", params=BUILT)
def frame_encoder(request):
    name = request.param
    return name, FRAME_ENCODERS[name](image_size=32, motion=False)


def test_patches(frame_encoder):
    name, encoder = frame_encoder
    patches = encoder(FRAMES)
    assert patches.shape == (2, 3, *BUILT[name]) == encoder.compute_output_shape(FRAMES.shape)
    assert np.isfinite(patches).all()
    assert np.abs(patches[0, 0] - patches[0, 1]).max() > 0


def test_levels_are_inner_maps_of_falling_size(frame_encoder):
    name, encoder = frame_encoder
    places = [level.shape[2] for level in encoder.levels(FRAMES)]
    assert places == sorted(places, reverse=True) and len(set(places)) == len(places)
    coarsest = BUILT[name][0] // 4**encoder.coarser
    assert max(places) < 32 * 32 and min(places) > coarsest  # neither the frames nor the last maps
    assert all(level.shape[:2] == (2, 3) for level in encoder.levels(FRAMES))


def test_maps_come_with_the_features(frame_encoder):
    name, encoder = frame_encoder
    features, maps = encoder.with_maps(FRAMES)
    assert (name in ("efficientnet_b0", "efficientnet_lite0", PYRAMID)) == (encoder.map_channels == (40, 112))
    np.testing.assert_allclose(features, encoder(FRAMES, training=False), atol=1e-5)
    places = [one.shape[2] for one in maps]
    assert tuple(one.shape[-1] for one in maps[: len(encoder.map_channels)]) == encoder.map_channels
    assert places == sorted(places, reverse=True) and len(maps) - len(encoder.map_channels) in (0, 1)


def test_every_frame_encoder_can_be_asked_for():
    assert all(callable(build) for build in FRAME_ENCODERS.values())
    assert {f"efficientnet_b{n}" for n in range(8)} | {"resnet50", "preset"} <= set(FRAME_ENCODERS)


def test_changes_are_differences_from_the_frame_before():
    encoder = FRAME_ENCODERS["efficientnet_lite0_fine"](image_size=32)
    seen, changed = np.split(np.asarray(encoder(FRAMES)), 2, axis=-1)
    np.testing.assert_allclose(changed[:, 1:], seen[:, 1:] - seen[:, :-1], atol=1e-5)
    assert not changed[:, 0].any() and np.abs(changed).max() > 0


def test_a_pyramid_deals_out_what_its_coarsest_map_sees_to_the_patches_in_each_place():
    fine, pyramid = (FRAME_ENCODERS[f"efficientnet_lite0_{end}"](image_size=64) for end in ("fine", "pyramid"))
    for variable, other in zip(fine.weights, pyramid.weights):
        variable.assign(other)
    frames = np.random.default_rng(0).integers(0, 256, (1, 2, 64, 64, 3), dtype="uint8")
    early, seen = np.asarray(fine(frames)), np.asarray(pyramid(frames))
    np.testing.assert_allclose(seen[..., :272], early[..., :272], atol=1e-5)  # 40 channels of 4 places, and 112
    np.testing.assert_allclose(seen[..., 320:], early[..., 272:], atol=1e-5)  # changes, of the finer maps alone
    pictures = frames.reshape(2, 64, 64, 3).astype("float32")
    *_, coarse = pyramid.backbone(pictures * pyramid.scale + pyramid.offset)
    assert coarse.shape == (2, 2, 2, 192)
    patches = seen[0, :, :, 272:320].reshape(2, 4, 4, 48)  # of each frame: rows, columns, a quarter of the 192
    np.testing.assert_allclose(patches[:, :2, :2].reshape(2, 192), coarse[:, 0, 0], atol=1e-5)
    np.testing.assert_allclose(patches[:, 2:, :2].reshape(2, 192), coarse[:, 1, 0], atol=1e-5)


@pytest.mark.parametrize("end,channels", [("fine", 548), ("pyramid", 596)])
def test_one_that_is_read_on_its_way_is_saved_whole(tmp_path, end, channels):
    frames = keras.Input((3, 32, 32, 3), dtype="uint8")
    model = keras.Model(frames, FRAME_ENCODERS[f"efficientnet_lite0_{end}"](image_size=32, motion=True)(frames))
    assert model.output.shape == (None, 3, 4, channels)  # also where the batch is not known
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(FRAMES), model(FRAMES), atol=1e-5)


@pytest.mark.parametrize("end,multiple,size", [("fine", 16, 16), ("fine", 16, 40), ("pyramid", 32, 48)])
def test_sizes_that_cannot_be_read(end, multiple, size):
    with pytest.raises(UserError, match=f"multiple of {multiple} pixels a side, 32 at least: .* in place of {size}"):
        FRAME_ENCODERS[f"efficientnet_lite0_{end}"](image_size=size)


def test_frames_are_read_apart_without_motion():
    encoder = FRAME_ENCODERS["efficientnet_tiny"](image_size=32, motion=False)
    whole, one = encoder(FRAMES), encoder(FRAMES[:, 1:2])
    np.testing.assert_allclose(whole[:, 1:2], one, atol=1e-5)


def test_frozen_encoder_keeps_its_statistics():
    encoder = FRAME_ENCODERS["efficientnet_tiny"](image_size=32)
    before = [np.asarray(v) for v in encoder.non_trainable_variables]
    encoder(FRAMES, training=True)
    assert any((np.asarray(v) != b).any() for v, b in zip(encoder.non_trainable_variables, before))
    encoder.trainable = False
    frozen = encoder.get_weights()
    np.testing.assert_allclose(encoder(FRAMES, training=True), encoder(FRAMES, training=False), atol=1e-5)
    for after, weight in zip(encoder.get_weights(), frozen):
        np.testing.assert_array_equal(after, weight)


def test_frame_encoder_round_trip():
    encoder = FRAME_ENCODERS["efficientnet_tiny"](image_size=32)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(encoder))
    copy.set_weights(encoder.get_weights())
    np.testing.assert_allclose(copy(FRAMES), encoder(FRAMES), atol=1e-5)


def test_motion_adds_the_flow_of_every_patch():
    with_motion = FRAME_ENCODERS["efficientnet_tiny"](image_size=32, motion=True)
    patches = with_motion(FRAMES)
    assert patches.shape == (2, 3, 16, 100)
    np.testing.assert_allclose(patches[..., :96], with_motion.appearance(FRAMES), atol=1e-5)
    np.testing.assert_allclose(patches[..., 96:], PatchFlow(grid=4)(FRAMES), atol=1e-5)


def test_motion_dropout_zeroes_whole_clips_in_training_only():
    encoder = FRAME_ENCODERS["efficientnet_tiny"](image_size=32, motion_dropout=0.5)
    encoder.build((None, 3, 32, 32, 3))
    frames = np.repeat(FRAMES, 32, axis=0)
    moves = np.asarray(encoder.flow(frames))
    trained = np.asarray(encoder.flow(frames, training=True))
    kept = np.isclose(trained, moves, atol=1e-6).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(trained[~kept], 0)
    assert 16 < kept.sum() < 48  # half of 64, give or take 4 deviations
    assert moves.max(axis=(1, 2, 3)).min() > 0


@pytest.mark.parametrize(
    "name,options,sentence",
    [
        ("efficientnet_tiny", {"weights": "imagenet"}, "has no pretrained weights"),
        ("preset", {}, "needs model.frame_preset"),
        ("preset", {"preset": "/no/such/preset"}, "'/no/such/preset' cannot be loaded"),
        ("efficientnet_b0", {"weights": __file__}, "with the weights .*test_encoders.py: give `imagenet` or a weights"),
        ("efficientnet_lite0", {"weights": __file__}, "test_encoders.py is no checkpoint that can be read"),
    ],
)
def test_frame_encoder_refuses(name, options, sentence):
    with pytest.raises(UserError, match=sentence):
        FRAME_ENCODERS[name](image_size=32, **options)


OWN_TEXT_ENCODERS = sorted(set(TEXT_ENCODERS) - {"preset", "minilm"})  # those two come from outside


def test_text_preset_refuses():
    with pytest.raises(UserError, match="needs model.text_preset"):
        text_preset(8)
    with pytest.raises(UserError, match="'/no/such/preset' cannot be loaded"):
        text_preset(8, "/no/such/preset")


MATCHING = "transformer with matching"
TEMPORAL = [*TEMPORAL_ENCODERS, MATCHING]


def make_temporal(name, **options):
    keras.utils.set_random_seed(3)
    if name == MATCHING:
        name, options = "transformer", {"matching_heads": 2, **options}
    if name == "spatial_softmax":  # as many tokens a frame as the others have of 4 patches
        options["num_tokens"] = 4 // options.pop("patch_merge", 1) ** 2
    return TEMPORAL_ENCODERS[name](**{"dim": 8, "max_frames": 5, "num_layers": 2, "num_heads": 2, **options})


def make_text(name, **options):
    keras.utils.set_random_seed(3)
    sizes = {"vocabulary_size": 20, "max_length": 6, "dim": 8, "num_layers": 2, "num_heads": 2}
    return TEXT_ENCODERS[name](**{**sizes, **options})


PATCHES = np.random.default_rng(1).normal(size=(2, 4, 4, 6)).astype("float32")
FRAMES_MASK = np.array([[True] * 4, [True, True, False, False]])
TOKENS = np.array([[2, 7, 9, 4, 5, 11], [2, 8, 3, 0, 0, 0]])


def check_contract(video, batch, length, dim, mask):
    assert set(video) - {keys.MAPS} == {keys.SEQUENCE, keys.MASK, keys.POOLED}
    assert video[keys.SEQUENCE].shape == (batch, length, dim)
    assert video[keys.POOLED].shape == (batch, dim)
    np.testing.assert_array_equal(video[keys.MASK], mask)
    assert np.isfinite(video[keys.SEQUENCE]).all() and np.isfinite(video[keys.POOLED]).all()


@pytest.mark.parametrize("name", TEMPORAL)
@pytest.mark.parametrize("patch_merge", [1, 2])
def test_temporal_contract(name, patch_merge):
    tokens = 4 // patch_merge**2
    video = make_temporal(name, patch_merge=patch_merge)(PATCHES, FRAMES_MASK)
    check_contract(video, 2, 4 * tokens, 8, np.repeat(FRAMES_MASK, tokens, axis=1))


@pytest.mark.parametrize("name", TEMPORAL)
def test_temporal_padding_changes_nothing(name):
    encoder = make_temporal(name)
    before = encoder(PATCHES, FRAMES_MASK)
    changed = PATCHES.copy()
    changed[1, 2:] = 50
    after = encoder(changed, FRAMES_MASK)
    valid = np.asarray(before[keys.MASK])
    np.testing.assert_allclose(
        np.asarray(after[keys.SEQUENCE])[valid], np.asarray(before[keys.SEQUENCE])[valid], atol=1e-5
    )
    np.testing.assert_allclose(after[keys.POOLED], before[keys.POOLED], atol=1e-5)
    short = encoder(PATCHES[1:, :2], FRAMES_MASK[1:, :2])  # as if the padding had never been there
    np.testing.assert_allclose(short[keys.POOLED], before[keys.POOLED][1:], atol=1e-5)


@pytest.mark.parametrize("name", TEMPORAL)
def test_temporal_scores(name):
    encoder = make_temporal(name)
    video, layers = encoder(PATCHES, FRAMES_MASK, return_scores=True)
    np.testing.assert_allclose(video[keys.SEQUENCE], encoder(PATCHES, FRAMES_MASK)[keys.SEQUENCE], atol=1e-6)
    # Two layers of two heads, 16 patches; the others have no attention.
    attends = name in ("transformer", MATCHING, "spatial_softmax")
    assert [scores.shape for scores in layers] == ([(2, 2, 16, 16)] * 2 if attends else [])
    for scores in layers:
        np.testing.assert_allclose(np.sum(scores, axis=-1), 1, atol=1e-5)
        assert np.max(np.asarray(scores)[1, :, :, 8:]) < 1e-6  # padding is not read


@pytest.mark.parametrize("name", TEMPORAL)
def test_temporal_padded_altogether_is_finite(name):
    video = make_temporal(name)(PATCHES, np.zeros((2, 4), bool))
    check_contract(video, 2, 16, 8, np.zeros((2, 16), bool))
    assert (np.asarray(video[keys.POOLED]) == 0).all()


@pytest.mark.parametrize("name", TEMPORAL)
def test_temporal_relates_frames_unless_it_is_mean(name):
    encoder = make_temporal(name)
    changed = PATCHES.copy()
    changed[:, 0] += np.arange(6)
    mask = np.ones((2, 4), bool)
    moved = np.abs(np.asarray(encoder(changed, mask)[keys.SEQUENCE] - encoder(PATCHES, mask)[keys.SEQUENCE]))
    assert moved[:, :4].max() > 1e-3
    assert (moved[:, 4:].max() > 1e-4) == (name != "none")


@pytest.mark.parametrize("name", sorted(set(TEMPORAL_ENCODERS) - {"spatial_softmax"}))
def test_motion_keeps_channels_of_its_own(name):
    # Of the patches' 6 channels the last 4 are a flow; of the tokens' 8 the last 4 tell of it and of nothing else.
    encoder = make_temporal(name, motion_dim=4)
    video = encoder(PATCHES, FRAMES_MASK)
    check_contract(video, 2, 16, 8, np.repeat(FRAMES_MASK, 4, axis=1))
    flow = encoder.project_motion(PATCHES[..., 2:])
    np.testing.assert_allclose(video[keys.SEQUENCE][..., 4:], tf.reshape(flow, (2, 16, 4)), atol=1e-6)
    moved = PATCHES.copy()
    moved[..., 2:] += 1
    other = encoder(moved, FRAMES_MASK)
    np.testing.assert_allclose(other[keys.SEQUENCE][..., :4], video[keys.SEQUENCE][..., :4], atol=1e-6)
    assert np.abs(other[keys.SEQUENCE][..., 4:] - video[keys.SEQUENCE][..., 4:]).max() > 0.1


@pytest.mark.parametrize("name", OWN_TEXT_ENCODERS)
def test_text_contract(name):
    text = make_text(name)(TOKENS)
    check_contract(text, 2, 6, 8, TOKENS > 0)
    short = make_text(name)(TOKENS[1:, :3])
    np.testing.assert_allclose(text[keys.POOLED][1:], short[keys.POOLED], atol=1e-5)
    np.testing.assert_allclose(text[keys.SEQUENCE][1:, :3], short[keys.SEQUENCE], atol=1e-5)


@pytest.mark.parametrize("name", OWN_TEXT_ENCODERS)
def test_text_order_matters_and_empty_is_finite(name):
    encoder = make_text(name)
    one, other, empty = encoder(np.array([[2, 7, 9], [2, 9, 7], [0, 0, 0]]))[keys.POOLED]
    assert np.abs(one - other).max() > 1e-4
    assert (np.asarray(empty) == 0).all()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", TEMPORAL)
def test_mixed_precision(name, policy):
    video = make_temporal(name, dtype=policy)(PATCHES, FRAMES_MASK)
    exact = make_temporal(name)(PATCHES, FRAMES_MASK)
    assert video[keys.SEQUENCE].dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(tf.cast(video[keys.POOLED], "float32"), exact[keys.POOLED], atol=0.1)


@pytest.mark.parametrize("name", [*TEMPORAL, *(f"text {name}" for name in OWN_TEXT_ENCODERS)])
def test_round_trip_in_a_model(name, tmp_path):
    if name in TEMPORAL:
        layer, inputs = make_temporal(name), [PATCHES, FRAMES_MASK]
        symbolic = [keras.Input(PATCHES.shape[1:]), keras.Input((4,), dtype="bool")]
    else:
        layer, inputs = make_text(name.split()[1]), [TOKENS]
        symbolic = [keras.Input((6,), dtype="int32")]
    model = keras.Model(symbolic, layer(*symbolic))
    assert model.output[keys.POOLED].shape == (None, 8)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for before, after in zip(tf.nest.flatten(model(inputs)), tf.nest.flatten(loaded(inputs))):
        np.testing.assert_allclose(after, before, atol=1e-6)
