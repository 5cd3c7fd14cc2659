"""Run folders as pages and commands list them, read without loading a model."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vtkeras.aliases import current_results
from vtkeras.config import Config, load_config
from vtkeras.errors import UserError, command
from vtkeras.path_checks import check_config
from vtkeras.run_files import (
    BEST,
    CHECKPOINTS,
    CONFIG_FILE,
    CONSTANTS,
    ENDPOINTS,
    LINEAR_FILE,
    LINEAR_SHARES,
    METRICS,
    NOVELTY,
    SAVED_MODEL,
    SAVED_MODEL_GRAPH,
    STORED_FRAMES,
    STORED_SIDE,
    VOCABULARY_FILE,
    train_anew,
)
from vtkeras.workspace.records import DamagedFile, saved_functions

QUESTION, SPEECH = "question", "speech"  # what a model's text beside the video is
# Heads of older versions, which wrote no titles: an export without an endpoints.json can be asked for those whose
# endpoints are in its SavedModel.
OLD_HEADS = (
    ("caption", "Captions", ("caption", "caption_beam", "caption_sample", "explain_caption")),
    ("answer", "Answers", ("answer", "choose", "explain_answer")),
    ("written_answer", "Written answers", ("write_answer",)),
    ("label", "Labels", ("classify",)),
    ("events", "Events", ("events",)),
    ("contrastive", "Embeddings", ("embed_video", "embed_text")),
)


@dataclass(frozen=True)
class HeadCard:
    """One of the things that a model was trained for.

    Attributes:
        name: of the head.
        title: for menus.
        endpoints: names of what the exported model can be asked for.
    """

    name: str
    title: str
    endpoints: tuple[str, ...]


@dataclass(frozen=True)
class RunCard:
    """What the folder of an exported run says of itself.

    Attributes:
        folder: the run folder.
        config: of the experiment.
        model_hash: of the exported weights, and of options by which they draw clips.
        metrics: columns split, examples, system and one for each metric; no rows before `vtkeras evaluate`.
        columns: {metric: {"title", "unit", "better"}}.
        answers, labels: the closed sets that the model knows; empty for a model without.
        heads: what the model was trained for.
        text_role: what the text beside the video is: `question` or `speech`.
        novelty: how the model tells clips that are unlike its own: threshold, clips, split, note; {} where it
            cannot.
        stored_frames: the most that were stored of each clip that it learned from; None where these were made.
        stored_side: pixels to which the model first scales frames down, as these were stored; None where it does not.
        linear_shares: {head: what the linear model beside the network counts for, where the network counts for 1}; {}
            where none has a say, and for exports of older versions, which do not tell.
    """

    folder: Path
    config: Config
    model_hash: str
    metrics: pd.DataFrame
    columns: dict[str, dict]
    answers: tuple[str, ...]
    labels: tuple[str, ...]
    heads: tuple[HeadCard, ...]
    text_role: str
    novelty: dict
    stored_frames: int | None
    stored_side: int | None
    linear_shares: dict[str, float]

    @property
    def name(self) -> str:
        """Of the experiment."""
        return self.config.name

    @property
    def task(self) -> str:
        """Of the experiment."""
        return self.config.task

    @property
    def data(self) -> str:
        """The source or folder that the model was trained on."""
        return self.config.data.path or self.config.data.source

    @property
    def info(self) -> dict:
        """Where a result of this model comes from: dict of name, task, model_hash and data."""
        return {"name": self.name, "task": self.task, "model_hash": self.model_hash, "data": self.data}

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints of all heads."""
        return tuple(endpoint for head in self.heads for endpoint in head.endpoints)

    @property
    def clip_size(self) -> dict[str, int]:
        """How a clip is read for this model: `num_frames`, and `max_side` in pixels, above what it looks at.

        As many frames as were stored of the clips that it learned from: it takes its own of them, which would lie
        elsewhere if they were chosen directly. People look at them too, so that they are larger than the stored ones,
        a whole number of times: scaled down by the model, they then have the very pixels of those.
        """
        data, side = self.config.data, self.stored_side or 1
        max_side = side * math.ceil(4 * data.image_size / side)
        return {"num_frames": self.stored_frames or data.num_frames, "max_side": max_side}

    @property
    def reading(self) -> str:
        """Another text for every way in which a clip is read, for what is kept of clips."""
        return "-".join(map(str, (*self.clip_size.values(), self.stored_side)))

    @property
    def can_choose_decoding(self) -> bool:
        """False for a model that was exported before it could be asked for beam search and sampling."""
        return self.can("caption_beam") and self.can("caption_sample")

    def can(self, endpoint: str) -> bool:
        """Whether the model was trained for an endpoint, e.g. `caption` or `answer`."""
        return endpoint in self.endpoints


def read_card(folder: str | Path) -> RunCard:
    """Reads the card of an exported run.

    Raises:
        UserError: if one of its files is missing or damaged.

    Example:
        >>> read_card("saved_models/multitask/moving_digits").can("caption")
        True
    """
    folder = check_config(folder)
    if not (folder / SAVED_MODEL / SAVED_MODEL_GRAPH).is_file():
        raise UserError(f"{folder} holds no exported model: run `{command('export', folder)}` first.")
    config = load_config(str(folder / CONFIG_FILE))
    try:
        weights = model_hash(folder)
    except OSError:
        raise UserError(f"{folder} lost its exported weights: run `{command('export', folder)}` again.") from None
    words = _read_json(folder / VOCABULARY_FILE, f"train the run anew by `{train_anew(folder)}`")
    heads, text_role = read_heads(folder)
    results = read_results(folder)
    return RunCard(
        folder=folder,
        config=config,
        model_hash=weights,
        metrics=tabulate_metrics(results["splits"]),
        columns=results["columns"],
        answers=tuple(words.get("answers", ())),
        labels=tuple(words.get("labels", ())),
        heads=heads,
        text_role=text_role,
        novelty=_read_exported(folder, NOVELTY) or {},
        stored_frames=_read_exported(folder, STORED_FRAMES),
        stored_side=_read_exported(folder, STORED_SIDE),
        linear_shares=_read_exported(folder, LINEAR_SHARES) or {},
    )


