"""Names of the files of runs and of folders of clips stand in `run_files.py` and nowhere else."""

import ast
from pathlib import Path

import pytest

import vtkeras
from vtkeras import run_files

ROOT = Path(vtkeras.__file__).parent
# `data` and `novelty` are words of their own: folders of others, and an endpoint.
NAMES = {
    value
    for name, value in vars(run_files).items()
    if name.isupper() and name not in ("DATA", "NOVELTY") and isinstance(value, str)
}
FILES = [
    path
    for path in (*sorted(ROOT.rglob("*.py")), *sorted((ROOT.parent / "dashboards").rglob("*.py")))
    if path != ROOT / "run_files.py"
]


def last_part(node):
    """What a text names as a path, "" where it is none; of an f-string what stands at its end."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[-1]
    return node.value.split("/")[-1] if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def spelled(tree):
    """Lines of a program that spell such a name: one that no word of a language looks like, or one behind a `/`."""
    for node in ast.walk(tree):
        name = last_part(node)
        if name in NAMES and not name.isalpha():
            yield node.lineno, name
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and last_part(node.right) in NAMES:
            yield node.lineno, last_part(node.right)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT.parent)))
def test_no_file_name_is_spelled_again(path):
    assert not list(spelled(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("MINE = 'saved_model'", "saved_model"),
        ("run.glob('**/metrics.json')", "metrics.json"),
        ("open(f'{run}/config.yaml')", "config.yaml"),
        ("out / 'features'", "features"),
    ],
)
def test_the_rule_can_fail(program, found):
    assert {name for _, name in spelled(ast.parse(program))} == {found}


def test_words_are_no_file_names():
    assert not list(spelled(ast.parse("{'features': 1}, out / METRICS, f'put a captions.csv into {out}'")))
