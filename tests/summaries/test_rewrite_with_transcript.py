"""One sentence out of picture and speech: when a model writes it, and where it stands."""

from dataclasses import replace

import numpy as np
import pytest
from fixtures.summaries import FakePredictor, scenes
from fixtures.videos import make_video

from vtkeras.summaries.rewrite_with_transcript import rewrite_with_transcript
from vtkeras.summaries.shot_features import ShotFeatures
from vtkeras.summaries.summarize import Options, summarize
from vtkeras.summaries.write import Part, words_of, write

LEVELS = (20, 110, 200)  # three scenes of a second each


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("film") / "film.mp4", scenes(*LEVELS))


def shot(start, caption):
    return ShotFeatures(start, start + 1.0, caption, 1.0, np.ones(2, np.float32), np.ones(1, np.float32), "")


SHOTS = [shot(0.0, "gray 2"), shot(1.0, "gray 11"), shot(2.0, "gray 20")]


def test_each_sentence_meets_its_own_shot(film):
    done = []
    told = rewrite_with_transcript(
        film, SHOTS, {2: "by anna", 1: "for ben"}, FakePredictor(tells=True), lambda *one: done.append(one)
    )
    assert told == {1: "gray 11 and for ben", 2: "gray 20 and by anna"}
    assert done == [(2.0, 3.0), (3.0, 3.0)]


@pytest.mark.parametrize(
    "sentence,options",
    [
        ("by anna", {"tells": False}),  # never trained to join the two
        ("by anna", {"tells": True, "confidence": 0.4}),
        ("by Anna", {"tells": True}),  # a word that the model does not know
        ("one two three four", {"tells": True}),  # the end was not read
    ],
)
def test_what_is_left_to_the_quote(film, sentence, options):
    assert rewrite_with_transcript(film, SHOTS, {1: sentence}, FakePredictor(**options)) == {}


def test_a_told_sentence_stands_in_place_of_caption_and_quote():
    part = Part(0.0, 3.0, (0, 1, 2), (("gray 2", 1.0), ("gray 11", 1.0), ("gray 20", 1.0)))
    said = {1: "for ben", 2: "hm"}
    _, (whole,) = write([part], SHOTS, said, {1: "gray 11 for ben"})
    assert whole.text == "gray 11 for ben; gray 2; gray 20. Said: “hm”"
    entry = {"caption": "gray 11", "sentence": "for ben"}
    assert [words_of({**entry, "told": "gray 11 for ben"}), words_of(entry)] == ["gray 11 for ben", "“for ben”"]


def test_summary_with_a_model_that_tells(film, tmp_path):
    said = tmp_path / "film.vtt"
    said.write_text("WEBVTT\n\n00:01.200 --> 00:01.800\nsays 11\n")
    options = Options(budget=0.4, longest=10.0)
    summary = summarize(film, FakePredictor(tells=True), tmp_path / "told", said, options)
    quoted = summarize(film, FakePredictor(), tmp_path / "quoted", said, options)
    assert [one["told"] for one in summary.shots] == ["", "gray 11 and says 11", ""]
    assert "gray 11 and says 11" in (tmp_path / "told" / "summary.txt").read_text()
    assert "“says 11”" not in summary.text and "“says 11”" in quoted.text
    assert replace(summary, text="", parts=[], shots=[]) == replace(quoted, text="", parts=[], shots=[])
