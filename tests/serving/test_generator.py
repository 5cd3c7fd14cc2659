"""Clips from words with an exported model, by the class and by the command."""

import json
import os
import shutil
import signal
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.test_cli import call, refused
from vtkeras.config import load_config, save_config
from vtkeras.data.text import build_vocabulary
from vtkeras.data.video import read_frames
from vtkeras.errors import UserError
from vtkeras.serving import generated_clips
from vtkeras.serving.generator import BATCH, Generator
from vtkeras.workspace.runs import model_hash

PROMPT = "digit 7 is moving left and right"


@pytest.fixture(scope="module")
def generator(video_run):
    return Generator.load(video_run)


def test_a_row_depends_on_its_own_seed_and_text(generator):
    noise = generator.noise([1, 2, 3])
    assert {part: value.shape for part, value in noise.items()} == {"content": (3, 3), "motion": (3, 2)}
    np.testing.assert_array_equal(generator.noise([3])["content"][0], noise["content"][2])
    clips = generator.generate([PROMPT] * 3, noise)
    assert clips.shape == (3, 3, 16, 16, 3) and clips.dtype == np.uint8
    last = {part: value[2:] for part, value in noise.items()}
    np.testing.assert_allclose(generator.generate([PROMPT], last)[0].astype(int), clips[2], atol=1)
    seeds = list(range(BATCH + 1))  # more than are made at once
    assert len(generator.generate([PROMPT] * len(seeds), generator.noise(seeds))) == len(seeds)
    picture = np.full((1, 16, 16, 3), 9, "uint8")
    np.testing.assert_array_equal(generator.generate([PROMPT], last, picture)[:, 0], picture)


def test_the_best_clips_take_no_further_one(generator, monkeypatch):
    seeds = list(range(BATCH + 1))
    expected = generator.generate([PROMPT] * len(seeds), generator.best_noise(PROMPT, seeds))
    monkeypatch.setattr(generator, "generate", None)  # which makes another clip of the best draft's noise
    np.testing.assert_allclose(generator.best(PROMPT, seeds).astype(int), expected, atol=1)


def test_words(generator):
    assert {"digit", "7", "left", "and"} <= set(generator.words)
    assert generator.unknown("Digit 7 is a purple, PURPLE elephant") == ["a", "purple", "elephant"]
    assert generator.check("  Digit 7  is moving left and right! ") == "Digit 7  is moving left and right!"


class Reading(Generator):
    """A generator that was trained on some captions, with no model behind it."""

    def __init__(self, *captions, longest=100, normalise=()):
        texts = {"captions": captions, "questions": [], "answers": [], "labels": []}
        self.vocabulary, self.longest = build_vocabulary(texts, 300), longest
        self.words = self.vocabulary.words
        self.card = SimpleNamespace(config=SimpleNamespace(data=SimpleNamespace(normalise=normalise)))


def test_scripts_without_spaces_are_read_by_their_letters():
    generator = Reading("犬がはしる", "猫がはしる", "แมวกำลังวิ่ง", "หมากำลังวิ่ง")
    for text in ("犬はがしる", "แมวกำลังวิ่งกำลัง"):
        assert generator.check(text) == text
    assert generator.unknown("ខ្មែរ 犬 鳥 red") == ["ខ្មែរ", "鳥", "red"]


def test_the_length_of_a_prompt_is_that_of_its_word_pieces():
    captions = ["a well-known man's key", "a well-known man's key"]
    text = "a well-known man's key"
    assert Reading(*captions).pieces(text) == ["a", "well", "##-", "\x01", "known", "man", "##'", "##s", "key"]
    assert Reading(*captions, longest=9).check(text) == text
    with pytest.raises(UserError, match="The prompt has 9 word pieces and the model reads 8: say it in fewer words."):
        Reading(*captions, longest=8).check(text)
    often = ["a dog runs in the red garden", "a dog jumps on the table", "a cat sleeps on the table"] * 3
    rare = Reading(*often, "a unicycle rolls", longest=8)
    assert rare.pieces("a unicycle") == ["a", "u", *(f"##{letter}" for letter in "nicycle")]  # training showed it once
    with pytest.raises(UserError, match="has 9 word pieces and the model reads 8"):
        rare.check("a unicycle")
    # A word that `data.normalise` leaves out is not read.
    assert Reading(*captions, normalise=("stop_words",)).pieces("a key") == ["key"]


