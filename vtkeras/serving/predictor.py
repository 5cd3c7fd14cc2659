"""Captions, answers, labels and embeddings from an exported run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vtkeras.data.spelling import join
from vtkeras.errors import UserError, command, first_line
from vtkeras.run_files import NOVELTY, SAVED_MODEL, VOCABULARY_FILE
from vtkeras.serving.decoding import GREEDY, Decoding
from vtkeras.serving.endpoints import open_saved_model, tf
from vtkeras.serving.results import Answer, Caption, Novelty, TimedCaption, is_word, knows_a_word, readable
from vtkeras.workspace.runs import SPEECH, read_card

if TYPE_CHECKING:
    from vtkeras.data.text import Vocabulary

LONGEST_QUESTION = 2000  # characters; models read far fewer
BATCH = 16  # clips that go through the model together
LEAST = 1e-12  # probability of a word
LEAVE_OUT = "leave that out, or choose one that knows them"
SHARED_SPACE = (
    "a space of videos and texts, which search needs",
    "choose one that was trained with captions, or train one: `vtkeras train --data FOLDER --minutes 20`",
)


class Predictor:
    """An exported run, ready to be asked about one clip or many.

    A clip is uint8 (time, height, width, 3) of any size and length. Clips of one size go through the model together.

    Args:
        folder: a run folder with `saved_model/`, `config.yaml` and `vocabulary.json`.

    Attributes:
        card: the run's `RunCard`; `config` and `info` are its.
        model: the endpoints of the SavedModel.

    Raises:
        UserError: if the folder holds no exported model, or a damaged one.

    Example:
        >>> predictor = Predictor("saved_models/multitask/moving_digits")
        >>> [caption.text for caption in predictor.captions([one, another])]
        ['digit 3 is moving up and down', 'digit 5 is moving left and right']
    """

    def __init__(self, folder: str | Path):
        self.card = read_card(folder)
        self.folder = self.card.folder
        self.config, self.info = self.card.config, self.card.info
        self.answer_names, self.label_names = self.card.answers, self.card.labels
        try:
            self.model = open_saved_model(self.folder / SAVED_MODEL)
        except Exception as error:
            raise UserError(
                f"{self.folder / SAVED_MODEL} cannot be loaded ({first_line(error)}): "
                f"run `{command('export', self.folder)}` again."
            ) from None

    @property
    def clip_size(self) -> dict[str, int]:
        """How a clip is read for this model, as `RunCard.clip_size`."""
        return self.card.clip_size

    @property
    def reading(self) -> str:
        """Another text for every way in which a clip is read, as `RunCard.reading`."""
        return self.card.reading

    @property
    def tells(self) -> bool:
        """Whether a written answer joins what is shown with what is said."""
        return self.card.text_role == SPEECH and self.can("write_answer")

    @cached_property
    def word_pieces(self) -> frozenset[str]:
        """The word pieces that the model knows."""
        return frozenset(self.vocabulary.tokens)

    def can(self, endpoint: str) -> bool:
        """Whether the model was trained for an endpoint, e.g. `caption` or `answer`."""
        return hasattr(self.model, endpoint)

    def caption(self, frames: np.ndarray, decoding: Decoding = GREEDY) -> Caption:
        """As `captions`, of one clip."""
        return self.captions([frames], decoding)[0]

    def captions(self, clips: Sequence[np.ndarray], decoding: Decoding = GREEDY) -> list[Caption]:
        """Writes a caption for each clip.

        Raises:
            UserError: if the model was trained without captions, for limits that it cannot keep, or for
                a model that only decodes greedily.
        """
        self._require("caption", "captions")
        endpoint, options = decoding.call(self.config.data.caption_length)
        if options and not self.card.can_choose_decoding:
            raise UserError(
                f"The model in {self.folder} was exported before it could do more than greedy decoding: "
                f"run `{command('export', self.folder)}`, or leave the decoding options out."
            )
        # What is drawn by chance depends on the place in the batch: alone, one seed draws one text.
        most = 1 if options.get("temperature") else BATCH
        outputs = self._call(endpoint, clips, most=most, **options)
        return [_to_caption(frames, found, decoding) for frames, found in zip(clips, outputs)]

    def events(self, frames: np.ndarray, start: float, end: float) -> list[TimedCaption]:
        """What happens in a clip that lies between two times, in seconds.

        Args:
            frames: uint8 (time, height, width, 3), any size and length.
            start, end: seconds of the video at which the clip begins and ends.

        Returns:
            Events with times in seconds of the video; those without words are left out.

        Raises:
            UserError: if the model was trained on captions without times.
        """
        self._require("events", "times in its captions")
        [found] = self._call("events", [frames])
        rows = zip(found["start"].tolist(), found["end"].tolist(), found["text"], found["score"].tolist())
        return [
            TimedCaption(start + first * (end - start), start + last * (end - start), text.decode(), score)
            for first, last, text, score in rows
            if text
        ]

    def answer(self, frames: np.ndarray, question: str) -> Answer:
        """As `answers`, of one clip; written word by word where the model has no closed set."""
        if self.can("write_answer") and not self.can("answer"):
            return self.write_answer(frames, question)
        return self.answers([frames], [question])[0]

    def answers(self, clips: Sequence[np.ndarray], questions: Sequence[str]) -> list[Answer]:
        """Answers a question about each clip, out of the closed set of the training data, or a new answer.

        Args:
            clips: the clips.
            questions: one for each clip.

        Raises:
            UserError: if a question is empty, too long or in words that the model does not know, or the
                model was trained without answers.
        """
        self._require("answer", "questions")
        outputs = self._ask("answer", clips, questions)
        return [_to_answer(frames, found, self.answer_names) for frames, found in zip(clips, outputs)]

    def write_answer(self, frames: np.ndarray, question: str) -> Answer:
        """As `written_answers`, of one clip."""
        return self.written_answers([frames], [question])[0]

    def written_answers(self, clips: Sequence[np.ndarray], questions: Sequence[str]) -> list[Answer]:
        """As `answers`, word by word, so that an answer need not be one of a closed set."""
        self._require("write_answer", "written answers")
        outputs = self._ask("write_answer", clips, questions)
        return [_to_answer(frames, found) for frames, found in zip(clips, outputs)]

    def choose(self, frames: np.ndarray, question: str, choices: list[str]) -> Answer:
        """As `chosen_answers`, of one clip.

        Args:
            frames: uint8 (time, height, width, 3), any size and length.
            question: the question.
            choices: at least two candidates.

        Raises:
            UserError: as `chosen_answers`.
        """
        return self.chosen_answers([frames], [question], choices)[0]

    def chosen_answers(
        self, clips: Sequence[np.ndarray], questions: Sequence[str], choices: Sequence[str]
    ) -> list[Answer]:
        """The likeliest of several candidate answers to each question.

        Args:
            clips: the clips.
            questions: one for each clip.
            choices: at least two candidates, the same for every clip.

        Raises:
            UserError: as `answers`, or for candidates that are too few, empty or unknown to the model.
        """
        self._require("choose", "questions")
        choices = list(dict.fromkeys(choice.strip() for choice in choices))
        if len(choices) < 2 or not all(choices):
            raise UserError("A choice needs at least two different candidates, none of them empty.")
        outputs = self._ask("choose", clips, questions, [[_encoded(choice) for choice in choices]] * len(clips))
        unknown = [choice for found in outputs for choice, known in zip(choices, found["known"]) if not known]
        if unknown:
            names = self.answer_names
            raise UserError(
                f"The model does not know the answer '{unknown[0][:80]}': "
                f"it knows {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}."
            )
        return [_to_answer(frames, found, choices) for frames, found in zip(clips, outputs)]

    def classify(self, frames: np.ndarray, text: str = "") -> list[tuple[str, float]]:
        """As `labels`, of one clip."""
        return self.labels([frames], [text])[0]

    def labels(self, clips: Sequence[np.ndarray], texts: Sequence[str] | None = None) -> list[list[tuple[str, float]]]:
        """Every label of each clip with its probability, best first.

        Args:
            clips: the clips.
            texts: one for each clip, for a model that reads text with it; None for none.

        Raises:
            UserError: if the model was trained without labels.
        """
        self._require("classify", "labels")
        outputs = self._call("classify", clips, [_encoded(text) for text in texts or [""] * len(clips)])
        return [_ranked(found["probabilities"], self.label_names) for found in outputs]

    def novelty(self, frames: np.ndarray) -> Novelty | None:
        """As `novelties`, of one clip."""
        return self.novelties([frames])[0]

    def novelties(self, clips: Sequence[np.ndarray]) -> list[Novelty | None]:
        """How unlike the model's training videos each clip is; None for a model that cannot tell."""
        if not self.card.novelty:
            return [None] * len(clips)
        return [Novelty(float(found["score"]), float(found["threshold"])) for found in self._call(NOVELTY, clips)]

    def check_search(self) -> None:
        """Raises `UserError` if the model was trained without a space that videos and texts share."""
        self._require("embed_text", *SHARED_SPACE)

    def embed_video(self, frames: np.ndarray) -> np.ndarray:
        """As `embed_videos`, of one clip."""
        return self.embed_videos([frames])[0]

    def embed_videos(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """Unit vectors float32 (clips, embedding_dim).

        Raises:
            UserError: if the model was trained without a space that videos and texts share.
        """
        self.check_search()
        return np.stack([found["embedding"] for found in self._call("embed_video", clips)])

    def embed_text(self, text: str) -> np.ndarray:
        """As `embed_texts`, of one text."""
        return self.embed_texts([text])[0]

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors float32 (texts, embedding_dim); raises as `embed_videos`."""
        self.check_search()
        return self.model.embed_text(tf.constant([_encoded(text) for text in texts])).numpy()

    def likelihoods(self, clips: Sequence[np.ndarray], texts: Sequence[str]) -> np.ndarray:
        """How likely a captioner finds a given text of each clip: log-probabilities, float32 (clips,).

        Raises:
            UserError: if the model was trained without captions, or exported before it could tell.
        """
        self._require("explain_caption", "captions")
        outputs = self._call("explain_caption", clips, [_encoded(text) for text in texts])
        return np.array([_log_probability(found) for found in outputs], np.float32)

    def pieces(self, text: str) -> list[str]:
        """The word pieces of a text."""
        return [self.vocabulary.tokens[piece] for piece in self._tokenizer(readable(text)).numpy()]

    def _call(
        self,
        endpoint: str,
        clips: Sequence[np.ndarray],
        *texts: Sequence[bytes | list[bytes]],
        most: int = BATCH,
        **scalars: int | float,
    ) -> list[dict]:
        """The outputs of an endpoint, by name, for each clip."""
        found: list[dict] = [{}] * len(clips)
        for places in _together(clips, most):
            batch = tf.constant(np.stack([clips[place] for place in places]))
            chosen = [tf.constant([text[place] for place in places]) for text in texts]
            outputs = getattr(self.model, endpoint)(batch, *chosen, **scalars)
            outputs = outputs if isinstance(outputs, dict) else {"embedding": outputs}
            arrays = {name: value.numpy() for name, value in outputs.items()}
            for row, place in enumerate(places):
                found[place] = {name: array[row] for name, array in arrays.items()}
        return found

    def _ask(
        self, endpoint: str, clips: Sequence[np.ndarray], questions: Sequence[str], *texts: Sequence[list[bytes]]
    ) -> list[dict]:
        for question in questions:
            if not question.strip():
                raise UserError("The question is empty: ask something, e.g. 'how many digits are there?'.")
            if len(question) > LONGEST_QUESTION:
                raise UserError(
                    f"The question is {len(question):,} characters long: ask in at most {LONGEST_QUESTION:,}."
                )
        outputs = self._call(endpoint, clips, [_encoded(question) for question in questions], *texts)
        for question, found in zip(questions, outputs):
            if not knows_a_word(word.decode() for word in found["tokens"] if word):
                raise UserError(
                    f"The model knows no word of the question '{question.strip()[:80]}': ask as its training data do."
                )
            found["unread"] = self._count_unread(question, found["tokens"])
        return outputs

    def _count_unread(self, question: str, tokens: np.ndarray) -> int:
        """Words' pieces at the end of a question that did not fit among the tokens that were read."""
        read = join([token.decode() for token in tokens])
        if not tokens[-1] or _letters(read).endswith(_letters(readable(question))):
            return 0
        return sum(map(is_word, self.pieces(question)[len(tokens) - 1 :]))  # the first token is no word's

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What the model knows of words."""
        from vtkeras.data.text import Vocabulary  # takes keras-nlp along, which few calls need

        return Vocabulary.load(self.folder / VOCABULARY_FILE)

    @cached_property
    def _tokenizer(self) -> Callable:
        from vtkeras.data.text import make_tokenizer

        return make_tokenizer(self.vocabulary)

    def _require(self, endpoint: str, what: str, way_out: str = LEAVE_OUT) -> None:
        if not self.can(endpoint):
            raise UserError(f"The model in {self.folder} was trained without {what}: {way_out}.")


def _together(clips: Sequence[np.ndarray], most: int) -> Iterator[list[int]]:
    """The places of clips of one shape, at most `most` at a time."""
    places: dict[tuple, list[int]] = {}
    for place, frames in enumerate(clips):
        _check(frames)
        places.setdefault(frames.shape, []).append(place)
    for same in places.values():
        yield from (same[start : start + most] for start in range(0, len(same), most))


def _to_caption(frames: np.ndarray, found: dict, decoding: Decoding) -> Caption:
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


def _log_probability(found: dict) -> float:
    written = found["token_ids"] > 0
    return float(np.log(np.maximum(found["probabilities"][written], LEAST)).sum())


def _ranked(probabilities: np.ndarray, names: Sequence[str]) -> list[tuple[str, float]]:
    """Names with their probabilities, best first."""
    return [(names[index], float(probabilities[index])) for index in np.argsort(-probabilities)]


def _to_answer(frames: np.ndarray, found: dict, names: Sequence[str] = ()) -> Answer:
    """`names` are what `found["probabilities"]` belong to; none for a written answer."""
    kept = [index for index, word in enumerate(found["tokens"]) if word]
    return Answer(
        text=found["answer"].decode(),
        score=float(found["score"]),
        alternatives=_ranked(found["probabilities"], names) if names else [],
        words=[found["tokens"][index].decode() for index in kept],
        attention=found["attention"][kept],
        unread=found["unread"],
        **_looked_at(frames, found),
    )


def _encoded(text: str) -> bytes:
    return readable(text).encode()


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def _check(frames: np.ndarray) -> None:
    if frames.ndim != 4 or frames.shape[-1] != 3 or not frames.size or frames.dtype != np.uint8:
        raise UserError(
            f"Frames must be uint8 (time, height, width, 3) with at least one frame, not {frames.dtype} {frames.shape}."
        )


def _beams(found: dict) -> list[tuple[str, float]]:
    pairs = zip(found.get("beams", ()), found.get("beam_scores", ()))
    return [(text.decode(), float(score)) for text, score in pairs if np.isfinite(score)]


def _looked_at(frames: np.ndarray, found: dict) -> dict:
    indices = [int(index) for index in found["frame_index"]]
    return {"frames": np.asarray(frames)[indices], "frame_indices": indices}
