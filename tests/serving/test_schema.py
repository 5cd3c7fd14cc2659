import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from vtkeras.serving import schema
from vtkeras.serving.results import Answer, Caption, Novelty, TimedCaption

INFO = {"name": "tiny", "task": "multitask", "model_hash": "0123456789ab", "data": "x"}
TIMES = np.array([0.0, 0.5, 1.0], "float32")


def attention(*by_frame):
    """(words, heads=2, time, rows=1, columns=2): head 0 as given, head 1 all on the first frame."""
    grids = np.zeros((len(by_frame), 2, len(by_frame[0]), 1, 2), "float32")
    for word, shares in enumerate(by_frame):
        grids[word, 0, :, 0, 1] = shares
        grids[word, 1, 0, 0, 0] = 1.0
    return grids


@pytest.fixture
def caption():
    frames = np.zeros((3, 2, 2, 3), "uint8")
    return Caption(
        "a cat", 0.4, ["a", "cat"], [0.5, 0.8], attention([0.5, 0.5, 0], [0, 0, 1]), frames, [0, 2, 2]
    )


@pytest.fixture
def answer(caption):
    alternatives = [("=1+1", 0.75), ("no", 0.25)]
    return Answer("=1+1", 0.75, alternatives, ["is", "it"], caption.attention, caption.frames, [0, 1, 2])


@pytest.fixture
def found(caption, answer):
    answers, labels = [("is it?", answer)], [("x", 0.5)]
    return schema.Description("caf\udce9.mp4", TIMES, caption, answers, labels, note="the end is missing")


def test_json_holds_results_and_their_origin(found):
    values = json.loads(schema.to_json(schema.description(found, INFO)))
    assert values["video"] == "caf?.mp4" and values["model"] == INFO
    assert (values["complete"], values["note"]) == (False, "the end is missing")
    assert values["caption"]["text"] == "a cat" and values["labels"] == [{"label": "x", "probability": 0.5}]
    assert values["answers"][0]["alternatives"][0] == {"answer": "=1+1", "probability": 0.75}
    assert not values["answers"][0]["written"]
    # Frames 2 and 3 of the model are the same frame, at 1 s: it is listed once.
    assert values["caption"]["words"][0]["frames"] == [
        {"seconds": 0.0, "attention": 0.75},
        {"seconds": 1.0, "attention": 0.25},
    ]
    assert [frame["attention"] for frame in values["answers"][0]["frames"]] == [0.625, 0.125, 0.25]


def test_csv_is_read_back_and_runs_no_formula(found):
    text = schema.to_csv(replace(found, video='"a, b".mp4'), INFO)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["kind"] for row in rows] == ["caption", "answer", "label"]
    assert [row["result"] for row in rows] == ["a cat", "'=1+1", "x"]
    assert (
        rows[0]["video"] == '"a, b".mp4'
        and rows[1]["asked"] == "is it?"
        and rows[2]["model_hash"] == "0123456789ab"
    )


def test_what_a_model_does_not_say_is_empty():
    values = schema.description(schema.Description("a.mp4", TIMES), INFO)
    assert values["caption"] is None and values["answers"] == values["labels"] == [] and values["complete"]


def test_a_foreign_clip_has_a_novelty_in_place_of_a_caption():
    found = schema.Description("a.mp4", TIMES, novelty=Novelty(3.5, 1.25))
    values = schema.description(found, INFO)
    assert values["caption"] is None and values["novelty"] == {"score": 3.5, "threshold": 1.25, "foreign": True}
    [row] = csv.DictReader(io.StringIO(schema.to_csv(found, INFO)))
    assert row["kind"] == "novelty" and "no words for this clip" in row["result"] and "3.50" in row["result"]
    assert not Novelty(1.25, 1.25).foreign and Novelty(float("nan"), 1.25).foreign


def test_events():
    values = schema.events([TimedCaption(0.123456, 2, "a cat", 0.5)], "a.mp4", INFO)
    one = {"start": 0.1235, "end": 2, "text": "a cat", "score": 0.5, "foreign": False}
    assert values == {"video": "a.mp4", "model": INFO, "events": [one]}


def test_json_has_no_infinity():
    values = json.loads(schema.to_json({"figures": {"psnr": float("inf"), "ssim": [0.5, -float("inf")]}}))
    assert values == {"figures": {"psnr": "inf", "ssim": [0.5, "-inf"]}}
