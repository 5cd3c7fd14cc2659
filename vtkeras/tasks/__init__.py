"""Tasks. A new one is one line in `TASKS`, or one file and one line."""

from vtkeras.config import Config
from vtkeras.errors import UserError, lookup
from vtkeras.tasks.base import Column, Endpoint, Head, Reader, Task
from vtkeras.tasks.heads import HEADS
from vtkeras.tasks.text_to_video import TEXT_TO_VIDEO
from vtkeras.tasks.video_text import GENERATES, video_text_task

BY_REWARD = {"trainer": "self_critical"}  # captions may be learned by reward
TASKS = {
    task.name: task
    for task in (
        video_text_task(
            "multitask", ["caption", "answer", "written_answer", "label", "contrastive", "statement"], **BY_REWARD
        ),
        video_text_task("captioning", ["caption"], **BY_REWARD),
        video_text_task("dense_captioning", ["events"], without=GENERATES, **BY_REWARD),
        video_text_task("question_answering", ["answer", "written_answer"]),
        video_text_task("narration", ["caption", "written_answer", "contrastive"], text_role="speech", **BY_REWARD),
        video_text_task("classification", ["label"]),
        video_text_task("retrieval", ["contrastive"]),
        TEXT_TO_VIDEO,
    )
}



def task_of(config: Config) -> Task:
    """The task that a config names.

    Raises:
        UserError: if there is none of that name, or `train.loss_weights` names no head.
    """
    task = lookup(TASKS, config.task, "task")
    known = {*HEADS, *(head.name for head in task.heads)}
    for name in config.train.loss_weights or {}:
        if name not in known:
            raise UserError(f"train.loss_weights: there is no head '{name}': use some of {', '.join(sorted(known))}.")
    return task


__all__ = ["HEADS", "TASKS", "Column", "Endpoint", "Head", "Reader", "Task", "task_of"]
