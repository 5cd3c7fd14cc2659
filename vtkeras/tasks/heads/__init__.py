"""What models can learn to say. A new head is one file here and one line in `HEADS`."""

from collections.abc import Collection

from vtkeras.tasks.heads.answers import AnswerHead
from vtkeras.tasks.heads.captions import CaptionHead
from vtkeras.tasks.heads.contrastive import ContrastiveHead
from vtkeras.tasks.heads.events import EventsHead
from vtkeras.tasks.heads.generated_answers import GeneratedAnswerHead
from vtkeras.tasks.heads.labels import LabelHead
from vtkeras.tasks.heads.statements import StatementHead
from vtkeras.tasks.heads.video import VideoHead

HEADS = {
    head.name: head
    for head in (
        CaptionHead(),
        EventsHead(),
        AnswerHead(),
        GeneratedAnswerHead(),
        LabelHead(),
        ContrastiveHead(),
        StatementHead(),
        VideoHead(),
    )
}


def switches(heads: Collection[str] = ()) -> tuple[str, ...]:
    """The options of a config that turn on other heads than the named ones.

    Example:
        >>> switches(["caption", "written_answer"])
        ('data.statements',)
    """
    return tuple(head.switch for name, head in HEADS.items() if head.switch and name not in heads)


__all__ = ["HEADS", "switches"]
