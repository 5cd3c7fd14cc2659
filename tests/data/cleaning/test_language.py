"""Captions in a rare script are found, those in a script that many are in are not."""

import pytest

from tests.fixtures.cleaning import faults
from vtkeras.data.cleaning.language import language, script_of


@pytest.mark.parametrize(
    "text, script",
    [("a cat", "latin"), ("кошка", "cyrillic"), ("قطة", "arabic"), ("一只猫", "han"), ("猫がいる", "japanese"),
     ("고양이", "hangul"), ("बिल्ली", "devanagari"), ("le chat 猫", "latin"), ("3.5 🐈", None), ("ＡＢＣ", None)],
)  # fmt: skip
def test_script_of(text, script):
    assert script_of(text) == script


def test_a_script_of_fewer_than_a_tenth():
    english = [f"a cat {number}" for number in range(19)]
    assert faults(language, *english, "кошка идёт") == {"кошка идёт": ("language", "written in cyrillic, not in latin")}
    # Two of twenty are a tenth.
    assert faults(language, *english[:18], "кошка идёт", "кошка спит") == {}


def test_scripts_that_are_named():
    assert list(faults(language, "a cat", "кошка", "3.5", scripts=["Latin"])) == ["кошка"]
    assert list(faults(language, "三毛猫", "猫がいる", "a cat", scripts=["japanese"])) == ["a cat"]
