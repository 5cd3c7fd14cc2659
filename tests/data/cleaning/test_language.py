"""Captions in a rare script or language are found, those in one that many are in are not."""

import ast
import inspect
import json
import unittest.mock

import pytest

from tests.data.test_tokenizers import LANGUAGES
from tests.fixtures.cleaning import faults
from vtkeras.data.cleaning.language import check_names, language, languages_of, script_of
from vtkeras.data.cleaning.options import CleaningOptions
from vtkeras.errors import UserError


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


ENGLISH = [f"a dog runs over the {place}" for place in ("street", "hill", "bridge", "field", "beach", "roof")] * 5
OTHERS = ["German", "French", "Spanish", "Portuguese", "Polish", "Czech", "Turkish", "Finnish", "Hungarian"]


@pytest.mark.parametrize("name", OTHERS)
def test_another_language_in_the_same_script(name):
    text = next(text for text in LANGUAGES[name] if languages_of(text))
    (found,) = faults(language, *ENGLISH, text).items()
    assert found[0] == text and found[1][1].endswith("not as en")
    assert faults(language, *ENGLISH, text, language_doubt=0) == {}


NAMES_AND_LOAN_WORDS = [
    "Cristiano Ronaldo dribbles past Sergio Ramos", "a chef makes pasta alla carbonara", "schnitzel mit pommes",
    "grand jete ballet pas de deux",
]  # fmt: skip


@pytest.mark.parametrize("caption", NAMES_AND_LOAN_WORDS)
def test_names_and_loan_words_are_no_other_language(caption):
    others = ["a chef cooks a pasta dish", "a grand ballet on a stage", "a girl makes a kite"]
    assert faults(language, *ENGLISH, *others, caption) == {}


def test_words_of_captions_in_a_rare_language_do_not_vouch():
    german = ["ein Hund läuft über die Straße", "ein Hund läuft über die Brücke"]
    english = [f"{caption} number {number}" for number, caption in enumerate(ENGLISH)]
    assert list(faults(language, *english, *german)) == german


@pytest.mark.parametrize("captions, caption", [
    (["他在公园里跑步", "一只猫在睡觉"], "用iPhone拍照"),
    (["他在公园里跑步", "一只猫在睡觉"], "他在玩PlayStation5游戏"),
    (["고양이가 뛴다", "소년이 공을 찬다"], "한국어 YouTube 보기"),
])  # fmt: skip
def test_latin_names_among_another_script(captions, caption):
    folder = [f"{one}{number}" for one in captions for number in range(10)]
    assert faults(language, *folder, caption) == {}
    assert list(faults(language, *folder, caption, "a cat on YouTube")) == ["a cat on YouTube"]


def test_languages_that_are_named():
    german = "der Hund läuft über die Straße"
    assert list(faults(language, *ENGLISH, german, languages=["de"])) == ENGLISH[:6]
    assert faults(language, *ENGLISH, german, languages=["de", "en"]) == {}
    assert faults(language, *ENGLISH[:8], german) == {}  # one of nine is more than a tenth


@pytest.mark.parametrize("named", [{"languages": ("english",)}, {"scripts": ("latn",)}])
def test_names_that_nothing_has_are_refused(named):
    with pytest.raises(UserError, match=r"(languages 'english'|scripts 'latn') is unknown: use one of"):
        check_names(CleaningOptions(**named))
    check_names(CleaningOptions(languages=("EN",), scripts=("Latin", "japanese")))


def test_where_no_script_is_common_none_is_judged():
    captions = [f"a cat {number}" for number in range(20)]
    assert faults(language, *captions, "кошка идёт", script_share=1.0) == {}


def test_english_is_seldom_taken_for_another_language():
    """Short sentences that nobody wrote for this test: the first lines of docstrings."""
    lines = set()
    for module in (ast, inspect, json, unittest.mock, pytest):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (text := ast.get_docstring(node)):
                lines.add(text.splitlines()[0])
    assert len(lines) > 150
    assert len(faults(language, *lines)) <= len(lines) / 100


def test_few_of_the_languages_are_kept_of_a_caption():
    """A folder may have a million captions, and 97 numbers of each would fill a small machine."""
    found = languages_of(ENGLISH[0])
    assert max(found, key=found.get) == "en" and len(found) < 20 and sum(found.values()) > 0.999


def test_a_folder_of_no_known_language():
    klingon = ["qapla batlh je", "tlhingan maH taHjaj", "heghlu meH qaq jajvam", "nuqneH qoSlIj datlvjaj"]
    assert faults(language, *klingon, "der Hund läuft über die Straße") == {}
