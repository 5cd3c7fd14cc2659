"""Clips with known faults are found for the right reason and with the right number; good ones are not."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_io as tfio
from PIL import Image, ImageDraw, ImageFilter
from sklearn.datasets import load_sample_images

from tests.fixtures.videos import make_video
from vtkeras.data.ingest import ingest
from vtkeras.data.quality import Finding, Thresholds, check, judge, measure
from vtkeras.errors import UserError

TIME, SIDE = 8, 64


def plain(level):
    return np.full((TIME, SIDE, SIDE, 3), level, np.uint8)


def checkerboard(low=60, high=190, square=8):
    """Squares that move one pixel to the right each frame."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    boards = [(rows // square + (columns - shift) // square) % 2 for shift in range(TIME)]
    gray = np.where(boards, high, low).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=-1)


def blurred(frames, width=5.0):
    smooth = tfio.experimental.filter.gaussian(tf.cast(frames, tf.float32), 31, width, mode="SYMMETRIC")
    return tf.cast(tf.round(smooth), tf.uint8).numpy()


def frozen(frames):
    return np.repeat(frames[:1], TIME, axis=0)


def black_half(frames):
    return np.where(np.arange(TIME)[:, None, None, None] < TIME // 2, 0, frames).astype(np.uint8)


def dot(background, level):
    """A square of 8 pixels a side, 1.6 % of the picture, that moves on a plain background."""
    frames = plain(background)
    for index, frame in enumerate(frames):
        frame[20:28, 4 * index : 4 * index + 8] = level
    return frames


def small(background, level):
    """A square of 12 of 128 pixels a side, 0.9 % of the picture, that moves on a plain background."""
    frames = np.full((TIME, 128, 128, 3), background, np.uint8)
    for index, frame in enumerate(frames):
        frame[40:52, 8 * index : 8 * index + 12] = level
    return frames


def noise(mean):
    """Pixels of this mean and a standard deviation of 30, so that single ones lie far from it."""
    values = np.random.default_rng(0).normal(mean, 30, (TIME, 128, 128, 1))
    return np.repeat(values.clip(0, 255).astype(np.uint8), 3, axis=-1)


def grainy(frames):
    """With a grain of one level up or down, as compression leaves it."""
    grain = np.random.default_rng(0).integers(-1, 2, (*frames.shape[:3], 1))
    return (frames.astype(int) + grain).clip(0, 255).astype(np.uint8)


CLIPS = {
    "good": (checkerboard(), []),
    "black": (plain(0), ["black"]),
    "half_black": (black_half(checkerboard()), ["black"]),
    "dark": (checkerboard(10, 50), ["dark"]),
    "white": (plain(255), ["overexposed", "frozen"]),
    "washed_out": (checkerboard(210, 255), ["overexposed"]),
    "sharp": (checkerboard(20, 235, square=16), []),
    "blurred": (blurred(checkerboard(20, 235, square=16)), ["blurred"]),
    "nothing_but_blur": (grainy(blurred(checkerboard(60, 190, square=16), 9.0)), ["blurred"]),
    "plain_gray": (plain(128), ["blurred", "frozen"]),
    "frozen": (frozen(checkerboard()), ["frozen"]),
    "light_on_black": (dot(0, 255), []),
    "print_on_white": (dot(255, 0), []),
    "colour_on_dark": (np.where(dot(0, 255) > 0, (230, 40, 40), (10, 10, 60)).astype("uint8"), []),
    "blue_on_black": (np.where(dot(0, 255) > 0, (0, 0, 255), (0, 0, 0)).astype("uint8"), []),
    "ball_on_black": (small(0, 255), []),
    "figure_on_white": (small(255, 0), []),
    "dark_noise": (noise(10), ["dark"]),
    "light_noise": (noise(245), ["overexposed"]),
    "few_faint_edges": (dot(90, 110), []),
    "few_soft_edges": (blurred(dot(90, 110)), ["blurred", "frozen"]),
    "image": (checkerboard()[:1], []),
}


def arrays(frames):
    return {name: value.numpy() for name, value in measure(tf.constant(frames)).items()}


def reasons(frames, thresholds=None):
    return [reason for reason, _, _ in judge(arrays(frames), thresholds)]


def test_the_laplacian_is_the_one_of_the_docstring():
    point = np.zeros((1, 5, 5, 1), np.float32)
    point[0, 2, 2] = 1
    edges = tfio.experimental.filter.laplacian(point, 3, mode="SYMMETRIC").numpy()[0, 1:4, 1:4, 0]
    np.testing.assert_array_equal(edges, [[1, 1, 1], [1, -8, 1], [1, 1, 1]])
    # With zeros around it, a plain picture of 100 would have 5 neighbours too few in each corner.
    flat = np.full((1, 5, 5, 1), 100, np.float32)
    assert tfio.experimental.filter.laplacian(flat, 3).numpy()[0, 0, 0, 0] == -500
    assert not tfio.experimental.filter.laplacian(flat, 3, mode="SYMMETRIC").numpy().any()


def test_sharpness_by_hand():
    # One pixel of 18 on black in a 5 x 5 frame: the Laplacian is -144 once, 18 eight times, and 0
    # sixteen times. Mean 0, variance (144^2 + 8 * 18^2) / 25 = (20736 + 2592) / 25 = 933.12.
    frame = np.zeros((1, 5, 5, 3), np.uint8)
    frame[0, 2, 2] = 18
    found = arrays(frame)
    np.testing.assert_allclose(found["sharpness"], [933.12], rtol=1e-5)
    # A hundredth of 25 pixels is one of them. The strongest gradient is beside the point: 2 * 18 = 36.
    np.testing.assert_allclose(found["edges"], [(144 - 8) / 36], rtol=1e-5)
    np.testing.assert_allclose(found["luma"], [18 / 25], rtol=1e-5)
    np.testing.assert_allclose(found["brightest"], [18], rtol=1e-5)
    assert found["change"].shape == (0,)


def test_the_size_that_was_stored_does_not_count():
    small = noise(120)
    large = small.repeat(2, axis=1).repeat(2, axis=2)  # scaled down to 128 pixels by area, it is the same again
    for name, values in arrays(small).items():
        np.testing.assert_allclose(arrays(large)[name], values, rtol=1e-5, err_msg=name)


def test_light_and_change_by_hand():
    # Luma: 255 * 0.2125 = 54.19 (red), 255 * 0.7154 = 182.43 (green), 255 * 0.0721 = 18.39 (blue).
    frames = np.zeros((2, 1, 4, 3), np.uint8)
    frames[0, 0] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]
    found = arrays(frames)
    np.testing.assert_allclose(found["luma"], [(54.19 + 182.43 + 18.39 + 255) / 4, 0], rtol=1e-3)
    # Spots at the border hold two of the pixels, the others three. The darkest holds red, green and blue; of the one
    # that holds blue and white, the blue is 255.
    np.testing.assert_allclose(found["faintest"], [(54.19 + 182.43 + 18.39) / 3, 0], rtol=1e-3)
    np.testing.assert_allclose(found["vivid"], [255, 0], rtol=1e-5)
    np.testing.assert_allclose(found["brightest"], [255, 0], rtol=1e-5)
    np.testing.assert_allclose(found["change"], [255], rtol=1e-5)


