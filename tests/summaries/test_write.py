from dataclasses import replace

import numpy as np

from vtkeras.summaries.shot_features import ShotFeatures
from vtkeras.summaries.write import Part, choose_quotes, clock, divide, merge_captions, write


def shots(*captions, seconds=2.0, confidence=1.0):
    kinds = {caption: place for place, caption in enumerate(dict.fromkeys(captions))}
    return [
        ShotFeatures(
            start=seconds * place,
            end=seconds * (place + 1),
            caption=caption,
            confidence=confidence,
            embedding=np.eye(16, dtype=np.float32)[kinds[caption]],
            color_histogram=np.ones(1, np.float32),
            picture="",
        )
        for place, caption in enumerate(captions)
    ]


def test_equal_neighbours_are_one():
    assert merge_captions(shots("a cat", "a cat", "a dog", "a cat")) == [
        (0.0, 4.0, "a cat"), (4.0, 6.0, "a dog"), (6.0, 8.0, "a cat")
    ]  # fmt: skip


def test_parts_follow_what_is_alike():
    parts = divide(shots("a", "a", "a", "b", "b", "c", "c", "c", "c"), most=3)
    assert [part.shots for part in parts] == [(0, 1, 2), (3, 4), (5, 6, 7, 8)]
    assert [(part.start, part.end) for part in parts] == [(0, 6), (6, 10), (10, 18)]
    assert parts[2].captions == (("c", 8.0),)


def test_parts_touch_and_cover_the_video():
    rng = np.random.default_rng(0)
    video = shots(*rng.choice(list("abcdef"), 60))
    parts = divide(video)
    assert len(parts) == 8 and [place for part in parts for place in part.shots] == list(range(60))


def test_text_tells_the_theme_once_and_what_is_new():
    video = shots("a cat", "a dog", "a cat", "a cow", "a cat", "a cat", seconds=20.0)
    text, parts = write(divide(video, most=2), video, {3: "moo"})
    overview, *lines = text.splitlines()
    assert overview == "2:00 long, 6 shots. Mostly a cat (67% of the time, in 3 places)."
    assert lines[0].startswith("0:00–") and lines[-1].split("  ")[0].endswith("–2:00")
    assert text.count("a dog") == 1 and text.count("a cow") == 1 and text.count("a cat") <= 2
    assert "“moo”" in text and len(parts) == len(lines)


def test_a_caption_repeated_a_hundred_times_is_told_once():
    video = shots(*["a cat"] * 100)
    text, _ = write(divide(video), video, {})
    assert len(text) < 400 and text.count("a cat") <= 8


def test_unsure_captions_are_not_told():
    video = shots("a cat", "a dog", confidence=0.2)
    text, parts = write(divide(video), video, {})
    assert "cat" not in text and "no words for what it sees" in text
    assert len(parts) == 1 and parts[0].text == "not recognised."
    text, _ = write(divide(video), video, {1: "look, a dog!"})
    assert "“look, a dog!”" in text


def test_foreign_shots_are_told():
    video = [replace(shot, caption="", foreign=shot.caption == "odd") for shot in shots("a cat", "odd", "odd", "odd")]
    video[0] = replace(video[0], caption="a cat")
    text, _ = write(divide(video), video, {})
    overview, *lines = text.splitlines()
    assert "For 75% of the time the model has no words: this is unlike most of its training videos." in overview
    assert lines[-1].endswith("no words: unlike the model's training videos.") and "not sure" not in overview


def test_every_part_with_words_is_quoted():
    parts = [Part(0, 4, (0, 1), ()), Part(4, 8, (2, 3), ()), Part(8, 10, (4,), ())]
    key, scores = np.array([1, 0, 0, 0, 0], bool), np.array([1.0, 9, 2, 3, 5])
    said = {0: "a", 1: "b", 2: "c", 3: "d"}
    assert choose_quotes(parts, key, scores, said) == {0: "a", 3: "d"}


def test_clock():
    assert [clock(0), clock(59.6), clock(3599.4), clock(3675)] == ["0:00", "1:00", "59:59", "1:01:15"]
    assert [clock(0.04, fine=True), clock(59.96, fine=True)] == ["0:00.0", "1:00.0"]
    assert clock(3675.25, fine=True) == "1:01:15.2"
