"""Summaries on the command line, over a tiny run with random weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fixtures.summaries import scenes
from fixtures.tvsum import TVSUM, needs_tvsum
from fixtures.videos import make_sound, make_video
from test_cli import call, refused

from vtkeras.evaluation.summary import CHANCE, HUMAN


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("film") / "film.mp4", scenes(20, 200, 110, 20, 200, 110))


def test_summarize_writes_every_output(exported_run, film, tmp_path):
    said = tmp_path / "film.txt"
    said.write_text("One. Two.")
    out = tmp_path / "out"
    code, output = call("summarize", film, "--model", exported_run, "--transcript", said, "--out", out)
    assert code == 0 and "Key shots" in output
    names = {path.name for path in out.iterdir()}
    assert {
        "summary.txt",
        "summary.json",
        "captions.vtt",
        "summary.vtt",
        "storyboard.png",
        "summary.mp4",
    } < names
    found = json.loads((out / "summary.json").read_text())
    assert 0 < found["seconds"] <= 0.15 * found["duration"] + 0.51  # the shortest shot may be all there is


@pytest.mark.whole
def test_train_a_scorer_evaluate_and_use_it(exported_run, tmp_path):
    data = tmp_path / "long"
    code, output = call("data", "make-long", "--out", data, "--videos", 2, "--scenes", 6)
    assert code == 0 and "long_01.mp4: 6 scenes" in output
    model = ["--model", exported_run]
    code, output = call("train-scorer", data, *model, "--out", tmp_path / "scorer", "--epochs", 2)
    assert code == 0 and "trained on 2 videos" in output
    code, output = call("evaluate-summary", data, *model, "--splits", 2, "--epochs", 1)
    rows = [line for line in output.splitlines() if line.startswith("| ")]
    assert code == 0 and {row.split(" | ")[0].strip("| ") for row in rows[2:]} == {
        "diverse", "random", "learned", "learned, with transcript", HUMAN, CHANCE
    }  # fmt: skip
    arguments = [
        "summarize",
        data / "long_00.mp4",
        *model,
        "--scorer",
        tmp_path / "scorer",
        "--out",
        tmp_path / "s",
    ]
    code, _ = call(*arguments)
    assert code == 0 and json.loads((tmp_path / "s" / "summary.json").read_text())["scorer"].endswith("scorer")


@needs_tvsum
@pytest.mark.slow
def test_tvsum_on_the_command_line():
    code, output = call("evaluate-summary", "--tvsum", TVSUM)
    people = next(line for line in output.splitlines() if line.startswith("| one person")).split(" | ")
    assert code == 0 and people[3:5] == ["0.177", "0.204 |"]


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["summarize", "absent.mp4"], "absent.mp4"),
        (["summarize", "film.mp4", "--budget", "0"], "budget"),
        (["summarize", "film.mp4", "--transcript", "absent.vtt"], "absent.vtt"),
        (["summarize", "film.mp4", "--transcript", "bad.vtt"], "line 3"),
        (["summarize", "film.mp4", "--model", "absent"], "absent"),
        (["summarize", "film.mp4", "--scorer", "absent"], "absent"),
        (["summarize", "sound.mp4"], "no video stream"),
        (["summarize", "zero.mp4"], "zero.mp4"),
        (["evaluate-summary"], "--tvsum"),
        (["evaluate-summary", "absent"], "no file or folder absent"),
        (["evaluate-summary", "--tvsum", "absent.mat"], "absent.mat"),
        (["train-scorer", "absent"], "no file or folder absent"),
    ],
)
def test_bad_arguments(monkeypatch, capsys, exported_run, film, tmp_path, arguments, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film.mp4").symlink_to(film)
    (tmp_path / "bad.vtt").write_text("WEBVTT\n\nsoon --> later\nhello\n")
    (tmp_path / "zero.mp4").write_bytes(film.read_bytes()[:48])
    make_sound(tmp_path / "sound.mp4")
    if "--model" not in arguments and "--tvsum" not in arguments and len(arguments) > 1:
        arguments = [*arguments, "--model", str(exported_run)]
    assert told in refused(monkeypatch, capsys, *arguments)


MEASURE = """
import resource, sys
from fixtures.summaries import FakePredictor
from vtkeras.summaries.summarize import summarize
summary = summarize(sys.argv[1], FakePredictor(), sys.argv[2])
print(len(summary.shots), summary.duration, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(tmp_path):
    """An hour takes at most 100 MB more than five minutes; holding its frames would take 1.5 GB more."""
    peaks = {}
    for minutes in (5, 60):
        video = long_video(tmp_path / f"{minutes}.mp4", minutes)
        here = Path(__file__).parent
        paths = {"PYTHONPATH": f"{here.parent}{os.pathsep}{here}"}
        command = [sys.executable, "-c", MEASURE, str(video), str(tmp_path / f"out{minutes}")]
        done = subprocess.run(command, env={**os.environ, **paths}, capture_output=True, text=True, check=True)
        shots, duration, peak = done.stdout.split()
        assert float(duration) == pytest.approx(60 * minutes, abs=1) and int(shots) >= 6 * minutes
        peaks[minutes] = int(peak)
    print(peaks)
    assert peaks[60] < peaks[5] + 100, peaks


def long_video(path, minutes, fps=5):
    """Scenes of five seconds at 320x240, written as they come."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "g": "50"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for scene in range(12 * minutes):
            pixels = np.full((240, 320, 3), 20 + 90 * (scene % 3), np.uint8)
            for _ in range(5 * fps):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path
