"""What models can learn to say. A new head is one file here and one line in `HEADS`."""

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

__all__ = ["HEADS"]
