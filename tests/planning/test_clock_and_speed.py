"""What time allows, with a clock that the test sets."""

import numpy as np
import pytest

from vtkeras.planning.clock import Clock
from vtkeras.planning.speed import choose_reading, measure, share_in_time, slowed
from vtkeras.planning.survey import Survey


def survey(**changes):
    values = {"clips": {"train": 800, "validation": 100, "test": 100}, "captions": 800, "sentences": 90, "words": 40,
              "tokens": {"captions": 8, "questions": 6, "answers": 2}, "questions": 0, "questions_per_clip": 0.0,
              "answers": 0,
              "labels": {}, "several_labels": False, "frames": 16, "side": 224, "motion": 9.0}  # fmt: skip
    return Survey(**{**values, **changes})


def test_a_clock_counts_from_its_beginning():
    time = [100.0]
    clock = Clock(2, began=90.0, now=lambda: time[0])
    assert clock.spent() == 10 and clock.left() == 110 and clock.share(0.5) == 15  # of 120 - 90
    time[0] = 200.0
    assert clock.left() == 10 and clock.share(0.5) == 10
    time[0] = 300.0
    assert clock.left() == -90 and clock.share(0.5) == 0


def test_of_two_calls_after_the_first_the_faster_counts_and_what_the_first_took_longer_is_the_graph():
    times = iter([0.0, 7.0, 10.0, 14.0, 20.0, 22.0])  # 7 s with the graph, then 4 and 2
    speed = measure("nfnet_tiny", 32, lambda: next(times))
    assert speed == (392.0, 5.0)  # as many small pictures as have the area of 16 of 224: 16 * 7 * 7 in 2 s


@pytest.mark.parametrize("wall, processor, times", [(12.0, 4.0, 3.0), (3.0, 4.0, 1.0)])
def test_other_work_shows_in_the_time_beyond_processor_time(wall, processor, times):
    walls, processors = iter([5.0, 5.0 + wall]), iter([1.0, 1.0 + processor])
    assert slowed(lambda: "done", lambda: next(walls), lambda: next(processors)) == ("done", times)


@pytest.mark.parametrize(
    "seconds, changes, way",
    [
        (80, {}, (8, 160)),  # 8 * 5 * 5 patches; 8 * 6 * 6 would be more than 256
        (30, {}, (8, 128)),  # 1,000 clips of 8 pictures at 100 a second, (128 / 224)² of the work
        (7, {}, (8, 64)),
        (5, {}, (4, 64)),  # only then fewer frames
        (0, {}, (4, 64)),  # nothing fits: the cheapest
        (80, {"side": 64}, (8, 128)),  # what any picture may be enlarged to
        (80, {"side": 96}, (8, 128)),
        (80, {"frames": 1}, (1, 224)),  # pictures
        (80, {"frames": 1, "side": 160}, (1, 192)),  # enlarged by a fifth
        (80, {"frames": 3}, (3, 224)),
    ],
)
def test_what_is_read_fits_the_time(seconds, changes, way):
    assert choose_reading(survey(**changes), speed=100, seconds=seconds) == way


def test_a_survey_tells_what_is_uneven_or_too_little():
    few = {"train": 40, "validation": 1}
    long = {"captions": 300, "questions": 6}
    told = survey(clips=few, labels={"cat": 200, "dog": 1}, sentences=1, tokens=long).warnings()
    assert len(told) == 6 and "same" in told[0] and "200" in told[1]
    assert "captions have up to 300 word pieces" in told[2] and "only 1 are for validation" in told[3]
    assert "no clips are for testing" in told[5]
    assert not any("for testing" in one for one in survey(clips={**few, "test_unseen": 1}).warnings())
    assert survey().warnings() == [] and survey().moves and not survey(frames=1).moves
    assert survey().has("captions") and not survey().has("answers") and np.isscalar(survey().motion)


@pytest.mark.parametrize("seconds, share", [(1000.0, 1.0), (60.0, 1.0), (50.0, 1.0), (24.0, 0.4), (0.0, 1e-4)])
def test_of_a_large_folder_a_share_is_read(seconds, share):
    """Of 735 clips at the cheapest, 4 frames of 64 pixels (0.3265 pictures of 224 pixels), 4 a second take 60 s."""
    found = share_in_time(survey(clips={"train": 700, "validation": 35, "test": 9000}), speed=4.0, seconds=seconds)
    assert found == pytest.approx(share, rel=1e-3)
