"""`vtkeras generate --interactive`: a session of generation in a terminal, round by round."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vtkeras.cli.common import say
from vtkeras.errors import UserError, command
from vtkeras.interrupts import exit_code
from vtkeras.serving.generated_clips import ROUNDS, SESSION, write_clip
from vtkeras.whole_files import write_bytes

if TYPE_CHECKING:
    from vtkeras.serving.generation_rounds import Generator
    from vtkeras.serving.generation_session import GenerationSession

END = "end"
LONGEST_NUMBER = 9  # digits
HELP = """more 1 3 less 2    the next candidates, near 1 and 3 and away from 2
others             quite other ones
edit WORDS         the same candidates in other words
lock motion 2      gives the motion of 2 to all, now and later; also content, first frame
unlock motion      lets it change again
undo               takes the last step back
history            what was done so far
end                ends; the session is saved after every step"""


def refuse_others(out: Path, saved: Path | None) -> None:
    """Refuses a folder with a session, or rounds of one, that would be written over.

    Args:
        out: the folder.
        saved: file of the session to go on with, which may be the one in it; None for a new one.

    Raises:
        UserError: naming what is there.
    """
    there = out / SESSION
    if there.exists():
        if not (saved and there.samefile(saved)):
            raise UserError(f"{out} holds a session: go on with --session {there}, or choose another --out.")
    elif rounds := sorted(out.glob(ROUNDS)):
        raise UserError(f"{out} holds {rounds[0].name}, which would be written over: choose another --out.")


def begin(generator: Generator, prompt: str, n: int, seed: int, saved: Path | None) -> GenerationSession:
    """Another session, or a saved one to go on with."""
    from vtkeras.serving.generation_session import GenerationSession

    return GenerationSession.load(saved, generator) if saved else GenerationSession(generator, prompt, n, seed)


def run(
    session: GenerationSession,
    out: Path,
    ask: Callable[[str], str] = input,
    tell: Callable = say,
    model: Path | None = None,
) -> None:
    """Asks what to do with the candidates until the user ends; writes session and clips after every step.

    Args:
        session: as it begins or was loaded.
        out: folder for `round_NN/` with the candidates' files, and for session.json.
        ask: called with a prompt, gives what the user wrote; an `EOFError` ends.
        tell: called with lines to show.
        model: the run folder that was named for it, which going on with the session needs, too.

    Raises:
        UserError: if the folder cannot be written.
    """
    go_on = f"go on with: {command('generate', '--session', out / SESSION, *(('--model', model) if model else ()))}"
    tell(HELP)
    try:
        show(session, out, tell)
        while (words := _words(ask))[:1] != [END]:
            if words:
                _answer(session, words, out, tell)
    except KeyboardInterrupt:
        tell(f"\nstopped; {go_on}")
        sys.exit(exit_code())
    tell(f"written to {out}: {SESSION} and the clips of every round")
    tell(go_on)


def _words(ask: Callable[[str], str]) -> list[str]:
    try:
        return ask("> ").split()
    except EOFError:
        return [END]


def _answer(session: GenerationSession, words: list[str], out: Path, tell: Callable) -> None:
    """Tells or does what a line asks for; what cannot be done is told; a file that cannot be written is an error."""
    if words[0] in TOLD:
        return tell(TOLD[words[0]](session))
    try:
        step(session, words)
    except UserError as error:
        return tell(str(error))
    show(session, out, tell)


def show(session: GenerationSession, out: Path, tell: Callable) -> None:
    """Saves the session, makes and writes the candidates, which takes longer, and says where they are."""
    from vtkeras.data.contact_sheet import SHEET, contact_sheet
    from vtkeras.explain.animation import as_png

    session.save(out / SESSION)
    folder = out / f"round_{len(session.history):02}"
    for number, clip in enumerate(session.clips, start=1):
        write_clip(folder, str(number), clip)
    write_bytes(folder / SHEET, as_png(contact_sheet(session.clips)))
    locked = f"; locked: {', '.join(session.now.locked)}" if session.now.locked else ""
    kept = f"; the first {session.now.kept} as before" if session.now.kept else ""
    tell(f"{folder}: {len(session.now)} candidates of “{session.now.prompt}”{kept}{locked}")


def step(session: GenerationSession, words: list[str]) -> None:
    """Does what a line asks for.

    Raises:
        UserError: for a line that says nothing known, or asks for what cannot be done.
    """
    name, *rest = words
    if name not in STEPS:
        raise UserError(f"'{name}' is unknown: say {', '.join([*STEPS, *TOLD, END])}.")
    STEPS[name](session, rest)


def _next(session: GenerationSession, words: list[str]) -> None:
    liked: dict[str, list[int]] = {"more": [], "less": []}
    kind = "more"
    for word in words:
        if word in liked:
            kind = word
        else:
            liked[kind].append(_place(word))
    session.next(liked["more"], liked["less"])


def _lock(session: GenerationSession, words: list[str]) -> None:
    if len(words) < 2:
        raise UserError("Say which part of which candidate, e.g. 'lock motion 2'.")
    session.lock(" ".join(words[:-1]), _place(words[-1]))


def _place(word: str) -> int:
    if not word.isdecimal() or len(word) > LONGEST_NUMBER or not int(word):
        raise UserError(f"'{word[:40]}' is no candidate: give its number, from 1.")
    return int(word) - 1


STEPS: dict[str, Callable[[GenerationSession, list[str]], None]] = {
    "more": lambda session, words: _next(session, ["more", *words]),
    "less": lambda session, words: _next(session, ["less", *words]),
    "others": lambda session, words: session.next(),
    "edit": lambda session, words: session.edit(" ".join(words)),
    "lock": _lock,
    "unlock": lambda session, words: session.unlock(" ".join(words)),
    "undo": lambda session, words: session.undo(),
}
TOLD: dict[str, Callable[[GenerationSession], str]] = {
    "history": lambda session: "\n".join(session.history),
    "help": lambda session: HELP,
}
