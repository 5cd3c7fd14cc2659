"""Progress where there is no terminal: a line every 20 seconds, by a clock that the test holds."""

from vtkeras.cli.progress import Lines


def test_lines_by_hand():
    clock, lines = iter([0, 100, 110, 121, 130, 300, 301]), []
    show = Lines(clock=lambda: next(clock), say=lines.append)
    show("reading", 1, 12)  # the stage begins, at 100
    show("reading", 2, 12)
    show("reading", 3, 12, note="a.mp4")  # 21 s for 2, as one was done before: 94.5 s for the other 9
    show("reading", 4, 12)
    show("writing", 0, None)  # a stage of its own, from 300 on
    show("writing", 1, None)
    assert lines == ["reading: 3 of 12, about 94 s left"]


def test_work_of_unknown_length_and_minutes():
    clock, lines = iter([0, 0, 20, 1040]), []
    show = Lines(clock=lambda: next(clock), say=lines.append)
    show("checking", 0, None)
    show("checking", 7, None)
    show("checking", 8_000, 16_000)
    assert lines == ["checking: 7", "checking: 8,000 of 16,000, about 17 min left"]
