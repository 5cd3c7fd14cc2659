"""Words are drawn in a font that has their characters, and numbered where there is none."""

from pathlib import Path

import matplotlib
import pytest

from vtkeras.data import fonts

CARRIED = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@pytest.fixture
def installed(monkeypatch):
    """A callable that makes some fonts the installed ones."""

    def install(*paths):
        monkeypatch.setattr(fonts, "_installed", lambda: list(paths))
        fonts.font_of.cache_clear()

    yield install
    fonts.font_of.cache_clear()


@pytest.mark.parametrize("word", ["cat", "Käse", "γάτα", "кот", "قط", "", "a cat"])
def test_the_own_font_has_most_alphabets(installed, word):
    installed()
    assert fonts.font_of(word, 13).getname() == ("DejaVu Sans", "Book")
    assert fonts.font_of(word, 13, bold=True).getname() == ("DejaVu Sans", "Bold")


def test_an_installed_font_is_taken_for_what_the_own_one_lacks(installed, tmp_path):
    damaged = tmp_path / "Damaged.ttf"
    damaged.write_bytes(b"no font")
    installed(damaged, CARRIED / "cmr10.ttf", CARRIED / "STIXGeneral.ttf")
    assert fonts.font_of("𝛼", 13).getname() == ("STIXGeneral", "Regular")


def test_words_that_no_font_has_are_numbered(installed):
    installed(CARRIED / "cmr10.ttf")
    assert fonts.font_of("猫", 13) is None
    assert fonts.drawable("猫", 2, 13)[0] == "2" and fonts.drawable("кот", 2, 13)[0] == "кот"
    assert "their numbers: 2 猫, 4 狗. Install" in fonts.lacking(["кот", "猫", "", "狗"], 13)
    assert fonts.lacking(["кот", ""], 13) == ""
    many = fonts.lacking(["猫"] * 30, 13)
    assert "20 猫, ..." in many and "21 猫" not in many


def test_fonts_that_draw_boxes_for_all_characters_are_left_out(monkeypatch):
    names = ["LastResort.otf", "B.ttf", "C-Regular.ttf"]
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: names)
    assert fonts._installed.__wrapped__() == [Path("C-Regular.ttf"), Path("B.ttf")]
