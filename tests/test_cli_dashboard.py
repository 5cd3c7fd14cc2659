"""`vtkeras open` and `vtkeras demo`: what is served, and what works behind it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fixtures.videos import make_image
from typer.testing import CliRunner

import vtkeras
from vtkeras.cli import app
from vtkeras.cli import dashboard as commands
from vtkeras.errors import UserError
from vtkeras.folders import jobs

ROOT = Path(vtkeras.__file__).parent.parent


@pytest.fixture
def events(monkeypatch):
    """What was started and ended, in order; the server ends at once with Ctrl-C."""
    events = []

    class Server:
        def __init__(self, command, env):
            self.folder = env.get("VTKERAS_FOLDER")
            events.append(("server", command[2], self.folder))

        def wait(self):
            if ("terminated", "server") not in events:
                raise KeyboardInterrupt
            return -signal.SIGTERM

        def terminate(self):
            events.append(("terminated", "server"))

    monkeypatch.setattr(commands, "Popen", Server)
    monkeypatch.setattr(commands, "_refuse_taken", lambda port, address: None)
    monkeypatch.setattr(commands, "start_beside", lambda *given: events.append(given))
    monkeypatch.setattr(jobs, "start", lambda store: events.append(("looks at", store.folder)))
    return events


def call(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_demo_serves_first_and_trains_behind_it(events, tmp_path):
    result = call("demo", "--out", tmp_path / "runs", "--port", 8599)
    assert result.exit_code == 130 and "dashboard: http://127.0.0.1:8599" in result.stdout
    assert events == [
        ("server", "streamlit", None), ("vtkeras.demo", tmp_path / "runs"), ("terminated", "server")
    ]  # fmt: skip


def test_open_serves_the_folder_and_looks_at_it_behind(events, tmp_path):
    make_image(tmp_path / "a.png")
    result = call("open", tmp_path)
    assert "1 videos and pictures" in result.stdout and "training" not in result.output
    assert result.exit_code == 130 and "the dashboard is closed; what worked behind it goes on" in result.output
    assert events == [
        ("server", "streamlit", str(tmp_path)), ("looks at", tmp_path), ("terminated", "server")
    ]  # fmt: skip


def test_a_folder_without_files_is_refused_before_anything_starts(events, tmp_path):
    with pytest.raises(UserError, match="holds no videos or pictures"):
        CliRunner().invoke(app, ["open", str(tmp_path)], catch_exceptions=False)
    assert not events


DEMO = """
import sys
from vtkeras.cli import dashboard
from vtkeras.processes import start_beside
sys.argv = ["vtkeras", "demo", "--port", "8599"]
dashboard._refuse_taken = lambda *_: None
dashboard.shipped = lambda name: __import__("pathlib").Path()
dashboard.start_beside = lambda *_: start_beside("waits", "training")

dashboard.Popen = lambda *_, **__: start_beside("waits", "serving")
dashboard.app()
"""
WAITS = """
import os, sys, time
from vtkeras.processes import end_with_owner
end_with_owner()
open(f"{sys.argv[1]} {os.getpid()}", "w").close()
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_server_and_training(tmp_path, number):
    (tmp_path / "waits.py").write_text(WAITS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    demo = subprocess.Popen([sys.executable, "-c", DEMO], cwd=tmp_path, env=environment)
    try:
        wait_for(lambda: len(list(tmp_path.glob("*ing [0-9]*"))) == 2)
        helpers = [int(path.name.split()[1]) for path in tmp_path.glob("*ing [0-9]*")]
        demo.send_signal(number)
        assert demo.wait(60) in (130, 143)
        wait_for(lambda: not any(is_alive(helper) for helper in helpers))
    finally:
        demo.kill()


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
