"""Captions in and out of CSV and JSON, and each thing that can be wrong with the row it is in."""

import json
from collections import Counter

import pytest

from vtkeras.data.captions import ClipRow, read_captions
from vtkeras.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """Videos are never opened here, so empty files will do."""
    folder = tmp_path / "videos"
    (folder / "sub").mkdir(parents=True)
    for name in ["a.mp4", "b.mp4", "c.webm", "sub/d.gif", "7.mp4", "video8.avi"]:
        (folder / name).touch()
    return folder


def read_csv(folder, text, seed=0):
    path = folder.parent / "captions.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_captions(path, folder, seed)


def read_json(folder, document):
    path = folder.parent / "captions.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_captions(path, folder)


def test_rows_of_a_video_become_one_clip(folder):
    rows = read_csv(
        folder,
        "path,caption,question,answer,label,split\n"
        'a.mp4,"a cat, asleep",what?,a cat,cat|asleep,train\n'
        "a.mp4,,where?,on a mat,cat,\n"
        "sub/d.gif,a dog,,,,val\n",
    )
    assert rows == [
        ClipRow(
            clip_id="a.mp4",
            path="a.mp4",
            start=None,
            end=None,
            split="train",
            captions=("a cat, asleep",),
            questions=(("what?", "a cat"), ("where?", "on a mat")),
            labels=("cat", "asleep"),
        ),
        ClipRow("sub/d.gif", "sub/d.gif", None, None, "validation", ("a dog",), (), ()),
    ]


def test_segments_of_a_video_are_clips_of_one_split(folder):
    text = "path,caption,start,end,video_id\na.mp4,one,0,1.5,\na.mp4,two,1.5,,\nb.mp4,three,2,3,third\n"
    rows = read_csv(folder, text)
    assert [row.clip_id for row in rows] == ["a.mp4#0-1.5", "a.mp4#1.5-", "third"]
    assert [(row.start, row.end) for row in rows] == [(0, 1.5), (1.5, None), (2, 3)]
    assert rows[0].split == rows[1].split


def test_columns_in_any_order_further_ones_and_blank_lines(folder):
    rows = read_csv(folder, "mood,Caption, path\ncalm,one,a.mp4\n\ncalm,two,b.mp4\n")
    assert [(row.path, row.captions) for row in rows] == [("a.mp4", ("one",)), ("b.mp4", ("two",))]


TEXTS = [
    "一只猫跳上桌子",
    "👩‍👩‍👧‍👦 dance 🏳️‍🌈",
    "قطة تقفز على الطاولة",
    "cafe\u0301 and caf\u00e9",
    'say "hi", then\nleave',
    "<b>bold</b> **md**",
    "x" * 1_000_000,
]


def test_unicode_round_trip(folder):
    quoted = ['"' + text.replace('"', '""') + '"' for text in TEXTS]
    lines = ["path,caption"] + [f"a.mp4,{text}" for text in quoted]
    [row] = read_csv(folder, ("\ufeff" + "\r\n".join(lines)).encode())
    assert row.captions == tuple(TEXTS)
    document = {"videos": [{"id": "a"}], "sentences": [{"video_id": "a", "caption": t} for t in TEXTS]}
    [row] = read_json(folder, document)
    assert row.captions == tuple(TEXTS)


@pytest.mark.parametrize("count,test,validation", [(1, 0, 0), (2, 0, 0), (3, 1, 1), (10, 1, 1), (40, 4, 4)])
def test_made_splits(folder, count, test, validation):
    for index in range(count):
        (folder / f"v{index}.mp4").touch()
    lines = [f"v{index}.mp4,{text}" for index in range(count) for text in ("first", "second")]
    text = "\n".join(["path,caption", *lines])
    rows = read_csv(folder, text)
    splits = Counter(row.split for row in rows)
    expected = {"test": test, "validation": validation, "train": count - test - validation}
    assert splits == Counter(expected)
    assert read_csv(folder, text) == rows
    if count == 40:
        assert read_csv(folder, text, seed=1) != rows


def test_made_splits_give_each_label_its_share(folder):
    labels = ["cat"] * 12 + ["dog"] * 12 + ["owl"] * 3
    for index in range(len(labels)):
        (folder / f"v{index}.mp4").touch()
    rows = read_csv(folder, "\n".join(["path,label", *(f"v{index}.mp4,{name}" for index, name in enumerate(labels))]))
    dealt = Counter((row.split, *row.labels) for row in rows)
    # Of 27 clips 3 are for test and 3 for validation: first those before 0.11 of their label, then those before 0.22.
    assert dealt["test", "cat"] >= 1 and dealt["test", "dog"] >= 1 and dealt["validation", "owl"] == 1
    assert dealt["validation", "cat"] == dealt["validation", "dog"] == 1 and dealt["train", "owl"] == 2


