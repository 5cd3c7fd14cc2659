"""What a survey says of clips that are known."""

import numpy as np
import pytest
import tensorflow as tf

from tests.planning.test_clock_and_speed import survey
from vtkeras.config import load_config, save_config
from vtkeras.data.text import build_vocabulary
from vtkeras.planning.candidates import Setting, make_config
from vtkeras.planning.survey import has_names, survey_source


class Labelled:
    """Clips of one frame with labels; `texts` has each label by itself, as those of a folder."""

    def __init__(self, *labels):
        self.labels = labels
        self.frames = np.zeros((len(labels), 1, 8, 8, 3), "uint8")

    def splits(self):
        return ["train"]

    def clips(self, split):
        count = len(self.labels)
        rows = {"frames": self.frames, "label": list(self.labels)}
        return tf.data.Dataset.from_tensor_slices({**rows, "question": [[""]] * count})

    def texts(self):
        labels = [label for one in self.labels for label in one.split("|") if label]
        return {"captions": [], "questions": [], "answers": [], "labels": labels}

    def column(self, split, name):
        return {(str(place), ""): label for place, label in enumerate(self.labels)}


def test_answers_are_written_where_some_are_phrases():
    source = Labelled("cat")
    for answers, length in ((["red ball|ball", "yes"], 2), (["ball|a red ball", "yes"], 0)):
        texts = {"captions": [], "questions": ["what?"] * 20, "answers": answers * 10, "labels": []}
        found = survey_source(source, texts, build_vocabulary(texts, 100, written_answers=True))
        assert (found.phrases, found.tokens["answers"]) == (length > 0, length)
        config = make_config("small", Setting(found, "data/mine", 1, 64, pretrained=False))
        assert config.data.answer_length == (length + 2 if length else 0)


@pytest.mark.parametrize("noise, step, moves", [(0, 0, False), (10, 0, False), (0, 8, True), (4, 4, True)])
def test_a_small_thing_that_moves_is_motion_and_noise_is_not(noise, step, moves):
    rng = np.random.default_rng(0)
    frames = np.full((1, 8, 128, 128, 3), 60.0)
    for time in range(8):
        frames[0, time, 40:46, 20 + step * time : 26 + step * time] = 220  # 6 x 6 of 128 x 128 pixels
    frames = np.clip(frames + rng.normal(0, noise, frames.shape), 0, 255).astype("uint8")
    source = Labelled("cat")
    source.frames = frames
    assert survey_source(source, source.texts(), build_vocabulary(source.texts(), 100)).moves is moves


@pytest.mark.parametrize(
    "labels, several",
    [
        (["cat", "dog", "cat"], False),
        (["cat|dog", "dog", "cat"], True),
        (["cat|dog", "", ""], True),
        (["cat", ""], False),
        ([*["cat"] * 40, *[""] * 9, "cat|dog"], True),  # beyond those whose frames are looked at
    ],
)
def test_whether_a_clip_may_have_several_labels(labels, several):
    source = Labelled(*labels)
    texts = source.texts()
    found = survey_source(source, texts, build_vocabulary(texts, 100))
    assert found.several_labels is several
    assert found.labels["cat"] == sum("cat" in label for label in labels)


def test_rare_labels_count_more_where_labels_are_uneven():
    uneven = survey(labels={"cat": 198, "dog": 2})
    assert uneven.label_weights() == {"cat": 0.711, "dog": 7.071}  # roots of 100 / 198 and 100 / 2
    assert any("uneven, 198 clips" in warning for warning in uneven.warnings())
    assert survey(labels={"cat": 19, "dog": 1}).label_weights() == {}


def uneven(count):
    """So many labels, of 20 bytes each."""
    return survey(labels={f"меткамет{number:04d}": 40 if number else 2 for number in range(count)})


@pytest.mark.parametrize("count, weighed", [(2500, True), (2501, False)])
def test_labels_too_many_for_a_config_have_no_weights(count, weighed, tmp_path):
    found = uneven(count)  # 40 bytes for each, of 100,000
    assert len(found.label_weights()) == count * weighed
    assert any(f"too many ({count}) for a weight of each" in line for line in found.warnings()) is not weighed
    config = make_config("small", Setting(found, "data/mine", 8, 64, pretrained=False))
    save_config(config, tmp_path / "config.yaml")
    assert load_config(str(tmp_path / "config.yaml")).data == config.data


