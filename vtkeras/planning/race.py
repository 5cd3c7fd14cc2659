"""Which candidate wins: rounds of training, after each of which those that have fallen behind are dropped."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Sequence

from vtkeras.errors import UserError
from vtkeras.planning.candidates import CANDIDATES
from vtkeras.planning.clock import Clock
from vtkeras.planning.contender import Contender
from vtkeras.planning.survey import SCORED
from vtkeras.training.callbacks import LossNotFinite

SHARE = 0.45  # of what is left of the time when the race begins
FIRST_ROUND, ROUND = 0.04, 0.08  # shares of the whole time that a candidate trains in a round
LEVEL_THRESHOLD = 0.8  # of the best score, from which on a candidate may still catch up
EARLY_THRESHOLD = 0.5  # the same after the first round, which tells less: some begin slowly
ALIKE_ROUNDS = 1  # after the first one, of candidates that do not grow better with time: what they know shows at once
NO_CATCHING_UP = 1.0  # the same for those: only chance excuses a lower score
BEST_SCORE, TELLING = 1.0, 100  # the highest score, and the validation clips from which on it means something


class Race:
    """A race of candidates for a share of the time.

    Args:
        clock: the budget, of which the race takes a share from now on.
        clips: of the validation split, of which `SCORED` are scored at most.
        report: called with lines of progress.

    Attributes:
        contenders: those that are left, the most promising first.
        dropped: the others.

    Example:
        >>> Race(clock, clips=150, report=print).run(["small", "frozen"], enter)
        <Contender>

    Source: Maron and Moore, "Hoeffding races: accelerating model selection search", 1993.
    """

    def __init__(self, clock: Clock, clips: int, report: Callable[[str], None]):
        self.clock = clock
        self.clips = min(clips, SCORED)
        self.report = report
        self.seconds = SHARE * clock.left()
        self.began = clock.spent()
        self.contenders: list[Contender] = []
        self.dropped: list[Contender] = []

    def run(self, names: Sequence[str], enter: Callable[[str], Contender], most: int | None = None) -> Contender:
        """Trains candidates until one is left or the time is over, and gives the most promising one that is left.

        The first two get a round each if that fits, further ones if another round of all fits as well. The winner is
        the first one that is left, or, where its frame encoder is frozen, the best of those of which that is true: none
        of these will catch up later, so that what falls behind further than chance explains is dropped at once where no
        others are left.

        Args:
            names: in `CANDIDATES`, the most promising first.
            enter: makes a contender of a name.
            most: how many are tried whose loss stays finite; None tries all.

        Raises:
            UserError: if none is left, because the loss of each became NaN or infinite.
        """
        further, longest = ROUND * self.clock.seconds, 0.0
        for place, name in enumerate(names):
            if len(self.contenders) == most or (place and self._nothing_to_gain(enough(self.clips))):
                break
            needed = longest + (further * (place + 1) if place > 1 else 0)
            if place and not self._fits(needed):
                left = "; ".join(CANDIDATES[one].title for one in names[place:most])
                self.report(f"the race has used its share of the time; not tried: {left}")
                break
            begin = self.clock.spent()
            self.contenders.append(enter(name))
            self.report(f"{CANDIDATES[name].title}: first steps, for which graphs are made")
            self._advance(self.contenders[-1], FIRST_ROUND * self.clock.seconds)
            longest = max(longest, self.clock.spent() - begin)
        self._drop(NO_CATCHING_UP if self._are_alike() else EARLY_THRESHOLD)
        rounds = 0
        while (
            len(self.contenders) > 1
            and rounds != (ALIKE_ROUNDS if self._are_alike() else None)
            and self._fits(further * len(self.contenders))
            and not self._nothing_to_gain(BEST_SCORE)
        ):
            for one in [*self.contenders]:
                self._advance(one, further)
            self._drop(LEVEL_THRESHOLD)
            rounds += 1
        self._drop(LEVEL_THRESHOLD)
        return max(self._alike(), key=lambda one: one.best)

    def _alike(self) -> list[Contender]:
        """The first one that is left, and where its frame encoder is frozen, the others of which that is true."""
        first = self.contenders[:1]
        frozen = [one for one in self.contenders if CANDIDATES[one.name].frozen]
        return frozen if first == frozen[:1] else first

    def _are_alike(self) -> bool:
        return len(self._alike()) == len(self.contenders)

    def _nothing_to_gain(self, score: float) -> bool:
        """Whether all that are left have a score: then more training does not tell them apart."""
        return min((one.best for one in self.contenders), default=-math.inf) >= score

    def _fits(self, seconds: float) -> bool:
        return self.clock.spent() - self.began + seconds <= self.seconds

    def _advance(self, one: Contender, seconds: float) -> None:
        title = CANDIDATES[one.name].title
        try:
            one.advance(seconds)
            self.report(f"{title}: {one.describe()}")
        except LossNotFinite:
            self._take_out(one)
            self.report(f"{title}: dropped, its loss is no finite number any more")

    def _drop(self, share: float) -> None:
        if not self.contenders:
            raise UserError(
                "The loss of every candidate that was left became NaN or infinite: train with `--config video_folder "
                "--data OUT/data --set train.learning_rate=0.0001` instead, where OUT is the folder of this plan."
            )
        spread = max(one.spread for one in self.contenders)
        least = level([one.best for one in self.contenders], self.clips, share, spread)
        for one in [*self.contenders]:
            if one.best < least:
                self._take_out(one)
        gc.collect()

    def _take_out(self, one: Contender) -> None:
        self.contenders.remove(one)
        self.dropped.append(one)
        one.release()


def enough(clips: int) -> float:
    """The score from which on nothing is left to gain: the highest, where so many clips mean something, else none."""
    return BEST_SCORE if clips >= TELLING else math.inf


def level(scores: Sequence[float], clips: int, share: float = LEVEL_THRESHOLD, spread: float = 1.0) -> float:
    """The score below which a candidate has fallen behind: further than chance explains, and too far to catch up.

    Args:
        scores: of all candidates.
        clips: by which they are measured; a figure's standard error is at most half of 1 / sqrt(clips).
        share: of the best, from which on one may still catch up.
        spread: how many times that error the score has, which is what its heads gain over their baselines.

    Example:
        >>> level([0.4, 0.3], clips=2500)
        0.32
    """
    best = max(scores)
    return best - max(0.5 * spread / clips**0.5, (1 - share) * abs(best))