def test_the_command_writes_every_file(video_run, tmp_path):
    code, output = call("generate", PROMPT, "--n", 3, "--seed", 5, "--out", tmp_path, "--model", video_run)
    assert code == 0 and "3 clips" in output
    told = json.loads((tmp_path / "generation.json").read_text())
    assert told["prompt"] == PROMPT and told["seed"] == 5 and told["model"]["model_hash"] == model_hash(video_run)
    assert [clip["seed"] for clip in told["clips"]] == [5, 6, 7]
    for clip in told["clips"]:
        assert read_frames(tmp_path / clip["mp4"], 3).frames.shape == (3, 16, 16, 3)
        assert Image.open(tmp_path / clip["gif"]).n_frames == 3 and clip["seconds"] > 0
    assert Image.open(tmp_path / "contact_sheet.png").size == (3 * 16, 3 * 16)  # a row a clip, a column a frame


def test_a_model_of_own_videos_says_that_their_shape_and_pace_are_lost(video_run, tmp_path):
    asked = ("generate", PROMPT, "--n", 1)
    told = "clips are square, 8 frames a second, whatever the shape and pace of the training clips"
    assert told not in call(*asked, "--out", tmp_path / "digits", "--model", video_run)[1]
    run = shutil.copytree(video_run, tmp_path / "run")
    config = load_config(str(run / "config.yaml"), ["data.source=folder", "data.options={}", "data.path=data/mine"])
    save_config(config, run / "config.yaml")
    code, output = call(*asked, "--out", tmp_path / "mine", "--model", run)
    assert code == 0 and told in output


def test_clips_that_are_there_are_not_written_over(video_run, tmp_path, monkeypatch, capsys):
    asked = ("generate", PROMPT, "--n", 1, "--out", tmp_path, "--model", video_run)
    assert call(*asked)[0] == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    told = refused(monkeypatch, capsys, "generate", "digit 3 is moving up and down", *asked[2:])
    assert f"{tmp_path} holds other clips, which would be lost: choose another --out." in told
    assert "holds other clips" in refused(monkeypatch, capsys, *asked, "--seed", 1)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert call(*asked)[0] == 0  # the same clips again
    (tmp_path / "generation.json").write_text("damaged")
    assert "holds other clips" in refused(monkeypatch, capsys, *asked)


@pytest.mark.parametrize(
    "prompt,sentence",
    [
        ("  ", "The prompt is empty: say what is to be seen, in words like and, digit, is,"),
        ("digit 7 " * 5000, "The prompt has 10,000 word pieces and the model reads 21: say it in fewer words."),
        ("a purple digit", "The model does not know the words 'a', 'purple': it knows and, digit, is,"),
        ("\u732b", "The model does not know the word '\u732b': it knows and, digit"),
        ("\U0001f408", "The prompt has no words: say what"),
    ],
)
def test_prompts_that_cannot_be_read(prompt, sentence, video_run, tmp_path, monkeypatch, capsys):
    told = refused(monkeypatch, capsys, "generate", prompt, "--out", tmp_path / "out", "--model", video_run)
    assert sentence in told and not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [("--n", "0"), ("--n", "100000"), ("--n", "x"), ("--seed", "text"), ("--seed", -1)])
def test_numbers_out_of_range(option, video_run):
    code, output = call("generate", PROMPT, *option, "--model", video_run)
    assert code == 2 and f"Invalid value for '{option[0]}'" in output


def test_folders_that_do_not_fit(video_run, exported_run, tmp_path, monkeypatch, capsys):
    told = refused(monkeypatch, capsys, "generate", PROMPT, "--model", exported_run, "--out", tmp_path)
    assert "makes no video: it is of the task 'multitask'" in told
    (tmp_path / "file").write_text("")
    told = refused(monkeypatch, capsys, "generate", PROMPT, "--model", video_run, "--out", tmp_path / "file")
    assert "is a file" in told
    with pytest.raises(UserError, match="not a run"):
        Generator.load(tmp_path)


