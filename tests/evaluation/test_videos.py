"""`vtkeras score-video`: figures by hand, folders, and what cannot be compared."""

import json
import math

import numpy as np
import pytest
from fixtures.videos import make_animation, make_image, make_video
from typer.testing import CliRunner

from vtkeras.cli import app
from vtkeras.errors import UserError
from vtkeras.evaluation import videos
from vtkeras.evaluation.videos import score_over_time, score_videos, to_lines, to_values
from vtkeras.metrics import VIDEO_METRICS, ClipFrechetDistance


class SmallFrechet(ClipFrechetDistance):
    least_clips = 3

    @classmethod
    def for_frames(cls, height, width):
        return cls("efficientnet_tiny", weights=None, image_size=32, channels=2)


@pytest.fixture(autouse=True)
def no_encoder(monkeypatch):
    """Leaves out what takes pretrained weights."""
    monkeypatch.setattr(videos, "VIDEO_METRICS", {name: VIDEO_METRICS[name] for name in ("psnr", "ssim", "ms_ssim")})


@pytest.fixture
def folders(tmp_path):
    """Two folders with plain pictures of 64 x 48: a.png is equal in both, in/b.png is 100 and 120."""
    for name, level in (("reference", 100), ("candidate", 120)):
        (tmp_path / name / "in").mkdir(parents=True)
        make_image(tmp_path / name / "a.png")
        make_image(tmp_path / name / "in" / "b.png", level)
    return tmp_path / "reference", tmp_path / "candidate"


def ssim_of_plain(first, second):
    return (2 * first * second + 6.5025) / (first**2 + second**2 + 6.5025)


def test_figures_by_hand(folders):
    scores = score_videos(*folders)
    equal, other = scores.clips
    assert (equal["name"], other["name"], equal["frames"]) == ("a.png", "in/b.png", 1)
    assert equal["psnr"] == math.inf and other["psnr"] == pytest.approx(20 * math.log10(255 / 20))
    assert other["ssim"] == pytest.approx(ssim_of_plain(100, 120), abs=1e-6)
    assert scores.figures["psnr"] == pytest.approx(10 * math.log10(255**2 / 200))  # of the mean of 0 and 20 ** 2
    assert scores.figures["ssim"] == pytest.approx((1 + other["ssim"]) / 2)
    assert "ms_ssim_3_scales" in scores.figures and not scores.left_out  # 48 pixels are too few for five
    assert to_lines(scores)[:2] == [f"{'clips':32}{2:10}", f"{'frames':32}{2:10}"]
    assert json.loads(json.dumps(to_values(scores), allow_nan=False))["clips"][0]["psnr"] == "inf"


def test_batches_of_frames_change_nothing(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (2, 20, 48, 64, 3), dtype="uint8")
    files = [make_video(tmp_path / f"{name}.mp4", frames) for name, frames in zip("ab", noise)]
    whole = score_videos(*files)
    monkeypatch.setattr(videos, "MOST_PIXELS", 3 * 48 * 64)
    seen = []
    in_batches = score_videos(*files, progress=lambda *state: seen.append(state))
    assert in_batches.figures == pytest.approx(whole.figures, rel=1e-6)
    assert seen == [("comparing", frames, 20) for frames in (3, 6, 9, 12, 15, 18, 20)]
    assert whole.clips[0]["frames"] == 20


def test_the_longer_clip_is_compared_as_far_as_the_other_goes(tmp_path):
    long, short = make_video(tmp_path / "long.mp4", 20), make_video(tmp_path / "short.mp4", 12)
    told = []
    for files in ((long, short), (short, long)):
        assert score_videos(*files, note=told.append).clips[0]["frames"] == 12
    assert told[0] == f"{long} has 20 frames and {short} 12: the first 12 are compared."
    assert len(told) == 2


@pytest.fixture
def generated(tmp_path):
    """Two folders as `vtkeras generate --n 2` leaves them, with frames of 64 x 48."""
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        folder.mkdir()
        for seed in range(2):
            make_video(folder / f"seed_{seed}.mp4", 3)
            make_animation(folder / f"seed_{seed}.gif")
        make_image(folder / "contact_sheet.png")
    return folders


def test_generated_clips_count_once(generated):
    told = []
    scores = score_videos(*generated, note=told.append)
    assert [clip["name"] for clip in scores.clips] == ["seed_0.mp4", "seed_1.mp4"] and not scores.left_out
    files = "show its videos once more and are left out, e.g. contact_sheet.png."
    assert told == [f"3 files in {folder} {files}" for folder in generated]
    told.clear()
    assert len(score_videos(generated[0], generated[0], note=told.append).clips) == 2 and len(told) == 1


def test_gifs_count_where_the_other_folder_has_no_videos(generated):
    for file in [*generated[0].glob("*.mp4"), generated[0] / "contact_sheet.png"]:
        file.unlink()
    scores = score_videos(*generated)
    assert [clip["name"] for clip in scores.clips] == ["seed_0.gif", "seed_1.gif"]
    assert scores.left_out == [
        f"2 of 4 files in {generated[1]} have none of their name in {generated[0]}: the first is seed_0.mp4."
    ]


