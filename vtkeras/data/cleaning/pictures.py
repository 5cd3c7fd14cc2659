"""Clips that are black, dark, over-exposed, blurred or frozen."""

from collections.abc import Iterable, Iterator

from vtkeras.data.cleaning.facts import Facts
from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.cleaning.options import CleaningOptions
from vtkeras.data.quality import TEXTS, judge


def pictures(clips: Iterable[Facts], options: CleaningOptions) -> Iterator[Mark]:
    """Marks clips whose frames pass a threshold, see `quality.judge`."""
    for clip in clips:
        for reason, value, limit in judge(clip.measures, options):
            yield clip.mark(reason, TEXTS[reason].format(value=value, limit=limit))
