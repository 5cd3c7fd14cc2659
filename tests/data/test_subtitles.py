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
        ("a.srt", "1\n00:00:01,000 -> 00:00:02,000\nhello\n", "a.srt has no pair of times such as 00:00:01,000 --> "),
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
        ("pause.vtt", "WEBVTT\n\n" + "\n".join(ROLLING).replace("00:06.0", "00:09.0").replace("00:08.9", "00:11.9"),
         [*SAID[:2], ("yes yes", 9.0, 11.9)]),
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
        ("seconds.srt", "1\n00:00:01 --> 00:00:02\none\n", [("one", 1, 2)]),
        ("whisper.tsv", "start\tend\ttext\n0\t3200\tA man walks.\n3200\t5000\tHe sits.\n",
         [("A man walks.", 0, 3.2), ("He sits.", 3.2, 5)]),
        ("printed.txt", "Detected language: English\n[00:00.000 --> 00:03.200]  A man…\n"
         "[00:03.200 --> 00:05.000]  5\n",
         [("A man…", 0, 3.2), ("5", 3.2, 5)]),
        ("yt.json3", '{"events": [{"tStartMs": 0, "dDurationMs": 9000}, {"tStartMs": 500, "dDurationMs": 1500, '
         '"segs": [{"utf8": "a"}, {"utf8": " man", "tOffsetMs": 200}]}, {"tStartMs": 2000, "aAppend": 1, '
         '"segs": [{"utf8": "\\n"}]}]}', [("a man", 0.5, 2)]),
        ("lines.jsonl", '{"text": "one", "start": 1, "end": 2}\n\n{"text": "two", "start": 2, "end": 3}\n',
         [("one", 1, 2), ("two", 2, 3)]),
        ("song.lrc", "[ar:Ann]\n[00:01.00][00:05.50]la <00:02.00>la\n[00:03.00]oh\n[00:04.00]\n",
         [("la la", 1, 3), ("oh", 3, 4), ("la la", 5.5, 12)]),
        ("snake.json", '[{"text": "one", "start_time": 1, "end_time": "2.5s"}]', [("one", 1, 2.5)]),
        ("camel.json", '[{"text": "one", "startTime": "00:00:01", "endTime": 2}]', [("one", 1, 2)]),
        ("hf.json", '{"text": "", "chunks": [{"timestamp": [0, 3.2], "text": " one"}, {"timestamp": [3.2, null], '
         '"text": " two"}]}', [("one", 0, 3.2), ("two", 3.2, 3.2)]),
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


@pytest.mark.parametrize("ending", ["ttml", "srv3"])
def test_forms_that_are_not_read(tmp_path, ending):
    with pytest.raises(UserError, match=f"a.{ending}: subtitles of this form are not read; save them as SRT or WebVTT"):
        read_transcript(write(tmp_path, f"a.{ending}", "<tt/>"), 12)


def test_times_in_a_form_of_their_own_are_told(tmp_path):
    found = read_transcript(write(tmp_path, "a.txt", "0:01 a man\n0:05 a dog\n(0:07) a cat\n"), 12)
    assert not found.timed and "its times as words" in found.notes[0]
    assert not read_transcript(write(tmp_path, "a.txt", "At 0:01 a man comes.\nHe sits."), 12).notes


def test_a_sentence_without_a_time_among_others(tmp_path):
    entries = [{"text": "a", "start": None}, {"text": "b", "start": 1, "end": 2}, {"text": "c", "start": None}]
    entries += [{"text": "d", "start": 3, "end": 4}, {"text": "e", "start": 5, "end": 6}]
    found = read_transcript(write(tmp_path, "a.json", json.dumps(entries)), 10)
    assert [(one.text, one.start, one.end) for one in found.sentences] == [
        ("a", 0, 0), ("b", 1, 2), ("c", 2, 2), ("d", 3, 4), ("e", 5, 6)]  # fmt: skip
    assert "2 of 5 sentences have no time and were put after the one before" in found.notes[0]


def srt(*cues):
    """Cues of a second each, one after the other."""
    return "\n".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n + 1},000\n{cue}\n" for n, cue in enumerate(cues))