def test_frechet_of_folders_with_enough_clips(folders, monkeypatch):
    monkeypatch.setitem(videos.VIDEO_METRICS, "frechet", SmallFrechet)
    told = []
    assert len(score_videos(*folders, note=told.append).figures) == 3
    assert told == ["frechet is left out: it takes 3 clips at least, not 2."]
    for folder, level in zip(folders, (10, 200)):
        make_image(folder / "c.png", level)
    equal = score_videos(folders[0], folders[0]).figures["frechet_efficientnet_tiny"]
    assert score_videos(*folders).figures["frechet_efficientnet_tiny"] > equal == pytest.approx(0, abs=1e-6)


def test_missing_weights_are_told_with_the_way_to_get_them(folders, monkeypatch):
    monkeypatch.setitem(videos.VIDEO_METRICS, "perceptual", VIDEO_METRICS["perceptual"])
    monkeypatch.setattr("vtkeras.pretrained.packages.find", lambda name: None)
    told = []
    assert set(score_videos(*folders, note=told.append).figures) == {"psnr", "ssim", "ms_ssim_3_scales"}
    assert len(told) == 1 and told[0].startswith("perceptual is left out: efficientnet-lite0")
    assert told[0].endswith("run `vtkeras pretrained install`.")


def test_small_frames_have_no_ssim(tmp_path):
    told, picture = [], make_image(tmp_path / "a.png", width=20, height=8)
    assert set(score_videos(picture, picture, told.append).figures) == {"psnr"}
    assert told[0].startswith("ssim is left out: Frames of 20 x 8 are too small")


def test_what_cannot_be_compared(folders, tmp_path):
    reference, candidate = folders
    other_size = make_image(tmp_path / "small.png", width=32, height=32)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    empty = tmp_path / "empty"
    empty.mkdir()
    for files, told in [
        ((reference / "a.png", other_size), "frames of 64 x 48 and .*small.png of 32 x 32: bring both to one size"),
        ((reference, candidate / "a.png"), "reference is a folder and .*a.png is none: give two files or two folders"),
        ((reference / "a.png", text), "text.png is not a video or image"),
        ((reference / "a.png", tmp_path / "none.png"), "No video file .*none.png"),
        ((reference, empty), "hold no videos or pictures of the same name"),
    ]:
        with pytest.raises(UserError, match=told):
            score_videos(*files)


def test_pairs_that_cannot_be_compared_are_told_and_the_others_go_on(folders, tmp_path):
    reference, candidate = folders
    make_image(reference / "alone.png")
    for folder, width in zip(folders, (64, 32)):
        make_image(folder / "size.png", width=width)
    (candidate / "in" / "b.png").write_bytes(b"")
    arguments = ["score-video", str(reference), str(candidate), "--json", str(tmp_path / "scores.json")]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 2 and found.stdout.startswith(f"{'clips':32}{1:10}\n")
    told = [line for line in found.stderr.splitlines() if line.startswith("vtkeras: ")]
    assert len(told) == 3 and "1 of 4 files in" in told[0] and "the first is alone.png" in told[0]
    assert "b.png is empty" in told[1] and "bring both to one size" in told[2]
    written = json.loads((tmp_path / "scores.json").read_text())
    assert written["figures"]["psnr"] == "inf" and len(written["left_out"]) == 3


def test_command(folders, tmp_path):
    found = CliRunner().invoke(app, ["score-video", *map(str, folders)])
    assert found.exit_code == 0 and f"{'psnr':32}{25.1205:10.4f}   equal: inf" in found.stdout.splitlines()
    missing = CliRunner().invoke(app, ["score-video", str(folders[0]), str(tmp_path / "none")])
    assert isinstance(missing.exception, UserError) and "no file or folder" in str(missing.exception)


def test_figures_over_time(tmp_path, monkeypatch):
    monkeypatch.setattr(videos, "MOST_PIXELS", 2 * 48 * 64)
    noise = np.random.default_rng(0).integers(0, 256, (2, 5, 48, 64, 3), dtype="uint8")
    files = [make_video(tmp_path / f"{name}.mp4", frames) for name, frames in zip("ab", noise)]
    seen = []
    found = score_over_time(*files, progress=lambda *done: seen.append(done))
    assert seen == [(2, 5), (4, 5), (5, 5)] and not found["notes"]
    np.testing.assert_allclose(found["seconds"], np.arange(5)[:, None] * [0.1, 0.1], atol=1e-6)
    whole = score_videos(*files).figures
    assert found["figures"] == pytest.approx(whole, rel=1e-5)
    assert found["frames"]["ssim"].shape == (5,) and found["frames"]["ssim"].mean() == pytest.approx(whole["ssim"])
    squares = 255**2 / 10 ** (found["frames"]["psnr"] / 10)  # back to the squared error of each frame
    assert 10 * math.log10(255**2 / squares.mean()) == pytest.approx(whole["psnr"], rel=1e-5)


def test_over_time_what_is_left_out_is_noted(tmp_path):
    pictures = [make_image(tmp_path / f"{level}.png", level, 8, 8) for level in (100, 120)]
    found = score_over_time(*pictures)
    assert list(found["figures"]) == ["psnr"] and [note.split()[0] for note in found["notes"]] == ["ssim", "ms_ssim"]
    assert found["frames"]["psnr"][0] == pytest.approx(20 * math.log10(255 / 20))
    with pytest.raises(UserError, match="bring both to one size"):
        score_over_time(pictures[0], make_image(tmp_path / "large.png"))
