"""The background work on a folder: `python -m vtkeras.folders.study FOLDER`, started by `vtkeras.folders.jobs`.

First every file gets its facts and a preview; meanwhile TensorFlow loads, and what is on the previews is named.
Then videos are named over time, and judged as `vtkeras data check` does. Each result is stored as it comes.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from vtkeras.data.decoder import DecoderPool, EncodedClip, Request
from vtkeras.errors import PassingError, UserError
from vtkeras.folders.listing import list_folder
from vtkeras.folders.search import ENCODER, SENTENCES, encoder_key
from vtkeras.folders.store import LISTED, NAMED, PROBLEM, SEEN, STUDIED, File, FolderStore, Known, Names
from vtkeras.pretrained.imagenet import class_names
from vtkeras.processes import end_with_owner
from vtkeras.tagging.zero_shot import best_classes, concept_space

FRAMES = 8  # of a video
SIDE = 400  # pixels of a frame at most: of one of 16:9 the classifier sees all rows
PREVIEW_QUALITY = 85
TIME_LIMIT = 60.0  # seconds that a file may take
BATCH = 16  # files
PATIENCE = 0.2  # seconds between two looks for previews to name

Classify = Callable[[Sequence[np.ndarray]], np.ndarray]  # frames to probabilities (frames, classes)
Check = Callable[[np.ndarray], list[str]]


def study(
    store: FolderStore,
    classifier: Callable[[], Classify] | None,
    check: Check,
    ready_to_search: Callable[[], object] = lambda: None,
) -> None:
    """Finds out what is still unknown of the files of a folder.

    Args:
        store: of the folder, after `FolderStore.refresh`.
        classifier: gives what names frames, once it is needed; None leaves files without names.
        check: from frames uint8 (time, height, width, 3) to what is suspicious about them.
        ready_to_search: called once all previews are named.

    Raises:
        UserError: if nothing more can be stored.
    """
    counts = store.counts()
    if counts[STUDIED] == counts[LISTED]:
        return
    with DecoderPool(time_limit=TIME_LIMIT) as pool, ThreadPoolExecutor(1) as beside:
        looking = beside.submit(_look, store, pool)
        classify = classifier() if classifier else None  # loads TensorFlow meanwhile
        if classify:
            _name_previews(store, classify, looking)
            ready_to_search()
        looking.result()
        _study_pictures(store, NAMED if classify else SEEN, check)
        _study_videos(store, pool, NAMED if classify else SEEN, classify, check)


def _look(store: FolderStore, pool: DecoderPool) -> None:
    """Facts and a preview of every file that has none."""
    for file, clip in _decoded(store, pool, store.files(LISTED), frames=1):
        if isinstance(clip, UserError):
            store.save(file.path, STUDIED, _faulty(store, Known(), clip))
        else:
            store.save(file.path, SEEN, _facts(store, clip), _preview(clip.frames[0]))


def _name_previews(store: FolderStore, classify: Classify, looking: Future) -> None:
    """Names of what is on each preview, until all files have been looked at."""
    while True:
        last = looking.done()
        while files := store.files(SEEN, BATCH):
            pictures = [_pixels(store.preview(file.path) or b"") for file in files]
            for file, classes, chances in zip(files, *best_classes(classify(pictures))):
                names = Names([file.known.duration / 2], [classes.tolist()], [_rounded(chances)])
                store.save(file.path, NAMED, replace(file.known, names=names))
        if last:
            return
        wait([looking], PATIENCE)


def _study_pictures(store: FolderStore, stage: int, check: Check) -> None:
    """What is suspicious about files of a single frame, of which the preview shows all."""
    for file in store.files(stage):
        if not file.known.duration:
            frame = _pixels(store.preview(file.path) or b"")
            store.save(file.path, STUDIED, replace(file.known, findings=check(frame[None])))


def _study_videos(
    store: FolderStore, pool: DecoderPool, stage: int, classify: Classify | None, check: Check
) -> None:
    """Names over time, and what is suspicious."""
    for file, clip in _decoded(store, pool, store.files(stage), FRAMES):
        if isinstance(clip, UserError):
            store.save(file.path, STUDIED, _faulty(store, file.known, clip))
            continue
        frames = [_pixels(frame) for frame in clip.frames]
        known = replace(_facts(store, clip), names=file.known.names, findings=check(np.stack(frames)))
        if classify:
            classes, chances = best_classes(classify(frames))
            times = [round(time, 3) for time in clip.times]
            known = replace(known, names=Names(times, classes.tolist(), [_rounded(one) for one in chances]))
        store.save(file.path, STUDIED, known)


def _decoded(
    store: FolderStore, pool: DecoderPool, files: Iterable[File], frames: int
) -> Iterator[tuple[File, EncodedClip | UserError]]:
    """Each file with so many frames of it; a few are decoded ahead, so that few are in memory."""
    waiting = iter(files)
    while batch := list(islice(waiting, BATCH)):
        requests = [Request(str(store.folder / file.path), frames, max_side=SIDE) for file in batch]
        yield from zip(batch, pool.decode(requests))


def _facts(store: FolderStore, clip: EncodedClip) -> Known:
    info = clip.info
    return Known(
        note=_without(store.folder, clip.reason),
        duration=round(info.duration, 3) if info.frame_count > 1 else 0.0,
        width=info.width,
        height=info.height,
        fps=round(info.fps, 3),
        codec=info.codec,
    )


def _faulty(store: FolderStore, known: Known, error: UserError) -> Known:
    """What is known of a file that cannot be read."""
    return replace(known, fault=_without(store.folder, str(error)), passing=isinstance(error, PassingError))


def _without(folder: Path, sentence: str) -> str:
    """A sentence that names a file of the folder by its name in it."""
    return sentence.replace(f"{folder}/", "")


def _preview(jpeg: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(buffer, "JPEG", quality=PREVIEW_QUALITY)
    return buffer.getvalue()


def _pixels(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)))


def _rounded(chances: np.ndarray) -> list[float]:
    return [round(float(chance), 4) for chance in chances]


def _classifier() -> Classify:
    from vtkeras.tagging.tagger import Tagger  # and with it TensorFlow

    return Tagger(ENCODER).probabilities


def _check(frames: np.ndarray) -> list[str]:
    from vtkeras.data.quality import TEXTS, judge, measure  # as above

    measures = {name: value.numpy() for name, value in measure(frames).items()}
    return [f"{reason}: {TEXTS[reason].format(value=value, limit=limit)}" for reason, value, limit in judge(measures)]


def _embed_names() -> None:
    """Once on each machine, for whoever searches."""
    concept_space(class_names(), SENTENCES)


def main(folder: str) -> None:
    """Studies a folder, unless another process does already; what stops it is noted for whoever looks.

    Where the packages that names need were installed meanwhile, the files get their names in a second pass.
    """
    end_with_owner()
    store = FolderStore(folder)
    with store.held() as alone:
        if not alone:
            return
        try:
            studied_with = None
            while (encoder := encoder_key()) != studied_with:
                store.refresh(list_folder(folder).files, encoder)
                study(store, _classifier if encoder else None, _check, _embed_names)
                studied_with = encoder
        except UserError as error:
            store.set_note(PROBLEM, str(error))
            sys.exit(f"vtkeras: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
