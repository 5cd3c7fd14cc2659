"""Does a map show what an output rests on? Deletion and insertion curves beside random orders.

Patches are taken out of the video in order of the map and the probability of the output is watched
(deletion: the faster it falls, the better the map), or put back into an empty video (insertion: the
faster it rises, the better). After Petsiuk et al., "RISE", 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

STEPS = 16
ORDERS = 20
CHANGE_THRESHOLD = 0.05  # least fall of probability, from the whole video to an empty one, that can be judged
LUCK_THRESHOLD = 0.05  # a map is better than random if one drawn by lot would do as well no more often than this

Probability = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Sweep:
    """What becomes of a probability while patches are taken out, or put in, in one order.

    Attributes:
        shares: float (steps + 1,), from 0 to 1: the part of the patches that was taken out or put in.
        deletion, insertion: float (steps + 1, ...), the probability at each of them.
    """

    shares: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray

    @property
    def deletion_auc(self):
        """Area under the deletion curve: low is good."""
        return area(self.shares, self.deletion)

    @property
    def insertion_auc(self):
        """Area under the insertion curve: high is good."""
        return area(self.shares, self.insertion)

    def of(self, output: int) -> Sweep:
        """The sweep of one of several outputs."""
        return replace(self, deletion=self.deletion[:, output], insertion=self.insertion[:, output])


@dataclass(frozen=True)
class Faithfulness:
    """A map's sweep beside those of random orders, of one output.

    Attributes:
        sweep: in order of the map.
        random: in random orders.
    """

    sweep: Sweep
    random: list[Sweep]

    @property
    def whole(self) -> float:
        """Probability with nothing taken out."""
        return float(self.sweep.deletion[0])

    @property
    def empty(self) -> float:
        """Probability with everything taken out."""
        return float(self.sweep.deletion[-1])

    @property
    def depends(self) -> bool:
        """True if the output needs the picture, so that a map can be judged by it."""
        return depends(self.whole, self.empty)

    def against_random(self) -> dict[str, float]:
        """Mean and standard deviation of the random orders' areas."""
        deletion = [sweep.deletion_auc for sweep in self.random]
        insertion = [sweep.insertion_auc for sweep in self.random]
        return {
            "random_deletion_auc": float(np.mean(deletion)),
            "random_deletion_std": float(np.std(deletion)),
            "random_insertion_auc": float(np.mean(insertion)),
            "random_insertion_std": float(np.std(insertion)),
        }

    @property
    def better(self) -> tuple[bool, bool]:
        """Whether deletion, and insertion, do better than a map drawn by lot, to `LUCK_THRESHOLD`.

        A map drawn by lot is one more random order: it is the best of 20 with a probability of 1/20, so with less than
        19 random orders none is better.
        """
        falls = [one.deletion_auc <= self.sweep.deletion_auc for one in self.random]
        rises = [one.insertion_auc >= self.sweep.insertion_auc for one in self.random]
        return _is_no_luck(falls), _is_no_luck(rises)

    @property
    def verdict(self) -> str:
        """The finding as a sentence."""
        if self.empty - self.whole >= CHANGE_THRESHOLD:
            return (
                f"This cannot be judged: the network finds it likelier without the picture ({self.empty:.0%}) than "
                f"with it ({self.whole:.0%}), so where it looked does not tell why it was said."
            )
        if not self.depends:
            return (
                f"This cannot be judged: the network gives it {self.empty:.0%} with the whole picture taken away, "
                f"{self.whole:.0%} before, so where it looked does not tell why it was said."
            )
        match self.better:
            case True, True:
                return "Faithful: what it looked at first matters more than random patches, by both curves."
            case True, False:
                return "Half faithful: it needs what it looked at more than random patches, but not that alone."
            case False, True:
                return (
                    "Half faithful: what it looked at alone does better than random; it can do without it too."
                )
        return "No better than random: patches drawn by lot tell as much of what the output rests on."

    def to_json(self) -> dict:
        """The numbers, and the curves, as plain values."""
        return {
            "deletion_auc": float(self.sweep.deletion_auc),
            "insertion_auc": float(self.sweep.insertion_auc),
            **self.against_random(),
            "random_orders": len(self.random),
            "probability_whole": self.whole,
            "probability_empty": self.empty,
            "verdict": self.verdict,
            "shares": self.sweep.shares.tolist(),
            "deletion": self.sweep.deletion.tolist(),
            "insertion": self.sweep.insertion.tolist(),
        }


def _is_no_luck(as_good: list[bool]) -> bool:
    return bool((1 + sum(as_good)) / (1 + len(as_good)) <= LUCK_THRESHOLD)


