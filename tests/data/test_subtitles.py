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
        ("a.txt", b"\xff\xfa\x00", "line 1 is not UTF-8"),
        ("a.txt", b"a\0b", "NUL"),
    ],
)
def test_refused(tmp_path, name, data, message):
    with pytest.raises(UserError, match=message):
        read_transcript(write(tmp_path, name, data), 10)


ROLLING = [  # as YouTube writes them: each line while it is spoken, for a moment alone, and above the next one
    "00:00.000 --> 00:02.900 align:start position:0%\n \nwe<00:00:00.520><c> build</c><00:00:01.040><c> a kite</c>\n",
    "00:02.900 --> 00:02.910 align:start position:0%\nwe build a kite\n \n",
    "00:03.000 --> 00:05.900 align:start position:0%\nwe build a kite\nyes<00:00:03.520><c> yes</c>\n",
    "00:05.900 --> 00:05.910 align:start position:0%\nyes yes\n \n",
    "00:06.000 --> 00:08.900 align:start position:0%\nyes yes\nyes<00:00:06.520><c> yes</c>\n",
    "00:08.900 --> 00:08.910 align:start position:0%\nyes yes\n \n",
]
SAID = [("we build a kite", 0.0, 2.9), ("yes yes", 3.0, 5.9), ("yes yes", 6.0, 8.9)]
ROLL_UP = "{}\n00:00:01,000 --> 00:00:02,000\na\n\n{}\n00:00:02,000 --> 00:00:03,000\na\nb\n\n" \
    "{}\n00:00:03,000 --> 00:00:04,000\na\nb\nc\n\n{}\n00:00:04,000 --> 00:00:05,000\nb\nc\nd\n".format(*"1234")


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("youtube.vtt", "WEBVTT\nKind: captions\nLanguage: en\n\n" + "\n".join(ROLLING), SAID),
        ("youtube.srt", "\n".join(f"{number}\n{cue}" for number, cue in enumerate(ROLLING, 1)), SAID),
        ("television.srt", ROLL_UP, [("a", 1, 2), ("b", 2, 3), ("c", 3, 4), ("d", 4, 5)]),
    ],
)
def test_rolling_subtitles_have_each_line_once(tmp_path, name, text, said):
    found = read_transcript(write(tmp_path, name, text), 12)
    assert [(one.text, one.start, one.end) for one in found.sentences] == said
    assert "taken once" in found.notes[0]


def test_what_is_said_twice_stays_where_subtitles_do_not_roll(tmp_path):
    text = "1\n00:00:01,000 --> 00:00:02,000\nyes\n\n2\n00:00:02,000 --> 00:00:03,000\nyes\n"
    text += "\n3\n00:00:03,000 --> 00:00:04,000\nyes\nno\n\n4\n00:00:04,000 --> 00:00:05,000\nso\n"
    found = read_transcript(write(tmp_path, "a.srt", text), 12)
    assert [one.text for one in found.sentences] == ["yes", "yes", "yes no", "so"] and not found.notes


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("blank.srt", "1\n00:00:00,000 --> 00:00:02,000\n{\\an8}one\n\ntwo\n\n"
         "2\n00:00:03,000 --> 00:00:05,000\n<i>3</i> x\n",
         [("one two", 0, 2), ("3 x", 3, 5)]),
        ("close.srt", "1\n00:00:00,000 --> 00:00:02,000\none\n2\n00:00:03,000 --> 00:00:05,000\n2024",
         [("one", 0, 2), ("2024", 3, 5)]),
        ("hls.vtt", "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n"
         "00:01.000 --> 00:03.000\n- Hi &amp; <3\n"
         "- <v Ann>Hello</v>\n\nNOTE a remark\nof two lines\n\nSTYLE\n::cue { color: red }\n\nthe name of a cue\n"
         "00:04.000 --> 00:05.000 line:0\nשלום\n\nעולם\n", [("- Hi & <3 - Hello", 1, 3), ("שלום עולם", 4, 5)]),
        ("a.sbv", "0:00:01.000,0:00:02.500\none\ntwo\n\n0:00:03.000,0:00:04.000\nthree\n",
         [("one two", 1, 2.5), ("three", 3, 4)]),
        ("a.ass", "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
         "Dialogue: 0,0:00:01.50,0:00:03.00,Default,,0,0,0,,{\\i1}one{\\i0},\\Ntwo\n", [("one, two", 1.5, 3)]),
        ("cp1252.srt", "1\n00:00:00,000 --> 00:00:02,000\nder König – läuft\n".encode("cp1252"),
         [("der König – läuft", 0, 2)]),
        ("cpp.json", '{"result": {}, "transcription": [{"timestamps": {"from": "00:00:00,000", "to": "00:00:02,500"}, '
         '"offsets": {"from": 0, "to": 2500}, "text": " one"}, '
         '{"offsets": {"from": 2500, "to": 4000}, "text": " two"}]}',
         [("one", 0, 2.5), ("two", 2.5, 4)]),
        ("whisper.json", '{"text": " a b", "segments": [{"id": 0, '
         '"seek": 0, "start": 0.0, "end": 2.5, "text": " one"}]}',
         [("one", 0, 2.5)]),
        ("clock.json", '[{"text": "one", "start": "00:01.500", "end": "0:00:02,000"}]', [("one", 1.5, 2)]),
    ],
)  # fmt: skip
def test_forms_of_subtitles(tmp_path, name, text, said):
    found = read_transcript(write(tmp_path, name, text), 12)
    assert [(one.text, one.start, one.end) for one in found.sentences] == said


@pytest.mark.parametrize("name, text, said", [
    ("a.srt", SRT.replace("\r\n", "\r\r\n"), ["good", "bye"]),  # line ends that were changed twice
    ("a.vtt", "WEBVTT\n00:01.000 --> 00:02.000\none\n00:02.000 --> 00:03.000\ntwo\n", ["one", "two"]),
    ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nNOTE well: he said\n\nNOTE of mine\n\n00:02.000 --> 00:03.000\ntwo\n",
     ["NOTE well: he said", "two"]),
    ("a.sbv", "0:00:01.000,0:00:02.000\nin the year\n1999\n\n0:00:02.000,0:00:03.000\n5\n\n0:00:03.0,0:00:04.0\ngo\n",
     ["in the year 1999", "5", "go"]),
    ("a.srt", "00:01,0 --> 00:02,0\n3\n\n00:02,0 --> 00:03,0\n2\n\n00:03,0 --> 00:04,0\ngo\n", ["3", "2", "go"]),
    ("a.ass", "Dialogue: 0,0:00:01.00,0:00:02.00,A,,0,0,0,,{mine}a\\hdog{\\p1}m 0 0 l 9 0{\\p0} runs\n",
     ["a dog runs"]),
])  # fmt: skip
def test_words_and_marks_are_told_apart(tmp_path, name, text, said):
    assert [one.text for one in read_transcript(write(tmp_path, name, text), 10).sentences] == said


def test_forms_that_are_not_read(tmp_path):
    with pytest.raises(UserError, match="a.ttml: subtitles of this form are not read; save them as SRT or WebVTT"):
        read_transcript(write(tmp_path, "a.ttml", "<tt/>"), 12)


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
