"""A model whose outputs rest on one known patch, explained and judged through its endpoints."""

import errno
import json
from dataclasses import replace
from types import SimpleNamespace

import av
import numpy as np
import pytest
import tensorflow as tf
from fixtures.interrupts import PressedInDestructor
from PIL import Image

from vtkeras.data import fonts
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.data.sources.sort_of_clevr import SortOfClevr
from vtkeras.errors import UserError
from vtkeras.serving import explanation, faithfulness, pictures, schema
from vtkeras.serving.results import Answer, Caption

TIME, SIDE, HEADS = 2, 2, 2
FRAMES = np.zeros((TIME, 4, 4, 3), "uint8")
FRAMES[1, 2:, 2:] = 255  # the last patch of the last frame
TIMES = np.array([0.0, 0.5], "float32")
PIECES = [b"so", b"bright", b"##er"]


def brightness(clips):
    return tf.reduce_mean(tf.cast(clips[:, -1, 2:, 2:], tf.float32), axis=(1, 2, 3)) / 255


def right_map(rows, *more):
    """(1, rows, *more, time, side, side): all on the patch that counts."""
    found = np.zeros((1, rows, *more, TIME, SIDE, SIDE), "float32")
    found[..., 1, 1, 1] = 1
    return found


class Toy:
    """`so` is certain; `brighter` is as likely as the last patch is bright, and so is the answer `yes`."""

    def explain_caption(self, clips, text):
        likely = brightness(clips)
        sure = tf.ones_like(likely)
        attention = right_map(3, 2 * HEADS)
        attention[:, :, 3] = np.roll(attention[:, :, 3], 1, axis=-1)  # layer 2, head 2 looks beside it
        return {
            "tokens": tf.constant([PIECES] * len(clips)),
            "probabilities": tf.stack([sure, likely, sure, tf.zeros_like(likely)], axis=1),
            "attention": tf.constant(np.repeat(attention, len(clips), axis=0)),
            "rollout": tf.constant(np.repeat(right_map(3), len(clips), axis=0)),
            "frame_index": tf.constant([[0, 1]] * len(clips)),
        }

    def explain_answer(self, clips, text):
        return {"tokens": tf.constant([[b"", b"is", b"it"]] * len(clips)), "rollout": tf.constant(right_map(3))}

    def answer(self, clips, text):
        likely = brightness(clips)
        return {"probabilities": tf.stack([1 - likely, likely], axis=1)}


class ToyPredictor(SimpleNamespace):
    def can(self, endpoint):
        return hasattr(self.model, endpoint)

    def caption(self, frames):
        attention = right_map(3, 2 * HEADS)[0]
        return Caption("so brighter", 1.0, ["so", "bright", "##er"], [1.0, 1.0, 1.0], attention, frames, [0, 1])

    def answer(self, frames, question):
        attention = right_map(2, HEADS)[0]
        return Answer("yes", 1.0, [("yes", 1.0), ("no", 0.0)], ["is", "it"], attention, frames, [0, 1])


def toy(*hidden):
    """A predictor over `Toy` without the endpoints `hidden`."""
    endpoints = {name: getattr(Toy(), name) for name in ("explain_caption", "explain_answer", "answer")}
    endpoints["caption"] = None  # that there is one: `ToyPredictor.caption` writes it
    return ToyPredictor(
        model=SimpleNamespace(**{name: value for name, value in endpoints.items() if name not in hidden}),
        config=SimpleNamespace(model=SimpleNamespace(decoder_layers=2, fusion_layers=1)),
        card=SimpleNamespace(answers=["no", "yes"], linear_shares={}),
        folder="toy",
        info={"name": "toy", "model_hash": "0123", "data": "x"},
    )


@pytest.fixture
def found():
    return explanation.explain_caption(toy(), FRAMES, TIMES)


