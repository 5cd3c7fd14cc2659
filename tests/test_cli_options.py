"""What every command refuses before it works: numbers out of bounds, outputs that cannot be written, idle options."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import vtkeras
from vtkeras import cli
from vtkeras.cli import common
from vtkeras.errors import UserError, command


def is_flag(name):
    return name.startswith("-")


ROOT = typer.main.get_command(cli.app)
COMMANDS = {
    **{name: command for name, command in ROOT.commands.items() if not hasattr(command, "commands")},
    **{
        f"{group} {name}": command
        for group in ("data", "pretrained")
        for name, command in ROOT.commands[group].commands.items()
    },
}
OPTIONS = {
    f"{name} {option.opts[0]}": (command, option)
    for name, command in COMMANDS.items()
    for option in command.params
    if is_flag(option.opts[0])
}
DECODING = {"beams", "length_penalty", "temperature", "top_k", "top_p", "min_length", "max_length", "no_repeat"}
NUMBERS = [
    name
    for name, (_, option) in OPTIONS.items()
    if option.type_descriptor.annotation in (int, float)
    and not (name.startswith("predict ") and option.name in DECODING | {"seed"})  # tests/serving/test_decoding.py
]
OUTPUTS = [name for name in OPTIONS if name.split()[-1] in ("--out", "--picture", "--vtt")]


def parse(command, *arguments):
    """Reads the options, with their callbacks, and runs nothing."""
    return command.make_context("vtkeras", [*_needed(command), *map(str, arguments)])


def _needed(command, but=None):
    needed = [option for option in command.params if option.required and option is not but]
    return [part for option in needed for part in [*filter(is_flag, option.opts[:1]), "absent"]]


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["vtkeras", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code, capsys.readouterr()


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e300", "1" + 30 * "0", "-1" + 30 * "0"])
def test_numbers_are_finite_and_bounded(name, value):
    command, option = OPTIONS[name]
    with pytest.raises(typer.BadParameter) as error:
        parse(command, f"{option.opts[0]}={value}")
    assert option.opts[0] in error.value.format_message() and error.value.exit_code == 2


def test_there_are_numbers_and_outputs():
    assert len(NUMBERS) > 15 and len(OUTPUTS) > 8


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_that_cannot_be_written(name, tmp_path, monkeypatch, capsys):
    """Refused before anything is read: what else the command is given is not there."""
    command, option = OPTIONS[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", Path("/proc")):
        arguments = [*name.split()[:-1], *_needed(command, option), option.opts[0], folder / "out"]
        code, told = run(monkeypatch, capsys, *arguments)
        assert code == 2 and str(folder) in told.err and told.err.count("\n") == 1, told.err


MISSING = """
import sys
from vtkeras.cli import main
for command in %r:
    sys.argv = ["vtkeras", *command]
    try:
        main()
    except SystemExit as stop:
        assert stop.code == 2 and not {"tensorflow", "numpy"} & set(sys.modules), command
    else:
        raise AssertionError(command)
