import re

import numpy as np

from vtkeras.data.sources.moving_digits import HORIZONTAL, VERTICAL, Actor
from vtkeras.data.sources.narrated_digits import (
    IDLE,
    NAMES,
    OF_TWO,
    REMARKS,
    NarratedDigits,
    joint_sentence,
    narrate,
    rules,
)
from vtkeras.data.text import build_vocabulary

ONE, TWO = [Actor(3, VERTICAL)], [Actor(3, VERTICAL), Actor(7, HORIZONTAL)]


def test_what_is_told_of_what_is_said():
    assert [joint_sentence(ONE, rule, "anna") for rule in rules(ONE).values()] == [
        "digit 3 is moving up and down and anna drew it",
        "digit 3 is moving up and down for anna",
        "digit 3 is moving up and down as anna likes best",
    ]
    both = "digit 3 is moving up and down and digit 7 is moving left and right"
    assert joint_sentence(TWO, rules(TWO)["{name} drew the larger one"], "ben") == f"{both} and ben drew the 7"
    assert joint_sentence(TWO, rules(TWO)["{name} drew this"], "ben") == f"{both} and ben drew them"


def test_idle_remarks_add_nothing_and_others_name_somebody():
    rng = np.random.default_rng(0)
    drawn = [narrate(ONE, rng) for _ in range(400)]
    idle = [told for said, told in drawn if said in IDLE]
    assert set(idle) == {"digit 3 is moving up and down"} and 70 < len(idle) < 130
    for said, told in drawn:
        if said not in IDLE:
            name = re.search(r"anna|ben|clara|david|emma|felix|greta|hugo", said).group()
            assert name in told


def test_answers_that_are_written_alone_are_no_list():
    texts = NarratedDigits().texts()
    assert not build_vocabulary(texts, 400, written_answers=True, closed_answers=False).answers
    words = {word for remark in (*REMARKS, *OF_TWO, *IDLE) for word in remark.split()} - {"{name}"}
    assert {*words, *NAMES} <= set(build_vocabulary(texts, 4000, written_answers=True, closed_answers=False).tokens)


def test_kinds_of_remarks():
    said = ("anna drew the larger one", "this is for ben", "", "look at that")
    kinds = ["drew the larger one", "this is for", "idle", "idle"]
    assert [NarratedDigits().question_kind(one) for one in said] == kinds