@pytest.mark.parametrize("cues, said", [
    (["THE", "THE DOG", "THE DOG BARKS", "A", "A CAT", "A CAT SITS"], [("THE DOG BARKS", 0, 3), ("A CAT SITS", 3, 6)]),
    (["n1", "n2", "n3", "n4", "n5", "n6", "l1", "l1\nl2", "l2\nl3"],
     [*((f"n{n}", n - 1, n) for n in range(1, 7)), ("l1", 6, 7), ("l2", 7, 8), ("l3", 8, 9)]),
    (["no", "no way", "yes", "oh"], [("no", 0, 1), ("no way", 1, 2), ("yes", 2, 3), ("oh", 3, 4)]),
    (["No", "No, no", "No, no, no!"], [("No", 0, 1), ("No, no", 1, 2), ("No, no, no!", 2, 3)]),
    (["1", "10", "100"], [("1", 0, 1), ("10", 1, 2), ("100", 2, 3)]),
    (["I", "I am here", "you"], [("I", 0, 1), ("I am here", 1, 2), ("you", 2, 3)]),
    (["猫", "猫が", "猫がいる"], [("猫がいる", 0, 3)]),
])  # fmt: skip
def test_stretches_that_roll(tmp_path, cues, said):
    found = read_transcript(write(tmp_path, "a.srt", srt(*cues)), 12)
    assert [(one.text, one.start, one.end) for one in found.sentences] == said


def test_layers_of_the_same_words_are_said_once(tmp_path):
    line = "Dialogue: {},0:00:01.00,0:00:02.00,A,,0,0,0,,{}a dog\n"
    text = line.format(0, "{\\bord3}") + line.format(1, "") + line.format(0, "").replace("01.00", "03.00")
    assert len(read_transcript(write(tmp_path, "a.ass", text), 12).sentences) == 2


ODD = "If x < 5 and y > 3 then stop. I <3 you -> yes."


def test_what_is_no_tag_is_kept(tmp_path):
    assert read_transcript(write(tmp_path, "a.srt", srt(ODD)), 12).sentences[0].text == ODD
    for name, text in (("a.json", json.dumps([f"{ODD} <i>b</i>"])), ("b.txt", f"{ODD} <i>b</i>")):
        said = read_transcript(write(tmp_path, name, text), 12).sentences
        assert " ".join(one.text for one in said) == f"{ODD} b"
    tagged = srt('<font color="#fff">a</font> <i>b</i> <c.red>c</c> <00:00:01.000>d')
    assert read_transcript(write(tmp_path, "a.srt", tagged), 12).sentences[0].text == "a b c d"


def test_an_arrow_among_words(tmp_path):
    assert read_transcript(write(tmp_path, "a.srt", srt("click File --> Save")), 12).sentences[0].text[-4:] == "Save"
    for line in ("00:00:0l,000 --> 00:00:02,000", "00:00:05,000 --> soon"):
        with pytest.raises(UserError, match="line 5: .* is not a pair of times"):
            read_transcript(write(tmp_path, "a.srt", f"{srt('a')}\n{line}\nb\n"), 12)


@pytest.mark.parametrize("name, text", [
    ("a.srt", srt("one\\Ntwo")), ("b.srt", srt("one\ntwo")), ("a.sbv", "0:00:01.000,0:00:02.500\none[br]two\n"),
])  # fmt: skip
def test_marks_of_line_ends(tmp_path, name, text):
    assert read_transcript(write(tmp_path, name, text), 12).sentences[0].text == "one two"


def test_a_path_is_no_mark_of_a_line_end(tmp_path):
    text = srt("open C:\\New folder")
    assert read_transcript(write(tmp_path, "a.srt", text), 12).sentences[0].text == "open C:\\New folder"


@pytest.mark.parametrize("text, said", [
    ("真的？！他走了。「好。」她说。", ["真的？！", "他走了。", "「好。」", "她说。"]),
    ("लड़की नाच रही है। कुत्ता कूदता है।", ["लड़की नाच रही है।", "कुत्ता कूदता है।"]),
    ("هل هو هنا؟ نعم.", ["هل هو هنا؟", "نعم."]),
    ('He said "go." Then he ran 3.5 m... and sat!', ['He said "go."', "Then he ran 3.5 m...", "and sat!"]),
])  # fmt: skip
def test_ends_of_sentences(tmp_path, text, said):
    assert [one.text for one in read_transcript(write(tmp_path, "a.txt", text), 12).sentences] == said


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
