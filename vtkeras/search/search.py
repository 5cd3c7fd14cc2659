"""Which of many clips fit some words, or are like another clip, by an exported model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from vtkeras.data.video import read_frames
from vtkeras.errors import UserError
from vtkeras.search.query import read_query
from vtkeras.search.ranking import look_again, nearest
from vtkeras.search.vectors import VectorStore
from vtkeras.serving.batches import in_batches
from vtkeras.serving.predictor import BATCH, Predictor
from vtkeras.serving.results import Match, Matches, Query
from vtkeras.workspace.runs import model_hash


def search(
    predictor: Predictor,
    videos: Sequence[Path],
    text: str | None = None,
    like: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, count: None,
) -> Matches:
    """Ranks clips by words, or by how like they are to another one.

    Each clip is read once; its vector is kept (`VectorStore`). Of a text, the nearest clips are read again by the
    captioner, where the model is one (`look_again`).

    Args:
        predictor: a model with a space that videos and texts share.
        videos: the clips.
        text: what to search for; None searches for what is like `like`.
        like: a clip; it is not among what is found.
        progress: called with the number of clips that were read, and how many there are to read.

    Raises:
        UserError: for a model without such a space, a text of which it knows no word, or where no clip decodes.

    Example:
        >>> search(Predictor("runs/mine"), [Path("a.mp4"), Path("b.mp4")], "a dog jumps").found[0].video
        'b.mp4'
    """
    faults: list[str] = []
    predictor.check_search()
    query = None if text is None else read_query(predictor, text)
    notes = query.notes.copy() if query else []
    wanted = _wanted(predictor, query, like)
    vectors = _vectors(predictor, [video for video in videos if video != like], faults, notes, progress)
    if not vectors:
        raise UserError(faults[0] if faults else f"There is no clip but {like} to search among: give more of them.")
    files = [*vectors]
    cosines = np.stack([vectors[file] for file in files]) @ wanted
    order = np.argsort(-cosines, kind="stable").tolist()
    chances: dict[int, float] = {}
    if query and query.known and predictor.can("explain_caption") and len(files) > 1:
        near = nearest(cosines)
        total = look_again(cosines[near], _likelihoods(predictor, [files[place] for place in near], query.known))
        share = np.exp(total - total.max())
        chances = dict(zip(near.tolist(), (share / share.sum()).tolist()))
        order = [*near[np.argsort(-total, kind="stable")].tolist(), *(one for one in order if one not in chances)]
    return Matches([Match(str(files[one]), float(cosines[one]), chances.get(one)) for one in order], faults, notes)


def _wanted(predictor: Predictor, query: Query | None, like: Path | None) -> np.ndarray:
    """The vector of what is searched for."""
    if query:
        return predictor.embed_text(query.text)
    if like is None:
        raise UserError("Search for words or for a clip.")
    return predictor.embed_video(read_frames(like, **predictor.clip_size).frames)


def _vectors(
    predictor: Predictor,
    videos: Sequence[Path],
    faults: list[str],
    notes: list[str],
    progress: Callable[[int, int], None],
) -> dict[Path, np.ndarray]:
    """The vector of each clip that decodes, in their order."""
    store = VectorStore(f"{model_hash(predictor.folder)}-{predictor.reading}")  # of other frames they are others
    known = store.load(videos)
    new = [video for video in dict.fromkeys(videos) if video not in known]
    for batch in in_batches(_clips(predictor, new, faults), BATCH, _size):
        files, clips = zip(*batch)
        read = dict(zip(files, predictor.embed_videos(clips)))
        store.save(read)
        known |= read
        progress(new.index(files[-1]) + 1, len(new))
    if store.problem:
        notes.append(store.problem)
    return {video: known[video] for video in dict.fromkeys(videos) if video in known}


def _clips(predictor: Predictor, videos: Sequence[Path], faults: list[str]) -> Iterator[tuple[Path, np.ndarray]]:
    """Files and their frames, as a model reads them; what is wrong with one that does not decode is added to faults."""
    for video in videos:
        try:
            frames = read_frames(video, **predictor.clip_size).frames
        except UserError as error:
            faults.append(str(error))
            continue
        yield video, frames


def _size(clip: tuple[Path, np.ndarray]) -> int:
    return clip[1].nbytes


def _likelihoods(predictor: Predictor, videos: Sequence[Path], text: str) -> np.ndarray:
    clips = ((video, read_frames(video, **predictor.clip_size).frames) for video in videos)
    batches = in_batches(clips, BATCH, _size)
    return np.concatenate([predictor.likelihoods([one for _, one in batch], [text] * len(batch)) for batch in batches])