def test_words_and_maps(found):
    assert found.words == ["so", "brighter"] and found.probabilities == [1.0, 1.0]
    assert found.attention.shape == (2, 2, HEADS, TIME, SIDE, SIDE)
    assert found.methods == ["mean", "rollout"]
    for maps in (found.maps(), found.maps("rollout"), found.maps("mean", 1, 0)):
        np.testing.assert_allclose(maps.sum(axis=(1, 2, 3)), 1)
    # Three heads of four look at the patch, the last head of the last layer beside it.
    np.testing.assert_allclose(found.maps()[1, 1], [[0, 0], [0.25, 0.75]])
    np.testing.assert_allclose(found.maps("mean", layer=1)[1, 1], [[0, 0], [0.5, 0.5]])
    np.testing.assert_allclose(found.maps("mean", layer=1, head=1)[1, 1], [[0, 0], [1, 0]])
    np.testing.assert_allclose(found.maps("mean", head=0)[1, 1], [[0, 0], [0, 1]])


def test_judged_by_hand(found):
    # 8 patches, 8 steps; the patch goes first: a triangle of base 1/8. `so` needs no picture.
    so, brighter = explanation.judge(toy(), found, found.maps("rollout"), [0, 1])
    assert not so.depends and brighter.depends
    assert brighter.sweep.deletion_auc == pytest.approx(1 / 16)
    assert brighter.sweep.insertion_auc == pytest.approx(15 / 16)
    assert (brighter.whole, brighter.empty) == pytest.approx((1, 0))


def test_answer_comes_first_with_the_mean_over_the_question():
    found = explanation.explain_answer(toy(), FRAMES, TIMES, "is it?")
    assert found.words == ["yes", "is", "it"] and found.kind == "answer"
    np.testing.assert_allclose(found.maps()[0], found.maps()[1:].mean(axis=0))
    [judged] = explanation.judge(toy(), found, found.maps("rollout"), [0])
    assert judged.sweep.deletion_auc == pytest.approx(1 / 16) and judged.whole == pytest.approx(1)


def test_a_linear_model_that_had_a_say_is_told():
    # 100 to the network's 1 are 100 / 101 of the say; 1 to 1 are a half. A caption of one's own is nobody's choice.
    helped = toy()
    helped.card.linear_shares = {"answer": 100.0, "caption": 1.0}
    answer = explanation.explain_answer(helped, FRAMES, TIMES, "is it?")
    caption = explanation.explain_caption(helped, FRAMES, TIMES)
    given = explanation.explain_caption(helped, FRAMES, TIMES, "so bright")
    assert (answer.linear_part, caption.linear_part, given.linear_part) == (100 / 101, 0.5, 0.0)
    assert "note: A linear model beside the network has 99% of the say" in pictures.to_lines(answer, {})[-1]
    assert "has 50% of the say in this model's captions" in pictures.to_lines(caption, {})[-1]
    assert pictures.to_lines(given, {}) == ["caption: so bright"]
    assert schema.explanation(answer, "mean", answer.maps(), {}, "a.mp4", helped.info)["linear_part"] == 0.9901


def test_what_is_not_read_of_a_long_caption_is_told():
    # The toy reads two words of any caption.
    found = explanation.explain_caption(toy(), FRAMES, TIMES, "So bright er than the rest")
    assert found.unread == "than the rest"
    assert pictures.to_lines(found, {})[-1].endswith("than these words: 'than the rest' is left out.")
    assert explanation.explain_caption(toy(), FRAMES, TIMES, "so brighter").unread == ""
    assert explanation.explain_answer(toy(), FRAMES, TIMES, "is it so?").unread == ""


def test_a_model_of_labels_has_nothing_to_explain(tmp_path):
    labels = toy("caption", "answer", "explain_caption", "explain_answer")
    for options in ({}, {"question": "is it?"}, {"caption": "so bright"}):
        with pytest.raises(UserError, match="Captions and answers can be explained, and .* toy gives neither"):
            pictures.explain_video(labels, "absent.mp4", **options)
    with pytest.raises(UserError, match="gives neither"):
        faithfulness.evaluate(labels, [(FRAMES, "is it?")], {}, tmp_path, report=lambda line: None)


def test_a_model_that_only_writes_answers_is_not_judged_and_told_what_it_can(tmp_path):
    writer = toy("caption", "answer")
    writer.model.write_answer = None  # that there is one
    with pytest.raises(UserError, match="toy only writes answers: explain them one by one"):
        faithfulness.evaluate(writer, [(FRAMES, "is it?")], {}, tmp_path, report=lambda line: None)