def test_split_names(folder):
    names = ["train", "val", "validate", "validation", "dev", "test_Unseen"]
    paths = ["a.mp4", "b.mp4", "c.webm", "sub/d.gif", "7.mp4", "video8.avi"]
    lines = [f"{path},text,{name}" for path, name in zip(paths, names, strict=True)]
    rows = read_csv(folder, "\n".join(["path,caption,split", *lines]))
    assert [row.split for row in rows] == ["train"] + ["validation"] * 4 + ["test_unseen"]


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "row 1 names no column 'path'"),
        ("path,mood\na.mp4,one\n", "row 1 names no column 'caption' or 'question' or 'label'; it names path, mood"),
        ("mood,caption\na.mp4,one\n", "row 1 names no column 'path'; it names mood, caption"),
        ("path,caption,caption\na.mp4,one,two\n", "row 1 names the column 'caption' twice"),
        ("path,caption\n", "describes no clip"),
        ("path,caption\na.mp4,one\na.mp4\n", "row 3 has 1 cells where the header has 2"),
        ("path,caption\na.mp4,one,two\n", "row 2 has 3 cells"),
        ('path,caption\na.mp4,"one\n', "row 2 is not valid CSV"),
        ('path,caption\na.mp4,one\nb.mp4,"he said "hi" there"\n', "row 3 is not valid CSV .*written twice"),
        ("path,caption\na.mp4,one\nb.mp4,t\0wo\n", "row 3: caption holds a NUL byte"),
        ("path,caption\nno.mp4,one\n", "row 2: there is no video 'no.mp4'"),
        ("path,caption\nx/a.mp4,one\nd,two\ne,three\ne,four\nf,five\ng,six\n", "'x/a.mp4' in .*for 4 more, .*row 4"),
        ("path,caption\nno.mp4,one\na.mp4,a\nna.mp4,b\n", "no video 'no.mp4' in .*nor for 1 more, the next is .*row 4"),
        ("path,caption\nsub,one\n", "row 2: there is no video 'sub'"),
        (f"path,caption\n{'x' * 5000},one\n", "row 2: there is no video 'xxx"),
        ("path,caption\n,one\n", "row 2 has no path"),
        ("path,caption\n../videos/x.mp4,one\n", "row 2: there is no video '../videos/x.mp4' in"),
        ("path,caption\n/etc/passwd,one\n", "row 2: there is no video '/etc/passwd' in"),
        ("path,caption\na.mp4,\n", "describes no clip: .*row 2 has no caption, question with answer, or label"),
        ("path,question\na.mp4,what?\n", "row 2 has no caption, question with answer, or label"),
        ("path,caption,answer\na.mp4,,a cat\n", "row 2 has no caption, question with answer, or label"),
        ("path,caption,video_id\na.mp4,one,x\nb.mp4,two,x\n", "row 3: the video_id 'x' is already .* row 2"),
        ("path,caption,start,video_id\na.mp4,one,1,x\na.mp4,two,,x\n", "row 3: the .* or take the column out"),
        ("path,caption,start\na.mp4,one,soon\n", "row 2: start 'soon' is not a number"),
        ("path,caption,start\na.mp4,one,nan\n", "row 2: start 'nan' is not a number"),
        ("path,caption,end\na.mp4,one,inf\n", "row 2: end 'inf' is not a number"),
        ("path,caption,start\na.mp4,one,-1\n", "row 2: start '-1' is not a number"),
        ("path,caption,start,end\na.mp4,one,2,2\n", "row 2: end 2 is not after start 2"),
        ("path,caption,end\na.mp4,one,0\n", "row 2: end 0 is not after start 0"),
        ("path,caption,split\na.mp4,one,trian\n", "row 2: unknown split 'trian'"),
        ("path,caption,split\na.mp4,one,my/split\n", "row 2: 'my/split' cannot name a split"),
        ("path,caption,split\na.mp4,one,train\nb.mp4,two,\n", "row 3 has no split, though others have"),
        ("path,caption,split\na.mp4,one,train\na.mp4,two,test\n", "row 3: .* in test here and in train"),
        (
            "path,caption,split,start\na.mp4,one,train,0\na.mp4,two,test,1\n",
            "row 3: .* in test here and in train in .* row 2",
        ),
        (b"path,caption\na.mp4,one\nb.mp4,\xff\xfe\n", "line 3 is not UTF-8"),
    ],
)
def test_what_is_wrong_in_a_csv_is_told_with_its_row(folder, text, message):
    with pytest.raises(UserError, match=message) as caught:
        read_csv(folder, text)
    assert "captions.csv" in str(caught.value) and "\n" not in str(caught.value)


def read_with_notes(folder, text):
    path = folder.parent / "captions.csv"
    path.write_text(text)
    notes = []
    return read_captions(path, folder, note=notes.append), [note.removeprefix(f"{path}: ") for note in notes]


