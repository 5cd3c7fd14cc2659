import pytest
import tensorflow as tf

from vtkeras.workspace.records import DamagedFile, checksum, parse_clip, read_records, read_texts, saved_functions

RECORDS = [b"one", b"", b"three" * 1000]


@pytest.fixture
def file(tmp_path):
    """A file as TensorFlow writes it."""
    path = tmp_path / "a.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in RECORDS:
            writer.write(record)
    return path


def test_records_that_tensorflow_wrote(file):
    assert list(read_records(file)) == RECORDS


@pytest.mark.parametrize("place", [0, 9, 13, -1])
def test_a_flipped_byte_is_found(file, place):
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    with pytest.raises(DamagedFile):
        list(read_records(file))


def test_a_cut_file_gives_what_is_whole(file):
    file.write_bytes(file.read_bytes()[:-10])
    records = read_records(file)
    assert next(records) == b"one" and next(records) == b""
    with pytest.raises(DamagedFile):
        next(records)


def test_a_length_of_exabytes_takes_no_memory(file):
    length = (2**60).to_bytes(8, "little")
    file.write_bytes(length + checksum(length) + b"x")
    with pytest.raises(DamagedFile):
        list(read_records(file))


def test_a_clip_that_tensorflow_wrote(tmp_path):
    feature = tf.train.Feature
    texts = {"captions": feature(bytes_list=tf.train.BytesList(value=[b"a cat", b"an animal"]))}
    times = [feature(float_list=tf.train.FloatList(value=[second])) for second in (0.0, 0.5)]
    frames = [feature(bytes_list=tf.train.BytesList(value=[data])) for data in (b"jpeg", b"other")]
    lists = {"times": tf.train.FeatureList(feature=times), "frames": tf.train.FeatureList(feature=frames)}
    record = tf.train.SequenceExample(
        context=tf.train.Features(feature=texts), feature_lists=tf.train.FeatureLists(feature_list=lists)
    ).SerializeToString()
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(record)
        writer.write(record)
    assert list(read_texts(tmp_path / "a.tfrecord")) == 2 * [{"captions": [b"a cat", b"an animal"]}]
    assert parse_clip(record) == (
        {"captions": [b"a cat", b"an animal"]}, {"times": [0.0, 0.5], "frames": [b"jpeg", b"other"]}
    )  # fmt: skip
    with pytest.raises(DamagedFile):
        parse_clip(b"\xff" * 20)


@pytest.mark.parametrize("content", [b"\x12\x00", b"\x0a" + b"\xff" * 7 + b"\x7f", b"\x0a\x03abc", b""])
def test_what_does_not_begin_with_texts_is_damaged(tmp_path, content):
    """Other fields first; texts longer than the record; texts that are no message; nothing."""
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(content)
    with pytest.raises(DamagedFile):
        list(read_texts(tmp_path / "a.tfrecord"))


@pytest.mark.parametrize("data", [b"", b"\xff" * 20, b"hello"])
def test_what_is_no_saved_model(tmp_path, data):
    (tmp_path / "saved_model.pb").write_bytes(data)
    with pytest.raises(DamagedFile):
        saved_functions(tmp_path / "saved_model.pb")
