"""Questions to an exported model: choices, written answers, and what is refused."""

import json
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from vtkeras.config import load_config, save_config
from vtkeras.data.sources.sort_of_clevr import SortOfClevr
from vtkeras.data.text import build_vocabulary
from vtkeras.errors import UserError
from vtkeras.export.saved_model import write_samples, write_saved_model
from vtkeras.serving import describe as describing
from vtkeras.serving import schema
from vtkeras.serving.decoding import Decoding
from vtkeras.serving.describe import save_picture, to_lines
from vtkeras.serving.explanation import CAPTION, can_judge, explain_answer, probability_of
from vtkeras.serving.faithfulness import judge_clip
from vtkeras.serving.pictures import explain_video
from vtkeras.serving.predictor import Predictor
from vtkeras.summaries.summarize import summarize
from vtkeras.tasks import TASKS
from vtkeras.training.run import Run
from vtkeras.workspace.library import list_clips, read_clip

QUESTION = "is the red object on the left?"
TINY = [
    "data.image_size=32", "data.answer_length=3", "model.dim=16", "model.num_heads=2",
    "model.temporal_options={num_tokens: 4}",
    "model.temporal_layers=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The exported run of a model with random weights that answers questions and does nothing else."""
    folder = tmp_path_factory.mktemp("questions")
    config = load_config("sort_of_clevr", TINY)
    vocabulary = build_vocabulary(SortOfClevr().texts(), 400, written_answers=True)
    keras.utils.set_random_seed(0)
    save_config(config, folder / "config.yaml")
    vocabulary.save(folder / "vocabulary.json")
    task = TASKS[config.task]
    model = task.build(config, vocabulary, task.active_heads(config, vocabulary))
    model.save(folder / "model.keras")
    write_saved_model(Run.open(folder), folder / "saved_model")
    return folder


@pytest.fixture(scope="module")
def predictor(folder):
    return Predictor(folder)


@pytest.fixture(scope="module")
def describe(predictor):
    """A callable from a picture, questions and options to its description."""

    def describe(picture, *asked, **options):
        def ask(method, *arguments):
            return getattr(predictor, method)(*arguments)

        [found] = describing.describe(predictor.card, ask, [picture], *asked, **options)
        return found

    return describe


@pytest.fixture(scope="module")
def frames():
    return SortOfClevr().example("test", 0, 0)["frames"]


def test_only_what_was_trained_is_exported(predictor, frames):
    assert all(map(predictor.can, ("answer", "write_answer", "choose", "explain_answer")))
    assert not any(map(predictor.can, ("caption", "classify", "embed_video", "embed_text")))
    with pytest.raises(UserError, match="trained without captions"):
        predictor.caption(frames)
    with pytest.raises(UserError, match="trained without labels"):
        predictor.classify(frames)
    for embed in (lambda: predictor.embed_video(frames), lambda: predictor.embed_text("a")):
        with pytest.raises(UserError, match="trained without a space of videos and texts"):
            embed()


def test_answers(predictor, frames):
    answer = predictor.answer(frames, QUESTION)
    assert answer.text == answer.alternatives[0][0] and answer.score == answer.alternatives[0][1]
    assert sum(share for _, share in answer.alternatives) == pytest.approx(1, abs=1e-4)
    assert answer.words == QUESTION.replace("?", " ##?").split() and len(answer.attention) == 8
    written = predictor.write_answer(frames, QUESTION)
    assert 0 < written.score < 1 and written.alternatives == [] and written.words == answer.words


def test_choices(predictor, frames):
    found = predictor.choose(frames, QUESTION, ["yes", " no", "yes", "square"])
    assert {text for text, _ in found.alternatives} == {"yes", "no", "square"}
    assert found.text == found.alternatives[0][0] and found.score == pytest.approx(found.alternatives[0][1])
    assert sum(share for _, share in found.alternatives) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    "question,told",
    [
        ("", "question is empty"),
        (" \n\t", "question is empty"),
        ("где красный объект?", "knows no word of the question 'где"),
        ("红色的物体在哪里？", "knows no word"),
        ("🤔🤔", "knows no word"),
        ("?!", "knows no word"),
        ("is it red? " * 100_000, "1,100,000 characters long"),
        ("\ud800", "knows no word"),
    ],
)
def test_questions_that_cannot_be_answered(predictor, frames, question, told):
    with pytest.raises(UserError, match=told):
        predictor.answer(frames, question)
    with pytest.raises(UserError, match=told):
        predictor.choose(frames, question, ["yes", "no"])