@pytest.mark.parametrize(
    "lines, told",
    [
        (["a.mp4,one", "b.mp4,two", "a.mp4,one"], "1 row is left out, as row 4 repeats row 2."),
        (["a.mp4,one"] * 3 + ["b.mp4,two"], "2 rows are left out, as row 3 repeats row 2 and so on."),
        (["a.mp4,one", "a.mp4,other", "b.mp4,two"], None),
    ],
)
def test_rows_that_repeat_others_are_left_out_and_told(folder, lines, told):
    rows, notes = read_with_notes(folder, "\n".join(["path,caption", *lines]))
    captions = ("one", "other") if told is None else ("one",)
    assert [(row.path, row.captions) for row in rows] == [("a.mp4", captions), ("b.mp4", ("two",))]
    assert [note for note in notes if "left out" in note] == ([told] if told else [])


@pytest.mark.parametrize(
    "header, notes",
    [
        ("Filename,Description", ["filename was read as path", "description was read as caption"]),
        ("video;sentence", ["video was read as path", "sentence was read as caption"]),
        ("image_name| comment", ["image_name was read as path", "comment was read as caption"]),
        ("Video ID,caption", ["video_id was read as path"]),
        ("path,text", ["text was read as caption"]),
        ("video,class_name", ["video was read as path", "class_name was read as label"]),
        ("class,file", ["file was read as path", "class was read as label"]),
    ],
)
def test_what_others_call_the_columns(folder, header, notes):
    separator = next(sign for sign in ",;|" if sign in header)
    lines = [separator.join(pair) for pair in (("a.mp4", "one"), ("c.webm", "two"))]
    if header == "class,file":
        lines = [",".join(reversed(line.split(","))) for line in lines]
    rows, told = read_with_notes(folder, "\n".join([header, *lines]))
    assert [(row.path, row.captions or row.labels) for row in rows] == [("a.mp4", ("one",)), ("c.webm", ("two",))]
    assert [note for note in told if "was read as" in note] == [f"its column {note}." for note in notes]


def test_a_column_of_the_users_own_keeps_its_name_where_nothing_is_lacking(folder):
    rows, told = read_with_notes(folder, "path,caption,category,file\na.mp4,one,calm,x\nb.mp4,two,wild,y\n")
    own = [dict(row.columns[0]) for row in rows]
    assert own == [{"category": "calm", "file": "x"}, {"category": "wild", "file": "y"}]
    assert not rows[0].labels and len(told) == 1
    assert told[0].endswith("its column category is kept and not learned; call it label if that is what it is.")


def test_plurals_of_our_names_are_read_beside_other_texts(folder):
    rows, told = read_with_notes(folder, "path,caption,labels,question,answers\na.mp4,one,cat|dog,what?,x\n")
    assert rows[0].labels == ("cat", "dog") and rows[0].questions == (("what?", "x"),) and len(told) == 2
    rows, _ = read_with_notes(folder, "path,caption,answers\na.mp4,one,own\n")  # no question
    assert dict(rows[0].columns[0]) == {"answers": "own"}
    rows = read_json(folder, [{"path": "a.mp4", "caption": "one", "question": "what?", "answers": [{"answer": "yes"}]}])
    assert rows[0].captions == ("one",) and not rows[0].questions
    rows, _ = read_with_notes(folder, "path,label,labels\na.mp4,cat,own\n")
    assert rows[0].labels == ("cat",) and dict(rows[0].columns[0]) == {"labels": "own"}


def test_columns_of_the_users_own_stay_with_their_questions(folder):
    rows = read_json(folder, [
        {"path": "a.mp4", "question": "one?", "answer": "1"},
        {"path": "a.mp4", "question": "two?", "answer": "2", "level": "hard"},
    ])  # fmt: skip
    assert rows[0].columns == ((), (("level", "hard"),))


def test_a_file_whose_name_is_no_text_is_told_with_its_row(folder):
    odd = folder / b"caf\xe9".decode(errors="surrogateescape")
    odd.mkdir()
    (odd / "z.mp4").touch()
    with pytest.raises(UserError, match="row 2: 'z.mp4' is a file or lies in a folder whose name is not UTF-8"):
        read_with_notes(folder, "path,caption\nz.mp4,one\n")


def test_a_text_is_not_lost_beside_another_one(folder):
    rows, told = read_with_notes(folder, "filename,description,label\na.mp4,one,cat\n")
    assert (rows[0].captions, rows[0].labels) == (("one",), ("cat",))
    rows = read_json(folder, [{"path": "a.mp4", "caption": "one", "question": "what?", "answers": ["x"]}])
    assert rows[0].captions == ("one",) and rows[0].questions == (("what?", "x"),)


def test_a_header_further_down_is_taken_before_one_in_other_words(folder):
    rows, _ = read_with_notes(folder, "video,text\npath,caption\na.mp4,one\n")
    assert [(row.path, row.captions) for row in rows] == [("a.mp4", ("one",))]


