"""Heads and tasks are declarations: nothing outside `tasks/` asks which one it has by its name."""

import ast
from pathlib import Path

import pytest

import vtkeras
from vtkeras.tasks import HEADS, TASKS

ROOT = Path(vtkeras.__file__).parent
NAMES = set(HEADS) | set(TASKS)
# Columns of data files have the names of heads: a caption is a column wherever data are read.
DATA_FILES = ("data", "evaluation/score.py", "aliases.py", "keys.py")
FILES = [
    path
    for path in (*sorted(ROOT.rglob("*.py")), *sorted((ROOT.parent / "dashboards").rglob("*.py")))
    if "tasks" not in path.parts and not any((ROOT / place) in (path, *path.parents) for place in DATA_FILES)
]


def named(node):
    """The names of heads and tasks among the constants of an expression."""
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and one.value in NAMES}


def branches(tree):
    """Where a program compares with such a name, or chooses by one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            found = set().union(*(named(side) for side in (node.left, *node.comparators)))
        elif isinstance(node, ast.match_case):
            found = named(node.pattern)
        else:
            continue
        if found:
            yield node.lineno if hasattr(node, "lineno") else node.pattern.lineno, found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT.parent)))
def test_no_branch_on_a_name(path):
    assert not list(branches(ast.parse(path.read_text(encoding="utf-8"))))


def test_the_rule_can_fail():
    assert list(branches(ast.parse("if task == 'multitask':\n    pass\n"))) == [(1, {"multitask"})]
    assert list(branches(ast.parse("a = 'caption' in heads\n"))) == [(1, {"caption"})]
    assert list(branches(ast.parse("match head:\n    case 'label':\n        pass\n"))) == [(2, {"label"})]
    assert not list(branches(ast.parse("a = task.name\n")))
