"""Tasks. A new one is one line in `TASKS`, or one file and one line."""

from vtkeras import keys
from vtkeras.tasks.base import Task
from vtkeras.tasks.dense import dense_captioning_task
from vtkeras.tasks.video_text import video_text_task

TASKS = {
    task.name: task
    for task in (
        video_text_task("multitask"),
        video_text_task("captioning", (keys.HEAD_CAPTION,)),
        dense_captioning_task("dense_captioning"),
        video_text_task("question_answering", (keys.HEAD_ANSWER, keys.HEAD_WRITTEN_ANSWER)),
        video_text_task("narration", (keys.HEAD_CAPTION, keys.HEAD_WRITTEN_ANSWER, keys.HEAD_CONTRASTIVE)),
        video_text_task("classification", (keys.HEAD_LABEL,)),
        video_text_task("retrieval", (keys.HEAD_CONTRASTIVE,)),
    )
}

__all__ = ["TASKS", "Task"]
