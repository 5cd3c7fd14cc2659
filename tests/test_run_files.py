"""Finding what ships, and names that cost nothing to load."""

import subprocess
import sys

import pytest

from vtkeras.errors import UserError
from vtkeras.run_files import CONFIG_FILE, shipped, shipped_model


def test_shipped_models_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (shipped_model("multitask", "moving_digits") / CONFIG_FILE).is_file()
    with pytest.raises(UserError, match="use one of .*multitask/moving_digits"):
        shipped_model("multitask", "cats")
    with pytest.raises(UserError, match="has no elephants"):
        shipped("elephants")


@pytest.mark.parametrize("module", ["run_files", "whole_files", "path_checks"])
def test_it_loads_without_tensorflow(module):
    program = f"import sys, vtkeras.{module}; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
