"""The demo reaches what it promises. Slow: trains for minutes (`make test-slow`)."""

import json

import pytest

from vtkeras.demo import run_demo


@pytest.mark.slow
def test_demo_names_unseen_handwriting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = run_demo("runs")
    systems = json.loads((run / "metrics.json").read_text())["splits"]["one_digit"]["systems"]
    exact = systems["demo (cross_attention)"]["caption_exact"]
    assert exact >= 0.80
    assert exact >= 1.5 * systems["nearest training clip"]["caption_exact"]
    assert (run / "saved_model" / "saved_model.pb").is_file()
    lines = []
    run_demo("runs", report=lines.append)  # a second run has nothing to do
    assert sum("is trained already" in line for line in lines) == 2
