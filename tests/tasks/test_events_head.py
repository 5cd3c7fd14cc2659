"""Events from a model that has learned two videos by heart: in the graph, exported, and on the command line."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.cli import main
from vtkeras.config import DataConfig
from vtkeras.data.events import TIME_TOKENS, read_events
from vtkeras.data.mp4 import write_video
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.dense_digits import DenseDigits
from vtkeras.data.subtitles import to_webvtt
from vtkeras.data.text import build_vocabulary
from vtkeras.errors import UserError
from vtkeras.serving.dense import BORDER_THRESHOLD, find_events, join_at_border, spell_written
from vtkeras.serving.predictor import Predictor
from vtkeras.serving.results import TimedCaption
from vtkeras.tasks import TASKS
from vtkeras.tasks.heads.events import read_event_tokens
from vtkeras.training.fit import train
from vtkeras.training.run import Run
from vtkeras.training.transfer import start_from

FPS = 8


@pytest.fixture(scope="module")
def videos(dense_run, tmp_path_factory):
    """The two videos that the model knows, as files, and their events."""
    folder = tmp_path_factory.mktemp("videos")
    source = DenseDigits(**Run.open(dense_run).config.data.options)
    found = []
    for index in range(2):
        example = source.example("train", 0, index)
        path = folder / f"{index}.mp4"
        write_video(path, example["frames"], FPS)
        found.append((path, read_events(example["captions"][0])))
    return found


def test_graph_and_text_read_the_same_events():
    # Random tokens, in which every break of the form occurs.
    vocabulary = build_vocabulary(DenseDigits().texts(), 4000)
    preprocessor = Preprocessor(DataConfig(caption_length=12), vocabulary)
    rng = np.random.default_rng(0)
    first = vocabulary.tokens.index(TIME_TOKENS[0])
    words = [vocabulary.tokens.index(word) for word in ("digit", "3", "is", "moving")]
    times = rng.integers(first, first + len(TIME_TOKENS), (300, 12))
    tokens = np.where(rng.random((300, 12)) < 0.6, times, rng.choice([3, *words], (300, 12)))
    found = read_event_tokens(tf.constant(tokens, tf.int32), tf.fill((300, 12), 0.5), preprocessor)
    texts = preprocessor.to_text(tf.constant(tokens, tf.int32)).numpy()
    count = 0
    for row, text in enumerate(texts):
        expected = read_events(text.decode())
        kept = found["text"].numpy()[row] != b""
        assert [words.decode() for words in found["text"].numpy()[row][kept]] == [one.text for one in expected]
        for side in ("start", "end"):
            true = [getattr(one, side) for one in expected]
            np.testing.assert_allclose(found[side].numpy()[row][kept], true, atol=1e-6)
        assert not found["start"].numpy()[row][~kept].any() and not found["score"].numpy()[row][~kept].any()
        sizes = [len(one.text.split()) for one in expected]
        np.testing.assert_allclose(found["score"].numpy()[row][kept], [0.5**size for size in sizes])
        count += len(expected)
    assert count > 50


@pytest.mark.whole
def test_exported_model_tells_events_with_seconds(dense_run, videos):
    predictor = Predictor(dense_run)
    for path, true in videos:
        found = find_events(predictor, path)
        assert [event.text for event in found] == [event.text for event in true]
        for event, right in zip(found, true):
            # 48 frames at 8 a second: 6 seconds.
            assert event.start == pytest.approx(6 * right.start, abs=1e-3)
            assert event.end == pytest.approx(6 * right.end, abs=1e-3)
            assert 0.2 < event.score <= 1
    assert to_webvtt(found).startswith("WEBVTT\n\n00:00:0")


@pytest.mark.whole
def test_long_videos_are_read_in_windows(dense_run, videos, tmp_path):
    source = DenseDigits(**Run.open(dense_run).config.data.options)
    both = np.concatenate([source.example("train", 0, index)["frames"] for index in range(2)])
    write_video(tmp_path / "long.mp4", both, FPS)
    steps = []
    found = find_events(
        Predictor(dense_run), tmp_path / "long.mp4", window=6.0, progress=lambda *step: steps.append(step)
    )
    expected = [(6 * (number + one.start), one.text) for number, (_, true) in enumerate(videos) for one in true]
    assert [event.text for event in found] == [text for _, text in expected]
    np.testing.assert_allclose([event.start for event in found], [start for start, _ in expected], atol=1e-3)
    assert steps == [(6.0, 12.0), (12.0, 12.0)]


def test_an_event_that_a_border_cuts_is_put_together():
    one, other = TimedCaption(4, 5.9, "a dog barks", 0.9), TimedCaption(6.1, 8, "a dog barks", 0.8)
    reach = BORDER_THRESHOLD * 6
    assert join_at_border([one], [other], 6, reach) == [TimedCaption(4, 8, "a dog barks", 0.8)]
    far, cat = TimedCaption(7, 8, "a dog barks", 0.8), TimedCaption(6, 8, "a cat", 0.8)
    for apart in (far, cat):
        assert join_at_border([one], [apart], 6, reach) == [one, apart]
    assert join_at_border([], [one], 0, reach) == join_at_border([one], [], 6, reach) == [one]


def test_written_times_are_spelt_in_seconds():
    spelt = spell_written("<t=0> <t=31> a cat <t=31> <t=31> no time", 3.1)
    assert spelt == "0.0–3.1 s a cat" and spell_written("a cat", 3.1) == "a cat"
    assert spell_written("<t=0> <t=31> a cat", end=20.0, start=10.0) == "10.0–20.0 s a cat"


def call(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["vtkeras", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


@pytest.mark.whole
def test_command_line(monkeypatch, capsys, dense_run, videos, tmp_path):
    (path, true), _ = videos
    arguments = ["predict", path, "--dense", "--model", dense_run, "--least", "0.2"]
    assert not call(monkeypatch, *arguments, "--vtt", tmp_path / "events.vtt")
    assert capsys.readouterr().out.count(true[0].text) == sum(one.text == true[0].text for one in true)
    assert (tmp_path / "events.vtt").read_text().startswith("WEBVTT\n\n")
    assert not call(monkeypatch, *arguments, "--json")
    told = json.loads(capsys.readouterr().out)
    assert [event["text"] for event in told["events"]] == [event.text for event in true]
    assert not call(monkeypatch, *arguments[:-1], "1")
    said = capsys.readouterr()
    assert "no event found" in said.out and f"left out: {len(true)} with less than 100% confidence" in said.err


def test_a_model_without_times_refuses(monkeypatch, capsys, exported_run, tmp_path):
    write_video(tmp_path / "clip.mp4", np.zeros((8, 32, 32, 3), "uint8"), FPS)
    assert call(monkeypatch, "predict", tmp_path / "clip.mp4", "--dense", "--model", exported_run) == 2
    assert "trained without times" in capsys.readouterr().err


@pytest.mark.whole
def test_bad_input(monkeypatch, capsys, dense_run, videos, tmp_path):
    (path, _), _ = videos
    arguments = ["predict", path, "--dense", "--model", dense_run]
    for window in ("0", "0.001"):
        assert call(monkeypatch, *arguments, "--window", window) == 2
        assert "--window 6" in capsys.readouterr().err
    assert call(monkeypatch, *arguments, "--vtt", tmp_path / "no" / "a") == 2
    assert "cannot be written" in capsys.readouterr().err


def part_named(model, name):
    return next(part for part in model.parts() if part.name == name)


@pytest.mark.whole
def test_a_run_starts_with_the_weights_of_another(dense_run, tiny_config, vocabulary):
    other = Run.open(dense_run)
    sizes = ("frame_encoder", "temporal_encoder", "dim", "num_heads", "fusion_layers", "decoder_layers")
    same = [f"model.{name}={getattr(other.config.model, name)}" for name in sizes]
    config = tiny_config(*same, "data.caption_length=20", "model.patch_merge=2")
    keras.utils.set_random_seed(5)
    task = TASKS["multitask"]
    model = task.build(config, vocabulary, task.active_heads(config, vocabulary))
    before = np.array(model.heads["caption"].decoder.embedding.embeddings)
    share = start_from(model, vocabulary, dense_run, report=lambda line: None)
    assert 0.5 < share < 1
    known = other.preprocessor.vocabulary.tokens
    after, theirs = (np.array(part_named(one, "decoder").embedding.embeddings) for one in (model, other.model))
    for row, token in enumerate(vocabulary.tokens):
        same = next((one for one in (token, token.removeprefix("##")) if one in known), None)  # as older runs have it
        expected = before[row] if same is None else theirs[known.index(same)]
        np.testing.assert_array_equal(after[row], expected)
    mine, their = (part_named(one, "decoder").position for one in (model, other.model))
    shared = min(mine.shape[0], their.shape[0])
    np.testing.assert_array_equal(mine[:shared], their[:shared])
    for mine, their in zip(model.frame_encoder.weights, other.model.frame_encoder.weights):
        np.testing.assert_array_equal(mine, their)


def test_no_times_in_the_data(tiny_config, tmp_path):
    with pytest.raises(UserError, match="captions have no times"):
        train(tiny_config("task=dense_captioning"), tmp_path / "run", report=str)


@pytest.mark.whole
def test_a_model_that_is_named_is_the_one_that_is_asked(monkeypatch, capsys, videos):
    # Named, the shipped model of clips is refused; unnamed, the one that tells times is taken.
    (path, _), _ = videos
    monkeypatch.chdir(Path(__file__).parents[2])
    shipped = "saved_models/multitask/moving_digits"
    assert call(monkeypatch, "predict", path, "--dense", "--model", shipped) == 2
    assert "trained without times" in capsys.readouterr().err
    assert not call(monkeypatch, "predict", path, "--dense")
