"""What every source must hold, and that moving_digits tells the truth about its clips."""

import hashlib
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.videos import make_video
from vtkeras import keys
from vtkeras.config import DataConfig, describe_options, parse_config
from vtkeras.data.events import read_events
from vtkeras.data.ingest import ingest
from vtkeras.data.pipeline import make_dataset
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources import SOURCES, make_source
from vtkeras.data.sources.base import DrawnOptions, Source, SourceOptions, check_split
from vtkeras.data.sources.datasets import drawn_clips
from vtkeras.data.sources.moving_digits import (
    HORIZONTAL,
    IMAGES,
    ONE_DIGIT,
    SPLITS,
    STILL,
    TWO_DIGITS,
    UNSEEN,
    UNSEEN_PAIRS,
    VERTICAL,
    MovingDigits,
    handwriting_of,
)
from vtkeras.data.tuning import untuned
from vtkeras.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three gray videos, the second with a question, ingested."""
    clips, out = tmp_path_factory.mktemp("clips"), tmp_path_factory.mktemp("out")
    for name in "abc":
        make_video(clips / f"{name}.mp4", 6)
    lines = [
        "path,caption,question,answer,label,split",
        "a.mp4,a gray thing,,,,train",
        "b.mp4,another thing,what is it?,gray,dull|plain,train",
        "c.mp4,a last thing,,,dull,test",
    ]
    (clips / "captions.csv").write_text("\n".join(lines) + "\n")
    ingest(clips, clips / "captions.csv", out)
    return out


class Sayings(Source):
    """Texts and nothing else: a source has no frames unless its spec says so."""

    Options = SourceOptions

    def __init__(self, **options):
        self.options = self.Options.read(options)

    @property
    def spec(self):
        return {keys.CAPTIONS: tf.TensorSpec((None,), tf.string)}

    def splits(self):
        return [keys.TRAIN]

    def size(self, split):
        return 3

    def load(self, split, epoch=0):
        check_split(self, split)
        captions = [[text] for text in self.texts()["captions"]]
        return untuned(tf.data.Dataset.from_tensor_slices({keys.CAPTIONS: captions}))

    def texts(self):
        return {"captions": ["one", "two words", "so it goes"], "questions": [], "answers": [], "labels": []}


class Tones(Sayings):
    """Sounds of different lengths, with labels."""

    Options = DrawnOptions

    @property
    def spec(self):
        return {keys.AUDIO: tf.TensorSpec((None, 1), tf.float32), keys.LABEL: tf.TensorSpec((), tf.string)}

    def size(self, split):
        return self.options.train_clips

    def load(self, split, epoch=0):
        check_split(self, split)
        return drawn_clips(self.example, self.size(split), self.spec)

    def example(self, index):
        label = self.texts()["labels"][index % 2]
        times = np.arange(100 + index, dtype="float32")[:, None]
        return {keys.AUDIO: np.sin(times / (3 if label == "low" else 1)), keys.LABEL: label}

    def texts(self):
        return {"captions": [], "questions": [], "answers": [], "labels": ["low", "high"]}


TOYS = {"sayings": Sayings, "tones": Tones}


@pytest.fixture(params=[*SOURCES, *TOYS])
def source_type(request):
    return {**SOURCES, **TOYS}[request.param]


@pytest.fixture
def source(source_type, request):
    options = dict(source_type.Options.small)
    if "path" in source_type.Options.model_fields:
        options["path"] = request.getfixturevalue("folder")
    return source_type(**options)


def as_bytes(dataset):
    return [{key: tf.io.serialize_tensor(value).numpy() for key, value in one.items()} for one in dataset]


def test_every_split_gives_what_its_spec_says(source):
    assert keys.TRAIN in source.splits()
    for split in source.splits():
        examples = list(source.load(split))
        assert len(examples) == source.size(split) == len(source.load(split))
        for example in examples:
            assert set(example) == set(source.spec)
            assert all(source.spec[key].is_compatible_with(value) for key, value in example.items())


def test_epochs_are_alike_of_a_source_that_does_not_draw(source):
    if not source.draws:  # of these the pipeline reads epoch 0 alone
        assert as_bytes(source.load(keys.TRAIN, 1)) == as_bytes(source.load(keys.TRAIN, 0))


def test_no_tuner_holds_up_the_end_of_its_datasets(source):
    assert source.load(keys.TRAIN).options().autotune.enabled is False


def test_names_of_the_spec_have_their_types(source):
    ranks = {keys.FRAMES: 4, keys.AUDIO: 2, keys.CAPTIONS: 1}
    types = {keys.FRAMES: tf.uint8, keys.AUDIO: tf.float32}
    for key, one in source.spec.items():
        assert (one.shape.rank, one.dtype) == (ranks.get(key, 0), types.get(key, tf.string))


def test_the_pipeline_batches_whatever_there_is(source, vocabulary):
    preprocessor = Preprocessor(DataConfig(num_frames=2, image_size=16), vocabulary)
    for training in (True, False):
        batch = next(iter(make_dataset(source, keys.TRAIN, preprocessor, dict, 2, training, shuffle_buffer=4)))
        assert all(len(value) == 2 for value in batch.values())
        assert set(batch) >= set(source.spec) - {keys.CAPTIONS}


def test_clips_hold_the_questions_of_the_examples(source):
    try:
        source.clips(keys.TRAIN)
    except UserError as error:
        assert "questions_per_clip" in str(error)
        return
    for split in source.splits():
        asked = []
        for clip in source.clips(split):
            assert clip[keys.QUESTION].shape == clip[keys.ANSWER].shape and clip[keys.QUESTION].shape.rank == 1
            asked += clip[keys.QUESTION].numpy().tolist() or [b""]
        assert asked == [example[keys.QUESTION].numpy() for example in source.load(split)]
        assert len(source.clips(split)) == len(list(source.clips(split)))


def test_options_are_described_and_bounded(source_type):
    options = source_type.Options
    lines = list(describe_options(options, "data.options."))
    assert len(lines) == len(options.model_fields) and all(line.strip() == line for line in lines)
    required = {name: "here" for name, field in options.model_fields.items() if field.is_required()}
    for name, field in options.model_fields.items():
        with pytest.raises(UserError, match=f"'data.options.{name}'"):
            source_type(**{**required, **options.small, name: []})
        if field.annotation in (int, float):
            for wrong in (-5, float("inf")):
                sentence = f"'data.options.{name}' = {wrong}(:| is out of range: it must be )"
                with pytest.raises(UserError, match=sentence):
                    source_type(**{**required, **options.small, name: wrong})
    with pytest.raises(UserError, match="unknown key 'data.options.holidays'"):
        source_type(**required, holidays=3)


def test_same_epoch_same_examples(source):
    assert as_bytes(source.load(keys.TRAIN, epoch=2)) == as_bytes(source.load(keys.TRAIN, epoch=2))


def test_texts_are_those_of_the_training_split(source):
    texts = source.texts()
    assert set(texts) == {"captions", "questions", "answers", "labels"}
    for example in source.load(keys.TRAIN):
        captions = {text.decode() for text in example.get(keys.CAPTIONS, tf.constant([], tf.string)).numpy()}
        assert captions <= set(texts["captions"]) or said(captions) <= said(texts["captions"])
        for key, name in ((keys.QUESTION, "questions"), (keys.ANSWER, "answers")):
            assert example.get(key, tf.constant("")).numpy().decode() in {*texts[name], ""}
        labels = example.get(keys.LABEL, tf.constant("")).numpy().decode()
        assert set(labels.split(keys.LABEL_SEPARATOR)) <= {*texts["labels"], ""}


def said(captions):
    """What dense captions say of each event, whenever it is; of captions without times, nothing."""
    return {event.text for caption in captions for event in read_events(caption)} or {"nothing", *captions}


def test_unknown_split(source):
    with pytest.raises(UserError, match="holiday"):
        source.load("holiday")


CONTRACT = [
    test_every_split_gives_what_its_spec_says,
    test_names_of_the_spec_have_their_types,
    test_clips_hold_the_questions_of_the_examples,
    test_same_epoch_same_examples,
    test_texts_are_those_of_the_training_split,
    test_unknown_split,
]


@pytest.mark.parametrize(
    "data,sentence",
    [
        ({"source": "attic"}, "data.source 'attic' is unknown: use one of moving_digits"),
        ({"source": "folder"}, "'data.options.path' is missing: .*--data DIR"),
        ({"source": "statements", "path": "here"}, "data.path is no option of the source 'statements'"),
        ({"source": "sort_of_clevr", "train_clips": 5}, "data.train_clips is no option of the source"),
    ],
)
def test_what_no_source_can_be_made_of(data, sentence):
    with pytest.raises(UserError, match=sentence):
        make_source(parse_config({"data": data}))


def test_options_come_from_the_config():
    config = parse_config({"data": {"train_clips": 7, "options": {"max_digits": 1}}, "train": {"seed": 4}})
    options = make_source(config, {"still_share": 0.5}).options
    assert (options.train_clips, options.max_digits, options.seed, options.still_share) == (7, 1, 4, 0.5)
    assert make_source(config, {"train_clips": 9, "seed": 5}).options.train_clips == 9


def test_a_mistake_in_options_shows_before_tensorflow_loads():
    code = "import sys, vtkeras.data.sources; print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# moving_digits

DRAWS = 120


@pytest.fixture(scope="module")
def draws():
    """{split: examples} of a source without augmentation, so that digits can be found again."""
    source = MovingDigits(seed=3, still_share=0.1, augment=False)
    return {split: [source.example(split, 0, index) for index in range(DRAWS)] for split in SPLITS}


def actors_of(example):
    """[(digit, direction)] as the caption tells them."""
    caption = example[keys.CAPTIONS][0]
    actors = []
    for part in caption.split(" and digit "):
        digit, verb, direction = re.fullmatch(r"(?:digit )?(\d) is (moving|standing) (.+)", part).groups()
        assert (verb == "standing") == (direction == STILL)
        actors.append((int(digit), direction))
    return actors


def every(draws):
    return [example for examples in draws.values() for example in examples]


def digest(source, split, epoch, count=3):
    frames = [source.example(split, epoch, index)[keys.FRAMES].tobytes() for index in range(count)]
    return hashlib.sha256(b"".join(frames)).hexdigest()[:16]


def test_same_on_every_machine():
    # Pinned without augmentation, which is floating-point arithmetic.
    assert digest(MovingDigits(seed=0, augment=False), keys.TRAIN, 0) == "9141d23baae59305"
    assert digest(MovingDigits(seed=0), keys.TEST, 0) == "c7e60852f0a78e68"


def test_other_epoch_seed_and_split_are_other_clips():
    source = MovingDigits(seed=0)
    found = {
        digest(source, keys.TRAIN, 0),
        digest(source, keys.TRAIN, 1),
        digest(MovingDigits(seed=1), keys.TRAIN, 0),
        digest(MovingDigits(seed=0, augment=False), keys.TRAIN, 0),
        digest(source, keys.TEST, 0),
        digest(source, keys.VALIDATION, 0),
    }
    assert len(found) == 6
    assert digest(source, keys.TRAIN, 0) == digest(MovingDigits(seed=0), keys.TRAIN, 0)


def test_handwriting_is_in_one_split_only():
    images = {
        split: {image.tobytes() for digit in handwriting_of(split).values() for image in digit}
        for split in (keys.TRAIN, keys.VALIDATION, keys.TEST)
    }
    assert [len(images[split]) for split in images] == [4000, 500, 500]
    assert len(set.union(*images.values())) == 5000
    for split in (ONE_DIGIT, TWO_DIGITS, UNSEEN, IMAGES):
        assert handwriting_of(split)[0].tobytes() == handwriting_of(keys.TEST)[0].tobytes()


def test_unseen_pairs_are_shown_in_their_own_split_only(draws):
    for split, examples in draws.items():
        shown = [bool(UNSEEN_PAIRS & set(actors_of(example))) for example in examples]
        assert all(shown) if split == UNSEEN else not any(shown), split


def test_counts_and_lengths(draws):
    def counts(split):
        return {len(actors_of(example)) for example in draws[split]}

    assert counts(ONE_DIGIT) == {1} and counts(TWO_DIGITS) == {2}
    assert all(counts(split) == {1, 2} for split in SPLITS if split not in (ONE_DIGIT, TWO_DIGITS))
    for split, examples in draws.items():
        lengths = {len(example[keys.FRAMES]) for example in examples}
        assert lengths == {IMAGES: {1}, keys.TRAIN: {1, 16}}.get(split, {16}), split


def test_smaller_digit_first_and_no_digit_twice(draws):
    for example in every(draws):
        digits = [digit for digit, _ in actors_of(example)]
        assert digits == sorted(set(digits))


def test_frames_move_as_the_caption_says(draws):
    # What moves up and down only keeps the brightest pixel of every column, whatever the time;
    # the middle of the clip's light tells that it does move.
    for example in every(draws):
        frames = example[keys.FRAMES][..., 0].astype("float64")
        assert (example[keys.FRAMES] == example[keys.FRAMES][..., :1]).all()
        ways = {direction for _, direction in actors_of(example)}
        if ways == {STILL}:
            continue
        columns_stay = (frames.max(axis=1) == frames[:1].max(axis=1)).all()
        rows_stay = (frames.max(axis=2) == frames[:1].max(axis=2)).all()
        assert columns_stay == (ways == {VERTICAL}) and rows_stay == (ways == {HORIZONTAL})


def test_one_digit_bounces_along_its_axis(draws):
    for example in draws[ONE_DIGIT]:
        ((_, direction),) = actors_of(example)
        frames = example[keys.FRAMES][..., 0].astype("float64")
        rows, columns = np.mgrid[:64, :64]
        light = frames.sum(axis=(1, 2))
        centre = np.stack([(frames * grid).sum(axis=(1, 2)) / light for grid in (rows, columns)])
        moving, resting = centre if direction == VERTICAL else centre[::-1]
        assert np.ptp(resting) < 1e-9
        steps = np.abs(np.diff(moving))
        assert steps.max() >= 2 and steps.max() <= 5 + 1e-9  # pixels a frame, less where it bounces


def test_frames_show_the_digit_of_the_caption(draws):
    # Without augmentation the pixels are those of one image of that digit, in some place.
    for split in (ONE_DIGIT, IMAGES):
        for example in draws[split]:
            actors = actors_of(example)
            if len(actors) == 1:
                pixels = np.sort(example[keys.FRAMES][0, ..., 0], axis=None)[-28 * 28 :]
                images = handwriting_of(split)[actors[0][0]]
                assert (np.sort(images.reshape(len(images), -1), axis=1) == pixels).all(axis=1).any()


def right_answer(question, actors):
    digits = [digit for digit, _ in actors]
    if question == "which digits are there?":
        return " and ".join(map(str, digits))
    if question == "how many digits are there?":
        return {1: "one", 2: "two"}[len(digits)]
    if match := re.fullmatch(r"is digit (\d) there\?", question):
        return "yes" if int(match[1]) in digits else "no"
    if match := re.fullmatch(r"which way does digit (\d) move\?", question):
        return dict(actors)[int(match[1])]
    match = re.fullmatch(r"which digit moves (.+)\?", question)
    return " and ".join(str(digit) for digit, way in actors if way == match[1]) or "none"


def test_answers_and_labels_are_true(draws):
    kinds = set()
    for example in every(draws):
        actors = actors_of(example)
        assert example[keys.ANSWER] == right_answer(example[keys.QUESTION], actors)
        kinds.add(re.sub(r"\d", "N", example[keys.QUESTION]))
        labels = {f"digit {digit}" for digit, _ in actors} | {way for _, way in actors}
        assert set(example[keys.LABEL].split(keys.LABEL_SEPARATOR)) == labels
    assert len(kinds) == 6  # "which digit moves" comes with each direction


def test_texts_cover_everything(draws):
    texts = {name: set(values) for name, values in MovingDigits(wordings=True).texts().items()}
    worded = MovingDigits(seed=5, wordings=True, augment=False)
    more = [worded.example(split, 0, index) for split in (keys.TRAIN, keys.TEST) for index in range(DRAWS)]
    assert max(len(example[keys.CAPTIONS]) for example in more) == 4
    for example in [*every(draws), *more]:
        assert set(example[keys.CAPTIONS]) <= texts["captions"]
        assert example[keys.QUESTION] in texts["questions"]
        assert example[keys.ANSWER] in texts["answers"]
        assert set(example[keys.LABEL].split(keys.LABEL_SEPARATOR)) <= texts["labels"]


def test_digits_in_order():
    with pytest.raises(UserError, match="min_digits 2 and max_digits 1 must be 1 or 2, in this order"):
        MovingDigits(min_digits=2, max_digits=1)
