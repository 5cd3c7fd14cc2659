"""`vtkeras generate --interactive`: a session of generation in a terminal, round by round."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vtkeras.cli.common import say
from vtkeras.errors import UserError, command
from vtkeras.run_files import write_bytes
from vtkeras.serving.generated_clips import SESSION

if TYPE_CHECKING:
    from vtkeras.serving.generation_session import GenerationSession, Generator

HELP = """more 1 3 less 2    the next candidates, near 1 and 3 and away from 2
others             quite other ones
edit WORDS         the same candidates in other words
lock motion 2      gives the motion of 2 to all, now and later; also content, first frame
unlock motion      lets it change again
undo               takes the last step back
history            what was done so far
end                ends; the session is saved after every step"""


def begin(generator: Generator, prompt: str, n: int, seed: int, saved: Path | None) -> GenerationSession:
    """Another session, or a saved one to go on with."""
    from vtkeras.serving.generation_session import GenerationSession

    return GenerationSession.load(saved, generator) if saved else GenerationSession(generator, prompt, n, seed)


def run(session: GenerationSession, out: Path, ask: Callable[[str], str] = input, tell: Callable = say) -> None:
    """Asks what to do with the candidates until the user ends; writes clips and session after every step.

    Args:
        session: as it begins or was loaded.
        out: folder for `round_NN/` with the candidates' files, and for session.json.
        ask: called with a prompt, gives what the user wrote; an `EOFError` ends.
        tell: called with lines to show.
    """
    tell(HELP)
    show(session, out, tell)
    while True:
        try:
            words = ask("> ").split()
        except EOFError:
            break
        if not words:
            continue
        if words[0] == "end":
            break
        try:
            if words[0] in TOLD:
                tell(TOLD[words[0]](session))
            else:
                step(session, words)
                show(session, out, tell)
        except UserError as error:
            tell(str(error))
    tell(f"written to {out}: {SESSION} and the clips of every round")
    tell(f"go on with: {command('generate', '--session', out / SESSION, '--out', out)}")


def show(session: GenerationSession, out: Path, tell: Callable) -> None:
    """Makes and writes the candidates, and says where they are."""
    from vtkeras.data.contact_sheet import contact_sheet
    from vtkeras.explain.animation import as_png
    from vtkeras.serving.generated_clips import SHEET, write_clip

    folder = out / f"round_{len(session.history):02}"
    for number, clip in enumerate(session.clips, start=1):
        write_clip(folder, str(number), clip)
    write_bytes(folder / SHEET, as_png(contact_sheet(session.clips)))
    session.save(out / SESSION)
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
        raise UserError(f"'{name}' is unknown: say {', '.join([*STEPS, *TOLD, 'end'])}.")
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
    if not word.isdecimal() or not int(word):
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