def read_heads(folder: Path) -> tuple[tuple[HeadCard, ...], str]:
    """What an exported model was trained for, and the role of its text.

    An export without an endpoints.json is asked for the functions in its SavedModel.

    Raises:
        UserError: if the file is damaged.
    """
    path = folder / ENDPOINTS
    try:
        if not path.is_file():
            functions = saved_functions(folder / SAVED_MODEL / SAVED_MODEL_GRAPH)
            found = (
                HeadCard(name, title, tuple(one for one in endpoints if one in functions))
                for name, title, endpoints in OLD_HEADS
            )
            return tuple(head for head in found if head.endpoints), QUESTION
        values = json.loads(path.read_text(encoding="utf-8"))
        heads = tuple(
            HeadCard(head["name"], head["title"], tuple(one["name"] for one in head["endpoints"]))
            for head in values["heads"]
        )
        return heads, values["text_role"]
    except (OSError, ValueError, KeyError, TypeError, DamagedFile):
        again = command("export", folder)
        raise UserError(f"{folder} says badly what its model can do: run `{again}` again.") from None


def read_results(folder: str | Path) -> dict[str, dict]:
    """What `vtkeras evaluate` wrote.

    Returns:
        dict of `columns`, the title, unit and better direction of every metric, `heads`, the title and field of
        every head, and `splits`.

    Raises:
        UserError: if the file is damaged.
    """
    path = Path(folder) / METRICS
    if not path.is_file():
        return {"columns": {}, "heads": {}, "splits": {}}
    try:
        results = current_results(json.loads(path.read_text(encoding="utf-8")))
        tabulate_metrics(results["splits"])
        heads = results.get("heads", {name: {"title": title, "field": name} for name, title, _ in OLD_HEADS})
        heads = {name: {"title": str(head["title"]), "field": str(head["field"])} for name, head in heads.items()}
        return {**results, "heads": heads}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(f"{path} is damaged: run `{command('evaluate', folder)}` again.") from None


def tabulate_metrics(splits: dict[str, dict]) -> pd.DataFrame:
    """Columns split, examples, system and one for each metric that any system has."""
    rows = [
        {"split": split, "examples": result["examples"], "system": system, **scores}
        for split, result in splits.items()
        for system, scores in result["systems"].items()
    ]
    return pd.DataFrame(rows, columns=None if rows else ["split", "examples", "system"]).dropna(
        axis="columns", how="all"
    )


def model_hash(folder: str | Path) -> str:
    """The first 12 hex digits of the SHA-256 of an exported model's weights, and of options by which they draw clips.

    Raises:
        UserError: if its ENDPOINTS are damaged.
    """
    digest = hashlib.sha256()
    for path in sorted((Path(folder) / SAVED_MODEL / "variables").iterdir()):
        digest.update(path.read_bytes())
    if constants := _read_exported(Path(folder), CONSTANTS):  # of generators alone
        digest.update(json.dumps(constants, sort_keys=True).encode())
    return digest.hexdigest()[:12]


def has_sentence_encoder(folder: str | Path) -> bool:
    """Whether a sentence encoder reads texts beside a run's network: it knows words that no training caption has."""
    try:
        with zipfile.ZipFile(Path(folder) / LINEAR_FILE) as file:
            space = json.loads(file.read("config.json"))["config"]["space"]
        return bool(space and space["config"].get("meaning"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
        return False  # there are no linear models, or what there is cannot be read


def exported(roots: list[str | Path]) -> list[Path]:
    """Run folders below any of the roots that hold an exported model.

    Those that can be asked for most come first, then in the order of the roots, then of name.
    """
    pattern = f"**/{SAVED_MODEL}/{SAVED_MODEL_GRAPH}"
    found = dict.fromkeys(path.parent.parent for root in roots for path in sorted(Path(root).glob(pattern)))
    return sorted(filter(_is_whole, found), key=lambda folder: -_count_endpoints(folder))


def unexported(roots: list[str | Path]) -> list[Path]:
    """Run folders below any of the roots that have a checkpoint but no exported model, in order of name."""
    trained = {path.parent.parent for root in roots for path in Path(root).glob(f"**/{CHECKPOINTS}/{BEST}")}
    return sorted(trained - set(exported(roots)))


def _is_whole(folder: Path) -> bool:
    return not folder.name.startswith(".")  # a temporary one


@functools.lru_cache(maxsize=256)
def _endpoints_of(folder: Path, versions: tuple[int, ...]) -> int:
    try:
        return sum(len(head.endpoints) for head in read_heads(folder)[0])
    except UserError:
        return 0


def _count_endpoints(folder: Path) -> int:
    """How many endpoints a model has, 0 for a damaged one; read again after another export."""
    files = (folder / ENDPOINTS, folder / SAVED_MODEL / SAVED_MODEL_GRAPH)
    return _endpoints_of(folder, tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files))


def _read_exported(folder: Path, entry: str) -> Any:
    """An entry of ENDPOINTS; None for an export without, which older versions made."""
    path = folder / ENDPOINTS
    again = f"run `{command('export', folder)}` again"
    return _read_json(path, again).get(entry) if path.is_file() else None


def _read_json(path: Path, way_out: str) -> dict:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise UserError(f"{path} is missing or damaged: {way_out}.") from None
