"""Characters that no one wrote are found; those that scripts and emoji need are not."""

from tests.fixtures.cleaning import faults
from vtkeras.data.cleaning.control_characters import control_characters


def test_stray_characters():
    stray = ["a\x07cat", "a cat\ufffd", "\ue000 cat", "nul\x00\x1b"]
    found = faults(control_characters, *stray)
    assert list(found) == stray
    assert found["a\x07cat"] == ("control_characters", "holds U+0007")
    assert found["nul\x00\x1b"] == ("control_characters", "holds U+0000, U+001B")


def test_what_scripts_need_stays():
    # A tab, a line end, Persian's non-joiner, a joined emoji, marks of Hindi.
    assert faults(control_characters, "a\tcat\n", "می\u200cروم", "👩\u200d💻 works", "बिल्ली कूदती है", "a 🪼 glows") == {}
