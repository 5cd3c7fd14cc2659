import csv
import io
import json

import numpy as np
import pytest

from vtkeras.serving import schema
from vtkeras.serving.results import Answer, Caption

INFO = {"name": "tiny", "task": "multitask", "model_hash": "0123456789ab", "data": "x", "metrics": {"a": 1}}
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


def test_json_holds_results_and_their_origin(caption, answer):
    values = json.loads(schema.to_json(INFO, "a.mp4", TIMES, caption, [("is it?", answer)], [("x", 0.5)]))
    assert values["model"]["model_hash"] == "0123456789ab" and values["model"]["metrics"] == {"a": 1}
    assert values["caption"]["text"] == "a cat" and values["labels"] == {"x": 0.5}
    # Frames 2 and 3 of the model are the same frame, at 1 s: it is listed once.
    assert values["caption"]["words"][0]["frames"] == [
        {"seconds": 0.0, "attention": 0.75},
        {"seconds": 1.0, "attention": 0.25},
    ]
    assert [frame["attention"] for frame in values["answers"][0]["frames"]] == [0.625, 0.125, 0.25]


def test_csv_is_read_back_and_runs_no_formula(caption, answer):
    text = schema.to_csv(INFO, '"a, b".mp4', caption, [("is it?", answer)], [("x", 0.5)])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["kind"] for row in rows] == ["caption", "answer", "label"]
    assert [row["result"] for row in rows] == ["a cat", "'=1+1", "x"]
    assert (
        rows[0]["video"] == '"a, b".mp4'
        and rows[1]["asked"] == "is it?"
        and rows[2]["model_hash"] == "0123456789ab"
    )
