"""The manifest of an ingested folder: what its shards hold, and what is left out. No TensorFlow here: pages read it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vtkeras import keys
from vtkeras.data.cleaning.marks import UNCLEANED, Cleaning
from vtkeras.errors import UserError
from vtkeras.run_files import MANIFEST
from vtkeras.whole_files import write_json

VERSION = 1
WRITERS = "Another ingest or cleaning"  # that may be writing to a folder


def is_ingested(folder: str | Path) -> bool:
    """Whether a folder holds the manifest of stored clips, damaged or not, and no other program's file of that name."""
    path = Path(folder) / MANIFEST
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return path.is_file() and any(path.parent.glob("*.tfrecord"))
    return isinstance(values, dict) and {"version", "shards"} <= values.keys()


@dataclass(frozen=True)
class Shard:
    """What the manifest knows of one shard.

    Attributes:
        name: file name.
        split: `train`, `validation`, `test` or a name of the user's own.
        sha256: checksum of the file.
        clips: records in the file.
        examples: (clip, question) pairs; a clip without a question counts once.
        set_aside: (path, reason) of each clip that is not in the file because it does not decode.
        partial: (path, reason) of each clip that is in the file but not complete.
        passing: how many were set aside for a reason that may be gone at the next try, as a disk that is away.
    """

    name: str
    split: str
    sha256: str
    clips: int
    examples: int
    set_aside: tuple[tuple[str, str], ...] = ()
    partial: tuple[tuple[str, str], ...] = ()
    passing: int = 0

    @classmethod
    def from_json(cls, values: dict) -> Shard:
        """The shard that a manifest's entry describes."""
        pairs = {name: tuple(map(tuple, values[name])) for name in ("set_aside", "partial")}
        return cls(**{**values, **pairs})


@dataclass(frozen=True)
class Manifest:
    """What a folder of shards holds.

    Attributes:
        options: the options of `ingest` that the shards were made with.
        captions_sha256: checksum of the captions file.
        shards: every shard, in the order they are read.
        cleaning: the clips and captions that `vtkeras data clean` left out.
        notes: what was assumed of the captions file, and what was done with its empty cells.
    """

    options: dict[str, Any]
    captions_sha256: str
    shards: tuple[Shard, ...]
    cleaning: Cleaning = UNCLEANED
    notes: tuple[str, ...] = ()

    @property
    def splits(self) -> list[str]:
        """The splits that hold at least one clip which is not left out."""
        return keys.in_order(split for split in {shard.split for shard in self.shards} if self.clips(split))

    @property
    def stored(self) -> int:
        """Clips in all shards, those left out too."""
        return sum(shard.clips for shard in self.shards)

    def clips(self, split: str) -> int:
        """Clips in a split that are not left out."""
        dropped = sum(mark.split == split for mark in self.cleaning.clips.values())
        return sum(shard.clips for shard in self.shards if shard.split == split) - dropped

    def examples(self, split: str) -> int:
        """(clip, question) pairs in a split; a clip without a question counts once, one left out not at all."""
        dropped = sum(mark.examples for mark in self.cleaning.clips.values() if mark.split == split)
        return sum(shard.examples for shard in self.shards if shard.split == split) - dropped

    @property
    def set_aside(self) -> list[tuple[str, str]]:
        """(path, reason) of every clip that could not be decoded."""
        return [pair for shard in self.shards for pair in shard.set_aside]

    @property
    def passing(self) -> int:
        """How many clips were set aside for a reason that may be gone at the next try."""
        return sum(shard.passing for shard in self.shards)

    @property
    def partial(self) -> list[tuple[str, str]]:
        """(path, reason) of every clip that is stored though a part of it is missing."""
        return [pair for shard in self.shards for pair in shard.partial]

    def save(self, folder: str | Path) -> None:
        """Writes `manifest.json` into `folder`."""
        values = {
            "version": VERSION,
            "options": self.options,
            "captions_sha256": self.captions_sha256,
            "splits": {
                split: {"clips": self.clips(split), "examples": self.examples(split)} for split in self.splits
            },
            "set_aside": self.set_aside,
            "partial": self.partial,
            "shards": [asdict(shard) for shard in self.shards],
            "cleaning": asdict(self.cleaning),
            "notes": self.notes,
        }
        write_json(Path(folder) / MANIFEST, values)

    @classmethod
    def load(cls, folder: str | Path) -> Manifest:
        """Reads `manifest.json` from `folder`.

        Raises:
            UserError: when it is missing, damaged or of another version.
        """
        path = Path(folder) / MANIFEST
        if not path.is_file():
            raise UserError(
                f"{folder} holds no {MANIFEST}: make it with `vtkeras data ingest`, or run that again if it was "
                "interrupted. (`vtkeras train --data FOLDER` without --config takes videos as they are.)"
            )
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["version"] != VERSION:
                raise UserError(f"{path} is of version {values['version']}; this program reads {VERSION}.")
            shards = tuple(map(Shard.from_json, values["shards"]))
            cleaning = Cleaning.from_json(values["cleaning"]) if "cleaning" in values else UNCLEANED
            notes = tuple(values.get("notes", ()))
            manifest = cls(values["options"], values["captions_sha256"], shards, cleaning, notes)
            counted = {
                split: (values["splits"][split]["examples"], manifest.examples(split)) for split in manifest.splits
            }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise UserError(f"{path} is damaged: run `vtkeras data ingest` again.") from None
        for split, (told, examples) in counted.items():
            if told != examples:
                raise UserError(f"{path} is damaged: its counts of the split {split} differ.")
        return manifest