def test_files_are_found_by_their_names(folder):
    rows, told = read_with_notes(folder, "path,caption\nd.gif,one\nvideo8,two\na.mp4,three\nsub/d,four\n")
    assert [(row.path, row.captions) for row in rows] == [
        ("sub/d.gif", ("one", "four")), ("video8.avi", ("two",)), ("a.mp4", ("three",)),
    ]  # fmt: skip
    assert told == ["2 files were found by the name alone, the first 'd.gif' as sub/d.gif."]
    (folder / ".trash").mkdir()
    (folder / ".trash/video8.mp4").touch()
    assert read_with_notes(folder, "path,caption\nvideo8,two\n")[0][0].path == "video8.avi"
    (folder / "sub/video8.mp4").touch()
    with pytest.raises(UserError, match="row 2: both 'sub/video8.mp4' and 'video8.avi' could be 'video8'"):
        read_with_notes(folder, "path,caption\nvideo8,two\n")


def test_a_file_of_the_same_name_in_another_folder_is_another_one(folder):
    rows, told = read_with_notes(folder, "path,caption\ncats/d.gif,a cat\nsub/d.gif,a dog\na.mp4,a hen\n")
    assert [row.captions for row in rows] == [("a dog",), ("a hen",)] and "1 of 3 videos are not in" in told[0]


def test_what_is_found_by_its_name_is_a_file_and_each_file_one_video(folder):
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "linked.mp4").symlink_to(folder / "sub/d.gif")
    rows, told = read_with_notes(folder, "path,caption\ngone,one\nsub/d.gif,two\nlinked,three\na.mp4,four\n")
    assert [(row.path, row.captions) for row in rows] == [("sub/d.gif", ("two", "three")), ("a.mp4", ("four",))]
    assert told[1].startswith("1 of 3 videos are not in")


def test_a_table_of_another_machine(folder):
    text = "path,caption\n/home/ann/set/a.mp4,one\n/home/ann/set/sub/d.gif,two\n/home/ann/set/no.mp4,three\n"
    rows, told = read_with_notes(folder, text)
    assert [row.path for row in rows] == ["a.mp4", "sub/d.gif"]
    assert told[0] == "2 files were found by the name alone, the first '/home/ann/set/a.mp4' as a.mp4."
    assert told[1].startswith("1 of 3 videos are not in")


@pytest.mark.parametrize(
    "name,header,times",
    [("v1_5_15.avi", "VideoID,Start,End,Description", "5,15"), ("v1_5_15.avi", "id,start_time,end_time,text", "5,15"),
     ("v1_000005_000015.mp4", "youtube_id,time_start,time_end,label", "5,15"),
     ("v1_0.5_2.mp4", "path,start,end,label", "0.5,2")],
)  # fmt: skip
def test_videos_that_were_cut_already(folder, name, header, times):
    (folder / name).touch()
    rows, told = read_with_notes(folder, f"{header}\nv1,{times},one\n")
    assert [(row.path, row.start, row.end) for row in rows] == [(name, None, None)]
    assert told[-1] == f"start and end tell what videos were cut from, the first '{name}' from 'v1'."


@pytest.mark.parametrize("start, end", [
    ("start", "stop"), ("begin", "end"), ("begin", "stop"), ("start_sec", "end_sec"), ("Start (s)", "End (s)"),
    ("start", "end_time"), ("start_time", "end"), ("start s", "stop [sec]"),
])  # fmt: skip
def test_other_names_of_times(folder, start, end):
    rows, told = read_with_notes(folder, f"path,{start},{end},caption\na.mp4,5,15,one\n")
    assert [(row.start, row.end) for row in rows] == [(5, 15)]
    names = [name.lower() for name in (start, end) if name not in ("start", "end")]
    assert all(f"its column {name} was read as" in " ".join(told) for name in names) and len(told) == len(names)
    (folder.parent / "a.jsonl").write_text(json.dumps({"path": "a.mp4", start: 5, end: 15, "caption": "one"}))
    [row] = read_captions(folder.parent / "a.jsonl", folder)
    assert (row.start, row.end) == (5, 15)


def test_how_long_a_part_is(folder):
    rows, told = read_with_notes(folder, "path,start,duration,caption\na.mp4,5,2.5,one\nb.mp4,,7,two\n")
    assert [(row.start, row.end) for row in rows] == [(5, 7.5), (None, None)]
    assert "its column duration was read as seconds from start to the end" in told[0]
    rows, told = read_with_notes(folder, "path,start,end,duration,caption\na.mp4,5,6,60,one\nb.mp4,,,7,two\n")
    assert [(row.start, row.end) for row in rows] == [(5, 6), (None, None)] and told == []


@pytest.mark.parametrize("name", ["length", "Dur", "duration_sec", "Length (s)", "duration_seconds"])
def test_other_names_of_how_long_a_part_is(folder, name):
    [row], told = read_with_notes(folder, f"path,start,{name},caption\na.mp4,5,2.5,one\n")
    assert (row.start, row.end) == (5, 7.5) and "was read as duration" in told[0]


