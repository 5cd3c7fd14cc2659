"""Cells that a spreadsheet would run as formulas."""

import csv

import pytest

from vtkeras.evaluation.tables import PredictionTable
from vtkeras.spreadsheets import as_written, harmless
from vtkeras.workspace.evaluations import _read_predictions


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\tx", "a=1", "'=1", "''=1", "'tis", "'", "", "a dog"])
def test_a_cell_is_harmless_and_comes_back(text):
    assert not harmless(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert as_written(harmless(text)) == text


def test_predictions_are_written_harmless_and_read_as_they_were(tmp_path):
    table = PredictionTable()
    texts = {"clip": "=a.mp4", "text": "@what?", "caption": "-1", "caption_predicted": "'=x", "caption_correct": "0"}
    table.rows.append({"split": "test", "example": 0, "system": "+run", **texts})
    with open(table.write(tmp_path), newline="", encoding="utf-8") as file:
        [written] = csv.DictReader(file)
    assert written["clip"] == "'=a.mp4" and written["caption_predicted"] == "''=x" and written["system"] == "'+run"
    [read] = _read_predictions(tmp_path).to_dict("records")
    assert {name: read[name] for name in texts} == texts and read["system"] == "+run"
