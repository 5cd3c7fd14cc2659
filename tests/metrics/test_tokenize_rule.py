import unicodedata

import pytest

from vtkeras.metrics import tokenize


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("", []),
        (" \t\n...!?", []),
        ("A Man, walking.", ["a", "man", "walking"]),
        ("don't Don’t 'quoted' dogs'", ["don", "t", "don", "t", "quoted", "dogs"]),
        ("well-known snake_case", ["well", "known", "snake", "case"]),
        ("3.5m, v1.2.3 at 10:30. 7.a", ["3", "5m", "v1", "2", "3", "at", "10", "30", "7", "a"]),
        ("Straße STRASSE ΟΔΟΣ οδοσ", ["strasse", "strasse", "οδοσ", "οδοσ"]),
        ("<t=12> 5€", ["<", "t", "=", "12", ">", "5", "€"]),
        ("你好，世界2", ["你", "好", "世", "界", "2"]),
        ("カメラ", ["カ", "メ", "ラ"]),
        ("ที่", ["ที่"]),  # Thai: one consonant with two marks above it
        ("안녕 하세요", ["안녕", "하세요"]),
        ("مرحبا، \u200fשלום", ["مرحبا", "שלום"]),
        ("नमस्ते क्\u200dष", ["नमस्ते", "क्\u200dष"]),
        ("می\u200cخواهم", ["میخواهم"]),  # the non-joiner is a matter of looks
        ("👍🏽 👩‍👩‍👧🙂🙂", ["👍🏽", "👩‍👩‍👧", "🙂", "🙂"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("❤️", ["❤"]),
        ("a 🪼🩷", ["a", "🪼", "🩷"]),  # of Unicode 15, which Python 3.11 does not know
        ("a\u200bb", ["a", "b"]),
        ("a\ud800b\x00c", ["a", "b", "c"]),
    ],
)
def test_rule(text, tokens):
    assert tokenize(text) == tokens


def test_composed_and_decomposed_text_are_equal():
    assert tokenize("Café") == tokenize(unicodedata.normalize("NFD", "Café"))


def test_joining_by_spaces_keeps_the_tokens(unusual_corpus):
    every_plane = "".join(map(chr, range(0x20000)))
    texts = [every_plane, " ".join(every_plane), *unusual_corpus[1]]
    for text in texts:
        tokens = tokenize(text)
        joined = " ".join(tokens)
        assert joined.split() == tokens
        assert tokenize(joined) == tokens
        joined.encode("utf-8")  # no lone surrogate is left
