"""What every entry of TEXT_METRICS must hold."""

import math
import shutil

import pytest

from tests.data.test_tokenizers import LANGUAGES, cut, seen, there_and_back, unseen
from vtkeras.errors import UserError
from vtkeras.metrics import TEXT_METRICS

HIGHEST = dict.fromkeys(TEXT_METRICS, 1.0) | {"cider": 10.0}

# Ten equal references each: VQA accuracy needs several annotators to agree.
TEXTS = ["a man walks a big dog", "digit 3 is moving up", "你好世界很大", "two 🙂 cats sit down"]
REFERENCES = [[text] * 10 for text in TEXTS]
PARTLY_RIGHT = ["a man walks a cat", "digit 7 is moving down", "", "two 🙂 cats sit down"]


@pytest.fixture(params=TEXT_METRICS)
def name(request):
    if request.param == "meteor" and shutil.which("java") is None:
        pytest.skip("METEOR needs Java, which is not installed")
    return request.param


def test_a_perfect_prediction_gives_the_highest_score(name):
    assert TEXT_METRICS[name](REFERENCES, TEXTS) == pytest.approx(HIGHEST[name], abs=1e-6)


def test_scores_are_floats_in_range(name):
    score = TEXT_METRICS[name](REFERENCES, PARTLY_RIGHT)
    assert isinstance(score, float)
    assert 0 < score < HIGHEST[name]


def test_the_order_of_examples_does_not_matter(name):
    forward = TEXT_METRICS[name](REFERENCES, PARTLY_RIGHT)
    backward = TEXT_METRICS[name](REFERENCES[::-1], PARTLY_RIGHT[::-1])
    assert forward == pytest.approx(backward, abs=1e-9)


def test_the_order_of_references_does_not_matter(name):
    if name == "meteor":
        pytest.skip("where references tie, METEOR's program depends on their order")
    references = [[text, "something else", "a third one"] for text in TEXTS]
    turned = [accepted[::-1] for accepted in references]
    assert TEXT_METRICS[name](references, PARTLY_RIGHT) == pytest.approx(
        TEXT_METRICS[name](turned, PARTLY_RIGHT), abs=1e-9
    )


def test_empty_predictions_score_nothing(name):
    assert TEXT_METRICS[name](REFERENCES, [""] * len(TEXTS)) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("vocabulary", [seen, unseen, cut])
def test_what_went_through_a_tokenizer_scores_what_the_untouched_text_scores(name, vocabulary):
    """In each language, whether the vocabulary knows its words or spells them."""
    for language, texts in LANGUAGES.items():
        references = [[text] * 10 for text in texts]
        through = TEXT_METRICS[name](references, there_and_back(vocabulary(), texts))
        assert through == TEXT_METRICS[name](references, texts), language


def test_all_empty_is_finite(name):
    score = TEXT_METRICS[name]([[""], ["", "..."]], ["", "!"])
    assert math.isfinite(score)
    assert 0 <= score <= HIGHEST[name]


@pytest.mark.parametrize(
    "references, predictions, message",
    [
        ([], [], "no predictions"),
        ([["a"]], ["a", "b"], "2 predictions"),
        ([["a"], []], ["a", "b"], "Example 1 has no reference"),
        (["a"], ["a"], "must be a list"),
    ],
)
def test_bad_input_is_told_in_a_sentence(name, references, predictions, message):
    with pytest.raises(UserError, match=message):
        TEXT_METRICS[name](references, predictions)
