"""easy-VQA (Zhou, 2020): 5,000 pictures of one coloured shape, 48,248 questions, 13 answers.

The package's own test part is the test split; a tenth of its training pictures is for validation. There are no
captions.
"""

import shutil
from collections import defaultdict
from pathlib import Path

import easy_vqa
import numpy as np

from tests.benchmarks.sets.writing import Clip, write_captions

SHAPES = ("circle", "rectangle", "triangle")
VALIDATION_SHARE = 0.1


def make(out: Path, clips: int | None, seed: int) -> None:
    """Copies the pictures and writes captions.csv."""
    train, test = easy_vqa.get_train_image_paths(), easy_vqa.get_test_image_paths()
    order = np.random.default_rng(seed).permutation(sorted(train))
    count = round(VALIDATION_SHARE * len(order))
    share = 1 if clips is None else clips / (len(train) + len(test))
    parts = {
        "train": (train, order[count:], easy_vqa.get_train_questions()),
        "validation": (train, order[:count], easy_vqa.get_train_questions()),
        "test": (test, sorted(test), easy_vqa.get_test_questions()),
    }
    rows = []
    for split, (files, chosen, questions) in parts.items():
        asked = defaultdict(list)
        for question, answer, image in zip(*questions):
            if (question, answer, kind_of(answer)) not in asked[image]:
                asked[image].append((question, answer, kind_of(answer)))
        (out / split).mkdir(parents=True, exist_ok=True)
        for image in chosen[: max(1, round(share * len(chosen)))]:
            path = f"{split}/{image}.png"
            shutil.copyfile(files[image], out / path)
            rows.append(Clip(path, split, questions=asked[image]))
    write_captions(out, rows)


def kind_of(answer: str) -> str:
    """What a question asks for, as its answer tells."""
    if answer in ("yes", "no"):
        return "yes or no"
    return "shape" if answer in SHAPES else "colour"
