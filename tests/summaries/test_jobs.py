import json
import sys
import time
from pathlib import Path

import pytest
from fixtures.videos import make_video

from vtkeras.summaries import jobs


def wait(folder, seconds=120):
    """The job's last state."""
    for _ in range(10 * seconds):
        state = jobs.status(folder)
        if state.state != jobs.RUNNING:
            return state
        time.sleep(0.1)
    raise AssertionError("the job does not end")


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Replaces the command by a program of one line; gives a callable that sets the line."""
    program = tmp_path / "program"

    def set_line(line):
        program.write_text(f"#!{sys.executable}\nimport sys, time, pathlib\nargs = sys.argv\n{line}\n")
        program.chmod(0o755)
        monkeypatch.setattr(jobs.sys, "executable", str(program))

    return set_line


def test_the_same_video_and_model_have_one_folder(tmp_path):
    video = make_video(tmp_path / "a.mp4", 2)
    folder = jobs.job_folder(tmp_path, video, "m")
    assert folder == jobs.job_folder(tmp_path, video, "m") != jobs.job_folder(tmp_path, video, "n")
    assert jobs.status(folder) is None


def test_a_job_that_fails_says_why(tmp_path, stand_in):
    stand_in("sys.exit(print('vtkeras: a.mp4 is empty.', file=sys.stderr) or 2)")
    jobs.start("a.mp4", "m", tmp_path / "job")
    assert wait(tmp_path / "job") == jobs.Status(jobs.FAILED, 0.0, 0, "a.mp4 is empty.")


def test_a_job_is_followed_and_stopped(tmp_path, stand_in):
    stand_in("time.sleep(600)")
    folder = tmp_path / "job"
    jobs.start("a.mp4", "m", folder)
    (folder / "shots.jsonl").write_text('{"version": 1}\n{"end": 2.0}\n{"end": 5.5}\n{"end": 7.')
    assert jobs.status(folder) == jobs.Status(jobs.RUNNING, 5.5, 3)
    command_line = Path(f"/proc/{jobs._PROCESSES[folder].pid}/cmdline")
    while not command_line.read_bytes():  # the kernel shows it a moment after the start
        time.sleep(0.01)
    del jobs._PROCESSES[folder]  # as another server would see it
    assert jobs.status(folder).state == jobs.RUNNING
    jobs.stop(folder)
    assert wait(folder).state == jobs.STOPPED


def test_a_number_that_another_program_has_is_no_job(tmp_path):
    import os

    (tmp_path / jobs.JOB).write_text(json.dumps({"pid": os.getpid(), "video": "a.mp4"}))
    assert jobs.status(tmp_path).state == jobs.STOPPED
    jobs.stop(tmp_path)  # does not interrupt these tests
