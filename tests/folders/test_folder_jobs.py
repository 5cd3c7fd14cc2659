"""Work in a process of its own: started once, ended with its owner."""

import subprocess
import sys

from vtkeras.folders import jobs


class Process:
    def __init__(self):
        self.code = None

    def poll(self):
        return self.code


def test_started_once_while_it_runs(store, monkeypatch):
    started = []
    monkeypatch.setattr(jobs, "start_beside", lambda *given: started.append((given, Process())) or started[-1][1])
    assert not jobs.is_running(store)
    jobs.start(store)
    jobs.start(store)
    assert [given for given, _ in started] == [("vtkeras.folders.study", store.folder)] and jobs.is_running(store)
    started[0][1].code = 1
    assert not jobs.is_running(store)
    jobs.start(store)
    assert len(started) == 2


def test_another_process_at_it_counts(store):
    with store.held():
        assert jobs.is_running(store)
    assert not jobs.is_running(store)


OWNER = """
import os, sys
from vtkeras.processes import start_beside
helper = start_beside("waits")
print(helper.pid, flush=True)
sys.stdin.read()
os._exit(9)  # as if it were killed
"""
HELPER = """
import sys, time
from vtkeras.processes import end_with_owner
end_with_owner(lambda: open(sys.path[0] + "/ended", "w").close())
open("ready", "w").close()
time.sleep(600)
"""


def test_a_helper_ends_with_its_owner(tmp_path):
    (tmp_path / "waits.py").write_text(HELPER)
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    owner.stdout.readline()
    owner.communicate(timeout=60)  # ends both standard input and, once the helper has ended, standard output
    assert owner.returncode == 9 and (tmp_path / "ended").exists()