def test_labels_that_validation_lacks_are_named():
    (told,) = [line for line in survey(unjudged=("a", "b", "c", "d", "e")).warnings() if "no validation clip" in line]
    assert "the labels a, b, c and 2 others" in told
    assert not any("no validation clip" in line for line in survey().warnings())


class Divided(Labelled):
    """The same labels in training, other ones in two splits."""

    def splits(self):
        return ["train", "validation", "test"]

    def column(self, split, name):
        labels = {"train": self.labels, "validation": ("cat", "cow|cat"), "test": ("fox", "")}[split]
        return {(str(place), ""): label for place, label in enumerate(labels)}


def test_what_training_or_validation_lack_is_told():
    source = Divided("cat", "cat", "dog")
    texts = {**source.texts(), "captions": ["a cat"], "answers": ["yes"], "questions": ["is it?"]}
    words = build_vocabulary(texts, 100)
    found = survey_source(source, texts, words, {"captions": [], "answers": ["no"], "labels": ["cat"]})
    assert (found.unjudged, found.unknown, found.silent) == (("dog",), ("cow", "fox"), ("a caption",))
    lines = found.warnings()
    assert "no training clip has the labels cow, fox, which other splits have: it cannot be learned" in lines
    assert "no validation clip has a caption: nothing tells in training what is learned of them" in lines
    assert survey_source(source, texts, words, texts).silent == ()


def test_a_label_that_all_validation_clips_have_is_told():
    lines = survey(labels={"a": 20, "b": 20}, unjudged=("a",)).warnings()
    assert any(line.startswith("all validation clips have the same label") for line in lines)


@pytest.mark.parametrize(
    ("captions", "names"),
    [
        (["Die Katze sieht Oma an", "Ein Ball rollt"], True),  # 3 of 6 words after the first
        (["A cat looks at me", "A DVD turns", "the Eiffel tower is tall", "and so on " * 9], False),  # 1 of 36
        ([], False),
    ],
)
def test_capitals_within_captions_are_kept_where_there_are_many(captions, names):
    assert has_names(captions) == names


def test_cells_of_several_answers_count_by_the_first_and_words_without_marks_or_spaces():
    source = Labelled("cat")
    texts = {"captions": ["A cat, 一只猫", "a Cat"], "questions": ["is it?"] * 3, "labels": []}
    texts["answers"] = ["yes|yes|no", "Yes|no|yes", "no"]
    found = survey_source(source, texts, build_vocabulary(texts, 100))
    assert (found.answers, found.words) == (2, 7)  # yes, no; a, cat, 一, 只, 猫, is, it


@pytest.mark.parametrize("values, told", [
    ({"labels": {"video": 40}}, "all labels are video: there is nothing"),
    ({"questions": 40, "answers": 1}, "all answers are the same: there is nothing"),
])  # fmt: skip
def test_one_label_or_answer_for_all_is_told(values, told):
    assert any(told in line for line in survey(**values).warnings())
    assert not any("nothing to learn" in line for line in survey(questions=40, answers=2).warnings())


@pytest.mark.parametrize("answers, phrases, chosen", [(2000, True, True), (2001, True, False), (2001, False, True)])
def test_of_very_many_phrases_none_is_chosen_but_written(answers, phrases, chosen):
    found = survey(questions=5000, answers=answers, phrases=phrases)
    weights = make_config("small", Setting(found, "data/mine", 8, 64, pretrained=False)).train.loss_weights
    assert ("answer" in weights) is chosen and "written_answer" in weights
    assert any("2001 different answers, too many to choose" in line for line in found.warnings()) is not chosen


@pytest.mark.parametrize("train, validation, told", [(800, 801, True), (800, 800, False), (100, 500, False)])
def test_more_validation_than_training_clips_are_told(train, validation, told):
    lines = survey(clips={"train": train, "validation": validation, "test": 9}).warnings()
    assert any("though 500 are scored" in line for line in lines) is told
