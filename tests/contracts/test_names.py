"""Heads and tasks are declarations: nothing outside `tasks/heads` asks which one it has by its name or its field."""

import ast
from pathlib import Path

import pytest

import vtkeras
from vtkeras import keys
from vtkeras.tasks import HEADS, TASKS

ROOT = Path(vtkeras.__file__).parent
NAMES = set(HEADS) | set(TASKS)
# Columns of data files have the names of heads: a caption is a column wherever data are read. Aliases are of old names.
EXEMPT = {ROOT / place for place in ("tasks/heads", "data", "aliases.py")}
FILES = [
    path
    for path in (*sorted(ROOT.rglob("*.py")), *sorted((ROOT.parent / "dashboards").rglob("*.py")))
    if EXEMPT.isdisjoint((path, *path.parents))
]


def constant(node):
    """What a text or `keys.NAME` is worth; READS_VIDEO and the like name what is read, no head."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "keys":
        return None if node.attr.startswith("READS_") else getattr(keys, node.attr)
    return node.value if isinstance(node, ast.Constant) else None


def named(node):
    """The names of heads and tasks among the constants of an expression."""
    return {constant(one) for one in ast.walk(node)} & NAMES


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


def test_tasks_are_held_to_it_too():
    assert {ROOT / "tasks" / "base.py", ROOT / "tasks" / "video_text.py", ROOT / "evaluation" / "score.py"} <= {*FILES}


def test_the_rule_can_fail():
    assert list(branches(ast.parse("if task == 'multitask':\n    pass\n"))) == [(1, {"multitask"})]
    assert list(branches(ast.parse("a = 'caption' in heads\n"))) == [(1, {"caption"})]
    assert list(branches(ast.parse("a = head.field == keys.ANSWER\n"))) == [(1, {"answer"})]
    assert list(branches(ast.parse("match head:\n    case 'label':\n        pass\n"))) == [(2, {"label"})]
    assert list(branches(ast.parse("match head:\n    case keys.LABEL:\n        pass\n"))) == [(2, {"label"})]
    assert not list(branches(ast.parse("a = task.name\n")))
    assert not list(branches(ast.parse("a = reads == keys.READS_VIDEO\n")))
