"""Sort-of-CLEVR keeps to its recipe and tells the truth about its pictures."""

import hashlib
import re

import numpy as np
import pytest

from vtkeras import keys
from vtkeras.config import DataConfig
from vtkeras.data.pipeline import make_dataset
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.sort_of_clevr import COLOURS, NAMES, QUESTIONS, RELATIONAL, SHAPES, Scene, SortOfClevr
from vtkeras.data.text import build_vocabulary

# Columns and rows; red, green and orange are squares.
CENTRES = np.array([[10, 10], [30, 10], [10, 40], [60, 60], [37, 38], [60, 8]])
SCENE = Scene(CENTRES, np.array([0, 0, 1, 0, 1, 1]))


def answers(scene, colour):
    """Answers to the six templates, in order."""
    place = NAMES.index(colour)
    return [scene.answer(template, place) for several in QUESTIONS.values() for template in several]


def test_answers_by_hand():
    # Nearest to red (10, 10): green, 20 away; furthest: orange (60, 60). Three objects are squares.
    assert answers(SCENE, "red") == ["square", "yes", "yes", "square", "square", "3"]
    # Gray (37, 38): left of 37.5 and below it; nearest: blue, 27.07 away, then green 28.9; furthest: yellow,
    # 529 + 900 = 1429, then red 729 + 784 = 1513: red.
    assert answers(SCENE, "gray") == ["circle", "yes", "no", "circle", "square", "3"]
    # Yellow (60, 8): nearest green, 30.07; furthest blue, 2500 + 1024.
    assert answers(SCENE, "yellow") == ["circle", "no", "yes", "square", "circle", "3"]


def test_of_two_as_near_the_first_named_counts():
    centres = np.array([[40, 40], [20, 40], [60, 40], [5, 5], [69, 5], [5, 69]])
    for shapes, right in (([0, 0, 1, 0, 0, 0], "square"), ([0, 1, 0, 0, 0, 0], "circle")):
        assert answers(Scene(centres, np.array(shapes)), "red")[3] == right


def test_picture_by_hand():
    picture = SCENE.draw()
    assert picture.shape == (75, 75, 3) and picture.dtype == np.uint8
    counts = {name: (picture == colour).all(axis=-1).sum() for name, colour in COLOURS.items()}
    # A square of 11 x 11; the disc of radius 5 has 81 whole pixels.
    assert counts == {"red": 121, "green": 121, "blue": 81, "orange": 121, "gray": 81, "yellow": 81}
    rows, columns = np.nonzero((picture == COLOURS["blue"]).all(axis=-1))
    assert (columns.mean(), rows.mean()) == (10, 40)


def test_the_recipe():
    source = SortOfClevr(train_images=30, eval_images=5)
    assert (SortOfClevr().size(keys.TRAIN), SortOfClevr().size(keys.TEST)) == (196_000, 4_000)
    for index in range(30):
        scene, asked = source._scene(keys.TRAIN, index)
        apart = np.linalg.norm(scene.centres[:, None] - scene.centres, axis=-1)
        assert apart[~np.eye(6, dtype=bool)].min() >= 10
        assert scene.centres.min() >= 5 and scene.centres.max() <= 69
        example = source.example(keys.TRAIN, 0, index)
        kinds = [source.question_kind(question) for question in example[keys.QUESTION]]
        assert kinds == ["non-relational"] * 10 + [RELATIONAL] * 10 and len(asked) == 20


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_every_answer_is_true_of_the_picture(epoch):
    # Found again from the pixels alone: the middle and the number of pixels of each colour.
    source, checked = SortOfClevr(seed=3, train_images=20), 0
    for index in range(20):
        example = source.example(keys.TRAIN, epoch, index)
        found = [np.nonzero((example[keys.FRAMES][0] == colour).all(axis=-1)) for colour in COLOURS.values()]
        if not {len(rows) for rows, _ in found} <= {81, 121}:
            continue  # two objects overlap by a few pixels
        checked += 1
        centres = np.array([[columns.mean(), rows.mean()] for rows, columns in found])
        shapes = np.array([SHAPES.index("square" if len(rows) == 121 else "circle") for rows, _ in found])
        scene = Scene(centres, shapes)
        for question, answer in zip(example[keys.QUESTION], example[keys.ANSWER]):
            colour = re.search("|".join(NAMES), question)[0]
            template = question.replace(colour, "{}")
            assert scene.answer(template, NAMES.index(colour)) == answer
        labels = {f"{name} {SHAPES[shape]}" for name, shape in zip(NAMES, shapes)}
        assert set(example[keys.LABEL].split("|")) == labels
    assert checked >= 8


def test_epochs_change_pictures_only_with_augmentation():
    plain, changing = SortOfClevr(train_images=4, augment=False), SortOfClevr(train_images=4)

    def frames(source, epoch):
        return np.stack([source.example(keys.TRAIN, epoch, index)[keys.FRAMES] for index in range(4)])

    assert (frames(plain, 0) == frames(plain, 7)).all()
    assert (frames(changing, 0) == frames(plain, 0)).all()
    assert (frames(changing, 1) != frames(changing, 2)).any()
    assert (frames(changing, 1) == frames(SortOfClevr(train_images=4), 1)).all()


def test_same_on_every_machine():
    source = SortOfClevr(seed=0)
    digest = hashlib.sha256()
    for split, epoch in ((keys.TRAIN, 0), (keys.TRAIN, 1), (keys.TEST, 0)):
        example = source.example(split, epoch, 0)
        digest.update(example[keys.FRAMES].tobytes())
        digest.update("".join([*example[keys.QUESTION], *example[keys.ANSWER]]).encode())
    assert digest.hexdigest()[:16] == "e266810080d0cc34"


def test_splits_differ():
    source = SortOfClevr(seed=0)
    pictures = {source.example(split, 0, 0)[keys.FRAMES].tobytes() for split in source.splits()}
    assert len(pictures | {SortOfClevr(seed=1).example(keys.TEST, 0, 0)[keys.FRAMES].tobytes()}) == 4


@pytest.mark.parametrize("augment", [True, False])
def test_training_shows_changed_pictures_where_asked_for(augment):
    source = SortOfClevr(train_images=4, eval_images=1, augment=augment)
    preprocessor = Preprocessor(DataConfig(num_frames=1, image_size=32, questions_per_clip=2),
                                build_vocabulary(source.texts(), 200))  # fmt: skip
    batches = make_dataset(source, "train", preprocessor, dict, 4, training=True, epochs=(0, 1))
    first, second = (batch[keys.FRAMES].numpy() for batch in batches)
    assert (first != second).any() == augment
