"""A description in lines."""

from pathlib import Path

import numpy as np
import pytest

import vtkeras
from vtkeras.errors import UserError
from vtkeras.serving.describe import describe, to_lines
from vtkeras.serving.results import Caption
from vtkeras.serving.schema import Description
from vtkeras.workspace.runs import read_card


@pytest.mark.parametrize(
    "single_label, labels, line",
    [
        (False, [("cat", 0.9), ("dog", 0.5), ("cow", 0.4)], "labels: cat (90%), dog (50%)"),
        (False, [("cat", 0.4), ("dog", 0.3)], "labels: none above 50%"),
        (True, [("cat", 0.4), ("dog", 0.3), ("cow", 0.3)], "labels: cat (40%)"),  # one of them is right
    ],
)
def test_labels(single_label, labels, line):
    assert to_lines(Description("a.mp4", np.zeros(1), labels=labels, single_label=single_label)) == [line]


@pytest.mark.parametrize(
    "probabilities, score, expected",
    [
        ([0.5, 0.5], 0.25, 0.5),
        ([0.01, 0.01], 0.81, 0.9),  # a linear model chose it
        ([0.5] * 2000, 0.0, 0.5),  # the product is less than the smallest number there is
        ([], 0.0, 0.0),
    ],
)
def test_how_sure_a_caption_is_for_each_word(probabilities, score, expected):
    caption = Caption("", score, [], probabilities, np.zeros(0), np.zeros(0), [])
    assert caption.word_score == pytest.approx(expected)


@pytest.mark.parametrize("questions", [[], ["how many?"]])
def test_a_model_without_words_for_videos_is_refused(questions):
    maker = read_card(Path(vtkeras.__file__).parents[1] / "saved_models" / "text_to_video" / "moving_digits")
    with pytest.raises(UserError, match="of the task 'text_to_video', which has no words for a video"):
        next(describe(maker, None, ["a.mp4"], questions))