@pytest.mark.parametrize("name", CLIPS)
def test_reasons(name):
    frames, expected = CLIPS[name]
    assert reasons(frames) == expected


@pytest.mark.parametrize("name", CLIPS)
def test_the_same_inside_a_dataset(name):
    frames, _ = CLIPS[name]
    clips = tf.data.Dataset.from_generator(
        lambda: [frames], output_signature=tf.TensorSpec((None, None, None, 3), tf.uint8)
    )
    (mapped,) = clips.map(measure).as_numpy_iterator()
    for key, value in arrays(frames).items():
        np.testing.assert_allclose(mapped[key], value, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("sigma, expected", [(0, []), (1, []), (4, ["blurred"]), (8, ["blurred"])])
def test_photographs_of_320_pixels_blurred_before_they_are_stored(sigma, expected):
    """4 of 320 pixels are 1.6 of the 128 that are stored."""
    for photograph in load_sample_images().images:
        picture = Image.fromarray(photograph).resize((320, 214)).filter(ImageFilter.GaussianBlur(sigma))
        frames = np.asarray(picture.resize((128, 86), Image.Resampling.BOX))[None]
        assert reasons(frames) == expected


@pytest.mark.parametrize("background, ink", [("white", "black"), ("black", "white"), ("#102040", "#f0f0f0")])
def test_sharp_slides_are_not_blurred(background, ink):
    slide = Image.new("RGB", (640, 360), background)
    ImageDraw.Draw(slide).text((40, 150), "The quarterly figures", fill=ink, font_size=30)
    assert "blurred" not in reasons(np.asarray(slide.resize((128, 72), Image.Resampling.BOX))[None])


def test_a_smaller_picture_than_the_filter():
    assert arrays(np.full((2, 1, 1, 3), 128, np.uint8))["sharpness"].tolist() == [0, 0]


def test_numbers_and_limits():
    assert judge(arrays(black_half(checkerboard()))) == [("black", 0.5, 0.25)]
    ((reason, value, limit),) = judge(arrays(checkerboard(10, 50)))
    assert (reason, limit) == ("dark", 40.0) and value == pytest.approx(30, abs=1)


def test_thresholds_are_used():
    assert reasons(black_half(checkerboard()), Thresholds(black_share=0.5)) == []
    assert reasons(checkerboard(), Thresholds(sharpness=1e6)) == []
    assert reasons(checkerboard(), Thresholds(sharpness=1e6, edges=100)) == ["blurred"]
    assert reasons(checkerboard(), Thresholds(frozen_change=256)) == ["frozen"]


def test_the_embedded_data_look_fine():
    from vtkeras.data.sources.moving_digits import MovingDigits

    source = MovingDigits()
    assert [reasons(source.example("train", 0, index)["frames"]) for index in range(20)] == [[]] * 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Videos of some of the clips, one in each of several shards, ingested."""
    root = tmp_path_factory.mktemp("quality")
    (root / "videos").mkdir()
    rows = ["path,caption,split"]
    for name in ("good", "black", "blurred", "frozen"):
        make_video(root / "videos" / f"{name}.mp4", CLIPS[name][0], crf="10")
        rows.append(f"{name}.mp4,a clip,{'test' if name == 'frozen' else 'train'}")
    (root / "videos" / "broken.mp4").write_bytes(b"no video")
    rows.append("broken.mp4,a clip,train")
    (root / "captions.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    ingest(root / "videos", root / "captions.csv", root / "out", num_frames=TIME, clips_per_shard=2)
    return root / "out"


def test_check(folder):
    calls = []
    found = {one.path: one for one in check(folder, progress=lambda *call: calls.append(call))}
    assert {path: one.reason for path, one in found.items()} == {
        "black.mp4": "black",
        "blurred.mp4": "blurred",
        "frozen.mp4": "frozen",
    }
    assert found["black.mp4"] == Finding("black.mp4", "black.mp4", "train", "black", 1.0, 0.25)
    assert found["black.mp4"].text == "black: 100% of its frames are black (more than 25%)"
    assert found["frozen.mp4"].split == "test"
    assert [call[:2] for call in calls] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_check_takes_thresholds(folder):
    lenient = Thresholds(black_share=1, sharpness=0, frozen_share=1)
    assert check(folder, lenient) == []


def test_bad_folders(folder, tmp_path):
    for bad in (tmp_path / "nothing", tmp_path):
        with pytest.raises(UserError, match="holds no manifest.json"):
            check(bad)
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    shard = next(tmp_path.glob("*.tfrecord"))
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match="is damaged"):
        check(tmp_path)


def run(*arguments):
    from typer.testing import CliRunner

    from vtkeras.cli import app

    return CliRunner().invoke(app, ["data", "check", *map(str, arguments)])


def test_command(folder):
    result = run(folder)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "black.mp4: black: 100% of its frames are black (more than 25%)" in lines
    assert any(line.startswith("set aside broken.mp4: ") for line in lines)
    assert lines[-1] == "3 of 4 clips are suspicious: 1 black, 1 blurred, 1 frozen; nothing was deleted"


def test_command_as_json(folder):
    values = json.loads(run(folder, "--json").stdout)
    assert values["clips"] == 4 and values["suspicious"] == 3
    assert values["counts"] == {"black": 1, "blurred": 1, "frozen": 1}
    assert [path for path, _ in values["set_aside"]] == ["broken.mp4"]
    assert {"path": "black.mp4", "clip_id": "black.mp4", "split": "train", "reason": "black", "value": 1.0,
            "limit": 0.25} in values["findings"]


def test_command_on_a_bad_folder(tmp_path):
    assert isinstance(run(tmp_path).exception, UserError)
