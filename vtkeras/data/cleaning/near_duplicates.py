"""Clips that show what another one shows: in the same split, or, which is a leak, in another one."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.spatial import cKDTree

from vtkeras import keys
from vtkeras.data.cleaning.facts import Facts
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.cleaning.options import CleaningOptions

NEAR_DUPLICATE, LEAK = "near_duplicate", "leak"


def near_duplicates(clips: Sequence[Facts], options: CleaningOptions) -> Iterator[Mark]:
    """Marks every clip whose thumbnail is that of a clip which stays.

    Of twins in two splits the one to evaluate on stays, and the one to train on goes. Of twins in one split the first
    that is stored stays.
    """
    if not clips or not options.twin_luma:
        return
    thumbnails = np.stack([clip.thumbnail for clip in clips])
    tree = cKDTree(thumbnails)
    splits = keys.in_order({clip.split for clip in clips})
    decided: set[int] = set()
    for number in sorted(range(len(clips)), key=lambda number: (-splits.index(clips[number].split), number)):
        if number in decided:
            continue
        decided.add(number)
        for twin in sorted(tree.query_ball_point(thumbnails[number], options.twin_luma, p=np.inf)):
            if twin not in decided:
                decided.add(twin)
                difference = float(np.abs(thumbnails[twin] - thumbnails[number]).max())
                yield _mark(clips[twin], clips[number], difference)


def _mark(clip: Facts, stays: Facts, difference: float) -> Mark:
    shown = f"shows what {stays.clip} shows (largest difference {difference:.0f} of 255)"
    if clip.split == stays.split:
        return clip.mark(NEAR_DUPLICATE, shown)
    return clip.mark(LEAK, f"{shown}, which is in the split {stays.split}: figures on that would be too good")
