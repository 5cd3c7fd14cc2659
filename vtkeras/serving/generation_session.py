"""A conversation with a generator: words give candidates, what is said of them gives the next ones.

Nothing here knows of Streamlit or a terminal; the page Create and `vtkeras generate --interactive` are two faces of it.

How feedback moves the noise. Every candidate is made from standard normal noise, so that what is liked and disliked of
the candidates can be said of their noise. For each part of the noise that is not locked, a new candidate's is

    variety * fresh + 3 * direction(liked) - 0.5 * direction(disliked), scaled to the length of `fresh`,

where `fresh` is drawn from the candidate's own seed and `direction` is a sum of vectors scaled to length 1, in which
the liked candidate that the new one leans on counts six times: a generator may draw several first frames for a clip and
show the best, so that the mean of many liked ones is less surely what any of them showed than one of them is. That is
Rocchio's relevance feedback (1971), moved from words to noise and onto the sphere on which normal noise lies, because a
generator is trained on noise of that length alone; with one liked candidate it is the slerp between that and fresh
noise of White, "Sampling Generative Networks" (2016). That the user picks the parents, that these stay among the next
candidates, and that each child leans on another of them, is the interactive evolution of latents of Bontrager et al.,
"Deep Interactive Evolution" (2018).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vtkeras.config import LARGEST_SEED
from vtkeras.errors import UserError
from vtkeras.run_files import write_text
from vtkeras.serving.motion_lock import MOTION, TRIES, MotionLock, Noise

FIRST_FRAME = "first frame"  # what can be locked beside the parts of the noise
CONTENT = "content"  # the part of the noise whose place a locked first frame takes
MORE, LESS = 3.0, 0.5  # against 1 for fresh noise
LEAN = 6.0  # weight of the liked candidate that a child leans on, against 1 for each other one
MOST_CANDIDATES, MOST_ACTIONS, MOST_BYTES = 64, 1000, 2**20
LONGEST_PROMPT = 10_000  # characters that a session's file may hold; what a model reads is less
REMEMBERED = 8  # rounds whose clips are held; those of an earlier one are made again when it is returned to


class Generator(Protocol):
    """What a session asks of a generator; `vtkeras.serving.generator.Generator` is one."""

    info: dict

    def check(self, text: str) -> str: ...
    def noise(self, seeds: Sequence[int]) -> Noise: ...
    def best_noise(self, text: str, seeds: Sequence[int]) -> Noise: ...
    def generate(self, texts: Sequence[str], noise: Noise, first_frames: np.ndarray | None = None) -> np.ndarray: ...


@dataclass(frozen=True)
class Round:
    """The candidates of one round.

    Attributes:
        generator: that makes the clips.
        prompt: what all of them show.
        noise: {part: float32 (candidates, ...)}.
        locked: names of the parts that are the same in all of them and stay so.
        first_frame: uint8 (height, width, 3) where that is locked, else None.
        follows: the locked motion, which all but the kept ones follow; None where it is not locked.
        kept: how many of them, from the first one on, are liked ones of the round before, as they were.
    """

    generator: Generator
    prompt: str
    noise: Noise
    locked: tuple[str, ...] = ()
    first_frame: np.ndarray | None = None
    follows: MotionLock | None = None
    kept: int = 0

    def __len__(self) -> int:
        return len(next(iter(self.noise.values())))

    @property
    def free(self) -> tuple[str, ...]:
        """The parts of the noise in which the next candidates differ."""
        taken = self.locked if self.first_frame is None else (*self.locked, CONTENT)
        return tuple(part for part in self.noise if part not in taken)

    @cached_property
    def clips(self) -> np.ndarray:
        """uint8 (candidates, time, height, width, 3)."""
        first = self.first_frame
        frames = None if first is None else np.broadcast_to(first, (len(self), *first.shape))
        return self.generator.generate([self.prompt] * len(self), self.noise, frames)

    def following(self, motions: Sequence[int]) -> Round:
        """With the locked motion in all candidates but the kept ones, or with what was found in its place.

        Args:
            motions: of each candidate, as `MotionLock.find` gives them; none for the locked noise in all of them.
        """
        if self.follows is None:
            return self
        if len(motions) not in (0, len(self)):
            raise UserError(f"{len(motions)} motions were given for {len(self)} candidates.")
        found = self.follows.rows(self.generator, (motions or [0] * len(self))[self.kept :])
        rows = np.concatenate([self.noise[MOTION][: self.kept], found])
        return replace(self, noise={**self.noise, MOTION: rows})

    def motions(self) -> tuple[int, ...]:
        """For `following`: the motions with which the clips move as the locked one; none where it is not locked."""
        if self.follows is None:
            return ()
        new = {part: rows[self.kept :] for part, rows in self.noise.items()}
        found = self.follows.find(self.generator, self.prompt, new, self.clips[self.kept :])
        return (*[0] * self.kept, *found)


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
        _check_places(before, [self.candidate])
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
    """The next candidates: half of them at most are liked ones, the others are made by the rule of this module."""

    action: Literal["next"] = "next"
    more: Places = ()
    less: Places = ()
    variety: float = Field(1.0, gt=0, le=100, allow_inf_nan=False)
    seeds: Seeds

    def apply(self, before: Round) -> Round:
        _check_places(before, [*self.more, *self.less])
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
        self._begin(generator, _made(Start, prompt=prompt, seeds=_seeds(seed, candidates)))

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
        _check_places(self.now, [*more, *less])
        if not self.now.free:
            locked = " and ".join(self.now.locked)
            raise UserError(f"The next candidates would all be equal, as {locked} are locked: unlock one of them.")
        seeds = _seeds(self._next_seed, len(self.now))
        self._do(_made(Next, more=more, less=less, variety=variety, seeds=seeds))

    def edit(self, prompt: str) -> None:
        """Shows the same noise in other words; raises as the constructor."""
        self._do(_made(Edit, prompt=prompt))

    def lock(self, part: str, candidate: int) -> None:
        """Gives one candidate's part (one of `parts`) to all candidates, now and later.

        Raises:
            UserError: for a part or candidate that is not there, and for the content beside a locked first frame.
        """
        _check_places(self.now, [candidate])
        if part == CONTENT and self.now.first_frame is not None:
            raise UserError("The content does nothing while the first frame is locked: unlock the first frame before.")
        self._do(_made(Lock, part=part, candidate=candidate))

    def unlock(self, part: str) -> None:
        """Lets a part change again, see `Unlock`; raises a `UserError` for one that is not locked."""
        action = _made(Unlock, part=part)
        if part == FIRST_FRAME:
            self._do(action)
        else:  # the candidates stay as they are
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
        made = action.apply(self.now)
        if any(motions := made.motions()):
            action = action.model_copy(update={"motions": motions})
            made = action.apply(self.now)
        self._append(action, made)

    def _append(self, action: Edit | Lock | Unlock | Next, made: Round) -> None:
        if len(self._actions) == MOST_ACTIONS:
            raise UserError(f"A session has {MOST_ACTIONS:,} steps at most: save it, and start another one.")
        self._rounds.append(made)
        self._actions.append(action)
        if isinstance(action, Next):
            self._next_seed = max(self._next_seed, max(action.seeds) + 1)
        for old in self._rounds[:-REMEMBERED]:
            vars(old).pop("clips", None)


def breed(fresh: np.ndarray, liked: np.ndarray, disliked: np.ndarray, variety: float = 1.0) -> np.ndarray:
    """Noise of new candidates by the rule of this module.

    Args:
        fresh: float32 (candidates, ...), standard normal.
        liked, disliked: float32 (any number, ...).
        variety: weight of `fresh`.

    Returns:
        float32 of the shape of `fresh`, each row of the same length.

    Example:
        >>> breed(fresh=np.float32([[0, 3]]), liked=np.float32([[2, 0]]), disliked=np.zeros((0, 2)))
        array([[2.8460498, 0.9486833]], dtype=float32)
    """
    rows, good, bad = (part.reshape(len(part), fresh[0].size).astype("float64") for part in (fresh, liked, disliked))
    pulled = variety * _direction(rows) - LESS * _direction(bad.sum(0))
    if len(good):
        lead = good[np.arange(len(rows)) % len(good)]
        pulled += MORE * _direction(good.sum(0) + (LEAN - 1) * lead)
    moved = _direction(pulled) * np.linalg.norm(rows, axis=-1, keepdims=True)
    return moved.reshape(fresh.shape).astype("float32")


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


def _made(kind: type[Step], **values) -> Step:
    try:
        return kind(**values)
    except ValidationError as error:
        raise UserError(f"This step cannot be done ({_first_problem(error)}).") from None


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}"[:200]


def _seeds(first: int, count: int) -> tuple[int, ...]:
    return tuple((first + place) % (LARGEST_SEED + 1) for place in range(count))


def _direction(vectors: np.ndarray) -> np.ndarray:
    """Vectors scaled to length 1; one of zeros stays."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _spell(places: Sequence[int]) -> str:
    return ", ".join(str(place + 1) for place in places)


def _check_places(round: Round, places: Sequence[int]) -> None:
    for place in places:
        if not 0 <= place < len(round):
            raise UserError(f"There is no candidate {place + 1}: choose 1 to {len(round)}.")
