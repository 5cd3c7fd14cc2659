"""Clips that show what another one shows: in the same split, or, which is a leak, in another one."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.spatial import cKDTree

from vtkeras import keys
from vtkeras.data.cleaning.duplicates import plain_words
from vtkeras.data.cleaning.facts import GRID, MOMENTS, Facts
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.cleaning.options import CleaningOptions

NEAR_DUPLICATE, LEAK = "near_duplicate", "leak"
STILL = 1.0  # luma; squares whose standard deviation over time is below that stand still
CHUNK = 512  # clips that are compared at once: few enough to stay in the processor's cache


def near_duplicates(clips: Sequence[Facts], options: CleaningOptions) -> Iterator[Mark]:
    """Marks every clip whose thumbnail and colours are those of a clip which stays, as it is or mirrored.

    What moves to the left shows, mirrored, what moves to the right. So a mirrored twin counts only where the texts of
    both say the same.

    Of twins in two splits the one to evaluate on stays, and the one to train on goes. Of twins in one split the first
    that is stored stays.
    """
    if not clips or not options.twin_luma:
        return
    shown = _Shown(clips)
    splits = keys.in_order({clip.split for clip in clips})
    decided = np.zeros(len(clips), bool)
    for number in sorted(range(len(clips)), key=lambda number: (-splits.index(clips[number].split), number)):
        if decided[number]:
            continue
        decided[number] = True
        for mirrored in (False, True):
            for twin, difference in shown.alike(number, mirrored, ~decided, options):
                if not mirrored or _texts(clips[twin]) == _texts(clips[number]):
                    decided[twin] = True
                    yield _mark(clips[twin], clips[number], ", mirrored" * mirrored, difference)


class _Shown:
    """What clips show, to be compared with what one of them shows.

    Attributes:
        luma: float32 (clips, MOMENTS, GRID, GRID), the thumbnails.
        tints: float32 (clips, MOMENTS, FIELDS, FIELDS, 3).
        changes: as `luma`, less the mean over time.
        change_sizes: float32 (clips,), mean squares of these, with that of noise.
        tree: of what `_coarse` gives.
    """

    def __init__(self, clips: Sequence[Facts]):
        self.luma = np.stack([clip.thumbnail for clip in clips]).reshape(-1, MOMENTS, GRID, GRID)
        self.tints = np.stack([clip.tints for clip in clips])
        self.changes = self.luma - self.luma.mean(axis=1, keepdims=True)
        self.change_sizes = np.square(self.changes).mean(axis=(1, 2, 3)) + STILL**2
        self.tree = cKDTree(_coarse(self.luma))

    def alike(
        self, number: int, mirrored: bool, among: np.ndarray, options: CleaningOptions
    ) -> Iterator[tuple[int, float]]:
        """The clips that show what one shows, in their order, and the largest difference of a square of each.

        Args:
            number: of the one.
            mirrored: compare with its mirror image.
            among: bool (clips,), those that may be found.
            options: say what counts as alike.
        """
        side = -1 if mirrored else 1
        luma, tints, change = (values[number][:, :, ::side] for values in (self.luma, self.tints, self.changes))
        near = np.array(self.tree.query_ball_point(_coarse(luma[None])[0], options.twin_luma, p=np.inf), int)
        near = np.sort(near[among[near]])
        for start in range(0, len(near), CHUNK):
            some = near[start : start + CHUNK]
            some = some[self._common_motion(some, number, change) >= options.twin_motion]
            some = some[np.abs(self.tints[some] - tints).max(axis=(1, 2, 3, 4)) <= options.twin_colour]
            differences = np.abs(self.luma[some] - luma).max(axis=(1, 2, 3))
            for twin, difference in zip(some.tolist(), differences.tolist()):
                if difference <= options.twin_luma:
                    yield twin, difference

    def _common_motion(self, some: np.ndarray, number: int, change: np.ndarray) -> np.ndarray:
        """The correlation of clips' changes over time with that of one; 1 where neither changes by more than noise."""
        products = self.changes[some].reshape(len(some), -1) @ change.ravel() / change.size
        return (products + STILL**2) / np.sqrt(self.change_sizes[some] * self.change_sizes[number])


def _texts(clip: Facts) -> tuple[set[str], set[str]]:
    """What is said of a clip, without case and punctuation."""
    return {*map(plain_words, clip.captions)}, {*map(plain_words, clip.other_texts)}


def _coarse(pictures: np.ndarray) -> np.ndarray:
    """(clips, values), means of neighbours: two clips differ in them by no more than in their squares."""
    count = len(pictures)
    return pictures.reshape(count, MOMENTS // 2, 2, GRID // 2, 2, GRID // 2, 2).mean(axis=(2, 4, 6)).reshape(count, -1)


def _mark(clip: Facts, stays: Facts, how: str, difference: float) -> Mark:
    shown = f"shows what {stays.clip} shows{how} (largest difference {difference:.0f} of 255)"
    if clip.split == stays.split:
        return clip.mark(NEAR_DUPLICATE, shown)
    return clip.mark(LEAK, f"{shown}, which is in the split {stays.split}: figures on that would be too good")
