"""What the folder source yields is what the captions file and the videos said."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.fixtures.videos import make_folder, make_video
from vtkeras import keys
from vtkeras.config import DataConfig
from vtkeras.data.cleaning.marks import Cleaning, Mark
from vtkeras.data.ingest import ingest
from vtkeras.data.manifest import Manifest
from vtkeras.data.preprocess import Preprocessor, even_frames
from vtkeras.data.sources.folder import FolderSource
from vtkeras.data.text import Vocabulary
from vtkeras.data.video import read_frames
from vtkeras.errors import UserError

CSV = """path,caption,question,answer,label,split
clip0.mp4,a dark one,how light?,dark,gray|dark,train
clip0.mp4,黑暗 🌑,,,,train
clip0.mp4,a dark one,is it red?,no,,train
clip1.mp4,a lighter one,,,gray,train
clip2.mp4,,what?,a gray,,val
clip3.mp4,the last,,,,test
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    videos = make_folder(root / "videos", 4)
    (root / "captions.csv").write_text(CSV, encoding="utf-8")
    ingest(videos, root / "captions.csv", root / "out", num_frames=4, max_side=32, clips_per_shard=1)
    return root / "out"


def examples(source, split):
    found = list(source.load(split).as_numpy_iterator())
    return sorted(found, key=lambda example: (example[keys.VIDEO_ID], example[keys.QUESTION]))


def test_splits_and_sizes(folder):
    source = FolderSource(path=folder)
    assert source.splits() == ["train", "validation", "test"]
    # Two questions about clip0, none about clip1.
    assert [source.size(split) for split in source.splits()] == [3, 1, 1]
    for split in source.splits():
        assert len(list(source.load(split))) == len(source.load(split)) == source.size(split)


def test_examples(folder):
    first, second, third = examples(FolderSource(path=folder), "train")
    assert set(first) == {
        keys.FRAMES,
        keys.VIDEO_ID,
        keys.CAPTIONS,
        keys.QUESTION,
        keys.ANSWER,
        keys.LABEL,
    }
    assert first[keys.FRAMES].shape == (4, 24, 32, 3) and first[keys.FRAMES].dtype == np.uint8
    np.testing.assert_allclose(first[keys.FRAMES], 20, atol=3)
    np.testing.assert_allclose(third[keys.FRAMES], 40, atol=3)
    for example in (first, second):
        assert example[keys.VIDEO_ID] == b"clip0.mp4" and example[keys.LABEL] == b"gray|dark"
        assert [text.decode() for text in example[keys.CAPTIONS]] == ["a dark one", "黑暗 🌑"]
    assert (first[keys.QUESTION], first[keys.ANSWER]) == (b"how light?", b"dark")
    assert (second[keys.QUESTION], second[keys.ANSWER]) == (b"is it red?", b"no")
    assert (third[keys.QUESTION], third[keys.ANSWER]) == (b"", b"")
    [without_caption] = examples(FolderSource(path=folder), "validation")
    assert without_caption[keys.CAPTIONS].shape == (0,)


def test_columns_of_the_users_own(tmp_path):
    videos = make_folder(tmp_path / "videos", 2)
    rows = ["path,caption,question,answer,Kind,place", "clip0.mp4,one,how light?,dark,light,here",
            "clip0.mp4,one,what?,gray,thing,here", "clip1.mp4,two,,,,there"]  # fmt: skip
    (tmp_path / "captions.csv").write_text("\n".join(rows))
    ingest(videos, tmp_path / "captions.csv", tmp_path / "out", num_frames=1, max_side=32)
    source = FolderSource(path=tmp_path / "out")
    found = {key: value for split in source.splits() for key, value in source.column(split, "kind").items()}
    assert found == {("clip0.mp4", "how light?"): "light", ("clip0.mp4", "what?"): "thing", ("clip1.mp4", ""): ""}
    assert set(source.column("train", "answer").values()) <= {"dark", "gray", ""}
    with pytest.raises(UserError, match="no column 'size': use one of path, label, question, answer, kind, place"):
        source.column("train", "size")


def test_shapes_are_known_where_they_can_be(folder):
    spec = FolderSource(path=folder).load("train").element_spec
    assert spec[keys.FRAMES] == tf.TensorSpec([None, None, None, 3], tf.uint8)
    assert spec[keys.CAPTIONS] == tf.TensorSpec([None], tf.string)
    for key in (keys.VIDEO_ID, keys.QUESTION, keys.ANSWER, keys.LABEL):
        assert spec[key] == tf.TensorSpec([], tf.string)


def test_the_order_is_always_the_same(folder):
    orders = [
        [(example[keys.VIDEO_ID], example[keys.QUESTION]) for example in source.load("train", epoch)]
        for source, epoch in ((FolderSource(path=folder), 0), (FolderSource(path=folder), 3))
    ]
    assert orders[0] == orders[1]


def test_texts(folder):
    texts = {name: sorted(values) for name, values in FolderSource(path=folder).texts().items()}
    assert texts == {
        "captions": ["a dark one", "a lighter one", "黑暗 🌑"],
        "questions": ["how light?", "is it red?"],
        "answers": ["dark", "no"],
        "labels": ["dark", "gray", "gray"],
    }


