"""Commands and options that the documents name are there."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from vtkeras import run_files
from vtkeras.cli import app
from vtkeras.config import Config, describe_options, load_config

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("saved_models/*/*/README.md")])
OPTIONS = {re.match(r"[\w.\[\]]+", line).group().replace("[]", "") for line in describe_options(Config, "")}


def commands(text):
    """Arguments of every `vtkeras ...` in the blocks of a page."""
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in [] if language else block.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                words = shlex.split(part, comments=True)
                if words and words[0].endswith("vtkeras"):
                    yield words[1:]


def parse(words):
    """Parameters of a command line that is read but not run; a mistake raises what a user would see."""
    command, context = typer.main.get_command(app), None
    while hasattr(command, "commands"):
        context = typer.Context(command, parent=context)
        name, command, words = command.resolve_command(context, words)
    return command.make_context(name, list(words), parent=context).params


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_can_be_given(page):
    for words in commands(page.read_text(encoding="utf-8")):
        given = parse(words)
        if given.get("config") and "override" in given and not given["config"].endswith(".yaml"):
            load_config(given["config"], given["override"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_of_configs_are_there(page):
    for name in re.findall(r"`((?:data|model|train)\.[a-z_.]+)", page.read_text(encoding="utf-8")):
        module = ROOT / "vtkeras" / f"{name.replace('.', '/')}.py"
        assert name in OPTIONS | {"model.fit", "model.keras"} or module.exists(), f"no option {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_targets_of_make_are_there(page):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = re.findall(r"```.*?```|`[^`]+`", page.read_text(encoding="utf-8"), re.DOTALL)
    assert set(re.findall(r"\bmake (\w[\w-]*)", "\n".join(code))) <= targets


def test_files_of_a_run_are_told():
    page = (ROOT / "docs" / "run_files.md").read_text(encoding="utf-8")
    for name, value in vars(run_files).items():
        if name.isupper() and isinstance(value, str):
            assert value in page, f"docs/run_files.md says nothing of {value}"


def test_a_wrong_command_is_found():
    with pytest.raises(Exception, match="No such option: --colour"):
        parse(["predict", "clip.mp4", "--colour", "red"])
