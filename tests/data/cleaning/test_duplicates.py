"""A caption that is said again in the same clip is found; clips may share a caption, unless that is limited."""

from tests.fixtures.cleaning import facts, faults
from vtkeras.data.cleaning.duplicates import duplicates
from vtkeras.data.cleaning.options import CleaningOptions


def test_the_same_words_in_one_clip():
    assert faults(duplicates, "A cat.", "a  CAT", "a cat!", "a cat sits", "की", "का") == {
        "a  CAT": ("duplicate", "says what “A cat.” says"),
        "a cat!": ("duplicate", "says what “A cat.” says"),
    }


def test_marks_that_say_something():
    pairs = ("it is -5 degrees", "it is 5 degrees"), ("C#", "C"), ("50% off", "50 off"), ("3.5 m", "3 5 m")
    for one, other in (*pairs, ("at 1:30", "at 1 30"), ("it is 5 degrees", "it is −5 degrees")):
        assert faults(duplicates, one, other) == {}
    assert list(faults(duplicates, "it is -5 degrees", "It is −5 degrees.")) == ["It is −5 degrees."]
    assert list(faults(duplicates, "a well-known cat", "a well known cat - 5")) == []
    assert list(faults(duplicates, "a well-known cat", "A well known cat!")) == ["A well known cat!"]


def test_a_caption_of_many_clips():
    clips = [facts("a", "a video", "a cat"), facts("b", "A video."), facts("c", "a video", "a dog")]
    assert list(duplicates(clips, CleaningOptions())) == list(duplicates(clips, CleaningOptions(most_clips=3))) == []
    found = list(duplicates(clips, CleaningOptions(most_clips=2)))
    assert [(mark.clip, mark.caption, mark.reason) for mark in found] == [
        ("a", "a video", "commonplace"),
        ("b", "A video.", "commonplace"),
        ("c", "a video", "commonplace"),
    ]
    assert found[0].detail == "on 3 clips, at most 2"
