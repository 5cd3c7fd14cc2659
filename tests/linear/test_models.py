"""Linear models on features whose meaning is known."""

import tracemalloc
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from threadpoolctl import threadpool_info

from vtkeras.config import DataConfig
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.data.text import build_vocabulary
from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.linear import fits
from vtkeras.linear.fits import fit_labels, fit_sentences
from vtkeras.linear.models import ENCODER, LinearBaseline, LinearModels
from vtkeras.linear.table import Table
from vtkeras.models.clip_statistics import COPY_VALUES
from vtkeras.tasks import HEADS
from vtkeras.tasks.predicted import Examples

NAMES = ("caption", "answer", "label", "contrastive")
COLOURS = ("red", "green", "blue")


def make_preprocessor(**options):
    """One that knows the words of `table`, and clips of two frames beside."""
    texts = {"captions": [f"a {one} thing" for one in COLOURS], "questions": ["which colour?"],
             "answers": list(COLOURS), "labels": list(COLOURS)}  # fmt: skip
    config = DataConfig(num_frames=2, image_size=16, caption_length=8, question_length=6, **options)
    vocabulary = build_vocabulary(texts, 100)
    return Preprocessor(config, vocabulary, Preprocessor(config, vocabulary))


@pytest.fixture(scope="module")
def preprocessor():
    return make_preprocessor()


def table(rng, clips, asked=True):
    """Clips that show one of three colours, each four times, in two black frames; each is asked for it alone."""
    shown = rng.integers(0, 3, clips)
    statistics = np.tile(np.eye(3)[shown] + rng.normal(0, 0.1, (clips, 3)), 4)
    features = np.hstack([statistics, np.zeros((clips, 2 * COPY_VALUES))]).astype("float32")
    texts = [COLOURS[one] for one in shown]
    truths = {
        "caption": [[f"a {text} thing"] for text in texts],
        "answer": [[text] for text in texts],
        "label": texts,
        "contrastive": [(f"a {text} thing",) for text in texts],
    }
    questions = ["which colour?" if asked else f"what is it, {index % 10}?" for index in range(clips)]
    return Table(Examples([str(i) for i in range(clips)], questions, truths=truths), features, np.arange(clips))


@pytest.mark.parametrize("asked, several", [(True, None), (False, None), (True, True)])
def test_what_is_linear_is_learned(preprocessor, asked, several):
    heads = [HEADS[name] for name in NAMES]
    rng = np.random.default_rng(0)
    train, test = table(rng, 120, asked), table(rng, 40, asked)
    models = LinearModels(heads, train, preprocessor, several)
    said = models.predict(test)
    assert models.classes["label"].several == bool(several)
    assert set(said) == set(NAMES)
    for name in ("caption", "answer", "label"):
        head = HEADS[name]
        right = [head.correct(truth, text) for truth, text in zip(test.examples.truths[name], said[name].texts)]
        assert np.mean(right) > 0.95
    scores = HEADS["contrastive"].score(said["contrastive"], test.examples)
    assert scores["recall_at_1"] == 1.0


def test_one_answer_for_all_needs_no_model(preprocessor):
    rng = np.random.default_rng(0)
    train, test = table(rng, 60), table(rng, 10)
    train.examples.truths["answer"] = [["red"]] * 60
    assert LinearModels([HEADS["answer"]], train, preprocessor).predict(test)["answer"].texts == ["red"] * 10


def test_rare_answers_are_not_said_and_too_many_have_no_model(preprocessor, monkeypatch):
    train = table(np.random.default_rng(0), 60)
    answers = [truth[0] for truth in train.examples.truths["answer"]]
    rarest = min(COLOURS, key=answers.count)
    monkeypatch.setattr("vtkeras.linear.fits.MOST_ANSWERS", 2)
    models = LinearModels([HEADS["answer"]], train, preprocessor)
    assert {*models.predict(train)["answer"].texts} == {*COLOURS} - {rarest}
    monkeypatch.setattr("vtkeras.linear.fits.MOST_CHOICES", 2)
    models = LinearModels([HEADS["answer"]], train, preprocessor)
    assert models.predict(train) == {} and not models.experts(keras.layers.Identity(), channels=3).shares


@pytest.mark.parametrize("several", [False, True])
def test_rare_labels_beyond_a_number_are_not_said(preprocessor, monkeypatch, several):
    train = table(np.random.default_rng(0), 120)
    labels = train.examples.truths["label"]
    rarest = min(COLOURS, key=labels.count)
    assert not LinearModels([HEADS["label"]], train, preprocessor, several).left_out
    for module in ("fits", "models"):
        monkeypatch.setattr(f"vtkeras.linear.{module}.MOST_LABELS", 2)
    models = LinearModels([HEADS["label"]], train, preprocessor, several)
    said = {label for text in models.predict(train)["label"].texts for label in text.split("|")} - {""}
    assert said == {*COLOURS} - {rarest}
    assert models.left_out == "linear models know only the 2 most frequent of 3 labels"