@pytest.mark.parametrize("file", ["contact_sheet.png", "seed_0.mp4", "diary.txt"])
def test_files_of_somebody_else_are_not_written_over(file, video_run, tmp_path, monkeypatch, capsys):
    (tmp_path / file).write_text("mine")
    told = refused(monkeypatch, capsys, "generate", PROMPT, "--out", tmp_path, "--model", video_run)
    assert f"{tmp_path} holds {file}, and nothing that was begun here" in told
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_clips_go_beside_a_session(generator, tmp_path):
    (tmp_path / "session.json").write_text("mine")
    (tmp_path / "round_01").mkdir()
    generated_clips.write_clips(generator, PROMPT, 1, 0, tmp_path, report=str)
    assert (tmp_path / "seed_0.mp4").is_file() and (tmp_path / "session.json").read_text() == "mine"


def test_ctrl_c_leaves_the_clips_that_are_done(generator, tmp_path, monkeypatch):
    make = generator.best

    def make_and_interrupt(*arguments):
        clips = make(*arguments)
        os.kill(os.getpid(), signal.SIGINT)
        return clips

    monkeypatch.setattr(generated_clips, "AT_ONCE", 2)
    monkeypatch.setattr(generator, "best", make_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        generated_clips.write_clips(generator, PROMPT, 6, 0, tmp_path, report=str)
    told = json.loads((tmp_path / "generation.json").read_text())
    assert [clip["seed"] for clip in told["clips"]] == [0, 1]
    assert all((tmp_path / clip["mp4"]).is_file() for clip in told["clips"])
    assert Image.open(tmp_path / "contact_sheet.png").size == (3 * 16, 2 * 16)


class Counting:
    """The generator, which notes for how many clips it is asked, and fails when it is to make more than `most`."""

    def __init__(self, generator, most):
        self.info, self.check = generator.info, generator.check
        self.made, self._most, self._make = 0, most, generator.best

    def best(self, text, seeds):
        if self.made + len(seeds) > self._most:
            raise ZeroDivisionError
        self.made += len(seeds)
        return self._make(text, seeds)


def test_the_same_call_goes_on_where_the_last_one_ended(generator, tmp_path, monkeypatch):
    monkeypatch.setattr(generated_clips, "AT_ONCE", 2)
    monkeypatch.setattr(generated_clips, "_write_sheet", lambda *_: None)  # as a kill leaves it
    with pytest.raises(ZeroDivisionError):
        generated_clips.write_clips(Counting(generator, 4), PROMPT, 6, 0, tmp_path, report=str)
    monkeypatch.undo()
    assert [clip["seed"] for clip in json.loads((tmp_path / "generation.json").read_text())["clips"]] == [0, 1, 2, 3]
    (tmp_path / "seed_1.gif").unlink()
    lines, going_on = [], Counting(generator, 6)
    made = generated_clips.write_clips(going_on, PROMPT, 6, 0, tmp_path, lines.append)
    assert going_on.made == 3  # seeds 1, 4 and 5
    assert lines[0] == f"{tmp_path} holds 3 of these clips already"
    assert [clip["seed"] for clip in made] == list(range(6)) and (tmp_path / "seed_1.gif").is_file()
    assert Image.open(tmp_path / "contact_sheet.png").size == (3 * 16, 6 * 16)
    fewer = generated_clips.write_clips(Counting(generator, 0), PROMPT, 2, 0, tmp_path, report=str)
    assert [clip["seed"] for clip in fewer] == [0, 1]
    assert json.loads((tmp_path / "generation.json").read_text())["clips"] == made  # none loses its record


def test_the_record_is_there_before_the_first_clip(generator, tmp_path):
    with pytest.raises(ZeroDivisionError):
        generated_clips.write_clips(Counting(generator, 0), PROMPT, 1, 3, tmp_path, report=str)
    told = json.loads((tmp_path / "generation.json").read_text())
    assert (told["prompt"], told["seed"], told["clips"]) == (PROMPT, 3, [])


def test_clips_are_let_go_once_they_are_written(generator, tmp_path, monkeypatch):
    batches = []

    def make(*arguments):
        assert not any(batch() is not None for batch in batches[:-1])
        clips = generator.best(*arguments)
        batches.append(weakref.ref(clips))
        return clips

    monkeypatch.setattr(generated_clips, "AT_ONCE", 1)
    monkeypatch.setattr(generated_clips, "SHEET_CLIPS", 2)
    counting = Counting(generator, 3)
    monkeypatch.setattr(counting, "best", make)
    generated_clips.write_clips(counting, PROMPT, 3, 0, tmp_path, report=str)
    assert len(batches) == 3 and Image.open(tmp_path / "contact_sheet.png").size == (3 * 16, 2 * 16)
