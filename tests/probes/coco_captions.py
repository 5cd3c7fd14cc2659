"""A probe: a source that reads COCO captions, images as videos of one frame (Chen et al., 2015)."""

import json
from typing import ClassVar

import tensorflow as tf
from pydantic import Field

from vtkeras import keys
from vtkeras.data.sources.base import FolderOptions, Source, check_split
from vtkeras.data.sources.datasets import drawn_clips
from vtkeras.errors import UserError

SPLITS = {"train": keys.TRAIN, "val": keys.VALIDATION, "test": keys.TEST}


class CocoOptions(FolderOptions):
    """Options of `coco`: a folder that holds annotations/captions_NAME.json and the images in NAME/."""

    small: ClassVar[dict] = {"images": 5}

    images: int | None = Field(None, ge=1)
    """Images of each split at most; None takes all."""


class CocoCaptions(Source):
    """Images with the captions that several people wrote. A split is named after its file, e.g. train2017."""

    Options = CocoOptions

    def __init__(self, **options):
        self.options = self.Options.read(options)
        self.rows = {}
        for file in sorted(self.options.path.glob("annotations/captions_*.json")):
            name = file.stem.removeprefix("captions_")
            self.rows[SPLITS[name.rstrip("0123456789")]] = self._rows(file, name)
        if keys.TRAIN not in self.rows:
            raise UserError(f"{self.options.path} has no annotations/captions_train*.json.")

    @property
    def spec(self):
        texts = {keys.VIDEO_ID: tf.TensorSpec((), tf.string), keys.CAPTIONS: tf.TensorSpec((None,), tf.string)}
        return {keys.FRAMES: tf.TensorSpec((1, None, None, 3), tf.uint8), **texts}

    def splits(self):
        return list(self.rows)

    def size(self, split):
        return len(self.rows[split])

    def load(self, split, epoch=0):
        check_split(self, split)
        return drawn_clips(lambda index: self._example(*self.rows[split][index]), self.size(split), self.spec)

    def texts(self):
        captions = [caption for _, captions in self.rows[keys.TRAIN] for caption in captions]
        return {"captions": captions, "questions": [], "answers": [], "labels": []}

    def _rows(self, file, name):
        content = json.loads(file.read_text(encoding="utf-8"))
        captions = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            captions[annotation["image_id"]].append(annotation["caption"])
        folder = self.options.path / name
        rows = [(folder / image["file_name"], captions[image["id"]]) for image in content["images"]]
        return rows[: self.options.images]

    def _example(self, path, captions):
        image = tf.io.decode_image(path.read_bytes(), channels=3, expand_animations=False)
        return {keys.FRAMES: image[None].numpy(), keys.VIDEO_ID: path.stem, keys.CAPTIONS: captions}
