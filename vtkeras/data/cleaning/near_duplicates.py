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


def near_duplicates(clips: Sequence[Facts], options: CleaningOptions) -> Iterator[Mark]:
    """Marks every clip whose thumbnail and colours are those of a clip which stays, as it is or mirrored.

    What moves to the left shows, mirrored, what moves to the right. So a mirrored twin counts only where the texts of
    both say the same.

    Of twins in two splits the one to evaluate on stays, and the one to train on goes. Of twins in one split the first
    that is stored stays.
    """
    if not clips or not options.twin_luma:
        return
    pictures = np.stack([clip.thumbnail for clip in clips]).reshape(-1, MOMENTS, GRID, GRID)
    tree = cKDTree(_coarse(pictures))
    splits = keys.in_order({clip.split for clip in clips})
    decided: set[int] = set()
    for number in sorted(range(len(clips)), key=lambda number: (-splits.index(clips[number].split), number)):
        if number in decided:
            continue
        decided.add(number)
        own = pictures[number], clips[number].tints
        for how, (picture, tints) in (("", own), (", mirrored", [values[:, :, ::-1] for values in own])):
            near = tree.query_ball_point(_coarse(picture[None])[0], options.twin_luma, p=np.inf)
            for twin in sorted(set(near) - decided):
                difference = float(np.abs(pictures[twin] - picture).max())
                other = float(np.abs(clips[twin].tints - tints).max())
                alike = difference <= options.twin_luma and other <= options.twin_colour
                said = not how or _texts(clips[twin]) == _texts(clips[number])
                if alike and said and _common_motion(pictures[twin], picture) >= options.twin_motion:
                    decided.add(twin)
                    yield _mark(clips[twin], clips[number], how, difference)


def _texts(clip: Facts) -> tuple[set[str], set[str]]:
    """What is said of a clip, without case and punctuation."""
    return {*map(plain_words, clip.captions)}, {*map(plain_words, clip.other_texts)}


def _coarse(pictures: np.ndarray) -> np.ndarray:
    """(clips, values), means of neighbours: two clips differ in them by no more than in their squares."""
    count = len(pictures)
    return pictures.reshape(count, MOMENTS // 2, 2, GRID // 2, 2, GRID // 2, 2).mean(axis=(2, 4, 6)).reshape(count, -1)


def _common_motion(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation of two clips' changes over time; 1 where neither changes by more than noise does."""
    first, second = (picture - picture.mean(axis=0) for picture in (one, other))
    noise = STILL**2
    own = np.sqrt((np.square(first).mean() + noise) * (np.square(second).mean() + noise))
    return float(((first * second).mean() + noise) / own)


def _mark(clip: Facts, stays: Facts, how: str, difference: float) -> Mark:
    shown = f"shows what {stays.clip} shows{how} (largest difference {difference:.0f} of 255)"
    if clip.split == stays.split:
        return clip.mark(NEAR_DUPLICATE, shown)
    return clip.mark(LEAK, f"{shown}, which is in the split {stays.split}: figures on that would be too good")
