"""TFRecord files and the messages inside them, read without TensorFlow.

A record is its length (8 bytes), a checksum of the length (4), the content, and a checksum of the content (4).
The fields of a message have the numbers that TensorFlow's example.proto and saved_model.proto give them; a map is
a repeated pair of key and value. TensorBoard's reader of event files would import TensorFlow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

CONTEXT = b"\x0a"  # begins a `SequenceExample`: field 1, a message
FIELDS = {  # message: (field, number, type or message, repeated)
    "BytesList": [("value", 1, "BYTES", True)],
    "FloatList": [("value", 1, "FLOAT", True)],
    "Feature": [("bytes_list", 1, "BytesList", False), ("float_list", 2, "FloatList", False)],
    "NamedFeature": [("key", 1, "STRING", False), ("value", 2, "Feature", False)],
    "Features": [("feature", 1, "NamedFeature", True)],
    "FeatureList": [("feature", 1, "Feature", True)],
    "NamedFeatureList": [("key", 1, "STRING", False), ("value", 2, "FeatureList", False)],
    "FeatureLists": [("feature_list", 1, "NamedFeatureList", True)],
    "SequenceExample": [("context", 1, "Features", False), ("feature_lists", 2, "FeatureLists", False)],
    "SavedModel": [("meta_graphs", 2, "BYTES", True)],
}


class DamagedFile(Exception):
    """A file that is cut or altered."""


def read_records(path: str | Path) -> Iterator[bytes]:
    """The records of a TFRecord file, each checked.

    Raises:
        DamagedFile: at the first record that is cut or altered.
        OSError: if the file cannot be read.

    Example:
        >>> len(list(read_records("data/cats/train-00000.tfrecord")))
        64
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while header := file.read(12):
            length = int.from_bytes(header[:8], "little")
            if checksum(header[:8]) != header[8:] or length > size:
                raise DamagedFile(path)
            content = file.read(length)
            if len(content) < length or checksum(content) != file.read(4):
                raise DamagedFile(path)
            yield content


def checksum(content: bytes) -> bytes:
    """The masked CRC-32C that TFRecord files carry, 4 bytes."""
    crc = google_crc32c.value(content)
    return ((((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF).to_bytes(4, "little")


def read_texts(path: str | Path) -> Iterator[dict[str, list[bytes]]]:
    """The texts of each stored clip of a TFRecord file, by name; its frames, which are most of the file, are skipped.

    A record's checksum covers its frames, too, and is not looked at.

    Raises:
        DamagedFile: at the first record that is cut or does not begin with texts.
        OSError: if the file cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while header := file.read(12):
            if checksum(header[:8]) != header[8:]:
                raise DamagedFile(path)
            end = file.tell() + int.from_bytes(header[:8], "little") + 4
            if end > size or file.read(1) != CONTEXT:
                raise DamagedFile(path)
            length = _read_varint(file)
            if length > end - file.tell():
                raise DamagedFile(path)
            content = file.read(length)
            yield {one.key: list(one.value.bytes_list.value) for one in _parse("Features", content).feature}
            file.seek(end)


def _read_varint(file: BinaryIO) -> int:
    """A number as messages write lengths: seven bits a byte, the lowest first; all bytes but the last are over 127."""
    value = shift = 0
    while byte := file.read(1):
        value |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return value
    return value


def parse_clip(record: bytes) -> tuple[dict[str, list[bytes]], dict[str, list]]:
    """A stored clip.

    Args:
        record: a serialized `SequenceExample`.

    Returns:
        The texts by name, and the lists by name: `frames` as JPEG files, `times` in seconds.

    Raises:
        DamagedFile: for anything else.
    """
    clip = _parse("SequenceExample", record)
    texts = {one.key: list(one.value.bytes_list.value) for one in clip.context.feature}
    lists = {
        one.key: [value for part in one.value.feature for value in (*part.bytes_list.value, *part.float_list.value)]
        for one in clip.feature_lists.feature_list
    }
    return texts, lists


def saved_functions(path: str | Path) -> list[str]:
    """Names of what can be called in a SavedModel.

    Args:
        path: of its `saved_model.pb`.

    Raises:
        DamagedFile: for a file that is none.

    Example:
        >>> saved_functions("saved_models/multitask/moving_digits/saved_model/saved_model.pb")
        ['answer', 'caption', 'caption_beam', ...]
    """
    from tensorboard.compat.proto.meta_graph_pb2 import MetaGraphDef  # needs no TensorFlow

    try:
        [graph] = map(MetaGraphDef.FromString, _parse("SavedModel", Path(path).read_bytes()).meta_graphs)
        nodes = graph.object_graph_def.nodes
        return sorted(
            child.local_name for child in nodes[0].children if nodes[child.node_id].WhichOneof("kind") == "function"
        )
    except (ValueError, IndexError, DecodeError):
        raise DamagedFile(path) from None


def _parse(name: str, content: bytes):
    try:
        return _MESSAGES[name].FromString(content)
    except DecodeError:
        raise DamagedFile(name) from None


def _make_messages() -> dict[str, type[Message]]:
    # A pool of their own: in a process that has TensorFlow its messages would have the same names.
    file = descriptor_pb2.FileDescriptorProto(name="records.proto", package="vtkeras", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            of = {"type_name": f".vtkeras.{kind}", "type": kinds.TYPE_MESSAGE} if kind in FIELDS else {
                "type": getattr(kinds, f"TYPE_{kind}")
            }  # fmt: skip
            message.field.add(name=field, number=number, label=label, **of)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"vtkeras.{name}")) for name in FIELDS}


_MESSAGES = _make_messages()
