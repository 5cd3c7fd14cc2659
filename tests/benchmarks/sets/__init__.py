"""Sets to develop and to measure on, made from packages that pip carries; none of them shows digits.

    python -m tests.benchmarks.sets crafter --out data/crafter

writes the folder that a user would bring: videos or images, and a captions.csv. `easy_vqa` and `crafter` are for
development, and so is `collage`, whose scenes are filmed. `highway` is for reporting alone: nobody looks at it to
choose anything. `minigrid` is for reporting, too, but for one thing that its first run showed: what a plan calls
motion. So is `physics`, whose first run showed that answers of several words have to be written. `doom`'s first
run showed that a network knows little of frames beside those that it saw, and `atari`'s that it tells badly which way
small things went.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

SETS = {
    "easy_vqa": "the pictures and questions of the package easy-vqa",
    "crafter": "clips of the game Crafter: what the player does, how often and where",
    "highway": "clips of the driving simulator highway-env: what the green car does, and on which road",
    "collage": "drawn things that move over filmed scenes: which, what they do, and beside what",
    "physics": "clips of simulated things: which lands on, hits, jumps over or passes which other one",
    "doom": "clips of the game Freedoom as the player sees it: where they turn, what they pick up, at whom they shoot",
    "atari": "clips of nine Atari games: where the player goes, and what they hit, shoot or collect, or what hits them",
    "minigrid": "clips of the grid world MiniGrid: which things the agent goes to, picks up, puts down or opens",
}


def maker(name: str) -> Callable[[Path, int | None, int], None]:
    """The function that writes a set: `make(out, clips, seed)`, None for as many clips as the set has."""
    return import_module(f"tests.benchmarks.sets.{name}").make
