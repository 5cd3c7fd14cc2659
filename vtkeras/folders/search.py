"""Names of files over time, and searching among files by words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vtkeras.data.paths import small_letters
from vtkeras.folders.store import File
from vtkeras.pretrained.packages import PACKAGES, state
from vtkeras.tagging.zero_shot import ConceptSpace

ENCODER, SENTENCES = "efficientnet_lite0", "use"
NEEDED = (ENCODER, "imagenet_names", SENTENCES)  # packages: for names, and to search among them
NAME_THRESHOLD = 0.1  # probability of a name that is told
CHUNK = 1024  # frames embedded at once


@dataclass(frozen=True)
class Tag:
    """A name, its highest probability of any frame, and when that is."""

    name: str
    score: float
    seconds: float


@dataclass(frozen=True)
class Found:
    """A file that was searched for.

    Attributes:
        file: the file.
        score: cosine of the nearest frame to the text; None where the words stand in its name or texts. Where a trained
            model searches, `Match.chance`, or `Match.cosine` where that is None.
        seconds: when that frame is shown.
    """

    file: File
    score: float | None
    seconds: float


def encoder_key() -> str:
    """Tells classifiers apart by the files of their weights; "" where a package that names need is missing."""
    if any(state(name) != "installed" for name in NEEDED):
        return ""
    return hashlib.sha256(json.dumps(PACKAGES[ENCODER].files).encode()).hexdigest()[:16]


def tags(file: File, names: Sequence[str], most: int = 3, least: float = NAME_THRESHOLD) -> list[Tag]:
    """What is on a file, likeliest first.

    Args:
        file: of a `FolderStore`.
        names: of the classes.
        most: tags at most.
        least: probability at least.

    Example:
        >>> tags(file, class_names())
        [Tag(name='sports car', score=0.61, seconds=3.2)]
    """
    if file.known.names is None:
        return []
    best: dict[str, Tag] = {}
    for seconds, classes, chances in zip(file.known.names.times, file.known.names.classes, file.known.names.chances):
        for index, chance in zip(classes, chances):
            name = names[index]
            if chance >= least and (name not in best or chance > best[name].score):
                best[name] = Tag(name, chance, seconds)
    return sorted(best.values(), key=lambda tag: -tag.score)[:most]


def find(
    text: str, files: Sequence[File], space: ConceptSpace | None, texts: Mapping[str, str] | None = None
) -> list[Found]:
    """Files that words lead to: first those whose name or texts hold all of them, then by what is on them.

    Neither case counts among letters nor whether accents are composed.

    Args:
        text: in any of the sentence encoder's languages.
        files: to search among.
        space: where frames lie among sentences; None searches in names and texts alone.
        texts: captions and the like, by path.

    Returns:
        Nearest first. Files without names, and without the words, are left out.

    Example:
        >>> find("ein Hund", files, concept_space(class_names()))[0].file.path
        'beach/dog.mp4'
    """
    words = small_letters(text).split()
    if not words:
        return []
    said = {file.path: small_letters(f"{file.path} {(texts or {}).get(file.path, '')}") for file in files}
    near = _nearest_frames(text, files, space) if space else {}
    literal = [
        Found(file, None, near.get(file.path, (0.0, 0.0))[1])
        for file in files
        if all(word in said[file.path] for word in words)
    ]
    known = {found.file.path for found in literal}
    others = [Found(file, *near[file.path]) for file in files if file.path in near and file.path not in known]
    return literal + sorted(others, key=lambda found: -(found.score or 0.0))


def _nearest_frames(text: str, files: Sequence[File], space: ConceptSpace) -> dict[str, tuple[float, float]]:
    """The cosine of each file's nearest frame to a text, and when that is."""
    named = [(file.path, file.known.names) for file in files if file.known.names]
    if not named:
        return {}
    classes = np.concatenate([names.classes for _, names in named])
    chances = np.concatenate([names.chances for _, names in named])
    sought = space.embed_texts([text])[0]
    parts = (slice(start, start + CHUNK) for start in range(0, len(classes), CHUNK))
    near = np.concatenate([space.embed_best(classes[part], chances[part]) @ sought for part in parts])
    ends = np.cumsum([len(names.times) for _, names in named])
    return {
        path: (float(of_one.max()), names.times[int(of_one.argmax())])
        for (path, names), of_one in zip(named, np.split(near, ends[:-1]))
    }