"""


def test_what_is_no_run_and_holds_no_videos_is_refused_before_tensorflow_loads(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    commands = ["evaluate empty", "export empty", "predict clip.mp4 --model empty", "train --data empty"]
    program = MISSING.replace(', "numpy"', "") % [command.split() for command in commands]
    environment = {**os.environ, "PYTHONPATH": str(Path(vtkeras.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("empty is not a run") == 3 and "empty holds no videos or pictures" in done.stderr


def test_what_is_not_there_is_refused_before_anything_heavy_loads(tmp_path):
    commands = [
        "data ingest absent --captions absent --out out", "data ingest . --captions absent --out out",
        "data verify absent", "data check absent", "data clean absent",
        "data vqa . --questions absent --annotations absent",
        "explain absent", "summarize absent", "summarize . --transcript absent", "explain . --model absent",
        "evaluate-attention absent", "train-scorer absent", "evaluate-summary absent",
        "evaluate-summary --tvsum absent",
        "train --data absent", "evaluate absent", "evaluate . --compare absent", "score absent absent",
        "compare-fusions --data absent", "export absent", "migrate absent",
    ]  # fmt: skip
    program = MISSING % [command.split() for command in commands]
    environment = {**os.environ, "PYTHONPATH": str(Path(vtkeras.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == len(commands) * "vtkeras: There is no file or folder absent: check the path.\n"


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["predict", "a.mp4", "--dense", "--question", "why?"], "--question does nothing with --dense"),
        (["predict", "a.mp4", "--dense", "--beams", "4"], "--beams does nothing with --dense"),
        (["predict", "a.mp4", "--dense", "--picture", "a.png"], "--picture does nothing with --dense"),
        (["predict", "a.mp4", "--vtt", "a.vtt"], "--vtt does nothing without --dense"),
        (["predict", "a.mp4", "--least", "0.5"], "--least does nothing without --dense"),
        (["evaluate-summary", "--tvsum", "a.mat", "--seed", "1"], "--seed does nothing with --tvsum"),
    ],
)
def test_options_that_would_do_nothing(arguments, told, monkeypatch, capsys):
    code, said = run(monkeypatch, capsys, *arguments)
    assert code == 2 and said.err == f"vtkeras: {told}: leave it out.\n"


def test_every_option_of_predict_is_for_one_of_its_ways():
    from vtkeras.cli.prediction import NOT_DENSE, ONLY_DENSE

    both = {"videos", "model", "as_json", "as_json_lines", "dense"}
    assert {option.name for option in COMMANDS["predict"].params} == both | {*NOT_DENSE} | {*ONLY_DENSE}


def test_version(monkeypatch, capsys):
    assert run(monkeypatch, capsys, "--version") == (0, (f"vtkeras {vtkeras.__version__}\n", ""))


def test_a_full_disk_met_where_nobody_expects_it(monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("vtkeras.data.shards.verify", full)
    code, told = run(monkeypatch, capsys, "data", "verify", ".")
    assert code == 2 and "disk is full" in told.err and told.err.count("\n") == 1


def test_other_errors_keep_their_traceback(monkeypatch, capsys):
    def broken(*_, **__):
        raise ValueError("a mistake of ours")

    monkeypatch.setattr("vtkeras.data.shards.verify", broken)
    monkeypatch.setattr("sys.argv", ["vtkeras", "data", "verify", "."])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    told = capsys.readouterr().err
    assert stop.value.code == 1 and "Traceback" in told and "ValueError: a mistake of ours" in told


def test_a_refusal_is_a_user_error_without_the_command_line(tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        parse(COMMANDS["predict"], "--picture", tmp_path / "none" / "a.png")


def test_commands_that_are_printed_are_quoted_for_a_shell():
    """By `errors.command`: a folder's name may hold spaces."""
    assert command("export", Path("my runs/demo")) == "vtkeras export 'my runs/demo'"
    root = Path(vtkeras.__file__).parents[1]
    files = [path for room in ("vtkeras", "dashboards") for path in (root / room).rglob("*.py")]
    bare = re.compile(rf"""vtkeras ({"|".join(ROOT.commands)}) [^"`;\n]*\{{[a-z]""")
    assert bare.search("run `vtkeras export {folder}`")
    assert not [(path, found.group()) for path in files for found in bare.finditer(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["tag", "a.mp4", "--find", " "], "--find is empty"),
        (["data", "check", "."], "holds no manifest.json"),
        (["dashboard", "--address", "nowhere.invalid"], "--address"),
    ],
)
def test_one_line_and_nothing_before_it(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, printed = run(monkeypatch, capsys, *arguments)
    assert code == 2 and told in printed.err and printed.err.count("\n") == 1 and not printed.out


def test_help_names_every_command(monkeypatch, capsys):
    code, printed = run(monkeypatch, capsys, "--help")
    assert code == 0 and "Heavy imports" not in printed.out
    assert all(name in printed.out for name in ROOT.commands)


def test_names_with_control_characters_are_shown_on_one_line(capsys):
    first, second = Path("two\nlines.mp4"), Path("a\ttab \x1b[31m.mp4")
    with pytest.raises(typer.Exit), common.shown([first, second], as_json=False) as (show, set_aside):
        show(str(first), {}, ["caption: one\u2028two"])
        with set_aside():
            raise UserError(f"{second} is empty.")
    printed = capsys.readouterr()
    assert printed.out == "two\\nlines.mp4:\ncaption: one\\u2028two\n"
    assert printed.err == "vtkeras: a\\ttab \\x1b[31m.mp4 is empty.\n"
    assert common.one_line("émigré 猫 \udcff.mp4") == "émigré 猫 \udcff.mp4"
