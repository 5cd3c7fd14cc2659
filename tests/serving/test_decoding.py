import math

import pytest

from vtkeras.errors import UserError
from vtkeras.serving.decoding import GREEDY, RANGES, Decoding, choose_decoding

LONGEST = 24
NO_LIMITS = {"min_length": 0, "max_length": 24, "no_repeat_ngram": 0}


def test_each_strategy_has_its_endpoint():
    assert GREEDY.call(LONGEST) == ("caption", {})
    beams = {"width": 3, "length_penalty": 0.6, **NO_LIMITS}
    assert Decoding("beam", beams=3).call(LONGEST) == ("caption_beam", beams)
    name, options = Decoding("sample", temperature=0.7, seed=5, no_repeat=2).call(LONGEST)
    assert name == "caption_sample"
    chances = {"temperature": 0.7, "top_k": 0, "top_p": 1.0, "seed": 5}
    assert options == {**chances, **NO_LIMITS, "no_repeat_ngram": 2}


def test_greedy_within_limits_takes_no_chances():
    name, options = Decoding(max_length=8, min_length=3).call(LONGEST)
    assert name == "caption_sample" and options["temperature"] == 0.0
    assert (options["min_length"], options["max_length"]) == (3, 8)


def test_options_name_what_counts():
    assert GREEDY.options() == {"strategy": "greedy"}
    assert Decoding("beam", no_repeat=3).options() == {
        "strategy": "beam",
        "beams": 4,
        "length_penalty": 0.6,
        "no_repeat": 3,
    }


@pytest.mark.parametrize("name", RANGES)
def test_the_ends_of_a_range_are_in_it(name):
    low, high = RANGES[name]
    assert getattr(Decoding(**{name: low}), name) == low and getattr(Decoding(**{name: high}), name) == high
    for value in (low - 1, high + 1, math.nan):
        with pytest.raises(UserError, match=f"{name.replace('_', ' ')} .* is out of range"):
            Decoding(**{name: value})


def test_an_unknown_strategy():
    for make in (Decoding, choose_decoding):
        with pytest.raises(UserError, match="'bean' is unknown: use one of greedy, beam, sample"):
            make("bean")


def test_not_given_is_the_default():
    assert choose_decoding("beam", beams=None, temperature=None) == Decoding("beam")


@pytest.mark.parametrize(
    "strategy, option, told",
    [("greedy", "beams", "decode beam"), ("beam", "seed", "decode sample"), ("sample", "beams", "decode beam")],
)
def test_an_option_that_would_do_nothing(strategy, option, told):
    with pytest.raises(UserError, match=f"{option} does nothing in {strategy} decoding: .*{told}"):
        choose_decoding(strategy, **{option: 2})


def test_limits_that_no_text_can_keep():
    with pytest.raises(UserError, match="max length 25 is more than this model can write: choose 24 at most"):
        Decoding(max_length=25).call(LONGEST)
    with pytest.raises(UserError, match="min length 8 leaves no room for the end: choose 7 at most"):
        Decoding("beam", min_length=8, max_length=8).call(LONGEST)