def test_of_many_labels_a_part_of_the_clips_is_fitted(preprocessor, monkeypatch):
    train, rows = table(np.random.default_rng(0), 120), []
    fit = fits._fit
    monkeypatch.setattr(fits, "_fit", lambda x, *others: rows.append(len(x)) or fit(x, *others))
    monkeypatch.setattr(fits, "MOST_EXAMPLES", 10)
    for pairs, fitted in ((360, 120), (150, 50), (0, 10)):  # of three labels
        monkeypatch.setattr(fits, "MOST_PAIRS", pairs)
        LinearModels([HEADS["label"]], train, preprocessor, several=True)
        assert rows == [fitted] * 3
        rows.clear()


def test_vectors_are_narrow_and_long_texts_take_no_room_in_others(preprocessor):
    train = table(np.random.default_rng(0), 60)
    assert LinearModels([], train, preprocessor).vectors(train).dtype == np.float32
    train.examples.truths["caption"][0] = ["a red " * 10_000]
    tracemalloc.start()
    fit_sentences(HEADS["caption"], train.features, train, preprocessor)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 * 60_000  # a byte for each letter of the longest in every text; as NumPy's strings it were four


def test_fits_take_one_thread(preprocessor, monkeypatch):
    seen = []
    monkeypatch.setattr("vtkeras.linear.models._components", lambda *_: seen.extend(threadpool_info()) or stop())
    with pytest.raises(StopIteration):
        LinearModels([], table(np.random.default_rng(0), 10), preprocessor)
    assert {library["num_threads"] for library in seen} == {1}


def stop():
    raise StopIteration


def test_labels_of_several_are_said_together(preprocessor):
    rng = np.random.default_rng(0)
    train, test = table(rng, 120), table(rng, 10)
    for one in (train, test):
        one.examples.truths["label"] = ["red|green" if text == "red" else text for text in one.examples.truths["label"]]
    said = LinearModels([HEADS["label"]], train, preprocessor).predict(test)["label"]
    assert [{*text.split("|")} for text in said.texts] == [{*text.split("|")} for text in test.examples.truths["label"]]


def test_beside_a_network_they_say_the_same(preprocessor):
    rng = np.random.default_rng(0)
    train, test = table(rng, 120), table(rng, 40)
    models = LinearModels([HEADS[name] for name in NAMES], train, preprocessor)
    experts = models.experts(keras.layers.Identity(), channels=3)
    clips, questions = experts.vectors(test.features), preprocessor.question(tf.constant(test.examples.questions))
    said = models.predict(test)
    assert set(experts.shares) == set(NAMES)
    best = np.asarray(experts.sentences.log_probabilities(clips)).argmax(axis=1)
    assert [models.sentences["caption"][1][place] for place in best] == said["caption"].texts
    for name in ("answer", "label"):
        logits = np.asarray(experts.classes[name](clips, questions))
        np.testing.assert_allclose(np.exp(logits), said[name].classes.probabilities, atol=1e-4)


def test_directions_in_which_no_clips_differ_are_left_out(preprocessor):
    rng = np.random.default_rng(0)
    train = table(rng, 6)
    train.features = rng.normal(size=(6, 12)).astype("float32")
    assert LinearModels([HEADS["label"]], train, preprocessor).vectors(train).shape == (6, 5)  # six about their mean


def test_features_that_do_not_differ_but_by_rounding_are_left_out(preprocessor):
    rng = np.random.default_rng(0)
    train, test = table(rng, 60), table(rng, 1)
    train.features = np.hstack([rng.normal(size=(60, 8)), rng.normal(0, 1e-7, (60, 4))]).astype("float32")
    test.features = np.ones((1, 12), "float32")  # something moves, where nothing did in training
    models = LinearModels([], train, preprocessor)
    usual = np.linalg.norm(models.vectors(train), axis=1).max()
    assert np.linalg.norm(models.vectors(test)) < usual


def test_a_group_of_few_statistics_counts_as_much_as_one_of_many(preprocessor):
    rng = np.random.default_rng(0)
    train = table(rng, 60)
    train.features = rng.normal(size=(60, 100)).astype("float32")
    train.groups = [92, 8]
    vectors = LinearModels([], train, preprocessor).vectors(train)
    few, many = vectors[:, -8:].var(axis=0).sum(), vectors[:, :-8].var(axis=0).sum()
    assert few == pytest.approx(92, rel=0.01) and many == pytest.approx(92, rel=0.01)


