"""A conversation with a generator: words give candidates, what is said of them gives the next ones.

Nothing here knows of Streamlit or a terminal; the page Create and `vtkeras generate --interactive` are two faces of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vtkeras.config import LARGEST_SEED
from vtkeras.errors import UserError
from vtkeras.serving.generation_rounds import CONTENT, FIRST_FRAME, Generator, Round
from vtkeras.serving.generation_steps import (
    MOST_ACTIONS,
    MOST_CANDIDATES,
    Edit,
    Lock,
    Next,
    Saved,
    Start,
    Unlock,
    check_places,
    make_step,
    parse,
    read_session,
)
from vtkeras.whole_files import write_text

REMEMBERED = 8  # rounds whose clips are held; those of an earlier one are made again when it is returned to


class GenerationSession:
    """Prompt, candidates, what is said of them, the next candidates; each step can be undone and is saved.

    Args:
        generator: makes clips from words and noise.
        prompt: what is to be seen.
        candidates: clips in each round.
        seed: of the first candidate. Every candidate has a seed of its own, one more than the one before it.

    Raises:
        UserError: for a prompt that the generator cannot read, e.g. for words that it does not know.

    Example:
        >>> generator = Generator.load("saved_models/text_to_video/moving_digits")
        >>> session = GenerationSession(generator, "digit 7 is moving up and down")
        >>> session.next(more=[0, 3], less=[1])
        >>> session.lock("motion", 0)
        >>> session.clips.shape
        (6, 16, 64, 64, 3)
    """

    def __init__(self, generator: Generator, prompt: str, candidates: int = 6, seed: int = 0):
        if not 1 <= candidates <= MOST_CANDIDATES:
            raise UserError(f"{candidates} candidates cannot be shown: choose 1 to {MOST_CANDIDATES}.")
        self._begin(generator, make_step(Start, prompt=prompt, seeds=_seeds(seed, candidates)))

    def _begin(self, generator: Generator, start: Start) -> None:
        self._start, self._actions = start, list[Edit | Lock | Unlock | Next]()
        self._rounds = [start.apply(generator)]
        self._next_seed = max(start.seeds) + 1

    @property
    def now(self) -> Round:
        """The round whose candidates are to be judged."""
        return self._rounds[-1]

    @property
    def clips(self) -> np.ndarray:
        """The candidates, uint8 (candidates, time, height, width, 3)."""
        return self.now.clips

    @property
    def parts(self) -> tuple[str, ...]:
        """What can be locked."""
        return (*self.now.noise, FIRST_FRAME)

    @property
    def history(self) -> list[str]:
        """What was done so far, in words, the oldest first."""
        return [str(action) for action in (self._start, *self._actions)]

    def next(self, more: Sequence[int] = (), less: Sequence[int] = (), variety: float = 1.0) -> None:
        """Makes the next candidates, near the liked ones and away from the disliked ones; without any, quite others.

        Args:
            more, less: places of liked and disliked candidates, from 0. Half of the next ones at most are liked ones
                as they were, the first of them; the others are new.
            variety: how much fresh noise there is in the new ones; 1 is usual.

        Raises:
            UserError: for places that are not there, or are both liked and disliked, and where all parts are locked.
        """
        more, less = tuple(dict.fromkeys(more)), tuple(dict.fromkeys(less))
        check_places(self.now, [*more, *less])
        if not self.now.free:
            locked = " and ".join(self.now.locked)
            raise UserError(f"The next candidates would all be equal, as {locked} are locked: unlock one of them.")
        seeds = _seeds(self._next_seed, len(self.now))
        self._do(make_step(Next, more=more, less=less, variety=variety, seeds=seeds))

    def edit(self, prompt: str) -> None:
        """Shows the same noise in other words; raises as the constructor."""
        self._do(make_step(Edit, prompt=prompt))

    def lock(self, part: str, candidate: int) -> None:
        """Gives one candidate's part (one of `parts`) to all candidates, now and later.

        Raises:
            UserError: for a part or candidate that is not there, and for the content beside a locked first frame.
        """
        check_places(self.now, [candidate])
        if part == CONTENT and self.now.first_frame is not None:
            raise UserError("The content does nothing while the first frame is locked: unlock the first frame before.")
        self._do(make_step(Lock, part=part, candidate=candidate))

    def unlock(self, part: str) -> None:
        """Lets a part change again, see `Unlock`; raises a `UserError` for one that is not locked."""
        action = make_step(Unlock, part=part)
        if part == FIRST_FRAME:
            self._do(action)
        else:  # the candidates stay as they are
            self._check_length()
            self._append(action, action.apply(self.now))

    def undo(self) -> None:
        """Takes the last step back.

        Raises:
            UserError: at the beginning.
        """
        if not self._actions:
            raise UserError("There is nothing to undo: these are the first candidates.")
        self._actions.pop()
        self._rounds.pop()

    def to_json(self) -> str:
        """The session as a file holds it: the model's name and hash, actions and seeds; no pictures."""
        model = {name: str(self.now.generator.info[name]) for name in ("name", "model_hash")}
        saved = Saved(model=model, start=self._start, actions=tuple(self._actions))
        return json.dumps(saved.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n"

    def save(self, path: str | Path) -> None:
        """Writes `to_json()`; raises a `UserError` where that cannot be written."""
        write_text(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path, generator: Generator) -> GenerationSession:
        """As `from_json`, from a file.

        Raises:
            UserError: as `from_json`, and for a file that is missing.
        """
        return cls.from_json(read_session(path), generator, str(path))

    @classmethod
    def from_json(cls, text: str, generator: Generator, name: str = "This session") -> GenerationSession:
        """Goes through a saved session again: bit-equal clips on the machine that made them.

        Args:
            text: as `to_json` gives.
            generator: the model that the session was made with.
            name: what to call the session in an error.

        Raises:
            UserError: for damaged text or a session of another model.
        """
        saved = parse(text, name)
        mine, its = generator.info["model_hash"], saved.model.get("model_hash")
        if mine != its:
            raise UserError(
                f"{name} was made with the model {saved.model.get('name')} (hash {its}), and this one has the hash "
                f"{mine}: open it with the model that it was made with, exported as it was then (--model RUN)."
            )
        session = cls.__new__(cls)
        try:
            session._begin(generator, saved.start)
            for action in saved.actions:
                session._append(action, action.apply(session.now))
        except UserError as error:
            raise UserError(f"{name} cannot be gone through again: {error}") from None
        return session

    def _do(self, action: Edit | Lock | Unlock | Next) -> None:
        """A new step; where a motion is locked, it is saved with what makes the candidates follow it."""
        self._check_length()
        made = action.apply(self.now)
        if any(motions := made.motions()):
            action = action.model_copy(update={"motions": motions})
            made = action.apply(self.now)
        self._append(action, made)

    def _check_length(self) -> None:
        if len(self._actions) == MOST_ACTIONS:
            raise UserError(f"A session has {MOST_ACTIONS:,} steps at most: save it, and start another one.")

    def _append(self, action: Edit | Lock | Unlock | Next, made: Round) -> None:
        self._rounds.append(made)
        self._actions.append(action)
        if isinstance(action, Next):
            self._next_seed = max(self._next_seed, max(action.seeds) + 1)
        for old in self._rounds[:-REMEMBERED]:
            vars(old).pop("clips", None)


def _seeds(first: int, count: int) -> tuple[int, ...]:
    return tuple((first + place) % (LARGEST_SEED + 1) for place in range(count))
