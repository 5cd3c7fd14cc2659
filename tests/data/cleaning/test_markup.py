"""Mark-up is found; signs that people write are not."""

from tests.fixtures.cleaning import faults
from vtkeras.data.cleaning.markup import markup


def test_markup():
    texts = {
        "a <b>cat</b>": "<b>",
        "one<br/>two": "<br/>",
        '<font color="red">a cat': '<font color="red">',
        "salt &amp; pepper": "&amp;",
        "it&#39;s": "&#39;",
        r"{\an8}a cat": r"{\an8}",
        "a [[cat]]": "[[cat]]",
        "a [cat](cat.html)": "[cat](cat.html)",
        "see https://example.org/cat": "https://example.org/cat",
    }
    found = faults(markup, *texts)
    assert found == {text: ("markup", f"holds {part}") for text, part in texts.items()}


def test_what_people_write():
    assert faults(markup, "3 < 4 and 5 > 4", "a<b and c>d", "Q&A", "tom & jerry; a duo", "[a cat]", "I <3 you") == {}