@pytest.mark.parametrize("several", [False, True])
def test_a_label_that_counts_more_is_likelier(several):
    rng = np.random.default_rng(0)
    train = table(rng, 60)
    train.features = rng.normal(size=(len(train.features), 12)).astype("float32")  # which tell nothing
    chances = []
    for weights in ({}, {"red": 50.0}):
        models = LinearModels([HEADS["label"]], train, make_preprocessor(label_weights=weights), several)
        chances.append(models.predict(train)["label"].classes.probabilities[:, 0].mean())
    assert chances[0] < 0.5 < chances[1]


def test_as_a_baseline_it_reads_each_clip_once_and_is_fitted_once(monkeypatch):
    class Brightness:
        map_channels = (3,)

        def with_maps(self, frames):
            frames = tf.cast(frames, tf.float32)
            patch = tf.reduce_mean(frames, axis=(2, 3, 4))[..., None, None]
            return patch, [tf.reshape(frames[:, :, ::112, ::112], (1, frames.shape[1], 4, 3))]

        def compute_output_shape(self, shape):
            return (*shape[:2], 1, 1)

    monkeypatch.setitem(FRAME_ENCODERS, ENCODER, lambda image_size, weights: Brightness())
    source = MovingDigits(train_clips=6, eval_clips=3, max_digits=1)
    sides, load, opened = {}, source.load, []
    for split in ("train", "test"):
        clips = list(source.load(split).as_numpy_iterator())
        truths = {"label": [HEADS["label"].truth(clip) for clip in clips]}
        ids = [clip["video_id"].decode() for clip in clips]
        sides[split] = Examples(ids, [""] * len(clips), truths=truths, split=split)
    monkeypatch.setattr(source, "load", lambda split: opened.append(split) or load(split))
    fits, fit = [], fit_labels
    monkeypatch.setattr("vtkeras.linear.models.fit_labels", lambda *arguments: fits.append(1) or fit(*arguments))
    lines, known = [], {*"|".join(sides["train"].truths["label"]).split("|"), ""}
    baseline = LinearBaseline(source, source, report=lines.append)
    for _ in range(2):
        said = baseline(HEADS["label"], sides["train"], sides["test"])
        assert len(said.texts) == 3 and {*"|".join(said.texts).split("|")} <= known
    assert [line.split(": ")[1] for line in lines] == ["reading 6 clips", "reading 3 clips"]
    assert opened == ["train", "test"]  # no other split is searched
    assert len(fits) == 1
    assert baseline(HEADS["video"], sides["train"], sides["test"]) is None  # --compare may bring it


def test_captions_of_many_kinds_are_those_of_the_nearest_clip(preprocessor, monkeypatch):
    monkeypatch.setattr("vtkeras.linear.fits.MOST_SENTENCES", 2)
    rng = np.random.default_rng(0)
    train, test = table(rng, 60), table(rng, 20)
    models = LinearModels([HEADS["caption"]], train, preprocessor)
    layer, known = models.sentences["caption"]
    assert layer.nearest and len(known) == 60
    assert models.predict(test)["caption"].texts == [truth[0] for truth in test.examples.truths["caption"]]


@pytest.mark.parametrize("apart", [True, False])
def test_captions_of_few_kinds_are_those_of_the_nearest_clip_where_that_does_better(preprocessor, apart):
    train = table(np.random.default_rng(0), 80)
    heaps = np.arange(80) % 8
    angles = 2 * np.pi * heaps / 8  # eight heaps around a circle
    train.features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
    told = heaps // 4 if apart else heaps % 2  # no line parts every second heap, but one half from the other
    train.examples.truths["caption"] = [[f"a {COLOURS[one]} thing"] for one in told]
    layer, known = LinearModels([HEADS["caption"]], train, preprocessor).sentences["caption"]
    assert layer.nearest == (not apart) and len(known) == (2 if apart else 80)


def test_many_captions_for_their_clips_bring_no_warning(preprocessor):
    train = table(np.random.default_rng(0), 60)
    train.examples.truths["caption"] = [[f"a red {'a ' * (one % 30)}thing"] for one in range(60)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        models = LinearModels([HEADS["caption"]], train, preprocessor)
    assert len({*models.sentences["caption"][1]}) == 30


def test_how_likely_a_caption_is_new_is_the_share_of_those_that_training_has_once(preprocessor):
    train = table(np.random.default_rng(0), 30)
    train.examples.truths["caption"][:2] = [["a red"], ["a green"]]
    layer, known = LinearModels([HEADS["caption"]], train, preprocessor).sentences["caption"]
    assert len(known) == 5 and float(layer.new) == pytest.approx(np.log(2 / 31))
    assert layer.tokens.shape == (5, 8)