def sweep(
    probability: Probability, frames: np.ndarray, order: np.ndarray, grid: tuple, steps: int = STEPS
) -> Sweep:
    """Takes patches out, and puts them in, in one order.

    Args:
        probability: uint8 (clips, time, height, width, 3) to float (clips, ...).
        frames: uint8 (time, height, width, 3).
        order: int (patches,), the patch to go first comes first; patches count frame by frame, row by row.
        grid: (time, rows, columns) of the patches.
        steps: points of the curves after the first; no more than there are patches.

    Example:
        >>> sweep(lambda clips: clips.mean(axis=(1, 2, 3, 4)) / 255, frames, order, (8, 4, 4)).deletion_auc
        0.31
    """
    patches = len(order)
    counts = np.linspace(0, patches, min(steps, patches) + 1).round().astype(int)
    place = np.empty(patches, int)
    place[order] = np.arange(patches)
    gone = place.reshape(grid)[None] < counts[:, None, None, None]
    fill = empty_colour(frames)
    found = probability(np.stack([without(frames, mask, fill) for mask in (*gone, *~gone)]))
    return Sweep(counts / patches, found[: len(counts)], found[len(counts) :])


def measure(
    probability: Probability,
    frames: np.ndarray,
    scores: np.ndarray,
    steps: int = STEPS,
    orders: int = ORDERS,
    seed: int = 0,
) -> Faithfulness:
    """How faithful a map is to one output.

    Args:
        probability: uint8 (clips, time, height, width, 3) to float (clips,).
        frames: uint8 (time, height, width, 3).
        scores: float (time, rows, columns), the map.
        steps: points of the curves.
        orders: random orders to compare with; with less than 19 no map is better than they are.
        seed: draws them.
    """
    random = [
        sweep(probability, frames, order, scores.shape, steps)
        for order in random_orders(scores.size, orders, seed)
    ]
    return Faithfulness(sweep(probability, frames, falling(scores), scores.shape, steps), random)


def falling(scores: np.ndarray) -> np.ndarray:
    """Patch numbers, the highest score first."""
    return np.argsort(-scores.ravel(), kind="stable")


def random_orders(patches: int, orders: int, seed: int = 0) -> list[np.ndarray]:
    """Orders drawn by lot; the same seed draws the same ones.

    Args:
        patches: int, how many there are to put in order.
        orders: int, how many orders to draw.
        seed: int.

    Returns:
        `orders` permutations of patch numbers, int (patches,) each.
    """
    rng = np.random.default_rng(seed)
    return [rng.permutation(patches) for _ in range(orders)]


def depends(whole: float, empty: float) -> bool:
    """True if taking the picture away lowers a probability enough to judge a map by it.

    Of what is likelier without the picture, a good map shows what speaks against it: then the areas that count as good
    are the other way round.
    """
    return bool(whole - empty >= CHANGE_THRESHOLD)


def area(shares: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Area under a curve (steps + 1, ...) over shares from 0 to 1, by trapezoids."""
    return np.trapz(curve, shares, axis=0)


def empty_colour(frames: np.ndarray) -> np.ndarray:
    """What a patch that was taken out looks like: the clip's median colour, uint8 (3,).

    On a plain background that is the background; elsewhere it is a middle tone of the clip.
    """
    return np.median(frames.reshape(-1, 3), axis=0).astype("uint8")


def without(frames: np.ndarray, gone: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """Frames with some patches filled.

    Args:
        frames: uint8 (time, height, width, 3).
        gone: bool (time, rows, columns), True for patches to fill.
        fill: uint8 (3,).
    """
    return np.where(on_pixels(gone, *frames.shape[1:3])[..., None], fill, frames)


def on_pixels(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Each patch's value (time, rows, columns) on its pixels: (time, height, width).

    Args:
        values: (time, rows, columns), of any type, one for each patch of each frame.
        height, width: int, pixels of a frame; they need not be multiples of rows and columns.

    Returns:
        (time, height, width), of the type of `values`.
    """
    _, rows, columns = values.shape
    return values[:, np.arange(height)[:, None] * rows // height, np.arange(width)[None] * columns // width]


def pixel_change(frames: np.ndarray, grid: tuple) -> np.ndarray:
    """How much taking a patch out changes its pixels: a map (time, rows, columns) that needs no model."""
    change = np.abs(frames.astype("float32") - empty_colour(frames)).mean(axis=-1)
    patch = on_pixels(np.arange(np.prod(grid)).reshape(grid), *frames.shape[1:3]).ravel()
    total = np.bincount(patch, change.ravel(), minlength=int(np.prod(grid)))
    return (total / np.maximum(np.bincount(patch, minlength=len(total)), 1)).reshape(grid)