@pytest.mark.parametrize("name", ["length_ms", "duration_frames", "num_frames", "clip_length"])
def test_a_length_in_another_unit_is_told(folder, name):
    [row], told = read_with_notes(folder, f"path,start,{name},caption\na.mp4,5,250,one\n")
    assert (row.start, row.end) == (5, None) and f"its column {name} is not used" in told[0] and len(told) == 1
    for beside in ("end", "duration"):
        assert f"its column {name} " not in " ".join(
            read_with_notes(folder, f"path,start,{beside},{name},caption\na.mp4,5,9,250,one\n")[1]
        )
    assert read_with_notes(folder, f"path,{name},caption\na.mp4,250,one\n")[1] == []


@pytest.mark.parametrize("duration", ["long", "0", "-3"])
def test_a_duration_that_is_none_is_the_users_own(folder, duration):
    [row], _ = read_with_notes(folder, f"path,start,duration,caption\na.mp4,5,{duration},one\n")
    assert (row.start, row.end) == (5, None) and dict(row.columns[0]) == {"duration": duration}


def test_names_that_may_be_no_times_are_the_users_own(folder):
    rows, told = read_with_notes(folder, "path,stop,duration,caption\na.mp4,Main Street,long,one\n")
    assert dict(rows[0].columns[0]) == {"stop": "Main Street", "duration": "long"} and told == []
    _, told = read_with_notes(folder, "path,start_frame,end_frame,caption\na.mp4,0,90,one\n")
    assert "start_frame and end_frame do not cut the videos" in told[0]
    _, told = read_with_notes(folder, "path,from,to,caption\na.mp4,5,9,one\n")
    assert "from and to do not cut the videos; if each row is a part of its video, call them start and end" in told[0]


def of_films(folder, films, parts):
    """The rows of a table like MSVD's, of films that were cut into files, and what was told."""
    lines = ["VideoID,Start,End,Description"]
    for film in range(films):
        for part in range(parts):
            (folder / f"f{film}_{part}_{part + 1}.avi").touch()
            lines.append(f"f{film},{part},{part + 1},text {film} {part}")
    return read_with_notes(folder, "\n".join(lines))


def test_files_that_were_cut_out_of_one_film_are_in_one_split(folder):
    rows, _ = of_films(folder, 10, 3)
    by_film = {row.film: {one.split for one in rows if one.film == row.film} for row in rows}
    assert len(rows) == 30 and [*by_film] == [f"f{film}" for film in range(10)]
    assert sorted(map(sorted, by_film.values())) == [["test"], *[["train"]] * 8, ["validation"]]


@pytest.mark.parametrize("films, told", [(1, "1 film, too few to divide"), (2, "2 films, too few to divide")])
def test_files_of_too_few_films_are_divided_and_that_is_told(folder, films, told):
    rows, notes = of_films(folder, films, 10)
    assert {row.split for row in rows} == {"train", "validation", "test"} and told in notes[-1]


def test_files_whose_names_tell_their_films_are_in_one_split(folder):
    """Named themselves by the table, in folders of labels, as Kinetics and MSVD leave them."""
    lines = ["path,label"]
    for film in range(10):
        for part in range(3):
            name = f"kind{part % 2}/-f{film}_x_{10 * part:06d}_{10 * part + 10:06d}.mp4"
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).touch()
            lines.append(f"{name},kind{part % 2}")
    rows, notes = read_with_notes(folder, "\n".join(lines))
    by_film = {row.film: {one.split for one in rows if one.film == row.film} for row in rows}
    assert [*by_film] == [f"-f{film}_x" for film in range(10)]
    assert sorted(map(sorted, by_film.values())) == [["test"], *[["train"]] * 8, ["validation"]]
    assert notes == [
        "names of files tell what they were cut from, the first "
        "'kind0/-f0_x_000000_000010.mp4' from '-f0_x'."
    ]


@pytest.mark.parametrize(
    "names",
    [
        [f"take{film}_{part}_1" for film in range(8) for part in range(3)],  # 1 to 1 and 2 to 1 are no stretches
        [f"walk{kind}_{one}_9" for kind in range(4) for one in range(6)],  # few names: they may be kinds of things
        [f"one{film}_2_9" for film in range(9)],  # no two of a film
        [*[f"f{film}_{part}_9" for film in range(6) for part in range(2)], *[f"other{n}x" for n in range(12)]],
    ],
)
def test_names_that_need_not_tell_a_film(folder, names):
    for name in names:
        (folder / f"{name}.mp4").touch()
    rows, _ = read_with_notes(folder, "\n".join(["path,caption", *(f"{name}.mp4,one" for name in names)]))
    assert not any(row.film for row in rows)