def test_an_old_export_has_maps_but_no_rollout():
    old = toy("explain_caption", "explain_answer")
    found = explanation.explain_caption(old, FRAMES, TIMES)
    assert found.words == ["so", "brighter"] and found.methods == ["mean"]
    np.testing.assert_allclose(found.maps().sum(axis=(1, 2, 3)), 1)
    for fails in (
        lambda: found.maps("rollout"),
        lambda: explanation.judge(old, found, found.maps(), [0]),
        lambda: explanation.explain_caption(old, FRAMES, TIMES, "so bright"),
    ):
        with pytest.raises(UserError, match="vtkeras export"):
            fails()
    answer = explanation.explain_answer(old, FRAMES, TIMES, "is it?")  # answers need no new endpoint
    assert explanation.judge(old, answer, answer.maps(), [0])[0].depends


def test_a_caption_of_unknown_words():
    strange = toy()
    strange.model.explain_caption = lambda *given: {
        **Toy().explain_caption(*given), "tokens": tf.constant([[b"[UNK]", b"!", b""]])
    }  # fmt: skip
    with pytest.raises(UserError, match="knows no word of the caption '猫!'"):
        explanation.explain_caption(strange, FRAMES, TIMES, "猫!")


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"method": "magic"}, "no method 'magic'"),
        ({"layer": 2}, "no layer 3"),
        ({"head": 5}, "no head 6"),
        ({"method": "rollout", "head": 0}, "all layers and heads"),
    ],
)
def test_wrong_choices(found, options, sentence):
    with pytest.raises(UserError, match=sentence):
        found.maps(**options)


def test_repeats_of_short_clips_are_left_out(monkeypatch):
    predictor = toy()
    outputs = {**Toy().explain_caption(FRAMES[None], None), "frame_index": tf.constant([[0, 0]])}
    monkeypatch.setattr(predictor.model, "explain_caption", lambda clips, text: outputs)
    found = explanation.explain_caption(predictor, FRAMES[:1], TIMES[:1])
    assert found.frames.shape[0] == found.attention.shape[3] == found.rollout.shape[1] == len(found.times) == 1


def test_texts_that_say_nothing():
    with pytest.raises(UserError, match="caption is empty"):
        explanation.explain_caption(toy(), FRAMES, TIMES, " ")
    with pytest.raises(UserError, match="not both"):
        pictures.explain_video(toy(), "absent.mp4", question="is it?", caption="so bright")


def test_find_words(found):
    assert pictures.find_words(found, None) == [0, 1]
    assert pictures.find_words(found, "Brighter") == pictures.find_words(found, "2") == [1]
    for word in ("3", "0", "dark", ""):
        with pytest.raises(UserError, match="1 so, 2 brighter"):
            pictures.find_words(found, word)


def test_files(found, tmp_path):
    judged = dict(zip([1], explanation.judge(toy(), found, found.maps(), [1])))
    numbers = schema.to_json(schema.explanation(found, "mean", found.maps(), judged, "a.mp4", toy().info))
    pictures.save(tmp_path / "out", found, found.maps(), [1], numbers, report=lambda line: None)
    values = json.loads((tmp_path / "out" / "explanation.json").read_text())
    so, brighter = values["words"]
    assert so["faithfulness"] is None and brighter["attention_by_frame"] == [0, 1]
    assert brighter["map"][1] == [[0, 0], [0.25, 0.75]]
    assert brighter["faithfulness"]["deletion_auc"] == pytest.approx(1 / 16)
    assert len(brighter["faithfulness"]["deletion"]) == 9
    assert Image.open(tmp_path / "out" / "words.png").size == (72 + 2 * 128, 128)
    assert Image.open(tmp_path / "out" / "look.gif").n_frames == 2
    with av.open(str(tmp_path / "out" / "look.mp4")) as video:
        assert len(list(video.decode(video=0))) == 2


