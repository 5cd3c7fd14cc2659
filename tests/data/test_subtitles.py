import json

import pytest

from vtkeras.data.subtitles import Sentence, read_transcript, to_webvtt, write_subtitles
from vtkeras.errors import UserError

VTT = """WEBVTT

NOTE made by hand

1
00:01.500 --> 00:03.000 align:start
<v Ann>good &amp; bright</v>
morning

00:00:04.000 --> 00:00:06.000
goodbye
"""
SRT = "1\r\n00:00:01,500 --> 00:00:03,000\r\ngood\r\n\r\n2\r\n00:00:04,000 --> 00:00:06,000\r\nbye\r\n"


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_webvtt(tmp_path):
    found = read_transcript(write(tmp_path, "a.vtt", VTT), 10)
    assert found.sentences == (Sentence("good & bright morning", 1.5, 3.0), Sentence("goodbye", 4.0, 6.0))
    assert found.timed and not found.notes


@pytest.mark.parametrize("name", ["a.srt", "a.txt"])
def test_subrip_whatever_its_name(tmp_path, name):
    found = read_transcript(write(tmp_path, name, SRT), 10)
    assert [(one.text, one.start, one.end) for one in found.sentences] == [
        ("good", 1.5, 3.0),
        ("bye", 4.0, 6.0),
    ]


def test_json_in_its_forms(tmp_path):
    entries = [{"text": "a", "start": 1, "end": 2}, {"text": "b", "start": "3", "duration": 1.5}]
    for value in (entries, {"segments": entries}):
        found = read_transcript(write(tmp_path, "a.json", json.dumps(value)), 10)
        assert found.sentences == (Sentence("a", 1.0, 2.0), Sentence("b", 3.0, 4.5))


def test_plain_text_has_sentences_without_times(tmp_path):
    found = read_transcript(write(tmp_path, "a.txt", "First one. Second one!\nThird\n你好。再见。"), 10)
    assert [one.text for one in found.sentences] == ["First one.", "Second one!", "Third", "你好。", "再见。"]
    assert not found.timed


def test_utf16_and_byte_order_marks(tmp_path):
    for data in ("﻿hello".encode(), "hello".encode("utf-16")):
        assert read_transcript(write(tmp_path, "a.txt", data), 10).sentences == (Sentence("hello"),)


def test_times_out_of_order_backward_and_past_the_end(tmp_path):
    text = (
        "00:05.000 --> 00:06.000\nlater\n\n00:01.000 --> 00:00.500\nfirst\n\n00:09.000 --> 00:99.000\nlast\n\n"
    )
    text += "00:30.000 --> 00:31.000\nnever\n"
    found = read_transcript(write(tmp_path, "a.vtt", "WEBVTT\n\n" + text), duration=10)
    assert found.sentences == (Sentence("first", 1, 1), Sentence("later", 5, 6), Sentence("last", 9, 10))
    assert len(found.notes) == 3
    assert "out of order" in found.notes[0] and "1 of 4 sentences end before" in found.notes[1]
    assert "1 of 4 sentences begin past the end of the video (10.0 s)" in found.notes[2]


def test_nothing_said(tmp_path):
    found = read_transcript(write(tmp_path, "a.vtt", "WEBVTT\n"), 10)
    assert found.sentences == () and "holds no sentence" in found.notes[0]


@pytest.mark.parametrize(
    "name, data, message",
    [
        ("a.vtt", "WEBVTT\n\nsoon --> later\nhello", "line 3: 'soon --> later' is not a pair of times"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "[" * 100_000, "is not JSON"),
        ("a.json", "{}", "is not a list"),
        ("a.json", '[{"start": 1}]', 'entry 1 has no "text"'),
        ("a.json", '[{"text": "a", "start": "soon"}]', "entry 1: 'soon' is not a time"),
        ("a.json", '[{"text": "a", "start": -1}]', "entry 1: -1.0 is not a time"),
        ("a.json", '[{"text": "a", "start": NaN}]', "entry 1: nan is not a time"),
        ("a.json", '[{"text": "a", "start": 1}, "b"]', "some entries have times"),
        ("a.txt", b"\xff\xfa\x00", "not text in UTF-8"),
        ("a.txt", b"a\0b", "NUL"),
    ],
)
def test_refused(tmp_path, name, data, message):
    with pytest.raises(UserError, match=message):
        read_transcript(write(tmp_path, name, data), 10)


def test_missing_and_huge(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="No transcript file"):
        read_transcript(tmp_path / "none.vtt", 10)
    monkeypatch.setattr("vtkeras.data.subtitles.MAX_BYTES", 4)
    with pytest.raises(UserError, match="larger than"):
        read_transcript(write(tmp_path, "a.txt", "hello"), 10)


def test_written_as_webvtt():
    cues = [Sentence("a <b> & c", 0, 1.5), Sentence("two\n\nlines --> here", 3600, 3600), Sentence("  ", 1, 2)]
    assert to_webvtt(cues).split("\n\n") == [
        "WEBVTT",
        "00:00:00.000 --> 00:00:01.500\na &lt;b&gt; &amp; c",
        "01:00:00.000 --> 01:00:00.001\ntwo lines --&gt; here",
    ]


@pytest.mark.parametrize("name", ["a.vtt", "a.srt", "a.json", "without_suffix"])
def test_what_is_written_is_read_again(tmp_path, name):
    cues = (Sentence("eins & zwei", 0.5, 2.25), Sentence("三 🌑", 62.0, 63.001))
    write_subtitles(tmp_path / name, cues)
    assert read_transcript(tmp_path / name, 100).sentences == cues
