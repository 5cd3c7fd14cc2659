"""What `vtkeras tag` says of a video, as lines and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from vtkeras.errors import lookup
from vtkeras.pretrained.packages import PACKAGES
from vtkeras.pretrained.sentences import SENTENCE_ENCODERS
from vtkeras.tagging.tagger import Tag, Tagged, best_tags
from vtkeras.tagging.zero_shot import concept_space

FRAME_TAGS = 3  # names of a single frame


@dataclass(frozen=True)
class Report:
    """A tagged video with the texts that the user asked about.

    Attributes:
        tagged: what the classifier says.
        labels: the user's labels, nearest first.
        found: the text to find, where the video is nearest to it; None if none was asked for.
    """

    tagged: Tagged
    labels: Sequence[Tag] = ()
    found: Tag | None = None


class Reporter:
    """Compares tagged videos with texts.

    Args:
        names: of the classes.
        labels: the user's own labels.
        find: a text to find, or None.
        sentences: a name in `SENTENCE_ENCODERS`; loaded only if there is a text.

    Raises:
        UserError: for an unknown name, or a package that is missing.
    """

    def __init__(
        self, names: Sequence[str], labels: Sequence[str] = (), find: str | None = None, sentences: str = "use"
    ):
        lookup(SENTENCE_ENCODERS, sentences, "--sentences")
        self.labels, self.find = list(labels), find
        self.space = concept_space(names, sentences) if labels or find else None

    def __call__(self, tagged: Tagged) -> Report:
        """The report on one video."""
        return Report(tagged, self._near(tagged, self.labels), next(iter(self._near(tagged, [self.find])), None))

    def _near(self, tagged: Tagged, texts: Sequence[str | None]) -> list[Tag]:
        asked = [text for text in texts if text]
        if not asked or self.space is None:
            return []
        return best_tags(self.space.similarities(tagged.probabilities, asked), asked, tagged.times, most=len(asked))


def to_lines(report: Report, most: int = 5, least: float = 0.1) -> list[str]:
    """A report for people.

    Args:
        report: of one video.
        most: names, and labels, at most.
        least: probability of a name at least; where none has it, the likeliest is told with a warning.

    Example:
        >>> to_lines(report)
        ['sports car 0.61 at 3.2 s', 'labels: car 0.58 at 3.2 s, dog 0.11 at 0.4 s']
    """
    tagged = report.tagged
    tags = best_tags(tagged.probabilities, tagged.names, tagged.times, most, least)
    lines = [_told(tag) for tag in tags]
    if not tags:
        likeliest = best_tags(tagged.probabilities, tagged.names, tagged.times, 1)[0]
        lines = [f"nothing that ImageNet has a name for with {least:g} or more; nearest {_told(likeliest)}"]
    if report.labels:
        lines.append(f"labels: {', '.join(map(_told, report.labels[:most]))}")
    if report.found:
        lines.append(f"nearest to {_told(report.found)}")
    return [*lines, *([f"note: {tagged.note}"] if tagged.note else [])]


def to_values(report: Report, encoder: str, most: int = 5, least: float = 0.1) -> dict:
    """A report as plain values for JSON.

    Args:
        report: of one video.
        encoder: the classifier's name.
        most, least: as for `to_lines`; all labels are given.

    Returns:
        video; model (name, weights); complete and note; tags [{name, score, seconds, mean}], where score and mean are
        probabilities; labels, likewise with cosines; found, one such or null; frames [{seconds, tags [{name, score}]}].
    """
    tagged = report.tagged
    package = PACKAGES[encoder]
    return {
        "video": tagged.video.encode("utf-8", "replace").decode(),
        "model": {"name": encoder, "weights": f"{package.name} {package.version}"},
        "complete": not tagged.note,
        "note": tagged.note,
        "tags": [_values(tag) for tag in best_tags(tagged.probabilities, tagged.names, tagged.times, most, least)],
        "labels": [_values(tag) for tag in report.labels],
        "found": report.found and _values(report.found),
        "frames": [_frame(tagged, index) for index in range(len(tagged.times))],
    }


def _frame(tagged: Tagged, index: int) -> dict:
    one = slice(index, index + 1)
    tags = best_tags(tagged.probabilities[one], tagged.names, tagged.times[one], FRAME_TAGS)
    return {
        "seconds": round(float(tagged.times[index]), 3),
        "tags": [{"name": tag.name, "score": round(tag.score, 4)} for tag in tags],
    }


def _values(tag: Tag) -> dict:
    return {name: value if name == "name" else round(value, 4) for name, value in asdict(tag).items()}


def _told(tag: Tag) -> str:
    return f"{tag.name} {tag.score:.2f} at {tag.seconds:.1f} s"