def test_what_is_not_there(folder, tmp_path):
    with pytest.raises(UserError, match="no split 'dev': use one of train, validation, test"):
        FolderSource(path=folder).load("dev")
    with pytest.raises(UserError, match="holds no manifest.json"):
        FolderSource(path=tmp_path)
    with pytest.raises(UserError, match="set data.path, or give --data DIR"):
        FolderSource()


def test_damage_shows_at_once(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    shard = tmp_path / "test-00000.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match="test-00000.tfrecord is damaged"):
        FolderSource(path=tmp_path)


def test_a_share_is_whole_shards_of_training_and_validation(tmp_path):
    videos = make_folder(tmp_path / "videos", 10)
    rows = [f"clip{n}.mp4,says {n},{'train' if n < 8 else 'test'}" for n in range(10)]
    (videos / "captions.csv").write_text("\n".join(["path,caption,split", *rows]), encoding="utf-8")
    ingest(videos, videos / "captions.csv", tmp_path / "out", 4, 32, clips_per_shard=2)
    part = FolderSource(path=tmp_path / "out", share=0.4)
    assert (part.size("train"), part.size("test")) == (4, 2)  # of four shards of two clips each, two
    assert len(list(part.load("train"))) == 4 and len(part.texts()["captions"]) == 4
    whole = [clip["video_id"] for clip in FolderSource(path=tmp_path / "out").load("train").as_numpy_iterator()]
    assert [clip["video_id"] for clip in part.load("train").as_numpy_iterator()] == whole[:4]
    drop(tmp_path / "out", whole[1].decode(), whole[7].decode())
    cleaned = FolderSource(path=tmp_path / "out", share=0.4)
    assert cleaned.size("train") == len(list(cleaned.load("train"))) == 3  # whole[7] is in a shard that is not read


def drop(folder, *clips):
    """Marks training clips as `vtkeras data clean` does."""
    manifest = Manifest.load(folder)
    marks = tuple(Mark(clip, clip, "train", 1, "blurred", "") for clip in clips)
    replace(manifest, cleaning=Cleaning(dropped=marks)).save(folder)


def test_a_file_is_read_as_it_was_stored(tmp_path):
    video = make_video(tmp_path / "a.mp4", 24)  # frame i is gray 10 * (i + 1)
    (tmp_path / "captions.csv").write_text("path,caption,split\na.mp4,it gets lighter,train\n")
    ingest(tmp_path, tmp_path / "captions.csv", tmp_path / "out", num_frames=16, max_side=32)
    source = FolderSource(path=tmp_path / "out")
    assert source.stored_frames == 16
    stored = next(iter(source.load("train")))[keys.FRAMES].numpy()
    read = read_frames(video, source.stored_frames).frames
    chosen, _ = even_frames(16, 8)  # what a model of 8 frames takes of both
    shown = [np.round(frames[chosen.numpy()].mean(axis=(1, 2, 3)) / 10 - 1) for frames in (stored, read)]
    assert [frames.tolist() for frames in shown] == [[2, 5, 8, 11, 14, 17, 20, 23]] * 2
    directly = read_frames(video, num_frames=8).frames.mean(axis=(1, 2, 3))
    assert np.round(directly / 10 - 1).tolist() == [1, 4, 7, 10, 13, 16, 19, 22]


def test_a_large_file_shows_a_model_the_pixels_of_its_stored_clip(tmp_path):
    stripes = np.tile(np.uint8([[0], [0], [255], [255]]), (54, 384))  # of two rows, and four rows become a stored one
    ramp = np.broadcast_to(np.linspace(0, 255, 384), (216, 384)).astype("uint8")
    pictures = {"stripes.png": stripes, "ramp.png": ramp, "small.png": ramp[:40, :60]}
    for name, picture in pictures.items():
        Image.fromarray(picture).convert("RGB").save(tmp_path / name)
    rows = "".join(f"{name},{name},a picture,train\n" for name in pictures)
    (tmp_path / "captions.csv").write_text(f"video_id,path,caption,split\n{rows}")
    ingest(tmp_path, tmp_path / "captions.csv", tmp_path / "out", max_side=96)
    source = FolderSource(path=tmp_path / "out")
    config, words = DataConfig(num_frames=1, image_size=96), Vocabulary(("[PAD]", "[UNK]", "[START]", "[END]"), (), ())
    training, beside = Preprocessor(config, words), Preprocessor(config, words)
    prediction = Preprocessor(config, words, beside)
    prediction.read_as_stored(source.stored_frames, source.stored_side)
    for clip in source.load("train").as_numpy_iterator():
        name = clip[keys.VIDEO_ID].decode()
        learned = np.int32(training.clip(clip[keys.FRAMES])[0])
        frames = read_frames(tmp_path / name, 1, max_side=4 * 96).frames
        assert frames.shape[1:3] == pictures[name].shape
        for preprocessor in (prediction, beside):
            for seen in (preprocessor.clip(frames)[0], preprocessor.clips(frames[None])[0][0]):
                assert np.abs(np.int32(seen) - learned).max() <= 4, name  # JPEG rounds
    assert np.ptp(prediction.clip(np.tile(stripes[None, ..., None], 3))[0]) <= 2  # all of one gray, as was stored
    assert np.ptp(training.clip(np.tile(stripes[None, ..., None], 3))[0]) > 40  # sharper than any clip of training