def test_what_is_too_long_is_told(describe, predictor, frames, tmp_path):
    assert predictor.answer(frames, QUESTION).unread == 0
    # 13 pieces are read: all 8 of the first question, its mark among them, and 5 of the second's 7 words.
    assert predictor.answer(frames, " ".join([QUESTION] * 5)).unread == 5 * 7 - 12
    picture = tmp_path / "picture.png"
    Image.fromarray(frames[0]).save(picture)
    lines = to_lines(describe(picture, [" ".join([QUESTION] * 5)]))
    assert "too long for the model: its last 23 word pieces were not read" in "\n".join(lines)


def test_a_mark_that_is_not_read_is_no_loss(predictor, frames):
    thirteen = "is the red object on the left is the red object on the"  # all that there is room for
    assert predictor.answer(frames, f"{thirteen}?").unread == 0
    assert predictor.answer(frames, f"{thirteen} left?").unread == 1
    assert predictor.answer(frames, f"{thirteen} 左?").unread == 1


def test_what_a_model_without_captions_cannot_do_is_told(describe, predictor, frames, tmp_path):
    picture = tmp_path / "picture.png"
    Image.fromarray(frames[0]).save(picture)
    with pytest.raises(UserError, match="ask something with --question"):
        explain_video(predictor, picture)
    with pytest.raises(UserError, match="ask something with --question"):
        explain_video(predictor, picture, caption="red is left")
    with pytest.raises(UserError, match="leave the decoding options out"):
        describe(picture, [QUESTION], decoding=Decoding("beam"))
    with pytest.raises(UserError, match="'sort_of_clevr' cannot summarise.*'multitask'"):
        summarize(picture, predictor, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_answers_of_a_model_without_captions_are_judged(predictor, frames):
    rows = judge_clip(predictor, frames, QUESTION, orders=19, steps=2, seed=0)
    assert [(row["kind"], row["word"]) for row in rows] == [("answer", predictor.answer(frames, QUESTION).text)]
    told = []
    assert judge_clip(predictor, frames, "где красный объект?", 19, 2, 0, report=told.append) == []
    assert len(told) == 1 and "knows no word of the question" in told[0]


@pytest.mark.parametrize("choices", [[], ["yes"], ["yes", "yes "], ["yes", ""]])
def test_choices_that_are_none(predictor, frames, choices):
    with pytest.raises(UserError, match="at least two different candidates"):
        predictor.choose(frames, QUESTION, choices)


def test_a_choice_outside_the_closed_set(exported_run):
    predictor = Predictor(exported_run)
    frames = np.zeros((4, 32, 32, 3), "uint8")
    with pytest.raises(UserError, match="does not know the answer 'purple': it knows "):
        predictor.choose(frames, "how many digits are there?", ["one", "purple"])
    assert predictor.choose(frames, "how many digits are there?", ["one", "two"]).text in ("one", "two")


def test_a_picture_is_described_by_answers_alone(describe, predictor, frames, tmp_path):
    picture = tmp_path / "picture.png"
    Image.fromarray(frames[0]).save(picture)
    found = describe(picture, [QUESTION], choices=["yes", "no"])
    lines = to_lines(found)
    assert lines[0].startswith(f"{QUESTION}  ") and lines[1:] == ["  looked most at: 0.00 s (100%)"]
    values = json.loads(schema.to_json(schema.description(found, predictor.info)))
    assert values["caption"] is None and values["answers"][0]["frames"] == [{"seconds": 0.0, "attention": 1.0}]
    assert {one["answer"] for one in values["answers"][0]["alternatives"]} == {"yes", "no"}
    save_picture(found, tmp_path / "look.png")
    assert Image.open(tmp_path / "look.png").width > 100


def test_a_written_answer_stands_beside_the_closed_one(describe, predictor, frames, tmp_path):
    picture = tmp_path / "picture.png"
    Image.fromarray(frames[0]).save(picture)
    lines = to_lines(describe(picture, [QUESTION]))
    assert lines[0].endswith(f", chosen from {len(predictor.answer_names)} known answers)")
    assert lines[2].endswith(", written word by word)")
    nothing = describe(picture)
    assert to_lines(nothing) == ["the model answers questions: ask one with --question"]
    with pytest.raises(UserError, match="ask with --question"):
        save_picture(nothing, tmp_path / "look.png")
    with pytest.raises(UserError, match="ask with --question"):
        describe(picture, choices=["yes", "no"])


@pytest.mark.parametrize("written, told", [("Yes", ["yes"]), ("red ball", ["yes", "red ball"])])
def test_what_is_written_alike_is_told_once(written, told, predictor, frames):
    def ask(method, clips, questions):
        return [SimpleNamespace(text={"answers": "yes", "written_answers": written}[method])]

    (found,) = describing.answer_all(predictor.card, ask, [frames], QUESTION)
    assert [answer.text for _, answer in found] == told


def test_an_answer_that_is_none_of_the_closed_set_was_written(predictor, frames):
    answer = predictor.answer(frames, QUESTION)
    assert not answer.written and replace(answer, text="red ball").written
    explained = explain_answer(predictor, frames, np.zeros(1), QUESTION)
    probability_of(predictor, explained)
    assert can_judge(predictor, explained)
    new = replace(explained, words=["red ball", *explained.words[1:]])
    assert not can_judge(predictor, new)
    with pytest.raises(UserError, match="'red ball' was written word by word"):
        probability_of(predictor, new)
    nothing = replace(explained, kind=CAPTION, words=[])
    assert not can_judge(predictor, nothing)
    with pytest.raises(UserError, match="The caption is empty"):
        probability_of(predictor, nothing)


def test_samples_are_pictures_with_all_their_questions(folder, frames, tmp_path):
    write_samples(Run.open(folder), tmp_path / "samples")
    clips = list_clips(tmp_path / "samples")
    assert len({clip.path for clip in clips}) == len(clips) == 12
    first = SortOfClevr().example("test", 0, 0)
    assert set(clips[0].questions) == set(first["question"])
    np.testing.assert_array_equal(read_clip(clips[0])[0], frames)


def test_clips_together_give_what_each_gives_alone(exported_run):
    predictor, generator = Predictor(exported_run), np.random.default_rng(0)
    clips = [generator.integers(0, 256, shape, "uint8") for shape in ((4, 32, 32, 3), (2, 40, 24, 3), (4, 32, 32, 3))]
    questions = ["how many digits are there?", "is there a digit 3?", "how many digits are there?"]
    drawn = Decoding("sample", temperature=2.0, seed=3)
    for clip, question, caption, other, answer, labels, vector in zip(
        clips, questions, predictor.captions(clips), predictor.captions(clips, drawn),
        predictor.answers(clips, questions), predictor.labels(clips), predictor.embed_videos(clips),
    ):  # fmt: skip
        alone = predictor.caption(clip)
        assert caption.text == alone.text and caption.score == pytest.approx(alone.score, rel=1e-3)
        np.testing.assert_allclose(caption.attention, alone.attention, atol=1e-4)
        np.testing.assert_array_equal(caption.frames, alone.frames)
        assert other.text == predictor.caption(clip, drawn).text
        expected = predictor.answer(clip, question)
        assert (answer.words, answer.unread) == (expected.words, expected.unread)
        assert dict(answer.alternatives) == pytest.approx(dict(expected.alternatives), abs=1e-4)
        assert dict(labels) == pytest.approx(dict(predictor.classify(clip)), abs=1e-4)
        np.testing.assert_allclose(vector, predictor.embed_video(clip), atol=1e-4)
    texts = np.stack([predictor.embed_text(question) for question in questions])
    np.testing.assert_allclose(predictor.embed_texts(questions), texts, atol=1e-5)
