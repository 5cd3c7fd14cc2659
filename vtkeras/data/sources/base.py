"""What a source of examples is, and how its options are declared.

No file of this folder imports TensorFlow at its top, so that options are listed and checked before it loads.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from pydantic import Field, ValidationError

from vtkeras.config import Options, first_problem
from vtkeras.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf


class SourceOptions(Options):
    """The options of a source: frozen, each with its bounds and, as attribute docstring, its help.

    Attributes:
        small: values that make a source of a few examples, as tests use it.
    """

    small: ClassVar[dict[str, Any]] = {}

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """Checks plain values, as `data.options` holds them.

        Raises:
            UserError: one sentence that names the first option that is unknown, missing or out of range.

        Example:
            >>> MovingDigits.Options.read({"train_clips": 5}).train_clips
            5
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UserError(first_problem(error, cls, "data.options.")) from None


class DrawnOptions(SourceOptions):
    """Options of a source that draws its clips."""

    small: ClassVar[dict[str, Any]] = {"train_clips": 5, "eval_clips": 3}

    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Another seed draws other clips; left out, it is `train.seed`."""
    train_clips: int = Field(8192, ge=1)
    """Clips in one training epoch; every epoch draws fresh ones."""
    eval_clips: int = Field(500, ge=1)
    """Clips in each of the other splits."""


class FolderOptions(SourceOptions):
    """Options of a source that reads a folder."""

    path: Path
    """The folder to read: set data.path, or give --data DIR."""


class Source(Protocol):
    """Where examples come from.

    A source is a class made from its options alone, e.g. `MovingDigits(max_digits=1)`. It may yield whatever
    `spec` says; the names of `vtkeras.keys` are what the pipeline and the heads know: FRAMES (uint8, time x
    height x width x 3), AUDIO (float32, samples x channels), FRAME_FEATURES in place of frames, VIDEO_ID,
    CAPTIONS (strings, every right one), and QUESTION, ANSWER and LABEL (one string each, empty for none).

    Attributes:
        Options: the class of its options.
        options: what it was made with.
        draws: whether every epoch has other training examples.
        content: another text for other data at the same place; "" where that cannot be.
        left_out: another text for every choice of what is left out of the data; "" where nothing is.
        stored_frames: the most frames that were stored of each file, at even distances, before a model takes fewer of
            them; None where clips are made.
        stored_side: pixels that no side of a stored frame exceeds, before a model scales it to its own size; None where
            clips are made.

    Example:
        >>> class Sayings(Source):
        ...     Options = SourceOptions
        ...     def __init__(self, **options): self.options = self.Options.read(options)
        ...     @property
        ...     def spec(self): return {"captions": tf.TensorSpec((None,), tf.string)}
        ...     def splits(self): return ["train"]
        ...     def size(self, split): return 1
        ...     def load(self, split, epoch=0): return tf.data.Dataset.from_tensors({"captions": ["so it goes"]})
        ...     def texts(self): return {"captions": ["so it goes"], "questions": [], "answers": [], "labels": []}
    """

    Options: ClassVar[type[SourceOptions]]
    options: SourceOptions
    draws: bool = True
    content: str = ""
    left_out: str = ""
    stored_frames: int | None = None
    stored_side: int | None = None

    def __init__(self, **options: Any): ...

    @property
    def spec(self) -> dict[str, tf.TensorSpec]:
        """What an example holds: a name of `vtkeras.keys` -> its shape and type."""
        ...

    def splits(self) -> list[str]:
        """Names of the splits; `train` is one of them."""
        ...

    def size(self, split: str) -> int:
        """Number of examples in a split."""
        ...

    def load(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        """The examples of a split, dicts as `spec` says; the same for the same arguments.

        Args:
            split: one of `splits()`.
            epoch: what a source that draws training examples draws them from. Of others it is the view of the training
                split, for those that keep what a model reads of a clip; see `vtkeras.data.views`.

        Raises:
            UserError: for an unknown split.
        """
        ...

    def texts(self) -> dict[str, list[str]]:
        """The training split's "captions", "questions", "answers" and "labels", which make the vocabulary."""
        ...

    def clips(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        """As `load`, but one dict a clip, whose QUESTION and ANSWER are strings (questions,).

        Raises:
            UserError: if the source has one question a clip at most.
        """
        raise UserError(
            "data.questions_per_clip above 1 needs clips with several questions, which this source does not "
            "give: set it to 1."
        )

    def column(self, split: str, name: str) -> dict[tuple[str, str], str]:
        """A column of the table that the data came in, {(clip, question): value}, to group figures by.

        Raises:
            UserError: if the data have no such column.
        """
        raise UserError(f"The data have no column '{name}': --by needs a folder that `vtkeras data ingest` made.")

    def question_kind(self, question: str) -> str:
        """The kind of a question, for accuracies by kind; of a source that does not know better, see `first_word`."""
        return first_word(question)


def check_split(source: Source, split: str) -> None:
    """Refuses a split that a source does not have.

    Args:
        source: what is asked.
        split: its name.

    Raises:
        UserError: for an unknown split.
    """
    if split not in source.splits():
        raise UserError(f"The data have no split '{split}': use one of {', '.join(source.splits())}.")


def first_word(question: str) -> str:
    """The kind of a question: its first word, and the next one after "how".

    Example:
        >>> first_word("How many cats are there?")
        'how many'
    """
    words = question.lower().split()
    return " ".join(words[: 2 if words[0] == "how" else 1])
