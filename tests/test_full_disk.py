"""What TensorFlow and Keras write onto a disk that is really full ends in one sentence, and what was there stays."""

import ast
import gc
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from fixtures.full_disk import small_disk

import vtkeras
from vtkeras.config import Config, load_config, save_config
from vtkeras.data.text import Vocabulary
from vtkeras.errors import UserError
from vtkeras.whole_files import disk_errors, replacing_folder, write_arrays

FULL = "disk is full.* what was there stays"


@pytest.fixture
def disk(tmp_path):
    """A folder with a config and a vocabulary, and no room for anything else."""
    with small_disk(tmp_path / "disk", 256) as folder:
        save_config(Config(name="before"), folder / "config.yaml")
        Vocabulary(("a",), (), ()).save(folder / "vocabulary.json")
        with pytest.raises(OSError), open(folder / "filler", "wb") as file:
            for size in (100_000, 10_000, 1_000, 1):
                while size > 1 or file.tell() < 2**20:
                    try:
                        file.write(bytes(size))
                        file.flush()
                    except OSError:
                        if size == 1:
                            raise
                        break
        yield folder


def test_config_and_vocabulary_are_never_empty(disk):
    with pytest.raises(UserError, match=FULL):
        save_config(Config(name="after"), disk / "config.yaml")
    with pytest.raises(UserError, match=FULL):
        Vocabulary(("a", "b"), (), ()).save(disk / "vocabulary.json")
    assert load_config(str(disk / "config.yaml")).name == "before"
    assert Vocabulary.load(disk / "vocabulary.json").tokens == ("a",)


def test_saved_model(disk):
    module = tf.Module()
    module.weights = tf.Variable(np.zeros(1_000_000, np.float32))
    with pytest.raises(UserError, match=FULL), replacing_folder(disk / "saved_model") as temporary:
        tf.saved_model.save(module, str(temporary))
    assert not (disk / "saved_model").exists() and len(list(disk.iterdir())) == 3


@pytest.mark.filterwarnings("error")  # an archive that is closed too late
def test_checkpoint(disk):
    with pytest.raises(UserError, match=FULL):
        write_arrays(disk / "best.npz", {"v0": np.zeros(100_000)})
    gc.collect()
    assert len(list(disk.iterdir())) == 3


def test_tensorboard(disk):
    with pytest.raises(UserError, match=FULL), disk_errors(disk / "logs"):
        writer = tf.summary.create_file_writer(str(disk / "logs"))
        with writer.as_default(step=0):
            tf.summary.text("a", "x" * 500_000)
        writer.flush()


WRITERS = {"write_text", "write_bytes", "savez", "replace", "rename", "savez_compressed"}
APPENDS = {"shot_features.py"}  # a log, a line a shot, that is cut back to its last whole line


TEMPORARY = {"temporary", "path / CAPTIONS_FILE", "terminal"}  # the second in a folder that is, the last no file


def opens_to_write(node):
    """Whether a node of the syntax tree calls `open` with a mode that empties the file."""
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
    return called and any(isinstance(one, ast.Constant) and "w" in str(one.value) for one in node.args[1:])


def test_nobody_else_writes():
    """Files are written by `whole_files`, or to the temporary path that it yields."""
    for path in Path(vtkeras.__file__).parent.rglob("*.py"):
        if path.name == "whole_files.py" or path.name in APPENDS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if opens_to_write(node):
                assert ast.unparse(node.args[0]) in TEMPORARY, f"{path}:{node.lineno} writes by itself"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS:
                owner = ast.unparse(node.func.value)
                to = ast.unparse(node.args[0]) if node.args else ""
                to_text = node.func.attr == "replace" and owner != "os"  # of strings and dataclasses
                assert to_text or "temporary" in (owner, to), f"{path}:{node.lineno} writes by itself"
