"""Which room may import which."""

import ast
import re
from pathlib import Path

import pytest

import vtkeras

ROOT = Path(vtkeras.__file__).parent
TABLE = ROOT.parent / "docs" / "architecture.md"
EVERYONE = {"aliases", "keys", "config", "errors", "interrupts", "spreadsheets"}
EVERYONE |= {"run_files", "whole_files", "path_checks"}
MODEL_PARTS = {"layers", "encoders", "fusion", "losses", "models", "generation"}


def allowed():
    """Rooms and what they may import, from the table in docs/architecture.md."""
    section = TABLE.read_text(encoding="utf-8").split("## Allowed imports")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+`) \| (.+) \|$", section, re.MULTILINE)
    table = {}
    for rooms, may in rows:
        for room in re.findall(r"`(\w+)`", rooms):
            table[room] = {*re.findall(r"`([\w.]+)`", may)} | (set() if room in EVERYONE else EVERYONE)
    return table


ALLOWED = allowed()


def imported(path):
    """Dotted names of every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: import by the full name"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_module(name):
    path = ROOT.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def room_of(path):
    return path.relative_to(ROOT).with_suffix("").parts[0]


FILES: dict[str, list[Path]] = {}
for path in sorted(ROOT.rglob("*.py")):
    FILES.setdefault(room_of(path), []).append(path)
FILES["dashboards"] = sorted((ROOT.parent / "dashboards").rglob("*.py"))


@pytest.mark.parametrize("room", sorted(set(FILES) - {"__init__", "__main__", "cli", "demo"}))
def test_room_imports_only_what_it_may(room):
    assert room in ALLOWED, f"say in {TABLE} what the new room vtkeras/{room} may import"
    may = {f"vtkeras.{name}" for name in ALLOWED[room] | {room}}
    for file in FILES[room]:
        for name in imported(file):
            if name.startswith("vtkeras.") and is_module(name):
                inside = any(name == good or name.startswith(good + ".") for good in may)
                assert inside, f"{file} imports {name}"


def test_rooms_exist():
    named = set(ALLOWED) | set().union(*ALLOWED.values())
    missing = [name for name in sorted(named - {"dashboards"}) if not is_module(f"vtkeras.{name}")]
    assert not missing, f"{TABLE} names {missing}"


@pytest.mark.parametrize("room", sorted(MODEL_PARTS))
def test_model_parts_are_keras_ops_only(room):
    for file in FILES[room]:
        found = [name for name in imported(file) if name.split(".")[0] in ("tensorflow", "jax", "torch")]
        assert not found, f"{file} imports {found}"


def test_nobody_imports_a_page():
    """A page draws as it is imported: without a visitor, what it draws stays in Streamlit for good."""
    for file in [*FILES["dashboards"], *(ROOT.parent / "tests").rglob("*.py")]:
        assert not [name for name in imported(file) if name.startswith("dashboards.views")], file


def test_the_rule_can_fail(tmp_path):
    (tmp_path / "a.py").write_text("def f():\n    from vtkeras.models import build\n    import tensorflow\n")
    assert list(imported(tmp_path / "a.py")) == ["vtkeras.models", "vtkeras.models.build", "tensorflow"]
    assert is_module("vtkeras.models.build") and not is_module("vtkeras.keys.FRAMES")
