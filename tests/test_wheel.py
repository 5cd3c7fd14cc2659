"""The wheel alone, in an environment of its own, used from an empty folder. Slow (`make test-slow`)."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

import vtkeras
from vtkeras.config import shipped_configs
from vtkeras.run_files import SAMPLES, shipped_model

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]


class Installed:
    """An environment with the wheel, and the other packages of the one that runs the tests."""

    def __init__(self, folder, wheel):
        self.folder, self.bin = folder, folder / "env" / "bin"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
        (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
        (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [sys.executable, "-m", "pip", "--python", self.bin / "python", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--force-reinstall", wheel], check=True)
        self.environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def start(self, home, *arguments, **options):
        home.mkdir(exist_ok=True)
        arguments = [self.bin / arguments[0], *map(str, arguments[1:])]
        options |= {"cwd": home, "env": self.environment, "text": True, "start_new_session": True}
        return subprocess.Popen(arguments, **options)

    def __call__(self, home, *arguments):
        """Runs a command in `home`; gives what it prints."""
        process = self.start(home, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = process.communicate(timeout=900)
        assert process.returncode == 0, output
        return output


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, tracked):  # a copy: a build leaves files beside the sources
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder]
    subprocess.run([*build, folder / "source"], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


def test_the_wheel_holds_every_file_and_takes_one_name(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    inside = ("dashboards/", "saved_models/")
    wanted = {f"vtkeras/{name}" if name.startswith(inside) else name for name in tracked}
    wanted = {name for name in wanted if name.startswith("vtkeras/")}
    assert wanted <= names, wanted - names
    assert {name.split("/")[0] for name in names - wanted} == {f"vtkeras-{vtkeras.__version__}.dist-info"}


def test_the_installed_one_is_used(installed, tmp_path):
    assert installed(tmp_path / "home", "vtkeras", "--version") == f"vtkeras {vtkeras.__version__}\n"
    where = installed(tmp_path / "home", "python", "-c", "import vtkeras; print(vtkeras.__file__)")
    assert where.startswith(str(installed.folder))
    installed(tmp_path / "home", "python", "-c", "import vtkeras.dashboards")


def test_predict(installed, tmp_path):
    clip = shipped_model("multitask", "moving_digits") / SAMPLES / "clip_00.mp4"
    for arguments in ([], ["--dense"], ["--model", "saved_models/multitask/moving_digits"]):
        output = installed(tmp_path / "home", "vtkeras", "predict", clip, *arguments)
        assert "digit" in output or "--dense" in arguments
    assert list((tmp_path / "home").iterdir()) == []


CONFIG = """
import sys
from vtkeras.config import load_config
from vtkeras.data.text import build_vocabulary
from vtkeras.tasks import task_of
from vtkeras.training.run import make_source
from vtkeras.training.transfer import start_from
for name in sys.argv[1:]:
    config = load_config(name)
    source = make_source(load_config("demo") if config.data.source == "folder" else config)
    vocabulary, task = build_vocabulary(source.texts(), 4000), task_of(config)
    model = task.build(config, vocabulary, task.active_heads(config, vocabulary))
    if config.train.start_from:
        start_from(model, vocabulary, config.train.start_from, config.train.start_parts, report=print)
    print("built", name)
"""


def test_every_shipped_config(installed, tmp_path):
    output = installed(tmp_path / "home", "python", "-c", CONFIG, *shipped_configs())
    assert output.count("built") == len(shipped_configs()) and output.count("starts with") >= 3


PAGES = """
import sys
from streamlit.testing.v1 import AppTest
from vtkeras.run_files import shipped
for page in ("home", "playground"):
    app = AppTest.from_file(str(shipped("dashboards") / "app.py"), default_timeout=300)
    app.switch_page(f"views/{page}.py").run()
    assert not app.exception and not app.error, (page, app.exception, app.error)
    print([str(option) for box in app.selectbox for option in box.options])
"""


def test_pages_show_the_shipped_models(installed, tmp_path):
    assert "multitask/moving_digits" in installed(tmp_path / "home", "python", "-c", PAGES)


def test_dashboard(installed, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = installed.start(tmp_path / "home", "vtkeras", "dashboard", "--port", port, stdout=subprocess.PIPE)
    try:
        address = f"http://127.0.0.1:{port}/_stcore/health"
        _wait(lambda: urllib.request.urlopen(address).read() == b"ok")
    finally:
        _end(server)


def test_demo_starts(installed, tmp_path):
    """As far as its first training; `test_demo.py` runs the rest."""
    out = tmp_path / "home" / "runs" / "demo"
    demo = installed.start(tmp_path / "home", "vtkeras", "demo", "--no-serve", stdout=subprocess.DEVNULL)
    try:
        _wait(lambda: list((out / "logs" / "train").glob("events*")) or demo.poll())
        assert demo.poll() is None and (tmp_path / "home" / "data" / "moving_digits" / "captions.csv").is_file()
    finally:
        _end(demo)


def _end(process):
    os.killpg(process.pid, signal.SIGTERM)  # and what it started
    process.communicate()


def _wait(done, seconds=900):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if done():
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError("it took too long")
