"""One reading of a split, for all systems that are compared on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.pipeline import with_one_caption
from vtkeras.data.preprocess import Preprocessor, as_written
from vtkeras.data.sources.base import Source
from vtkeras.data.sources.datasets import clips_or_examples, one_question_each, with_first_question
from vtkeras.evaluation.baselines import thumbnail
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.tasks import Head, Reader
from vtkeras.tasks.predicted import Examples, Predicted

BATCH = 32
ASKED = (keys.QUESTION, keys.ANSWER)


def read_split(
    source: Source,
    split: str,
    heads: Sequence[Head],
    preprocessor: Preprocessor,
    systems: dict[str, Reader] | None = None,
    limit: int | None = None,
    clips: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> tuple[Examples, dict[str, dict[str, Predicted]]]:
    """Reads a split once: what is right of each example, and what every system says of it.

    A clip with several questions gives an example for each, but one alone where no head depends on what is asked.

    Args:
        source: gives the examples.
        split: one of `source.splits()`.
        heads: whose truths to keep.
        preprocessor: brings clips to the size that thumbnails are made of.
        systems: {name: reader}; each brings clips to the shape that its model knows. Those that do it alike are given
            the same batches.
        limit: examples at most; None takes all.
        clips: clips at most, each with all of its questions; None takes all.
        progress: called with the number of examples that were read, and how many there are at most.

    Returns:
        the examples, and {system: {head: what it says}}.
    """
    systems = systems or {}
    examples, thumbnails = Examples(truths={head.name: [] for head in heads}, split=split), {}
    outputs: dict[str, list[dict]] = {name: [] for name in systems}
    shapes = [preprocessor, *(reader.preprocessor for reader in systems.values())]
    asked_once = once_a_clip([*heads, *(head for reader in systems.values() for head in reader.heads)])
    count = count_examples(source, split, asked_once)
    with interrupt_between_steps() as end_of_step:
        seen: set[str] = set()
        for batch in _batches(source, split, shapes, limit, clips, asked_once):
            new = []
            for row, example in enumerate(batch[preprocessor.key]):
                clip, question = example[keys.VIDEO_ID].decode(), example.get(keys.QUESTION, b"").decode()
                new += [row] * (clip not in seen)
                seen.add(clip)
                examples.ids.append(clip)
                examples.questions.append(question)
                examples.kinds.append(source.question_kind(question) if question.strip() else "")
                for head in heads:
                    examples.truths[head.name].append(head.truth(example))
                if keys.FRAMES in example and clip not in thumbnails:
                    thumbnails[clip] = thumbnail(example[keys.FRAMES])
            stacked = {key: _stack(batch[key]) for key in {reader.preprocessor.key for reader in systems.values()}}
            for name, reader in systems.items():
                said = tf.nest.map_structure(np.asarray, reader.ask(stacked[reader.preprocessor.key]))
                outputs[name].append(_kept(said, reader.heads, new))
            progress(len(examples.ids), count if limit is None else min(limit, count))
            end_of_step()
    examples.thumbnails = thumbnails or None
    return examples, {name: _collect(systems[name], outputs[name], examples) for name in systems}


def once_a_clip(heads: Sequence[Head]) -> bool:
    """Whether all of some heads say the same of a clip whatever is asked, so that it is read once."""
    return bool(heads) and all(head.once_a_clip for head in heads)


def count_examples(source: Source, split: str, asked_once: bool) -> int:
    """The examples that `read_split` finds in a split: its questions, or where `asked_once` its clips."""
    if not asked_once:
        return source.size(split)
    clips, whole = clips_or_examples(source, split)
    return len(clips) if whole else source.size(split)


def _kept(said: dict, heads: Sequence[Head], new: list[int]) -> dict:
    """What is said of a batch, and of what heads keep once the rows `new`, in which a clip comes first."""
    once = {head.name: head.kept_once for head in heads}
    return {
        name: {key: rows[new] if key in once[name] else rows for key, rows in found.items()}
        for name, found in said.items()
    }


def _batches(
    source: Source,
    split: str,
    shapes: Sequence[Preprocessor],
    limit: int | None,
    clips: int | None,
    asked_once: bool,
) -> Iterator[dict[str, list[dict]]]:
    """Up to `BATCH` examples at a time, as each of the preprocessors prepares them, by its key.

    A clip that the source gives whole is prepared once for all of its questions.
    """
    different = {preprocessor.key: preprocessor for preprocessor in shapes}
    dataset, whole = clips_or_examples(source, split)
    prepared = dataset.map(
        as_written(lambda example: _prepare_all(example, different)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if whole and asked_once:
        prepared = prepared.map(with_first_question)
    elif whole:
        prepared = one_question_each(prepared, source.size(split))
    rows: list[dict] = []
    seen: set[bytes] = set()
    for example in prepared.take(-1 if limit is None else limit).as_numpy_iterator():
        asked = {name: example.pop(name) for name in ASKED if name in example}
        example = {key: {**read, **asked} for key, read in example.items()}
        seen.add(next(iter(example.values()))[keys.VIDEO_ID])
        if clips is not None and len(seen) > clips:
            break
        rows.append(example)
        if len(rows) == BATCH:
            yield _by_key(rows)
            rows = []
    if rows:
        yield _by_key(rows)


def _prepare_all(example: dict, preprocessors: dict[str, Preprocessor]) -> dict:
    """What is asked, and beside it the example as each of the preprocessors prepares it."""
    asked = {name: example[name] for name in ASKED if name in example}
    return {**asked, **{key: _prepare(example, one) for key, one in preprocessors.items()}}


def _prepare(example: dict, preprocessor: Preprocessor) -> dict:
    """The example as models read it, with its first caption, and all captions beside."""
    every = {keys.CAPTIONS: example[keys.CAPTIONS]} if keys.CAPTIONS in example else {}
    return {**with_one_caption(preprocessor.prepare(example)), **every}


def _by_key(rows: list[dict]) -> dict[str, list[dict]]:
    return {key: [row[key] for row in rows] for key in rows[0]}


def _stack(rows: list[dict]) -> dict[str, tf.Tensor]:
    """The fields that have one shape in every example, as a batch."""
    names = (name for name in rows[0] if name != keys.CAPTIONS)
    return {name: tf.constant(np.stack([row[name] for row in rows])) for name in names}


def _collect(reader: Reader, batches: list[dict], examples: Examples) -> dict[str, Predicted]:
    """What each head makes of its outputs; those of single batches are let go as they are joined."""
    found = {}
    for head in reader.heads:
        own = [batch.pop(head.name) for batch in batches]
        joined = {key: np.concatenate([one.pop(key) for one in own]) for key in [*own[0]]}
        found[head.name] = head.collect(joined, reader, examples)
    return found