def test_a_long_caption_of_a_large_clip(found, tmp_path, monkeypatch):
    """41 words over frames of 672 x 378: rows for 40, of 128 x 72 pixels; frames of 256 x 144 in the animation."""
    monkeypatch.setattr(fonts, "_installed", list)  # of no language
    fonts.font_of.cache_clear()
    clip = np.zeros((2, 378, 672, 3), "uint8")
    long = replace(found, words=["猫", *["so"] * 40], frames=clip)
    maps, told = np.ones((41, TIME, SIDE, SIDE)) / 8, []
    pictures.save(tmp_path, long, maps, list(range(41)), "", report=told.append)
    assert Image.open(tmp_path / "words.png").size == (72 + 2 * 128, 40 * 72)
    gif = Image.open(tmp_path / "look.gif")
    assert gif.n_frames == 40 * 2 and gif.width == 256 and gif.height < 144 + 8 * 28
    assert "first 40 of 41 words" in told[0] and "--word" in told[0]
    assert "pictures show their numbers: 1 猫. Install a font" in told[1]
    assert pictures.not_shown(["so"] * 40, 40) == []
    fonts.font_of.cache_clear()


def test_a_folder_that_cannot_be_made(found, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        pictures.save(tmp_path / "file" / "out", found, found.maps(), [1], "", report=lambda line: None)


# Over many clips


def test_many_clips(tmp_path):
    clips = [(FRAMES, "is it?"), (FRAMES, "")]
    results = faithfulness.evaluate(
        toy(), clips, {"split": "test"}, tmp_path, orders=20, report=lambda line: None
    )
    # In each clip `brighter` depends on the picture and `so` does not; one clip has a question.
    assert results["caption"]["judged"] == 2 and results["caption"]["independent"] == 2
    assert results["answer"]["judged"] == 1 and results["answer"]["independent"] == 0
    for kind in ("caption", "answer"):
        orders = results[kind]["orders"]
        assert list(orders) == ["mean", "rollout", "pixel change", "random"]
        for name in ("mean", "rollout", "pixel change"):  # each puts the one white patch first
            assert orders[name]["deletion_auc"] == pytest.approx(1 / 16)
            gain = orders["random"]["deletion_auc"] - 1 / 16
            assert orders[name]["deletion_gain"][0] == pytest.approx(gain)
            assert orders[name]["deletion_gain"][1] <= gain <= orders[name]["deletion_gain"][2]
    assert json.loads((tmp_path / "attention.json").read_text()) == results
    assert "| rollout | 0.062 |" in (tmp_path / "attention.md").read_text()
    assert not (tmp_path / "attention.partial.jsonl").exists()


def test_questions_alone_and_captions_alone(tmp_path):
    """One patch decides the answer `yes`, and the word `brighter`: each is judged without the other."""
    for hidden, kind in ((("caption", "explain_caption"), "answer"), (("answer",), "caption")):
        found = faithfulness.evaluate(toy(*hidden), [(FRAMES, "is it?")], {}, tmp_path / kind, report=lambda line: None)
        assert {*found} == {"settings", "linear_parts", "clips", kind} and found[kind]["judged"] == 1


def test_a_question_that_the_model_cannot_read_is_passed_over(tmp_path):
    asked, told = toy("caption", "explain_caption"), []

    def answer(self, frames, question):
        if question == "что?":
            raise UserError("The model knows no word of the question 'что?': ask as its training data do.")
        return ToyPredictor.answer(self, frames, question)

    asked.__class__ = type("Particular", (ToyPredictor,), {"answer": answer})
    found = faithfulness.evaluate(
        asked, [(FRAMES, "что?"), (FRAMES, "is it?")], {}, tmp_path / "both", orders=19, report=told.append
    )
    assert found["clips"] == 2 and found["answer"]["judged"] == 1
    assert told[0].startswith("a question is passed over: The model knows no word") and len(told) == 3
    none = faithfulness.evaluate(asked, [(FRAMES, "что?")], {}, tmp_path / "none", orders=19, report=told.append)
    assert "No caption or answer could be judged" in faithfulness.to_markdown(none)


def test_tables_tell_what_a_linear_model_decides(tmp_path):
    helped = toy()
    helped.card.linear_shares = {"answer": 3.0}
    faithfulness.evaluate(helped, [(FRAMES, "is it?")], {}, tmp_path, orders=19, report=lambda line: None)
    before, answers = (tmp_path / "attention.md").read_text().split("### answers")
    assert "A linear model beside the network has 75% of the say" in answers and "linear" not in before


def test_a_clip_with_many_questions_is_judged_once():
    """Three pictures of sort_of_clevr, with twenty questions each; the clips of moving_digits have one."""
    pictures = SortOfClevr(eval_images=3)
    asked = [clip["question"] for clip in pictures.clips("test").as_numpy_iterator()]
    found = list(faithfulness.questioned_clips(pictures, "test", most=50))
    assert [question for _, question in found] == [asked[place][place].decode() for place in range(3)]
    assert [frames.shape for frames, _ in found] == [(1, 75, 75, 3)] * 3
    assert len(list(faithfulness.questioned_clips(MovingDigits(eval_clips=3), "test", most=2))) == 2


def test_a_clip_without_a_question_asks_nothing():
    def clips(split):
        return tf.data.Dataset.from_tensors({"frames": FRAMES, "question": tf.zeros((0,), tf.string)})

    [(_, question)] = faithfulness.questioned_clips(SimpleNamespace(clips=clips), "test", most=50)
    assert question == ""


def test_goes_on_after_a_stop(tmp_path, monkeypatch):
    def stop_at(number):
        for index in range(4):
            if index == number:
                raise KeyboardInterrupt
            yield FRAMES, ""

    options = {"settings": {"split": "test"}, "folder": tmp_path, "orders": 3, "report": lambda line: None}
    with pytest.raises(KeyboardInterrupt):
        faithfulness.evaluate(toy(), stop_at(3), **options)
    partial = tmp_path / "attention.partial.jsonl"
    partial.write_text(partial.read_text()[:-5])  # the third clip's line is cut short: it is done again
    judged = []
    whole = faithfulness.judge_clip
    monkeypatch.setattr(
        faithfulness, "judge_clip", lambda *args, **kw: judged.append(kw["seed"]) or whole(*args, **kw)
    )
    resumed = faithfulness.evaluate(toy(), stop_at(None), **options)
    assert judged == [2, 3]
    fresh = faithfulness.evaluate(toy(), stop_at(None), **{**options, "folder": tmp_path})
    assert judged == [2, 3, 0, 1, 2, 3] and fresh == resumed


def test_a_full_disk_keeps_what_was_judged(tmp_path, monkeypatch):
    def stopped():
        yield FRAMES, ""
        raise KeyboardInterrupt

    def no_room(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    options = {"settings": {"split": "test"}, "folder": tmp_path, "orders": 3, "report": str}
    with pytest.raises(KeyboardInterrupt):
        faithfulness.evaluate(toy(), stopped(), **options)
    kept = (tmp_path / "attention.partial.jsonl").read_bytes()
    monkeypatch.setattr("os.fsync", no_room)
    with pytest.raises(UserError, match="disk is full"):
        faithfulness.evaluate(toy(), [(FRAMES, "")] * 2, **options)
    assert kept.count(b"\n") == 2 and (tmp_path / "attention.partial.jsonl").read_bytes() == kept


def test_ctrl_c_in_a_destructor_ends_after_the_clip(tmp_path):
    def report(line):
        if line.startswith("clip 2"):
            PressedInDestructor()

    with pytest.raises(KeyboardInterrupt):
        clips = ((FRAMES, "") for _ in range(4))
        faithfulness.evaluate(toy(), clips, {"split": "test"}, tmp_path, orders=3, report=report)
    assert len((tmp_path / "attention.partial.jsonl").read_text().splitlines()) == 3  # the settings and two clips


def test_interval_by_hand():
    # Clips with gains (1, 1) and (4): mean 2; drawn again, both means 1, both 4, or all three: 1 to 4.
    assert faithfulness._bootstrap(np.array([1.0, 1.0, 4.0]), [0, 0, 1]) == [2.0, 1.0, 4.0]
