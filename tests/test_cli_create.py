"""`vtkeras generate --interactive`: rounds in a terminal, over a generator of 4 x 4 frames."""

import numpy as np
import pytest
from fixtures.generator import FakeGenerator
from PIL import Image
from typer.testing import CliRunner

from vtkeras.cli import app, create
from vtkeras.data.video import read_frames
from vtkeras.errors import UserError
from vtkeras.serving.generation_rounds import FIRST_FRAME
from vtkeras.serving.generation_session import GenerationSession
from vtkeras.serving.generator import Generator


@pytest.fixture
def session():
    return GenerationSession(FakeGenerator(), "bright square", candidates=3)


def talk(session, out, *lines):
    """What the terminal shows of a session in which the user writes these lines, and then ends the input."""
    lines, told = iter(lines), []

    def ask(prompt):
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    create.run(session, out, ask, told.append)
    return told


def test_rounds_are_written_and_the_session_after_every_step(session, tmp_path):
    lines = ("lock content 1", "lock first frame 2", "edit dark square", "", "more 2 less 3", "end", "others")
    told = talk(session, tmp_path, *lines)
    done = ["“bright square”", "locked the content of 1", "locked the first frame of 2", "“dark square”"]
    assert session.history == [*done, "more like 2; less like 3"]
    kept = "the first 1 as before; locked: content, first frame"
    assert told[-3] == f"{tmp_path}/round_05: 3 candidates of “dark square”; {kept}"
    for number in range(1, 6):
        names = {path.name for path in (tmp_path / f"round_0{number}").iterdir()}
        assert names == {"contact_sheet.png", *(f"{place}.{kind}" for place in (1, 2, 3) for kind in ("mp4", "gif"))}
    assert Image.open(tmp_path / "round_01" / "contact_sheet.png").size == (3 * 4, 3 * 4)
    assert len(read_frames(tmp_path / "round_01" / "1.mp4", 16).frames) == 3
    again = GenerationSession.load(tmp_path / "session.json", FakeGenerator())
    assert again.history == session.history and np.array_equal(again.clips, session.clips)


def test_steps_by_their_words(session, tmp_path):
    told = talk(session, tmp_path, "less 1 more 2 3", "others", "undo", "lock content 1", "unlock content", "history")
    assert told[-3].splitlines() == session.history
    assert session.history[1:] == ["more like 2, 3; less like 1", "locked the content of 1", "unlocked the content"]


@pytest.mark.parametrize(
    "line, words",
    [
        ("dance", "'dance' is unknown: say more, less, others, edit, lock, unlock, undo, history, help, end."),
        ("more x", "'x' is no candidate"),
        ("more 0", "'0' is no candidate"),
        ("more 4", "There is no candidate 4: choose 1 to 3."),
        ("less 70", "There is no candidate 70: choose 1 to 3."),
        (f"more {'9' * 5000}", "is no candidate: give its number, from 1."),
        ("lock motion", "e.g. 'lock motion 2'"),
        ("lock colour 1", "content, motion, first frame"),
        ("unlock motion", "not locked"),
        ("edit a zebra", "zebra"),
        ("undo", "nothing to undo"),
    ],
)
def test_what_cannot_be_done_is_told_and_asked_again(session, tmp_path, line, words):
    told = talk(session, tmp_path, line)
    assert words in told[2] and len(session.history) == 1


def test_the_command_goes_through_rounds_and_on_with_a_saved_session(video_run, tmp_path):
    out, run = str(tmp_path), CliRunner().invoke
    options = ["--model", str(video_run), "--out", out]
    begin = ["generate", "digit 7 is moving left and right", "--n", "2", "--interactive", *options]
    first = run(app, begin, input=f"lock {FIRST_FRAME} 2\nmore 1\n")
    assert first.exit_code == 0, first.output
    then = run(app, ["generate", "--session", str(tmp_path / "session.json"), *options], input="history\nundo\n")
    assert then.exit_code == 0 and "locked the first frame of 2\nmore like 1" in then.output
    assert (tmp_path / "round_03" / "2.mp4").is_file()
    again = f"go on with: vtkeras generate --session {tmp_path / 'session.json'} --model {video_run}"
    assert then.output.splitlines()[-1] == again
    before = (tmp_path / "session.json").read_bytes()
    refused = run(app, begin)
    assert "holds a session: go on with --session" in str(refused.exception)
    assert (tmp_path / "session.json").read_bytes() == before


def test_going_on_with_a_session_leaves_another_one_as_it_is(video_run, tmp_path, monkeypatch):
    """Its own folder is the default, and a folder that holds another session is refused."""
    monkeypatch.chdir(tmp_path)
    generator = Generator.load(video_run)
    for folder in ("old", "generated"):
        GenerationSession(generator, "digit 7 is moving", 2).save(tmp_path / folder / "session.json")
    going_on = ["generate", "--session", "old/session.json", "--model", str(video_run)]
    refused = CliRunner().invoke(app, [*going_on, "--out", "generated"], input="others\n")
    assert "generated holds a session: go on with --session generated/session.json" in str(refused.exception)
    done = CliRunner().invoke(app, going_on, input="others\n")
    assert done.exit_code == 0 and {path.name for path in (tmp_path / "generated").iterdir()} == {"session.json"}
    names = {path.name for path in (tmp_path / "old").iterdir()}
    assert names == {"session.json", "round_01", "round_02"}
    (tmp_path / "lost" / "round_01").mkdir(parents=True)
    with pytest.raises(UserError, match="lost holds round_01, which would be written over"):
        create.refuse_others(tmp_path / "lost", tmp_path / "old" / "session.json")


def test_a_full_disk_ends_the_session_and_the_step_is_saved(session, tmp_path, monkeypatch):
    def full(*_):
        raise UserError("The disk is full.")

    def ask(prompt):
        monkeypatch.setattr(create, "write_clip", full)
        return "more 1"

    told = []
    with pytest.raises(UserError, match="disk is full"):
        create.run(session, tmp_path, ask, told.append)
    assert len(told) == 2  # the help and the first round; none says that something was written
    assert GenerationSession.load(tmp_path / "session.json", FakeGenerator()).history[1:] == ["more like 1"]


def test_ctrl_c_says_how_to_go_on_with_the_session(session, tmp_path):
    def interrupt(prompt):
        raise KeyboardInterrupt

    told = []
    with pytest.raises(SystemExit) as stop:  # and nothing says that the same command, which is refused, goes on
        create.run(session, tmp_path, interrupt, told.append)
    assert stop.value.code == 130
    assert told[-1] == f"\nstopped; go on with: vtkeras generate --session {tmp_path / 'session.json'}"


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "Say what is to be seen"),
        (["--session", "none.json"], "no file or folder none.json"),
        (["--session", "bad.json"], "bad.json is no session"),
        (["--session", "bad.json", "--seed", "3"], "--seed does nothing with --session"),
    ],
)
def test_bad_options_are_told_before_a_model_is_loaded(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.json").write_text("{")
    refused = CliRunner().invoke(app, ["generate", *arguments])
    assert words in str(refused.exception)