def test_a_video_id_may_be_that_of_the_whole_film(folder):
    parts = [("0,5", "one"), ("5,9.5", "two"), ("0,5", "three"), ("5,9.5", "four")]
    text = "path,video_id,start,end,caption\n" + "".join(f"a.mp4,x,{times},{said}\n" for times, said in parts)
    first, second = read_with_notes(folder, text)[0]
    assert (first.clip_id, first.captions) == ("x", ("one", "three"))
    assert (second.clip_id, second.captions, second.start) == ("x#5-9.5", ("two", "four"), 5)


def test_labels_that_differ_in_case_are_told(folder):
    told = "labels 'Dog' and 'dog' differ in case alone{}: write them alike where they mean one class."
    _, [note] = read_with_notes(folder, "path,label\na.mp4,Dog|cat\nb.mp4,dog|Park\n")
    assert note.endswith(told.format(""))
    _, [note] = read_with_notes(folder, "path,label\na.mp4,Dog|cat|CAT\nb.mp4,dog|Park\n")
    assert note.endswith(told.format(", and so do 1 more"))


@pytest.mark.parametrize(
    "names, kinds, told",
    [
        ([f"film{film}_{part:03d}" for film in range(6) for part in range(3)], 1, True),
        ([f"v_g{film}_c{part:02d}" for film in range(6) for part in range(3)], 2, True),
        ([f"film{'abcdef'[film]}{part:03d}" for film in range(6) for part in range(3)], 1, True),
        ([f"film{'abcdef'[film]} ({part})" for film in range(6) for part in range(3)], 1, True),
        ([f"film{film}.part{part}" for film in range(6) for part in range(3)], 1, True),
        ([f"animal{film}_{part}" for film in range(6) for part in range(3)], 6, False),  # a name for each label
        ([f"dog_{part}" for part in range(18)], 1, False),
        ([f"video{part}" for part in range(18)], 1, False),
        ([f"{part}" for part in range(100, 180)], 1, False),
        ([f"at_{film}_{part}" for film in range(18) for part in (film * 7,)], 1, False),
    ],
)
def test_files_that_look_like_parts_of_films_are_told_of(folder, names, kinds, told):
    lines = ["path,label"]
    for place, name in enumerate(names):
        (folder / f"{name}.mp4").touch()
        lines.append(f"{name}.mp4,kind {place * kinds // len(names)}")
    _, notes = read_with_notes(folder, "\n".join(lines))
    assert any("may be parts of one film" in note for note in notes) is told
    if told:
        assert f"'{names[0]}.mp4' and '{names[1]}.mp4'" in notes[-1]


@pytest.mark.parametrize("times", ["5,nan", "15,5", "x,y", ",", "-1,2"])
def test_times_that_are_none_cut_nothing(folder, times):
    (folder / "v1_5_15.avi").touch()
    lines = ["path,start_time,end_time,caption", f"v1,{times},one", "a.mp4,1,2,two", "b.mp4,1,2,two"]
    rows, told = read_with_notes(folder, "\n".join(lines))
    assert [(row.path, row.start) for row in rows] == [("a.mp4", None), ("b.mp4", None)]
    assert "start_time and end_time do not cut the videos" in told[0]


def test_a_few_videos_that_are_not_there_are_left_out(folder):
    rows, told = read_with_notes(folder, "path,caption\na.mp4,one\nno.mp4,two\nno.mp4,three\nb.mp4,four\n")
    assert [row.path for row in rows] == ["a.mp4", "b.mp4"]
    where = f"{folder.parent}/captions.csv row 3"
    assert told == [f"1 of 3 videos are not in {folder} and are left out, the first is 'no.mp4' ({where})."]


def test_missing_file(folder):
    with pytest.raises(UserError, match="No captions file .*none.csv"):
        read_captions(folder / "none.csv", folder)


# JSON


def test_msr_vtt(folder):
    document = {
        "info": {"year": 2016},
        "videos": [
            {"video_id": "video8", "id": 0, "split": "validate", "start time": 137.7, "end time": 149.4},
            {"id": 7, "split": "train"},
            {"video_id": "x", "split": "test", "path": "a.mp4", "start time": 1, "end time": 2.5},
            {"video_id": "y", "split": "test", "file": "sub/d.gif", "start": 0.5, "label": "dog|park"},
        ],
        "sentences": [
            {"sen_id": 0, "video_id": "video8", "caption": "one"},
            {"sen_id": 1, "video_id": 7.0, "caption": "two", "question": "what?", "answer": "two"},
            {"sen_id": 2, "video_id": "video8", "caption": "three"},
            {"sen_id": 2, "video_id": "video8", "caption": "three"},
            {"sen_id": 3, "video_id": "x", "caption": "four"},
            {"sen_id": 4, "video_id": "y", "caption": "five"},
        ],
    }
    # The start and end of video8 are places in the film that it was cut out of.
    assert read_json(folder, document) == [
        ClipRow("video8", "video8.avi", None, None, "validation", ("one", "three"), (), ()),
        ClipRow("7", "7.mp4", None, None, "train", ("two",), (("what?", "two"),), ()),
        ClipRow("x", "a.mp4", 1.0, 2.5, "test", ("four",), (), ()),
        ClipRow("y", "sub/d.gif", 0.5, None, "test", ("five",), (), ("dog", "park")),
    ]


