"""What `vtkeras tag` prints, with a classifier and sentences that a test can follow."""

import json

import numpy as np
import pytest
from fixtures.videos import make_video
from typer.testing import CliRunner

from vtkeras.cli import app
from vtkeras.errors import UserError
from vtkeras.tagging import report as reports
from vtkeras.tagging import tagger as taggers

NAMES = ["night", "snow"]
VECTORS = {"night": [1, 0], "snow": [-1, 0], "Winter": [-0.8, 0.6], "sleep": [0.8, 0.6]}


@pytest.fixture
def tag(monkeypatch):
    """Calls `vtkeras tag` on what says how bright a picture is; gives (exit code, standard output)."""

    def by_brightness(squares):
        bright = squares.mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - bright, bright], axis=1)

    class Tagger(taggers.Tagger):
        def __init__(self, encoder):
            super().__init__(encoder, by_brightness, NAMES)

    monkeypatch.setattr(taggers, "Tagger", Tagger)
    monkeypatch.setattr("vtkeras.cli.tagging.checked_files", lambda name: [])
    encode = lambda texts: np.array([VECTORS[text] for text in texts], np.float32)  # noqa: E731
    monkeypatch.setitem(reports.SENTENCE_ENCODERS, "use", lambda: encode)

    def call(*arguments):
        result = CliRunner().invoke(app, ["tag", *map(str, arguments)], catch_exceptions=False)
        return result.exit_code, result.stdout

    return call


@pytest.fixture
def videos(tmp_path):
    dark, bright = np.zeros((10, 48, 64, 3), np.uint8), np.full((10, 48, 64, 3), 255, np.uint8)
    return make_video(tmp_path / "dark.mp4", dark), make_video(tmp_path / "bright.mp4", bright)


def test_lines(tag, videos):
    code, output = tag(videos[1], "--frames", 2, "--labels", "sleep, Winter")
    assert code == 0
    assert output.splitlines() == ["snow 1.00 at 0.2 s", "labels: Winter 0.80 at 0.2 s, sleep -0.80 at 0.2 s"]


def test_no_more_labels_are_told_than_asked_for(tag, videos):
    code, output = tag(videos[1], "--frames", 2, "--labels", "sleep, Winter, snow", "--most", 2)
    assert code == 0 and output.splitlines()[1] == "labels: snow 1.00 at 0.2 s, Winter 0.80 at 0.2 s"


def test_a_line_of_json_is_there_as_soon_as_its_video_is_done(tag, videos, monkeypatch):
    told = []
    monkeypatch.setattr("vtkeras.cli.common.say", told.append)
    tagger, seen = taggers.Tagger.__call__, []

    def watched(self, video, *rest):
        seen.append(len(told))
        return tagger(self, video, *rest)

    monkeypatch.setattr(taggers.Tagger, "__call__", watched)
    assert tag(*videos, "--json-lines", "--find", "Winter")[0] == 0 and seen == [0, 1]
    assert [json.loads(line)["video"] for line in told] == [str(video) for video in videos]
    with pytest.raises(UserError, match="--json and --json-lines are two forms of the same"):
        tag(*videos, "--json-lines", "--json")


def test_several_are_ranked_and_a_bad_one_is_told(tag, videos, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    code, output = tag(*videos, tmp_path / "bad.mp4", "--find", "Winter")
    assert code == 2
    ranked = output.split('nearest to "Winter":\n')[1].splitlines()
    assert [line.split(": ")[0] for line in ranked] == [str(videos[1]), str(videos[0])]


def test_a_folder_stands_for_its_files_and_labels_may_come_from_a_file(tag, videos, tmp_path):
    (tmp_path / "labels.txt").write_text("sleep\n\nWinter\nsleep\n")
    code, output = tag(tmp_path, "--labels", tmp_path / "labels.txt", "--find", "Winter", "--frames", 1)
    assert code == 0 and output.count("labels: ") == 2 and output.count("sleep ") == 2
    ranked = output.split('nearest to "Winter":\n')[1].splitlines()
    assert [line.split(": ")[0] for line in ranked] == [str(videos[1]), str(videos[0])]


def test_labels_may_look_like_names_of_files_and_files_must_be_there(tag, videos, monkeypatch):
    many = [f"st. bernard {number}" for number in range(40)]  # together too long for a name of a file
    for name in many:
        monkeypatch.setitem(VECTORS, name, [0, 1])
    code, output = tag(videos[0], "--labels", ",".join([*many, "sleep"]), "--frames", 1)
    assert code == 0 and "labels: " in output
    with pytest.raises(UserError, match="there is no file lables.txt"):
        tag(videos[0], "--labels", "lables.txt")


def test_json(tag, videos):
    code, output = tag(*videos, "--json", "--labels", "sleep", "--find", "Winter", "--frames", 3)
    dark, bright = json.loads(output)
    assert code == 0 and dark["tags"][0]["name"] == "night" and bright["tags"][0]["name"] == "snow"
    assert dark["complete"] and dark["model"]["name"] == "efficientnet_lite0"
    assert dark["labels"][0]["name"] == "sleep" and dark["labels"][0]["score"] > 0.7 > 0 > dark["found"]["score"]
    assert [len(frame["tags"]) for frame in dark["frames"]] == [2, 2, 2]


def test_nothing_likely_is_told(tag, tmp_path):
    half = make_video(tmp_path / "half.mp4", np.full((10, 48, 64, 3), 100, np.uint8))
    assert "nothing that ImageNet has a name for with 0.9 or more; nearest night 0.6" in tag(half, "--least", 0.9)[1]


def test_what_is_refused(tag, videos):
    with pytest.raises(UserError, match="--labels names nothing"):
        tag(videos[0], "--labels", " , ")
    with pytest.raises(UserError, match="--sentences 'bert' is unknown: use one of minilm, use"):
        tag(videos[0], "--labels", "sleep", "--sentences", "bert")
    with pytest.raises(UserError, match="--sentences does nothing without --labels and --find"):
        tag(videos[0], "--sentences", "use")


def test_missing_packages_are_told_before_the_work(monkeypatch, tmp_path):
    monkeypatch.setattr("vtkeras.pretrained.packages.find", lambda name: None)
    with pytest.raises(UserError, match="is not installed: run `vtkeras pretrained install`"):
        CliRunner().invoke(app, ["tag", str(tmp_path / "a.mp4")], catch_exceptions=False)
