"""A plan that was stopped while it exported what it had trained."""

import pytest
from fixtures.videos import make_image
from test_cli import call, refused

import vtkeras.export
from vtkeras.run_files import CHECKPOINTS, PLAN_TABLE, README, SAVED_MODEL


@pytest.fixture
def stopped(tmp_path):
    (tmp_path / "run" / CHECKPOINTS).mkdir(parents=True)
    (tmp_path / "run" / PLAN_TABLE).write_text("| tried |\n")
    (tmp_path / "data").mkdir()
    return tmp_path / "run"


def test_the_same_command_goes_on_with_the_export(stopped, monkeypatch):
    (stopped / SAVED_MODEL).mkdir()  # the later files of an export are not there
    exported = []
    monkeypatch.setattr(vtkeras.export, "export_run", lambda folder, report: exported.append(folder))
    code, told = call("train", "--data", stopped.parent / "data", "--out", stopped)
    assert code == 0 and exported == [stopped] and "whose export was stopped: going on with that" in told


@pytest.mark.parametrize("lacks_export", [True, False])
def test_other_runs_stay_as_they_are(stopped, lacks_export, monkeypatch, capsys):
    (stopped / PLAN_TABLE).unlink()
    if not lacks_export:
        (stopped / README).touch()
    told = refused(monkeypatch, capsys, "train", "--data", stopped.parent / "data", "--out", stopped)
    assert "already holds a run: choose another --out" in told and ("vtkeras export" in told) is lacks_export


def test_a_refused_plan_leaves_no_folder(monkeypatch, capsys, tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / "mine" / label).mkdir(parents=True)
        make_image(tmp_path / "mine" / label / "a.png")
    run = tmp_path / "runs" / "mine"
    assert "A plan needs 3 videos" in refused(monkeypatch, capsys, "train", "--data", tmp_path / "mine", "--out", run)
    assert not run.exists()