def one_video(video=(), sentence=()):
    return {
        "videos": [{"video_id": "a", **dict(video)}],
        "sentences": [{"video_id": "a", "caption": "one", **dict(sentence)}],
    }


@pytest.mark.parametrize(
    "document,message",
    [
        ("{", "not valid JSON"),
        ("[]", "describes no clip"),
        ("3", "must hold a list of rows"),
        ('[{"path": "a.mp4"}]', "entry 1 has no 'caption' or .*; it names path: give all rows the same names"),
        ("[{}]", "entry 1 has no 'path'; it names nothing"),
        (
            '[{"file": "a.mp4", "caption": "one"}, {"video": "b.mp4", "caption": "two"}]',
            "entry 2 has no 'path', which is 'file' in other rows; it names video, caption: give all rows the same",
        ),
        (
            '[{"path": "a.mp4", "caption": "one"}, {"video": "b.mp4", "caption": "two"}]',
            "entry 2 has no 'path'; it names video, caption: give all rows the same names",
        ),
        (
            '[{"path": "a.mp4", "caption": "one"}, {"path": "b.mp4", "text": "two"}]',
            "entry 2 has no 'caption' or 'question' or 'label'; it names path, text: give all rows the same names",
        ),
        ('[{"path": "a.mp4", "caption": {}}]', "entry 1: caption {} is not a text"),
        ('{"a":' * 100_000, "nested too deep"),
        ('{"videos": [{"video_id": "a", "start": NaN}]}', "holds NaN"),
        ({"videos": []}, "holds no list 'sentences'"),
        ({"videos": {}, "sentences": []}, "holds no list 'videos'"),
        ({"videos": [], "sentences": []}, "describes no clip"),
        ({"videos": [3], "sentences": []}, r"videos\[0\] is not an object"),
        ({"videos": [{}], "sentences": []}, r"videos\[0\] has no video_id or id"),
        ({"videos": [{"id": True}], "sentences": []}, r"videos\[0\]: id true is not an id"),
        ({"videos": [{"id": [1]}], "sentences": []}, r"videos\[0\]: id \[1\] is not an id"),
        ({"videos": [{"id": "a"}, {"id": "a"}], "sentences": []}, r"videos\[1\] repeats the id 'a' of"),
        ({"videos": [{"id": "a"}], "sentences": []}, r"describes no clip: .* videos\[0\] has no caption"),
        ({"videos": [{"id": "z"}], "sentences": [{"video_id": "z", "caption": "1"}]}, r"\[0\]: there is no video 'z'"),
        ({"images": [{"id": 1}], "annotations": [{"image_id": 2}]}, r"annotations\[0\] is about '2', .* the images"),
        ({"images": []}, "holds no list 'annotations'"),
        ('[{"path": "a.mp4", "caption": ["one", []]}]', r"entry 1: caption \[\] is not a text"),
        (one_video(sentence={"video_id": "b"}), r"sentences\[0\] is about 'b', which is not among the videos"),
        (one_video(sentence={"caption": 3}), r"sentences\[0\]: caption 3 is not a text"),
        (one_video(sentence={"caption": ""}), r"describes no clip: .* sentences\[0\] has no caption"),
        (one_video(sentence={"caption": "\ud83d"}), r"sentences\[0\]: caption holds half of a surrogate"),
        (one_video(sentence={"caption": "a\0"}), r"sentences\[0\]: caption holds a NUL"),
        (one_video({"split": "tset"}), r"videos\[0\]: unknown split 'tset'"),
        (one_video({"split": 1}), r"videos\[0\]: split 1 is not a text"),
        (one_video({"start": "x"}), r"videos\[0\]: start 'x' is not a number"),
        (one_video({"start": True}), r"videos\[0\]: start 'True' is not a number"),
        (one_video({"start": 2, "end": 1}), r"sentences\[0\]: end 1 is not after start 2"),
        (one_video({"path": "../x.mp4"}), r"sentences\[0\]: there is no video '../x.mp4' in"),
    ],
)
def test_what_is_wrong_in_a_json_is_told_with_its_index(folder, document, message):
    with pytest.raises(UserError, match=message) as caught:
        read_json(folder, document)
    assert "captions.json" in str(caught.value) and "\n" not in str(caught.value)


