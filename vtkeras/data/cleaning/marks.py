"""The marks that leave clips and captions of an ingested folder out, as its manifest keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

NO_TEXT = "no_text"


@dataclass(frozen=True)
class Mark:
    """Why a clip, or one of its captions, is left out.

    Attributes:
        clip: the clip's id.
        path: the video, relative to the folder that was ingested.
        split: the clip's split.
        examples: (clip, question) pairs of the clip.
        reason: one word for the kind of fault, e.g. `blurred`.
        detail: the fault with its numbers, for people.
        caption: the caption that is left out; None leaves out the clip.
    """

    clip: str
    path: str
    split: str
    examples: int
    reason: str
    detail: str
    caption: str | None = None

    @property
    def fault(self) -> tuple[str, str | None, str]:
        """What is left out and why, whatever the numbers."""
        return self.clip, self.caption, self.reason


@dataclass(frozen=True)
class Cleaning:
    """What `vtkeras data clean` found in a folder, and what a person put back.

    Attributes:
        options: the options of the last cleaning.
        dropped: what is left out.
        put_back: what was left out and a person put back; later cleanings leave it in.
    """

    options: dict[str, Any] = field(default_factory=dict)
    dropped: tuple[Mark, ...] = ()
    put_back: tuple[Mark, ...] = ()

    @classmethod
    def from_json(cls, values: dict) -> Cleaning:
        """The cleaning that a manifest's entry describes."""
        marks = {name: tuple(Mark(**mark) for mark in values[name]) for name in ("dropped", "put_back")}
        return cls(options=values["options"], **marks)

    @cached_property
    def clips(self) -> dict[str, Mark]:
        """The clips left out, with the first reason."""
        return {mark.clip: mark for mark in reversed(self.dropped) if mark.caption is None}

    @cached_property
    def captions(self) -> set[tuple[str, str]]:
        """(clip, caption) of each caption left out of a clip."""
        return {(mark.clip, mark.caption) for mark in self.dropped if mark.caption is not None}

    @property
    def left_out(self) -> list[tuple[str, ...]]:
        """(clip,) of each clip and (clip, caption) of each caption that is left out."""
        return [(clip,) for clip in self.clips] + sorted(self.captions)

    def kept(self, clip: str, captions: Iterable[str]) -> list[str]:
        """The captions of a clip that are not left out."""
        return [caption for caption in captions if (clip, caption) not in self.captions]

    def without(self, chosen: Callable[[Mark], bool]) -> Cleaning:
        """The same with the chosen marks put back; a clip that has a caption again is no longer without a text."""
        taken = dict.fromkeys(filter(chosen, self.dropped))
        worded = {mark.clip for mark in taken if mark.caption is not None}
        stay = tuple(
            mark
            for mark in self.dropped
            if mark not in taken and not (mark.reason == NO_TEXT and mark.clip in worded)
        )
        return Cleaning(self.options, stay, (*self.put_back, *taken))


UNCLEANED = Cleaning()
