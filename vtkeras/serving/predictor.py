"""Captions, answers, labels and embeddings from an exported run."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops that the exported graph tokenises with

from vtkeras.config import load_config
from vtkeras.data.text import Vocabulary, make_tokenizer
from vtkeras.errors import UserError
from vtkeras.run_files import SAVED_MODEL, run_folder
from vtkeras.serving.decoding import GREEDY, Decoding
from vtkeras.serving.results import UNKNOWN, Answer, Caption, TimedCaption, readable
from vtkeras.workspace.runs import model_hash

LONGEST_QUESTION = 2000  # characters; models read far fewer


class Predictor:
    """An exported run, ready to be asked.

    Args:
        folder: a run folder with `saved_model/`, `config.yaml` and `vocabulary.json`.

    Attributes:
        info: dict with name, task, model_hash (of the weights), data, metrics, answers and labels.

    Raises:
        UserError: if the folder holds no exported model, or a damaged one.

    Example:
        >>> predictor = Predictor("saved_models/multitask/moving_digits")
        >>> predictor.caption(frames).text
        'digit 3 is moving up and down'
    """

    def __init__(self, folder: str | Path):
        self.folder = run_folder(folder)
        if not (self.folder / SAVED_MODEL / "saved_model.pb").is_file():
            raise UserError(f"{self.folder} holds no exported model: run `vtkeras export {self.folder}` first.")
        self.config = load_config(str(self.folder / "config.yaml"))
        vocabulary = self._json("vocabulary.json")
        self.answers, self.labels = vocabulary.get("answers", []), vocabulary.get("labels", [])
        try:
            self.model = tf.saved_model.load(str(self.folder / SAVED_MODEL))
        except Exception as error:
            raise UserError(
                f"{self.folder / SAVED_MODEL} cannot be loaded ({str(error).splitlines()[0][:200]}): "
                "export the run again."
            ) from None

    @functools.cached_property
    def info(self) -> dict:
        return {
            "name": self.config.name,
            "task": self.config.task,
            "model_hash": model_hash(self.folder),
            "data": self.config.data.path or self.config.data.source,
            "metrics": self._json("metrics.json", missing={}),
            "answers": self.answers,
            "labels": self.labels,
        }

    @property
    def clip_size(self) -> dict[str, int]:
        """How a clip is read for this model: `num_frames`, and `max_side` in pixels, above what it looks at."""
        data = self.config.data
        return {"num_frames": data.num_frames, "max_side": 4 * data.image_size}

    @property
    def tells(self) -> bool:
        """Whether a written answer joins what is shown with what is said: true for the task `narration`."""
        return self.config.task == "narration" and self.can("write_answer")

    def can(self, endpoint: str) -> bool:
        """Whether the model was trained for an endpoint, e.g. `caption` or `answer`."""
        return hasattr(self.model, endpoint)

    @property
    def can_choose_decoding(self) -> bool:
        """False for a model that was exported before it could be asked for beam search and sampling."""
        return self.can("caption_beam") and self.can("caption_sample")

    def caption(self, frames: np.ndarray, decoding: Decoding = GREEDY) -> Caption:
        """Writes a caption for frames uint8 (time, height, width, 3), any size and length.

        Raises:
            UserError: if the model was trained without captions, for limits that it cannot keep, or for
                a model that only decodes greedily.
        """
        self._require("caption", "captions")
        endpoint, options = decoding.call(self.config.data.caption_length)
        if options and not self.can_choose_decoding:
            raise UserError(
                f"The model in {self.folder} was exported before it could do more than greedy decoding: "
                f"run `vtkeras export {self.folder}`, or leave the decoding options out."
            )
        found = self._call(endpoint, frames, **options)
        words = [word.decode() for word in found["tokens"] if word]
        return Caption(
            text=found["caption"].decode(),
            score=float(found["score"]),
            words=words,
            probabilities=[float(p) for p in found["probabilities"][: len(words)]],
            attention=found["attention"][: len(words)],
            decoding=decoding,
            beams=_beams(found),
            **_looked_at(frames, found),
        )

    def events(self, frames: np.ndarray, start: float, end: float) -> list[TimedCaption]:
        """What happens in frames uint8 (time, height, width, 3) that lie between two times, in seconds.

        Raises:
            UserError: if the model was trained on captions without times.
        """
        self._require("events", "times in its captions")
        found = self._call("events", frames)
        rows = zip(found["start"].tolist(), found["end"].tolist(), found["text"], found["score"].tolist())
        return [
            TimedCaption(start + first * (end - start), start + last * (end - start), text.decode(), score)
            for first, last, text, score in rows
            if text
        ]

    def answer(self, frames: np.ndarray, question: str) -> Answer:
        """Answers a question about frames uint8 (time, height, width, 3).

        The answer is one of the closed set, or written word by word where the model has no such set.

        Raises:
            UserError: if the question is empty, too long or in words that the model does not know, or the
                model was trained without answers.
        """
        if self.can("write_answer") and not self.can("answer"):
            return self.write_answer(frames, question)
        self._require("answer", "questions")
        found = self._ask("answer", frames, question)
        return _to_answer(frames, found, self.answers)

    def write_answer(self, frames: np.ndarray, question: str) -> Answer:
        """As `answer`, word by word, so that the answer need not be one of a closed set."""
        self._require("write_answer", "written answers")
        return _to_answer(frames, self._ask("write_answer", frames, question))

    def choose(self, frames: np.ndarray, question: str, choices: list[str]) -> Answer:
        """The likeliest of several candidate answers to a question.

        Args:
            frames: uint8 (time, height, width, 3).
            question: string.
            choices: at least two candidates.

        Raises:
            UserError: as `answer`, or for candidates that are too few, empty or unknown to the model.
        """
        self._require("choose", "questions")
        choices = list(dict.fromkeys(choice.strip() for choice in choices))
        if len(choices) < 2 or not all(choices):
            raise UserError("A choice needs at least two different candidates, none of them empty.")
        found = self._ask("choose", frames, question, tf.constant([[_encoded(choice) for choice in choices]]))
        unknown = [choice for choice, known in zip(choices, found["known"]) if not known]
        if unknown:
            raise UserError(
                f"The model does not know the answer '{unknown[0][:80]}': "
                f"it knows {', '.join(self.answers[:20])}{', ...' if len(self.answers) > 20 else ''}."
            )
        return _to_answer(frames, found, choices)

    def classify(self, frames: np.ndarray, text: str = "") -> list[tuple[str, float]]:
        """Every label with its probability, best first.

        Raises:
            UserError: if the model was trained without labels.
        """
        self._require("classify", "labels")
        found = self._call("classify", frames, tf.constant([_encoded(text)]))
        order = np.argsort(-found["probabilities"])
        return [(self.labels[index], float(found["probabilities"][index])) for index in order]

    def embed_video(self, frames: np.ndarray) -> np.ndarray:
        """Unit vector float32 (embedding_dim,).

        Raises:
            UserError: if the model was trained without a space that videos and texts share.
        """
        self._require("embed_video", "a space of videos and texts")
        return self.model.embed_video(_one(frames)).numpy()[0]

    def embed_text(self, text: str) -> np.ndarray:
        """Unit vector float32 (embedding_dim,); raises as `embed_video`."""
        self._require("embed_text", "a space of videos and texts")
        return self.model.embed_text(tf.constant([_encoded(text)])).numpy()[0]

    def _call(self, endpoint: str, frames: np.ndarray, *texts: tf.Tensor, **scalars: int | float) -> dict:
        outputs = getattr(self.model, endpoint)(_one(frames), *texts, **scalars)
        return {key: value.numpy()[0] for key, value in outputs.items()}

    def _ask(self, endpoint: str, frames: np.ndarray, question: str, *texts: tf.Tensor) -> dict:
        if not question.strip():
            raise UserError("The question is empty: ask something, e.g. 'how many digits are there?'.")
        if len(question) > LONGEST_QUESTION:
            raise UserError(
                f"The question is {len(question):,} characters long: ask in at most {LONGEST_QUESTION:,}."
            )
        found = self._call(endpoint, frames, tf.constant([_encoded(question)]), *texts)
        if not knows_a_word(word.decode() for word in found["tokens"] if word):
            raise UserError(
                f"The model knows no word of the question '{question.strip()[:80]}': ask as its training data do."
            )
        room = len(found["tokens"]) - 1  # the first is no word's
        unread = self._pieces(question)[room:] if found["tokens"][-1] else []
        return {**found, "unread": sum(map(_is_word, unread))}

    def _pieces(self, text: str) -> list[str]:
        vocabulary = Vocabulary.load(self.folder / "vocabulary.json")
        return [vocabulary.tokens[piece] for piece in make_tokenizer(vocabulary)(readable(text)).numpy()]

    def _require(self, endpoint: str, what: str) -> None:
        if not self.can(endpoint):
            raise UserError(f"The model in {self.folder} was trained without {what}: choose one that knows them.")

    def _json(self, name: str, missing: dict | None = None) -> dict:
        path = self.folder / name
        if missing is not None and not path.is_file():
            return missing
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise UserError(f"{path} is missing or damaged: export the run again.") from None


def _to_answer(frames: np.ndarray, found: dict, names: list[str] = ()) -> Answer:
    """`names` are what `found["probabilities"]` belong to; none for a written answer."""
    order = np.argsort(-found["probabilities"]) if names else []
    kept = [index for index, word in enumerate(found["tokens"]) if word]
    return Answer(
        text=found["answer"].decode(),
        score=float(found["score"]),
        alternatives=[(names[index], float(found["probabilities"][index])) for index in order],
        words=[found["tokens"][index].decode() for index in kept],
        attention=found["attention"][kept],
        unread=found["unread"],
        **_looked_at(frames, found),
    )


def knows_a_word(pieces: Iterable[str]) -> bool:
    """Whether any word piece belongs to a word that the model knows; marks and `[UNK]` do not."""
    return any(_is_word(piece) for piece in pieces if piece != UNKNOWN)


def _is_word(piece: str) -> bool:
    """Whether a word piece belongs to a word, known or not, and is no mark."""
    return piece == UNKNOWN or piece[-1].isalnum()


def _encoded(text: str) -> bytes:
    return readable(text).encode()


def _one(frames: np.ndarray) -> tf.Tensor:
    frames = np.asarray(frames)
    if frames.ndim != 4 or frames.shape[-1] != 3 or not frames.size or frames.dtype != np.uint8:
        raise UserError(
            f"Frames must be uint8 (time, height, width, 3) with at least one frame, not {frames.dtype} {frames.shape}."
        )
    return tf.constant(frames[None])


def _beams(found: dict) -> list[tuple[str, float]]:
    pairs = zip(found.get("beams", ()), found.get("beam_scores", ()))
    return [(text.decode(), float(score)) for text, score in pairs if np.isfinite(score)]


def _looked_at(frames: np.ndarray, found: dict) -> dict:
    indices = [int(index) for index in found["frame_index"]]
    return {"frames": np.asarray(frames)[indices], "frame_indices": indices}