def test_coco(folder):
    document = {
        "info": {},
        "images": [{"id": 1, "file_name": "a.mp4", "width": 9}, {"id": 7}],
        "annotations": [{"id": 5, "image_id": 1, "caption": "one"}, {"image_id": 1, "caption": "two"},
                        {"image_id": 7, "caption": "three"}],
    }  # fmt: skip
    assert [(row.clip_id, row.path, row.captions) for row in read_json(folder, document)] == [
        ("1", "a.mp4", ("one", "two")), ("7", "7.mp4", ("three",)),
    ]  # fmt: skip


def test_several_captions_of_one_object(folder):
    rows = [{"file": "a.mp4", "captions": ["one", "two"], "split": "train"}, {"file": "b.mp4", "captions": "three"}]
    found = read_json(folder, [{**row, "split": "train"} for row in rows])
    assert [row.captions for row in found] == [("one", "two"), ("three",)]


def test_two_files_of_one_id(folder):
    (folder / "sub/a.webm").touch()
    with pytest.raises(UserError, match=r"sentences\[0\]: both 'a.mp4' and 'sub/a.webm' could be 'a'"):
        read_json(folder, one_video())


def test_one_file_written_in_several_ways_is_one_video_of_one_split(folder):
    for index in range(10):
        (folder / f"sub/s{index}.mp4").touch()
    forms = ("sub/s{0}.mp4", "./sub/s{0}.mp4", "sub\\s{0}.mp4", f"{folder}/sub/s{{0}}.mp4")
    rows = [f"{form.format(index)},{place}" for index in range(10) for place, form in enumerate(forms)]
    found = read_csv(folder, "\n".join(["path,caption", *rows]))
    assert [(row.path, row.captions) for row in found] == [(f"sub/s{n}.mp4", ("0", "1", "2", "3")) for n in range(10)]


@pytest.mark.parametrize("written, seconds", [("0,5", 0.5), ("1:30", 90), ("0:01:30,5", 90.5), ("2", 2)])
def test_seconds_of_spreadsheets(folder, written, seconds):
    (folder.parent / "a.csv").write_text(f"path;caption;start\na.mp4;one;{written}\n")
    notes = []
    (row,) = read_captions(folder.parent / "a.csv", folder, note=notes.append)
    assert row.start == seconds
    assert ("decimal points" in " ".join(notes), "minutes" in " ".join(notes)) == ("," in written, ":" in written)


def test_seconds_below_zero_behind_a_colon(folder):
    with pytest.raises(UserError, match="row 2: start '1:-5' is not a number of seconds"):
        read_csv(folder, "path,caption,start\na.mp4,one,1:-5\n")


def test_characters_that_no_one_sees(folder):
    text = "path,caption,question,answer\n\u202aa.mp4\u202c,\u200bone\u200f,what?,\u2060yes\u00ad|no\ufeff\n"
    [row] = read_csv(folder, text + "a.mp4,one,what?,yes|no\n")
    assert (row.path, row.captions, row.questions) == ("a.mp4", ("one",), (("what?", "yes|no"),))
    [row] = read_csv(folder, "path,caption\na.mp4,\u06af\u0631\u0628\u0647 \u0645\u06cc\u200c\u062f\u0648\u062f\n")
    assert "\u200c" in row.captions[0]  # a joiner that changes letters


def test_whole_numbers_of_json_are_one_label(folder):
    rows = read_json(folder, [{"path": f"{name}.mp4", "label": label} for name, label in zip("aba", (1, 1.0, 1.5))])
    assert [row.labels for row in rows] == [("1", "1.5"), ("1",)]


def test_rows_as_json_objects_and_as_lines(folder):
    rows = [
        {"path": "a.mp4", "Caption": "one", "start": 1, "label": ["cat", "dog"], "mood": 3},
        {"path": "b.mp4", "caption": "two", "start": None},
    ]
    expected = read_csv(folder, "path,caption,start,label,mood\na.mp4,one,1,cat|dog,3\nb.mp4,two,,,\n")
    assert read_json(folder, rows) == [expected[0], ClipRow(**{**vars(expected[1]), "columns": ()})]
    lines = folder.parent / "a.jsonl"
    lines.write_text("\n".join(map(json.dumps, rows)))
    assert read_captions(lines, folder) == read_json(folder, rows)
    assert read_json(folder, [{"video": "a", "Text": "one"}, {"video": "b", "text": "two"}])[1].captions == ("two",)
    lines.write_text('{"path": "a.mp4", "caption": "one"}\n\n{"path": NaN}')
    with pytest.raises(UserError, match="a.jsonl line 3 is not valid JSON: it holds NaN"):
        read_captions(lines, folder)


def test_ids_meet_names_in_either_form_and_behind_links(folder):
    (folder.parent / "disk").mkdir()
    (folder.parent / "disk" / "cafe\u0301.mp4").touch()
    (folder / "linked").symlink_to(folder.parent / "disk")
    video = {"videos": [{"id": "caf\u00e9"}], "sentences": [{"video_id": "caf\u00e9", "caption": "one"}]}
    assert read_json(folder, video)[0].path == "linked/cafe\u0301.mp4"
