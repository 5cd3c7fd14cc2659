"""The steps of a session of generation, and the file that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vtkeras.config import LARGEST_SEED
from vtkeras.errors import UserError
from vtkeras.serving.generation_rounds import FIRST_FRAME, Generator, Round, breed
from vtkeras.serving.motion_lock import MOTION, TRIES, MotionLock

MOST_CANDIDATES, MOST_ACTIONS, MOST_BYTES = 64, 1000, 2**20
LONGEST_PROMPT = 10_000  # characters that a session's file may hold; what a model reads is less


class _Saved(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Prompt = Annotated[str, Field(max_length=LONGEST_PROMPT)]
Place = Annotated[int, Field(ge=0, lt=MOST_CANDIDATES)]
Places = Annotated[tuple[Place, ...], Field(max_length=MOST_CANDIDATES)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MOST_CANDIDATES)]
Motions = Annotated[tuple[Annotated[int, Field(ge=0, le=TRIES)], ...], Field(max_length=MOST_CANDIDATES)]
Step = TypeVar("Step", bound=_Saved)


class Start(_Saved):
    """The first candidates: one for each seed."""

    action: Literal["start"] = "start"
    prompt: Prompt
    seeds: Seeds

    def apply(self, generator: Generator) -> Round:
        prompt = generator.check(self.prompt)
        return Round(generator, prompt, generator.best_noise(prompt, self.seeds))

    def __str__(self) -> str:
        return f"“{self.prompt}”"


class _Following(_Saved):
    """A step after which candidates follow a locked motion, if there is one.

    Attributes:
        motions: see `Round.following`; none in files of versions that gave all candidates the locked noise.
    """

    motions: Motions = ()


class Edit(_Following):
    """The same candidates in other words."""

    action: Literal["edit"] = "edit"
    prompt: Prompt

    def apply(self, before: Round) -> Round:
        return replace(before, prompt=before.generator.check(self.prompt), kept=0).following(self.motions)

    def __str__(self) -> str:
        return f"“{self.prompt}”"


class Lock(_Following):
    """One part of one candidate, given to all of them and to all that follow; of a motion, see `MotionLock`."""

    action: Literal["lock"] = "lock"
    part: str
    candidate: Place

    def apply(self, before: Round) -> Round:
        check_places(before, [self.candidate])
        locked = (*(part for part in before.locked if part != self.part), self.part)
        if self.part == FIRST_FRAME:
            first = before.clips[self.candidate, 0]
            return replace(before, locked=locked, first_frame=first, kept=0).following(self.motions)
        if self.part not in before.noise:
            parts = ", ".join([*before.noise, FIRST_FRAME])
            raise UserError(f"There is no part '{self.part}' to lock: choose one of {parts}.")
        rows = before.noise[self.part]
        same = np.repeat(rows[self.candidate][None], len(rows), axis=0)
        made = replace(before, locked=locked, noise={**before.noise, self.part: same}, kept=0)
        if self.part == MOTION:
            made = replace(made, follows=MotionLock(rows[self.candidate], lambda: before.clips[self.candidate]))
        return made.following(self.motions)

    def __str__(self) -> str:
        return f"locked the {self.part} of {self.candidate + 1}"


class Unlock(_Following):
    """Lets a part change again from the next round on; a first frame at once, as every candidate gets its own back."""

    action: Literal["unlock"] = "unlock"
    part: str

    def apply(self, before: Round) -> Round:
        if self.part not in before.locked:
            raise UserError(f"The part '{self.part}' is not locked: {', '.join(before.locked) or 'nothing'} is.")
        locked = tuple(part for part in before.locked if part != self.part)
        if self.part == FIRST_FRAME:
            return replace(before, locked=locked, first_frame=None, kept=0).following(self.motions)
        return replace(before, locked=locked, follows=None if self.part == MOTION else before.follows)

    def __str__(self) -> str:
        return f"unlocked the {self.part}"


class Next(_Following):
    """The next candidates: half of them at most are liked ones, the others are made by `generation_rounds.breed`."""

    action: Literal["next"] = "next"
    more: Places = ()
    less: Places = ()
    variety: float = Field(1.0, gt=0, le=100, allow_inf_nan=False)
    seeds: Seeds

    def apply(self, before: Round) -> Round:
        check_places(before, [*self.more, *self.less])
        if len(self.seeds) != len(before):
            raise UserError(f"{len(self.seeds)} seeds were given for {len(before)} candidates.")
        if both := set(self.more) & set(self.less):
            raise UserError(f"Candidate {min(both) + 1} is both liked and disliked: choose one of them.")
        kept = list(self.more[: len(before) // 2])
        fresh = before.generator.noise(self.seeds)
        noise = {}
        for part, rows in before.noise.items():
            liked, disliked = rows[list(self.more)], rows[list(self.less)]
            new = rows if part in before.locked else breed(fresh[part], liked, disliked, self.variety)
            noise[part] = np.concatenate([rows[kept], new[len(kept) :]])
        return replace(before, noise=noise, kept=len(kept)).following(self.motions)

    def __str__(self) -> str:
        said = (("more", self.more), ("less", self.less))
        return "; ".join(f"{word} like {_spell(places)}" for word, places in said if places) or "others"


Action = Annotated[Edit | Lock | Unlock | Next, Field(discriminator="action")]


class Saved(_Saved):
    """What the file of a session holds: actions and seeds, from which the same clips are made again."""

    format: Literal["vtkeras generation session 1"] = "vtkeras generation session 1"
    model: dict[str, str]
    start: Start
    actions: Annotated[tuple[Action, ...], Field(max_length=MOST_ACTIONS)] = ()


def make_step(kind: type[Step], **values) -> Step:
    """A step with these values.

    Raises:
        UserError: for values that it cannot have.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        raise UserError(f"This step cannot be done ({_first_problem(error)}).") from None


def check_places(round: Round, places: Sequence[int]) -> None:
    """Raises `UserError` for a place, from 0, at which a round has no candidate."""
    for place in places:
        if not 0 <= place < len(round):
            raise UserError(f"There is no candidate {place + 1}: choose 1 to {len(round)}.")


def read_session(path: str | Path) -> str:
    """The text of a session's file.

    Raises:
        UserError: if it is missing, too large or no text.
    """
    try:
        _check_size(path, Path(path).stat().st_size)
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is no session: it holds no text.") from None


def parse(text: str, name: str = "This session") -> Saved:
    """What a saved session holds.

    Raises:
        UserError: if the text is damaged, or longer than a session's.
    """
    _check_size(name, len(text))
    try:
        return Saved.model_validate_json(text)
    except ValidationError as error:
        told = _first_problem(error)
        raise UserError(f"{name} is no session of this version, or is damaged ({told}): open another one.") from None


def _check_size(name: str | Path, size: int) -> None:
    if size > MOST_BYTES:
        raise UserError(f"{name} is too large for a session: it has more than {MOST_BYTES:,} bytes.")


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}"[:200]


def _spell(places: Sequence[int]) -> str:
    return ", ".join(str(place + 1) for place in places)
