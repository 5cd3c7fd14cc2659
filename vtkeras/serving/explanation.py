"""Where an exported model looked for each word of a caption, or for an answer, and whether that is so."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vtkeras.errors import UserError
from vtkeras.explain import attention_tables, faithfulness
from vtkeras.explain.faithfulness import Faithfulness
from vtkeras.serving.results import knows_a_word

if TYPE_CHECKING:  # pages import this file, and no TensorFlow
    from vtkeras.serving.predictor import Predictor

MEAN, ROLLOUT = "mean", "rollout"
METHODS = {
    MEAN: "attention, the mean over layers and heads, or one of them",
    ROLLOUT: "attention rollout: followed back through every layer to the input patches",
}
CAPTION, ANSWER = "caption", "answer"
LAYERS = {CAPTION: "decoder_layers", ANSWER: "fusion_layers"}  # under `model`: how many look at the video
CHUNK = 16  # clips at a time


@dataclass(frozen=True)
class Explanation:
    """Words, and where each of them looked.

    Attributes:
        kind: `caption`, or `answer`: there the first word is the answer itself, whose maps are the mean
            over the question's words, and the question's words follow.
        text: the caption, or the question.
        words: whole words.
        probabilities: of each word after the words before it; of an answer, the answer's own every time.
        attention: float32 (words, layers, heads, time, rows, columns), sums to 1 over the last three axes.
        rollout: float32 (words, time, rows, columns), or None from a model exported without it.
        frames: uint8 (time, height, width, 3), the frames the model looked at.
        times: float (time,), their seconds.
        spans: where each word's pieces are, for a caption.
        linear_part: how much of the say in the caption, or the answer, a linear model beside the network had, 0 to 1.
            It does not look by attention.
    """

    kind: str
    text: str
    words: list[str]
    probabilities: list[float]
    attention: np.ndarray
    rollout: np.ndarray | None
    frames: np.ndarray
    times: np.ndarray
    spans: list[slice]
    linear_part: float = 0.0

    @property
    def unread(self) -> str:
        """What of a caption comes after its words, which are as many as the model reads."""
        letters = [place for place, letter in enumerate(self.text) if not letter.isspace()]
        read = "".join("".join(self.words).split()).lower()
        begin = "".join(self.text[place] for place in letters[: len(read)]).lower()
        is_cut = self.kind == CAPTION and begin == read and len(letters) > len(read)
        return self.text[letters[len(read)] :].strip() if is_cut else ""

    @property
    def methods(self) -> list[str]:
        """The names in `METHODS` that this model gives."""
        return [MEAN] if self.rollout is None else [MEAN, ROLLOUT]

    def maps(self, method: str = MEAN, layer: int | None = None, head: int | None = None) -> np.ndarray:
        """Where each word looked: float (words, time, rows, columns), each word's sums to 1.

        Args:
            method: a name in `METHODS`.
            layer, head: for `mean`, one of them; None is the mean over all.

        Raises:
            UserError: for a method, layer or head that this model does not have.
        """
        if method not in METHODS:
            raise UserError(f"There is no method '{method}': use one of {', '.join(METHODS)}.")
        if method == ROLLOUT:
            if self.rollout is None:
                raise UserError(
                    "This model was exported without attention rollout: run `vtkeras export` on it again, "
                    "or use the method `mean`."
                )
            if layer is not None or head is not None:
                raise UserError(
                    "Rollout goes through all layers and heads: choose a layer or head with `mean` only."
                )
            return self.rollout
        layers, heads = self.attention.shape[1:3]
        for name, chosen, count in (("layer", layer, layers), ("head", head, heads)):
            if chosen is not None and not 0 <= chosen < count:
                raise UserError(f"There is no {name} {chosen + 1}: this model has 1 to {count}.")
        of_layer = self.attention.mean(axis=1) if layer is None else self.attention[:, layer]
        return attention_tables.of_head(of_layer, head)


def check_explainable(predictor: Predictor, endpoints: Collection[str]) -> None:
    """Raises `UserError` for a model that has none of some endpoints, whose outputs can be explained."""
    if not any(map(predictor.can, endpoints)):
        raise UserError(
            f"Captions and answers can be explained, and the model in {predictor.folder} gives neither: choose another."
        )


def linear_part(predictor: Predictor, kind: str) -> float:
    """How much of the say in captions, or in answers, a linear model beside the network has, 0 to 1."""
    share = predictor.card.linear_shares.get(kind, 0.0)
    return share / (1 + share)


def who_decided(kind: str, part: float) -> list[str]:
    """A sentence for people on the part that a linear model had in a caption or an answer; none where it had none."""
    told = (
        f"A linear model beside the network has {part:.0%} of the say in this model's {kind}s. It does not look by "
        "attention: the maps are the network's."
    )
    return [told] if part else []


def notes(found: Explanation) -> list[str]:
    """Sentences for people on who decided, and on what of a caption was not read."""
    unread = f"The model reads no longer captions than these words: '{found.unread[:80]}' is left out."
    return who_decided(found.kind, found.linear_part) + ([unread] if found.unread else [])


def explain_caption(
    predictor: Predictor, frames: np.ndarray, times: np.ndarray, text: str | None = None
) -> Explanation:
    """Where the model looks for each word of its own caption, or of `text`.

    Args:
        predictor: the model.
        frames: uint8 (time, height, width, 3), any size and length.
        times: float (time,), seconds.
        text: a caption to read; None for the one that the model writes.

    Raises:
        UserError: for a text of one's own that is empty or of unknown words, or with a model exported without
            `explain_caption`.
    """
    if text is not None:
        _require(predictor, "explain_caption")
        if not text.strip():
            raise UserError("The caption is empty: write what is to be looked for, or leave --caption out.")
    is_own = text is None
    if text is None:
        caption = predictor.caption(frames)
        text = caption.text
        if not hasattr(predictor.model, "explain_caption"):
            words, attention, likelihoods = attention_tables.join_pieces(
                caption.words, caption.attention, caption.probabilities
            )
            spans = attention_tables.word_spans(caption.words)
            return _explanation(predictor, CAPTION, text, (words, likelihoods, spans), attention, None, frames, times,
                                caption.frame_indices, linear_part(predictor, CAPTION))  # fmt: skip
    found = _first(predictor.model.explain_caption(frames[None], _strings(text, 1)))
    pieces = [piece.decode() for piece in found["tokens"] if piece]
    if not is_own and not knows_a_word(pieces):
        raise UserError(
            f"The model knows no word of the caption '{text.strip()[:80]}': write as its captions are."
        )
    count = len(pieces)
    words, attention, likelihoods = attention_tables.join_pieces(
        pieces, found["attention"][:count], found["probabilities"][:count]
    )
    rollout = attention_tables.join_pieces(pieces, found["rollout"][:count])[1]
    spans = attention_tables.word_spans(pieces)
    part = linear_part(predictor, CAPTION) if is_own else 0.0
    return _explanation(predictor, CAPTION, text, (words, likelihoods, spans), attention, rollout, frames, times,
                        found["frame_index"], part)  # fmt: skip


def explain_answer(predictor: Predictor, frames: np.ndarray, times: np.ndarray, question: str) -> Explanation:
    """Where the model looks for its answer to a question, and for each word of the question.

    Args:
        predictor: the model.
        frames: uint8 (time, height, width, 3), any size and length.
        times: float (time,), seconds.
        question: the question.

    Returns:
        Of kind `answer`; without rollout if the model was exported without `explain_answer`.

    Raises:
        UserError: for an empty question, or a model without answers.
    """
    answer = predictor.answer(frames, question)
    words, attention, _ = attention_tables.join_pieces(answer.words, answer.attention)
    rollout = None
    if hasattr(predictor.model, "explain_answer"):
        found = _first(predictor.model.explain_answer(frames[None], _strings(question, 1)))
        kept = [place for place, piece in enumerate(found["tokens"]) if piece]
        rollout = _with_mean(attention_tables.join_pieces(answer.words, found["rollout"][kept])[1])
    words = [answer.text, *words]
    likelihoods = [answer.score] * len(words)
    attention = _with_mean(attention)
    part = linear_part(predictor, ANSWER) if answer.text in predictor.card.answers else 0.0
    return _explanation(predictor, ANSWER, question, (words, likelihoods, []), attention, rollout, frames, times,
                        answer.frame_indices, part)  # fmt: skip


def can_judge(predictor: Predictor, found: Explanation) -> bool:
    """Whether it can be told how likely what is explained is over other clips: not for an answer that was written."""
    return bool(found.words) and (found.kind == CAPTION or found.words[0] in predictor.card.answers)


def why_not_judged(found: Explanation) -> str:
    """A sentence for people, where `can_judge` says no."""
    if not found.words:
        return "The caption is empty: there is no word whose maps could be faithful."
    return (
        f"The answer '{found.words[0]}' was written word by word, and is none of those that training showed: how "
        "faithful its maps are cannot be measured."
    )


def probability_of(predictor: Predictor, found: Explanation) -> Callable[[np.ndarray], np.ndarray]:
    """How likely the explained words, or the answer, are over other clips.

    Returns:
        callable, uint8 (clips, time, height, width, 3) to float (clips, words): of every word of a
        caption, given the words before it, or of the answer in every column.

    Raises:
        UserError: for a caption of a model exported without `explain_caption`, and for an answer that is none of the
            closed set.
    """
    if not can_judge(predictor, found):
        raise UserError(why_not_judged(found))
    if found.kind == CAPTION:
        _require(predictor, "explain_caption")
    else:
        place = predictor.card.answers.index(found.words[0])

    def of_caption(clips: np.ndarray) -> np.ndarray:
        likelihoods = predictor.model.explain_caption(clips, _strings(found.text, len(clips)))[
            "probabilities"
        ]
        return np.stack([likelihoods.numpy()[:, span].prod(axis=1) for span in found.spans], axis=1)

    def of_answer(clips: np.ndarray) -> np.ndarray:
        likelihoods = predictor.model.answer(clips, _strings(found.text, len(clips)))["probabilities"]
        chosen = likelihoods.numpy()[:, place]
        return np.repeat(chosen[:, None], len(found.words), axis=1)

    of_chunk = of_caption if found.kind == CAPTION else of_answer
    return lambda clips: np.concatenate(
        [of_chunk(clips[start : start + CHUNK]) for start in range(0, len(clips), CHUNK)]
    )


def judge(
    predictor: Predictor,
    found: Explanation,
    maps: np.ndarray,
    words: list[int],
    orders: int = faithfulness.ORDERS,
    steps: int = faithfulness.STEPS,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Faithfulness]:
    """How faithful the maps of some words are; all words share the random orders.

    Args:
        predictor: the model.
        found: what it explained.
        maps: float (words, time, rows, columns), as `Explanation.maps` gives them.
        words: which of them to judge.
        orders, steps, seed: as in `faithfulness.measure`.
        progress: called with the sweeps done and their number.

    Raises:
        UserError: as `probability_of`.
    """
    probability = probability_of(predictor, found)
    grid, total = maps.shape[1:], orders + len(words)
    random = []
    for number, order in enumerate(faithfulness.random_orders(maps[0].size, orders, seed), start=1):
        random.append(faithfulness.sweep(probability, found.frames, order, grid, steps))
        progress(number, total)
    judged = []
    for number, word in enumerate(words, start=orders + 1):
        sweep = faithfulness.sweep(probability, found.frames, faithfulness.falling(maps[word]), grid, steps)
        judged.append(Faithfulness(sweep.of(word), [one.of(word) for one in random]))
        progress(number, total)
    return judged


def _explanation(predictor, kind, text, words, attention, rollout, frames, times, indices, part) -> Explanation:
    """Leaves out the repeats that fill up short clips, and takes layers and heads apart."""
    places = attention_tables.real_frames(list(indices))
    chosen = [int(indices[place]) for place in places]
    layers = getattr(predictor.config.model, LAYERS[kind])  # two networks that answer as one have twice the heads
    heads = attention.shape[1] // layers
    attention = attention[:, :, places].reshape(len(attention), layers, heads, len(places), *attention.shape[3:])
    return Explanation(
        kind, text, words[0], words[1], attention, None if rollout is None else rollout[:, places], frames[chosen],
        np.asarray(times)[chosen], words[2], part,
    )  # fmt: skip


def _with_mean(maps: np.ndarray) -> np.ndarray:
    """Puts the mean over all words before them."""
    return np.concatenate([maps.mean(axis=0, keepdims=True), maps])


def _require(predictor: Predictor, endpoint: str) -> None:
    if not hasattr(predictor.model, endpoint):
        raise UserError(
            f"The model in {predictor.folder} was exported before it could tell how likely given words are: "
            f"run `vtkeras export` on it again."
        )


def _first(outputs: dict) -> dict:
    return {name: value.numpy()[0] for name, value in outputs.items()}


def _strings(text: str, count: int) -> np.ndarray:
    return np.array([text.encode("utf-8", "replace")] * count, object)
