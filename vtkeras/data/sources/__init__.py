"""Where examples come from. A new dataset is one file here and one line in `SOURCES`.

A source has four methods:

- `splits() -> list[str]`
- `size(split) -> int`, the number of examples
- `load(split, epoch=0) -> tf.data.Dataset` of dicts with the keys FRAMES (uint8, time x height x
  width x 3), VIDEO_ID, CAPTIONS (string, references), QUESTION, ANSWER and LABEL (strings)
- `texts() -> dict` with the training split's "captions", "questions", "answers" and "labels",
  from which the vocabularies are made
"""

from vtkeras.data.sources.folder import FolderSource
from vtkeras.data.sources.moving_digits import MovingDigits

SOURCES = {
    "moving_digits": MovingDigits,
    "folder": FolderSource,
}
