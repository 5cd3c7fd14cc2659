"""Where examples come from. A new dataset is one file here and one line in `SOURCES`.

A source has four methods:

- `splits() -> list[str]`
- `size(split) -> int`, the number of examples
- `load(split, epoch=0) -> tf.data.Dataset` of dicts with the keys FRAMES (uint8, time x height x
  width x 3), VIDEO_ID, CAPTIONS (string, references), QUESTION, ANSWER and LABEL (strings)
- `texts() -> dict` with the training split's "captions", "questions", "answers" and "labels",
  from which the vocabularies are made

Two more where they make sense:

- `clips(split, epoch=0)`, as `load`, but one dict a clip, whose QUESTION and ANSWER are string
  (questions,): for training that reads a clip once for all its questions
- `question_kind(question) -> str`, for accuracies by kind of question; without it the first word tells
"""

from vtkeras.data.sources.dense_digits import DenseDigits
from vtkeras.data.sources.folder import FolderSource
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.data.sources.narrated_digits import NarratedDigits
from vtkeras.data.sources.sort_of_clevr import SortOfClevr
from vtkeras.data.sources.statements import Statements

SOURCES = {
    "moving_digits": MovingDigits,
    "statements": Statements,
    "dense_digits": DenseDigits,
    "narrated_digits": NarratedDigits,
    "sort_of_clevr": SortOfClevr,
    "folder": FolderSource,
}
