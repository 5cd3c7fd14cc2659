"""The command line as a user meets it: the walk over a folder of videos, and bad input."""

import csv
import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fixtures.videos import make_video
from PIL import Image
from typer.testing import CliRunner

from vtkeras.cli import STOPPED, app, main
from vtkeras.cli.common import results_folder
from vtkeras.cli.training import _name_of, _place_for, _tested
from vtkeras.data.make import make_videos
from vtkeras.run_files import shipped_model
from vtkeras.workspace.runs import read_card

LONG = "x" * 300  # of a file name, which has 255 bytes at most
TINY_SETTINGS = [
    "data.num_frames=4", "data.image_size=32", "model.frame_encoder=nfnet_tiny", "model.dim=16", "model.num_heads=2",
    "model.temporal_layers=1", "model.text_layers=1", "model.fusion_layers=1", "model.decoder_layers=1",
    "train.batch_size=4", "train.stages=[{epochs: 1}]",
]


def call(*arguments):
    """Runs `vtkeras ARGUMENTS` in this process; gives (exit code, output)."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, result.output


def refused(monkeypatch, capsys, *arguments) -> str:
    """The sentence with which `vtkeras ARGUMENTS` ends, after checking that it ends with code 2."""
    monkeypatch.setattr("sys.argv", ["vtkeras", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    printed = capsys.readouterr()
    assert stop.value.code == 2 and "Traceback" not in printed.err
    assert printed.err.startswith("vtkeras: ") and printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize("given", [("--out", ""), ("--out=",), ("",)])
def test_an_empty_argument_is_not_this_folder(monkeypatch, capsys, given):
    assert "is empty: give it a value" in refused(monkeypatch, capsys, "train", "--config", "demo", *given)


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("train", "--minutes", "soon"), "'--minutes': Input should be a valid number, unable to parse string as a"),
        (("train", "--minutes", "soon"), "got 'soon': see `vtkeras train --help`."),
        (("train", "--minutes", "-3"), "greater than or equal to 2, got '-3': see"),
        (("predict",), "Missing argument 'VIDEO...': see `vtkeras predict --help`."),
        (("data", "ingest", "--fast"), "No such option: --fast"),
        (("tarin",), "No such command 'tarin'"),
    ],
)
def test_arguments_that_do_not_fit(monkeypatch, capsys, arguments, told):
    assert told in refused(monkeypatch, capsys, *arguments)


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("open", LONG), f"{LONG} cannot be read: File name too long."),
        (("search", ".", "--like", LONG), f"{LONG} cannot be used: File name too long."),
        (("train", "--data", LONG), f"{LONG} cannot be used: File name too long."),
    ],
)
def test_a_path_that_cannot_be_looked_up_is_one_sentence(monkeypatch, capsys, tmp_path, arguments, told):
    monkeypatch.chdir(tmp_path)
    assert told in refused(monkeypatch, capsys, *arguments)


def test_a_folder_above_that_may_not_be_searched_is_one_sentence(monkeypatch, capsys):
    def closed(path, **_):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(Path, "is_dir", closed)
    told = refused(monkeypatch, capsys, "open", "/root/videos")
    assert told == "vtkeras: /root/videos cannot be read: Permission denied.\n"


def test_a_shipped_dense_model_is_found_from_any_folder(monkeypatch, tmp_path):
    asked = []

    class Worker:
        def call(self, function, model, *rest, progress):
            asked.append(model)
            return []

    monkeypatch.setattr("vtkeras.serving.client.shared_worker", Worker)
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "film.mp4", 4)
    assert call("predict", "film.mp4", "--dense", "--model", "saved_models/dense_captioning/dense_digits")[0] == 0
    assert asked == [shipped_model("dense_captioning", "dense_digits")]


def test_which_model_is_asked_is_told_where_none_was_named(monkeypatch, tmp_path):
    monkeypatch.setattr("vtkeras.serving.client.shared_worker", lambda: SimpleNamespace(call=lambda *_, **__: []))
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "film.mp4", 4)
    told = "model: dense_captioning/dense_digits, which ships with vtkeras and knows nothing but dense digits; choose "
    assert f"{told}another with --model RUN\n" in call("predict", "film.mp4", "--dense")[1]
    for place, run in enumerate(("newest", "newer", "older")):
        (tmp_path / "runs" / run / "saved_model").mkdir(parents=True)
        (tmp_path / "runs" / run / "saved_model" / "saved_model.pb").touch()
        os.utime(tmp_path / "runs" / run / "saved_model", (100 - place, 100 - place))
    tasks = {"newest": "text_to_video", "newer": "dense_captioning", "older": "dense_captioning"}
    cards = {run: SimpleNamespace(task=task) for run, task in tasks.items()}
    monkeypatch.setattr("vtkeras.workspace.runs.read_card", lambda run: cards.get(run.name) or read_card(run))
    assert f"{told}another with --model runs/newer\n" in call("predict", "film.mp4", "--dense")[1]
    shipped = "saved_models/dense_captioning/dense_digits"
    assert "ships with" not in call("predict", "film.mp4", "--dense", "--model", shipped)[1]


@pytest.mark.parametrize("arguments", [(), ("data",)])
def test_without_a_command_there_is_help_and_no_sentence(monkeypatch, capsys, arguments):
    monkeypatch.setattr("sys.argv", ["vtkeras", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    printed = capsys.readouterr()
    assert stop.value.code == 2 and not printed.err.startswith("vtkeras: ") and "Usage" in printed.out + printed.err


def test_the_help_of_configs_takes_no_config(monkeypatch, capsys):
    told = refused(monkeypatch, capsys, "train", "--help-config", "--config", "nope")
    assert "--config does nothing with --help-config" in told


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """20 clips of moving_digits as mp4 files with a captions.csv."""
    folder = tmp_path_factory.mktemp("videos")
    make_videos(folder, clips=20, report=lambda line: None)
    return folder


@pytest.fixture(scope="module")
def walk(videos, tmp_path_factory):
    """Ingests, trains, evaluates and exports through the command line; gives the run folder."""
    work = tmp_path_factory.mktemp("work")
    code, output = call("data", "ingest", videos, "--captions", videos / "captions.csv", "--out", work / "data")
    assert code == 0 and "train: 16 clips" in output
    settings = [part for setting in TINY_SETTINGS for part in ("--set", setting)]
    code, output = call(
        "train", "--config", "video_folder", "--data", work / "data", "--out", work / "run", *settings
    )
    assert code == 0 and "4 steps of 4 clips" in output
    code, output = call("evaluate", work / "run", "--split", "test", "--no-meteor")
    assert code == 0 and "nearest training clip" in output
    code, output = call("export", work / "run")
    assert code == 0
    return work / "run"


@pytest.mark.parametrize("given", [("--data", "clips"), ("--config", "demo")])
def test_a_folder_with_other_files_stays_as_it_is(monkeypatch, capsys, tmp_path, given):
    monkeypatch.chdir(tmp_path)
    for name in ("clips/a.mp4", "clips/b.mp4", "README.md", "cache/mine", "config.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    told = refused(monkeypatch, capsys, "train", *given, "--out", ".")
    assert "holds README.md, and nothing that was begun here before: choose another" in told
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_results_of_a_model_that_ships_go_below_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shipped = Path("saved_models/multitask/moving_digits")
    assert results_folder(shipped) == Path("runs/evaluations/moving_digits")
    assert results_folder(Path("runs/mine")) == Path("runs/mine")
    shipped.mkdir(parents=True)  # a folder of the user's own
    assert results_folder(shipped) == shipped


def test_a_summary_does_not_go_where_other_files_are(monkeypatch, capsys, tmp_path, exported_run):
    video = make_video(tmp_path / "a.mp4", 3)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "mine.jpg").touch()
    told = refused(monkeypatch, capsys, "summarize", video, "--out", tmp_path, "--model", exported_run)
    assert "holds a.mp4, and nothing that was begun here before" in told
    assert (tmp_path / "pictures" / "mine.jpg").exists()


def test_an_export_does_not_go_where_other_files_are(monkeypatch, capsys, tmp_path, exported_run):
    (tmp_path / "README.md").write_text("mine")
    told = refused(monkeypatch, capsys, "export", exported_run, "--out", tmp_path)
    assert "holds README.md, and nothing that was begun here before" in told
    assert [file.name for file in tmp_path.iterdir()] == ["README.md"]
    other = tmp_path / "run"
    (other / "checkpoints").mkdir(parents=True)  # of another run, which is read before what is exported
    (other / "vocabulary.json").touch()
    assert "holds another run" in refused(monkeypatch, capsys, "export", exported_run, "--out", other)


def test_evaluations_on_clips_of_plans_have_the_names_of_these(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("runs/b", "mine"):
        (tmp_path / name / "data").mkdir(parents=True)
    (tmp_path / "runs" / "b" / "config.yaml").touch()
    assert _name_of(Path("runs/b/data")) == "b" and _name_of(Path("mine/data")) == "data"
    assert _name_of(Path("/data")) == "data"


def test_evaluations_on_folders_of_one_name_go_beside_each_other(tmp_path):
    first, second = tmp_path / "2023" / "clips", tmp_path / "2024" / "clips"
    assert _place_for(tmp_path, first) == _place_for(tmp_path, second) == tmp_path / "clips"
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "metrics.json").write_text(json.dumps({"clips": str(first)}))
    assert _place_for(tmp_path, first) == tmp_path / "clips"
    digits = hashlib.sha256(bytes(second)).hexdigest()[:6]
    assert _place_for(tmp_path, second) == tmp_path / f"clips-{digits}"


@pytest.mark.parametrize("splits, tested", [
    (["train", "validation", "test", "test_unseen"], ["test", "test_unseen"]),
    (["train", "validation"], ["validation"]),
    (["train"], []),
])  # fmt: skip
def test_what_is_evaluated_is_what_training_did_not_see_where_there_is_such(splits, tested):
    assert _tested(splits) == tested


@pytest.mark.whole
def test_the_readme_has_the_last_whole_evaluation(walk, tmp_path):
    run = shutil.copytree(walk, tmp_path / "run")
    whole = (run / "README.md").read_text()
    assert "### test (2 examples)" in whole
    (run / "README.md").write_text(whole.replace("### test", "### before"))
    code, output = call("evaluate", run, "--limit", 1, "--no-meteor", "--baseline-clips", 4)
    assert code == 0 and "### test (1 of 2 examples)" in output and "Baselines look at 4 of 16" in output
    assert "### before (2 examples)" in (run / "README.md").read_text()
    code, _ = call("evaluate", run, "--no-meteor")
    assert code == 0 and (run / "README.md").read_text() == whole


@pytest.mark.whole
def test_the_walk_leaves_every_artefact(walk):
    names = {path.name for path in walk.iterdir()}
    assert {"config.yaml", "vocabulary.json", "checkpoints", "logs", "metrics.json", "metrics.md"} <= names
    assert {"classes.md", "predictions.csv"} <= names
    assert {"saved_model", "model.keras", "samples"} <= names
    assert json.loads((walk / "metrics.json").read_text())["splits"]["test"]["examples"] == 2


@pytest.mark.whole
def test_evaluate_on_another_folder_leaves_the_runs_own_results(walk, videos, tmp_path):
    before = {name: (walk / name).read_bytes() for name in ("metrics.json", "metrics.md", "predictions.csv")}
    rows = [f"{name},digit 3 is moving up and down,{place},test_unseen" for name, place in
            (("test_0018.mp4", "left"), ("test_0019.mp4", "right"))]  # fmt: skip
    (tmp_path / "captions.csv").write_text("\n".join(["path,caption,place,split", *rows]))
    code, _ = call("data", "ingest", videos, "--captions", tmp_path / "captions.csv", "--out", tmp_path / "other")
    assert code == 0
    code, output = call("evaluate", walk, "--data", tmp_path / "other", "--by", "place", "--no-meteor")
    assert code == 0 and "### test_unseen (2 examples)" in output and "by place | left (1) | right (1) |" in output
    assert "nearest training clip" in output  # of the run's own training data: the folder has none
    assert {name: (walk / name).read_bytes() for name in before} == before
    written = json.loads((walk / "evaluations" / "other" / "metrics.json").read_text())
    assert list(written["splits"]) == ["test_unseen"] and written["clips"] == str(tmp_path / "other")


@pytest.mark.whole
def test_predict_describes_a_video_and_answers(walk, videos, tmp_path):
    arguments = ["predict", videos / "test_0018.mp4", "--model", walk, "--question", "how many digits are there?"]
    code, output = call(*arguments, "--picture", tmp_path / "look.png")
    assert code == 0 and output.startswith("caption: ") and "how many digits are there?" in output
    assert (tmp_path / "look.png").read_bytes().startswith(b"\x89PNG")
    code, output = call(*arguments, "--json")
    found = json.loads(output)
    assert found["answers"][0]["question"] == "how many digits are there?"
    for word in found["caption"]["words"]:
        assert sum(frame["attention"] for frame in word["frames"]) == pytest.approx(1, abs=1e-3)


@pytest.mark.whole
def test_predict_on_several_videos(walk, videos, tmp_path):
    names = ["test_0018.mp4", "test_0019.mp4"]
    (tmp_path / "fake.mp4").write_text("hello")
    paths = [videos / names[0], tmp_path / "fake.mp4", videos / names[1]]
    code, output = call("predict", *paths[::2], "--model", walk, "--json")
    found = json.loads(output)
    assert code == 0 and [one["video"] for one in found] == [str(path) for path in paths[::2]]
    code, output = call("predict", paths[0], "--model", walk, "--json")
    assert json.loads(output)["caption"]["text"] == found[0]["caption"]["text"]
    code, output = call("predict", *paths[::2], "--model", walk, "--json-lines")
    assert code == 0 and [json.loads(line) for line in output.splitlines()] == found
    code, output = call("predict", *paths, "--model", walk)  # one of them is no video: the others are described
    assert code == 2 and output.count("caption: ") == 2 and "fake.mp4 is not a video" in output


@pytest.mark.whole
def test_predict_on_a_folder_and_on_a_pattern(walk, videos, tmp_path):
    for number in (18, 19):
        shutil.copy(videos / f"test_00{number}.mp4", tmp_path)
    for given, expected in ((tmp_path, ["test_0018.mp4", "test_0019.mp4"]), (tmp_path / "*19.mp4", ["test_0019.mp4"])):
        code, output = call("predict", "--model", walk, "--json-lines", given)
        assert code == 0 and [json.loads(line)["video"].rpartition("/")[2] for line in output.splitlines()] == expected


@pytest.mark.whole
def test_predict_decodes_as_asked(walk, videos):
    def predict(*options):
        code, output = call("predict", videos / "test_0018.mp4", "--model", walk, "--json", *options)
        assert code == 0
        return json.loads(output)

    draw = ("--decode", "sample", "--temperature", 3, "--min-length", 4, "--seed")
    first, again, other = (predict(*draw, seed)["caption"]["text"] for seed in (1, 1, 2))
    assert first == again != other
    found = predict("--decode", "beam", "--beams", 3, "--max-length", 5)["caption"]
    assert found["decoding"] == {"strategy": "beam", "beams": 3, "length_penalty": 0.6, "max_length": 5}
    assert len(found["beams"]) == 3 and found["beams"][0]["text"] == found["text"]
    assert len(found["words"]) <= 5


@pytest.mark.whole
def test_explain_writes_pictures_and_numbers(walk, videos, tmp_path):
    arguments = ["explain", videos / "test_0018.mp4", "--model", walk, "--orders", 19, "--out", tmp_path / "look"]
    code, output = call(*arguments, "--question", "how many digits are there?", "--word", 1, "--method", "rollout")
    assert code == 0 and "deletion" in output
    assert {path.name for path in (tmp_path / "look").iterdir()} == {
        "explanation.json", "look.gif", "look.mp4", "words.png",
    }  # fmt: skip
    values = json.loads((tmp_path / "look" / "explanation.json").read_text())
    assert values["method"] == "rollout" and values["words"][0]["faithfulness"]["random_orders"] == 19
    assert all(sum(word["attention_by_frame"]) == pytest.approx(1, abs=1e-3) for word in values["words"])
    code, output = call(*arguments, "--caption", "digit 3 is moving up and down", "--word", "moving", "--head", 2)
    assert code == 0 and "moving: deletion" in output


@pytest.mark.whole
def test_evaluate_attention(walk, tmp_path):
    arguments = ["evaluate-attention", walk, "--clips", 2, "--orders", 19, "--steps", 2, "--out", tmp_path]
    code, output = call(*arguments)
    assert code == 0 and "clip 2: " in output and "Deletion and insertion over 2 clips" in output
    assert json.loads((tmp_path / "attention.json").read_text())["settings"]["random_orders"] == 19


@pytest.mark.whole
def test_a_picture_is_a_video_of_one_frame(walk, tmp_path):
    Image.fromarray(np.full((40, 50, 3), 90, "uint8")).save(tmp_path / "still.png")
    code, output = call("predict", tmp_path / "still.png", "--model", walk, "--question", "what?", "--json", "--anyway")
    found = json.loads(output)
    assert code == 0 and len(found["answers"]) == 1
    # The model takes four frames: the picture, and repeats of it that no word looks at.
    for word in found["caption"]["words"]:
        assert word["frames"] == [{"seconds": 0.0, "attention": pytest.approx(1, abs=1e-3)}]


def test_make_writes_only_what_is_missing(videos):
    before = {path.name: path.stat().st_mtime_ns for path in videos.glob("*.mp4")}
    make_videos(videos, clips=20, report=lambda line: None)
    assert {path.name: path.stat().st_mtime_ns for path in videos.glob("*.mp4")} == before


@pytest.mark.whole
def test_verify(walk):
    code, output = call("data", "verify", walk.parent / "data")
    assert code == 0 and "20 clips, all checksums hold" in output


def test_help_waits_for_no_heavy_import():
    heavy = "{'tensorflow', 'keras', 'numpy', 'av', 'streamlit'}"
    program = f"import sys, vtkeras.cli; print({heavy} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_help_config_lists_every_key():
    code, output = call("train", "--help-config")
    assert code == 0 and "train.batch_size = 32" in output and "model.fusion = 'cross_attention'" in output
    assert "train.stages[].epochs: required, at least 1" in output and "train.warmup.steps = 0" in output
    of_source = output.split("data.source=sort_of_clevr")[1].split("With")[0]
    assert "data.options.train_images = 9800, at least 1\n    Pictures of the training split." in of_source


def test_a_missing_folder(monkeypatch, capsys, tmp_path):
    captions = tmp_path / "captions.csv"
    captions.write_text("path,caption\na.mp4,a cat\n")
    sentence = refused(
        monkeypatch, capsys, "data", "ingest", tmp_path / "none", "--captions", captions, "--out", tmp_path / "o"
    )
    assert "none" in sentence


@pytest.mark.parametrize(
    "text, told",
    [
        ("path\nclip.mp4\n", "caption"),
        ("path,caption\ntest_0018.mp4,a cat,extra\n", "row 2"),
        ("path,caption\ntest_0018.mp4,a cat\nabsent.mp4,a dog\n", "row 3"),
        (
            "path,caption,video_id\ntest_0018.mp4,a cat,7\ntest_0019.mp4,a dog,7\n",
            "row 3",
        ),
    ],
)
def test_a_bad_captions_file(monkeypatch, capsys, videos, tmp_path, text, told):
    captions = tmp_path / "captions.csv"
    captions.write_text(text)
    sentence = refused(
        monkeypatch, capsys, "data", "ingest", videos, "--captions", captions, "--out", tmp_path / "out"
    )
    assert told in sentence and "captions.csv" in sentence


def test_ingest_finds_the_table_as_training_does(videos, tmp_path, monkeypatch, capsys):
    code, output = call("data", "ingest", videos, "--out", tmp_path / "found")
    assert code == 0 and f"reading {videos} with {videos / 'captions.csv'}" in output and "train: 16 clips" in output
    for place, name in enumerate(sorted(videos.glob("*.mp4"))[:6]):  # no table: three clips in each of two folders
        (tmp_path / "mine" / "ab"[place % 2]).mkdir(parents=True, exist_ok=True)
        shutil.copy(name, tmp_path / "mine" / "ab"[place % 2])
    for _ in range(2):  # again goes on
        code, output = call("data", "ingest", tmp_path / "mine", "--out", tmp_path / "out")
        assert code == 0 and "labels by the folders of the clips: a, b" in output and "validation: 1 clips" in output
    assert (tmp_path / "out" / "labels.csv").read_text().count("\n") == 7
    (tmp_path / "killed").mkdir()
    shutil.copy(tmp_path / "out" / "labels.csv", tmp_path / "killed")  # as kill -9 leaves it before a clip is stored
    assert call("data", "ingest", tmp_path / "mine", "--out", tmp_path / "killed")[0] == 0
    ingest = ("data", "ingest", tmp_path / "mine" / "a", "--out", tmp_path / "none")
    assert "needs one table" in refused(monkeypatch, capsys, *ingest)
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "labels.csv").write_text("mine")
    told = refused(monkeypatch, capsys, "data", "ingest", tmp_path / "mine", "--out", tmp_path / "none")
    assert "holds labels.csv with other labels" in told and (tmp_path / "none" / "labels.csv").read_text() == "mine"


def test_one_bad_video_is_set_aside(videos, tmp_path):
    rows = list(csv.reader((videos / "captions.csv").open()))[:5]
    folder = tmp_path / "mixed"
    folder.mkdir()
    for row in rows[1:]:
        (folder / row[0]).write_bytes((videos / row[0]).read_bytes())
    (folder / rows[2][0]).write_bytes(b"this is no video")
    with open(folder / "captions.csv", "w", newline="") as file:
        csv.writer(file).writerows([row[:2] for row in rows])
    code, output = call(
        "data", "ingest", folder, "--captions", folder / "captions.csv", "--out", tmp_path / "out"
    )
    assert code == 0 and f"set aside {rows[2][0]}" in output


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["train", "--config", "nothing"], "nothing"),
        (["train", "--set", "train.batchsize=3"], "batch_size"),
        (["train", "--set", "model.dim=10"], "num_heads"),
        (["train", "--set", "model.fusion=glue", "--out", "unused"], "glue"),
        (["train", "--set", "train.batch_size"], "key=value"),
        (["train", "--set", "data.options={digits: 3}"], "did you mean 'min_digits'?"),
        (["train", "--set", "train.stages=[{epochs: 1, options: {train_clips: -5}}]"], "it must be at least 1"),
        (["train", "--set", "train.stages=[{epochs: 1, options: {wings: 2}}]"], "key 'train.stages.0.options.wings'"),
        (["train", "--data", "absent", "--out", "unused"], "absent"),
        (["train", "--resume", "--out", "unused"], "last.npz"),
        (["evaluate", "absent"], "absent"),
        (["export", "absent"], "absent"),
        (["predict", "absent.mp4", "--model", "absent"], "absent"),
        (["predict", "absent*.mp4"], "No file fits the pattern absent*.mp4"),
        (["predict", "absent.mp4", "--json", "--json-lines"], "leave one out"),
        (["predict", "absent.mp4", "--decode", "beam", "--beams", "0"], "beams 0 is out of range"),
        (["predict", "absent.mp4", "--temperature", "2"], "temperature does nothing in greedy decoding"),
        (["predict", "absent.mp4", "--decode", "sample", "--top-p", "nan"], "top p nan is out of range"),
        (["data", "verify", "absent"], "absent"),
    ],
)
def test_bad_arguments(monkeypatch, capsys, tmp_path, arguments, told):
    monkeypatch.chdir(tmp_path)
    assert told in refused(monkeypatch, capsys, *arguments)
    assert not (tmp_path / "unused" / "checkpoints").exists()


@pytest.mark.whole
def test_predict_on_what_is_no_video(monkeypatch, capsys, walk, tmp_path):
    fake = tmp_path / "fake.mp4"
    fake.write_text("hello")
    assert "fake.mp4" in refused(monkeypatch, capsys, "predict", fake, "--model", walk)


@pytest.mark.whole
def test_an_empty_question(monkeypatch, capsys, walk, videos):
    arguments = ["predict", videos / "test_0018.mp4", "--model", walk, "--question", "  "]
    assert "question is empty" in refused(monkeypatch, capsys, *arguments)


@pytest.mark.whole
def test_bytes_that_are_no_text(monkeypatch, capsysbinary, walk, videos, tmp_path):
    """A file name and a question that are no UTF-8, as a shell hands them over; also a question too long."""
    odd = tmp_path / "caf\udce9.mp4"
    odd.write_bytes((videos / "test_0018.mp4").read_bytes())
    question = "how many digits \udcff are there?"
    for arguments in (
        ["predict", odd, "--question", question, "--json"],
        ["predict", odd, "--question", 20 * question],
        ["explain", odd, "--question", question, "--word", "1", "--orders", "19", "--out", tmp_path / "look"],
        ["summarize", odd, "--out", tmp_path / "short", "--no-clip"],
    ):
        monkeypatch.setattr("sys.argv", ["vtkeras", *map(str, arguments), "--model", str(walk)])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 0
    assert "how many digits ? are there?" in capsysbinary.readouterr().out.decode()
    assert json.loads((tmp_path / "look" / "explanation.json").read_text())["video"].endswith("caf?.mp4")
    assert json.loads((tmp_path / "short" / "summary.json").read_text())["video"] == "caf?.mp4"


@pytest.mark.whole
def test_a_long_video_is_told_to_be_seen_in_part(walk, tmp_path):
    long = make_video(tmp_path / "long.mp4", 4, times_ms=[0, 20_000, 40_000, 60_000])  # ends at 60.1 s
    code, output = call("predict", long, "--model", walk)
    assert code == 0 and "saw a frame every 20 s only" in output
    code, output = call("predict", long, "--model", walk, "--end", 10)
    assert code == 0 and "only" not in output


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_say_how_to_go_on(monkeypatch, capsys, number, code):
    def interrupted(*_, **__):
        os.kill(os.getpid(), number)

    monkeypatch.setattr("vtkeras.data.shards.verify", interrupted)
    monkeypatch.setattr("sys.argv", ["vtkeras", "data", "verify", "."])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == code
    told = "vtkeras: interrupted; the same command goes on from what it stored, or else begins again.\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize("begun", [True, False])
def test_ctrl_c_in_a_training_names_resume_where_there_is_something_to_go_on_with(monkeypatch, capsys, tmp_path, begun):
    def interrupted(config, folder, **_):
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "checkpoints" / "last.npz").write_text("x") if begun else None
        raise KeyboardInterrupt

    monkeypatch.setattr("vtkeras.training.fit.train", interrupted)
    monkeypatch.setattr("sys.argv", ["vtkeras", "train", "--config", "demo", "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as stop:
        main()
    told = "vtkeras: interrupted; the same command with --resume goes on." if begun else STOPPED
    assert stop.value.code == 130 and capsys.readouterr().err == f"{told}\n"


@pytest.mark.whole
def test_explain_an_unknown_word(monkeypatch, capsys, walk, videos):
    arguments = ["explain", videos / "test_0018.mp4", "--model", walk, "--word", "zebra"]
    assert "no word 'zebra'" in refused(monkeypatch, capsys, *arguments)


@pytest.mark.whole
def test_an_unknown_split_of_attention(monkeypatch, capsys, walk):
    assert "no split 'dev'" in refused(monkeypatch, capsys, "evaluate-attention", walk, "--split", "dev")


@pytest.mark.whole
def test_an_unknown_split(monkeypatch, capsys, walk):
    assert "no split 'dev'" in refused(monkeypatch, capsys, "evaluate", walk, "--split", "dev")


@pytest.mark.whole
def test_resume_with_another_config(monkeypatch, capsys, walk):
    settings = [part for setting in TINY_SETTINGS for part in ("--set", setting)]
    arguments = ["train", "--config", "video_folder", "--data", walk.parent / "data", "--out", walk, "--resume"]
    told = refused(monkeypatch, capsys, *arguments, *settings, "--set", "train.optimizer=sgd")
    assert "train.optimizer differs" in told


@pytest.mark.whole
def test_training_into_a_run_that_exists(monkeypatch, capsys, walk):
    assert "--resume" in refused(monkeypatch, capsys, "train", "--out", walk)


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Refuses every connection at once; weights of earlier downloads are out of reach."""

    def refuse(*_):
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))


@pytest.mark.parametrize(
    "settings,sentence",
    [
        (("model.frame_encoder=resnet50", "model.frame_weights=imagenet"), "takes a network; without one set"),
        (("model.frame_encoder=resnet50", "model.frame_weights=no.h5"), "with the weights no.h5: give `imagenet` or"),
        (("model.frame_encoder=efficientnet_lite0", "model.frame_weights=no.pth"), "no.pth cannot be read: No such"),
    ],
)
def test_weights_that_cannot_be_had_are_one_sentence(settings, sentence, no_network, monkeypatch, capsys, tmp_path):
    settings = (*TINY_SETTINGS, "data.options={train_clips: 16, eval_clips: 8}", *settings)
    given = [part for setting in settings for part in ("--set", setting)]
    assert sentence in refused(monkeypatch, capsys, "train", "--config", "demo", "--out", tmp_path / "run", *given)
