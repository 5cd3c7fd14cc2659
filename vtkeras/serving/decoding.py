"""How a caption is to be written: greedily, by beam search or by sampling, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vtkeras.errors import UserError

STRATEGIES = {
    "greedy": (),
    "beam": ("beams", "length_penalty"),
    "sample": ("temperature", "top_k", "top_p", "seed"),
}
LIMITS = ("min_length", "max_length", "no_repeat")
RANGES = {
    "beams": (1, 64),
    "length_penalty": (-5.0, 5.0),
    "temperature": (0.0, 10.0),
    "top_k": (0, 1_000_000),
    "top_p": (0.0, 1.0),
    "seed": (-(2**31), 2**31 - 1),
    "min_length": (0, 1_000),
    "max_length": (1, 1_000),
    "no_repeat": (0, 1_000),
}


@dataclass(frozen=True)
class Decoding:
    """What an exported model is asked to write with.

    Attributes:
        strategy: `greedy`, the likeliest word piece at every step; `beam`, the likeliest text among
            several carried on side by side; `sample`, drawn by chance.
        beams: texts carried on side by side.
        length_penalty: 0 ranks texts by probability alone, more favours longer ones.
        temperature: below 1 keeps to the likely word pieces, above 1 takes more chances, 0 takes none.
        top_k: draw among the k likeliest word pieces; 0 for all.
        top_p: draw among the fewest word pieces whose probabilities sum to this.
        seed: the same seed draws the same text.
        min_length: word pieces at least.
        max_length: word pieces at most, the end of the text counted as one; None for the model's own most.
        no_repeat: no n word pieces in a row come twice; 0 lets them.

    Raises:
        UserError: for an unknown strategy or a value out of range.

    Example:
        >>> Decoding("sample", temperature=0.7, seed=3).options()
        {'strategy': 'sample', 'temperature': 0.7, 'top_k': 0, 'top_p': 1.0, 'seed': 3}
    """

    strategy: str = "greedy"
    beams: int = 4
    length_penalty: float = 0.6
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    min_length: int = 0
    max_length: int | None = None
    no_repeat: int = 0

    def __post_init__(self):
        if self.strategy not in STRATEGIES:
            raise UserError(f"decode '{self.strategy}' is unknown: use one of {', '.join(STRATEGIES)}.")
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:  # NaN is in no range
                raise UserError(f"{_spoken(name)} {value} is out of range: choose {low:,} to {high:,}.")

    def options(self) -> dict:
        """The strategy, what it goes by, and the limits that are set."""
        limits = {name: getattr(self, name) for name in LIMITS if getattr(self, name)}
        used = {name: getattr(self, name) for name in STRATEGIES[self.strategy]}
        return {"strategy": self.strategy, **used, **limits}

    def call(self, longest: int) -> tuple[str, dict[str, int | float]]:
        """The endpoint to ask, and its scalar arguments by name.

        Args:
            longest: word pieces that the model can write at most.

        Raises:
            UserError: for limits that no text of the model can keep.
        """
        most = longest if self.max_length is None else self.max_length
        if most > longest:
            raise UserError(f"max length {most} is more than this model can write: choose {longest} at most.")
        if self.min_length >= most:
            least = f"min length {self.min_length}"
            raise UserError(f"{least} leaves no room for the end: choose {most - 1} at most.")
        limits = {"min_length": self.min_length, "max_length": most, "no_repeat_ngram": self.no_repeat}
        if self.strategy == "beam":
            return "caption_beam", {"width": self.beams, "length_penalty": self.length_penalty, **limits}
        if self == GREEDY:
            return "caption", {}
        greedy_within_limits = Decoding("sample", temperature=0.0)
        draw = self if self.strategy == "sample" else greedy_within_limits
        chances = {name: getattr(draw, name) for name in STRATEGIES["sample"]}
        return "caption_sample", {**chances, **limits}


GREEDY = Decoding()


def choose_decoding(strategy: str = "greedy", **options: Any) -> Decoding:
    """A `Decoding` from what a user gave; None means not given.

    Raises:
        UserError: for an option that the strategy does not go by, and as `Decoding`.

    Example:
        >>> choose_decoding("beam", beams=8, temperature=None)
        Decoding(strategy='beam', beams=8, ...)
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        users = [one for one, used in STRATEGIES.items() if name in used]
        if strategy in STRATEGIES and users and strategy not in users:
            told = f"{_spoken(name)} does nothing in {strategy} decoding"
            raise UserError(f"{told}: choose decode {' or '.join(users)}, or leave it out.")
    return Decoding(strategy, **given)


def _spoken(name: str) -> str:
    return name.replace("_", " ")
