"""The caption head: a text written word by word about a clip."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from vtkeras import keys
from vtkeras.data.events import read_events, without_times
from vtkeras.explain.overlay import caption_picture
from vtkeras.explain.rollout import cross_rollout
from vtkeras.generation import beam, sample
from vtkeras.losses import SequenceCrossEntropy
from vtkeras.metrics import DIVERSITY_METRICS, TEXT_METRICS, cider_and_share, dense_scores, tokenize
from vtkeras.models import WrittenText
from vtkeras.tasks.base import LOWER, Column, Endpoint, Head, sample_table
from vtkeras.tasks.heads.signatures import BEAM, FRAMES, SAMPLE, TEXT
from vtkeras.tasks.predicted import Predicted

if TYPE_CHECKING:
    from vtkeras.tasks.video_text import VideoTextReader

UNLIMITED = 2**31 - 1  # no longer than the model can write
SCORES = tuple(name for name in TEXT_METRICS if name not in ("exact_match", "cider", "vqa_accuracy"))
EVENT_SCORES = {"event_precision": "precision", "event_recall": "recall", "event_exact": "exact", "soda": "soda"}


class CaptionHead(Head):
    """Writes a caption; learns it word by word (teacher forcing), or by reward."""

    name = "caption"
    title = "Captions"
    learns_from = "captions"
    field = keys.CAPTION
    writes_captions = True
    once_a_clip = True
    headline = "caption_exact"
    goals = {"caption_exact": 1.0, "cider_share": 1.0}
    columns = {
        "caption_exact": Column("caption exact %", "%"),
        "bleu1": Column("BLEU-1", listed=False),
        "bleu2": Column("BLEU-2", listed=False),
        "bleu3": Column("BLEU-3", listed=False),
        "bleu4": Column("BLEU-4"),
        "rouge_l": Column("ROUGE-L"),
        "meteor": Column("METEOR"),
        "cider": Column("CIDEr"),
        "cider_share": Column("CIDEr share %", "%", listed=False),
        "repetition_rate": Column("repetition %", "%", LOWER),
        "repeated_4grams": Column("repeated 4-grams", better=LOWER, listed=False),
        "distinct_1": Column("distinct words", listed=False),
        "distinct_2": Column("distinct pairs of words", listed=False),
        "unended_rate": Column("unended %", "%", LOWER),
        "event_precision": Column("event precision %", "%"),
        "event_recall": Column("event recall %", "%"),
        "event_exact": Column("events exact %", "%"),
        "soda": Column("SODA"),
    }

    def inputs(self, examples, preprocessor):
        return {keys.CAPTION_TOKENS: preprocessor.caption(examples[keys.CAPTION])[0]}

    def targets(self, examples, preprocessor):
        target = preprocessor.caption(examples[keys.CAPTION])[1]
        return target, tf.reduce_any(target > 0, axis=1)

    def layer(self, parts, vocabulary):
        length = parts.config.data.caption_length
        return WrittenText(parts.decoder, keys.READS_VIDEO, keys.CAPTION_TOKENS, length, name="written_caption")

    def loss(self, config, gather=None):
        return SequenceCrossEntropy(config.train.label_smoothing)

    def metrics(self, config):
        return [keras.metrics.MeanMetricWrapper(sequence_exact_match, name="exact")]

    def endpoints(self):
        return (
            Endpoint("caption", caption, (FRAMES,)),
            Endpoint("caption_beam", caption_beam, (FRAMES, *BEAM)),
            Endpoint("caption_sample", caption_sample, (FRAMES, *SAMPLE)),
            Endpoint("explain_caption", explain_caption, (FRAMES, TEXT)),
        )

    def predict(self, reader, batch):
        written = reader.write_caption(batch[keys.READS_VIDEO])
        return {"text": written["caption"], "ended": written["ended"]}

    def collect(self, outputs, reader, examples):
        return Predicted([text.decode() for text in outputs["text"]], ended=outputs["ended"].tolist())

    def truth(self, example):
        return [text.decode() for text in example[keys.CAPTIONS]]

    def as_text(self, truth):
        return truth[0] if truth else ""

    def correct(self, truth, text):
        return tokenize(text) in map(tokenize, truth)

    def score(self, predicted, examples, meteor=False):
        pairs = self._pairs(predicted, examples)
        row = {"unended_rate": float(1 - np.mean(predicted.ended))} if predicted.ended else {}
        return {**_text_scores(pairs, meteor), **_event_scores(pairs), **row} if pairs else row

    def goal_scores(self, predicted, examples):
        pairs = self._pairs(predicted, examples)
        return {**_goal_scores(pairs), **_event_scores(pairs)} if pairs else {}

    def _pairs(self, predicted, examples) -> list[tuple[list[str], str]]:
        """Every right text, and what is said, of the examples that have a right one."""
        return [(true, text) for true, text in zip(examples.truths[self.name], predicted.texts) if true]

    def samples(self, reader, batch):
        found = reader.write_caption(batch[keys.READS_VIDEO])
        words = [token.decode() for token in found["tokens"][0].numpy()]
        attention = found["attention"][0].numpy().mean(axis=1)
        return {
            "samples/captions": sample_table("is", batch[keys.CAPTION], found["caption"]),
            "attention/caption": caption_picture(batch[keys.FRAMES][0].numpy(), words, attention),
        }


@keras.saving.register_keras_serializable("vtkeras")
def sequence_exact_match(y_true, y_pred):
    """1.0 for each text whose every token is the likeliest one, given the right tokens before it."""
    right = ops.equal(ops.cast(y_true, "int32"), ops.cast(ops.argmax(y_pred, axis=-1), "int32"))
    return ops.cast(ops.all(ops.logical_or(right, ops.equal(y_true, 0)), axis=-1), "float32")


def caption(reader: VideoTextReader, frames) -> dict[str, tf.Tensor]:
    """Writes a caption for every clip, greedily.

    Args:
        frames: uint8 (batch, time, height, width, 3), any size and length.

    Returns:
        dict of caption string (batch,), tokens string (batch, caption_length), "" after the end,
        token_ids int32 (batch, caption_length), 0 after the end token, ended bool (batch,), False for
        a caption that was cut, probabilities float32 (batch, caption_length), score float32 (batch,),
        the probability of the whole caption, attention float32 (batch, caption_length, heads over
        all blocks, num_frames, rows, columns), and frame_index and frames_mask as `VideoTextReader.seen`.
    """
    return {**reader.write_caption(reader.read_frames(frames)), **reader.seen(frames)}


def caption_beam(
    reader: VideoTextReader, frames, width=4, length_penalty=0.6, min_length=0, max_length=UNLIMITED, no_repeat_ngram=0
) -> dict[str, tf.Tensor]:
    """Writes a caption for every clip by beam search.

    Args:
        frames: as for `caption`.
        width: int scalar, beams of every clip.
        length_penalty: float scalar; see `generation.beam`.
        min_length, max_length, no_repeat_ngram: int scalars; see `generation.restrict`.

    Returns:
        dict as `caption` gives it, for the best beam, with at most max_length tokens, and beams
        string (batch, width), best first, and beam_scores float32 (batch, width), what they are ranked by.
    """
    width = max(width, 1) if isinstance(width, int) else tf.maximum(width, 1)
    limits = _limits(reader, min_length, max_length, no_repeat_ngram)
    decode = functools.partial(beam, width=width, length_penalty=length_penalty)
    found = reader.write(decode, reader.read_frames(frames), copies=width, **limits)
    beams = found["beams"]
    texts = reader.preprocessor.to_text(tf.reshape(beams, (-1, tf.shape(beams)[2])))
    ranked = {"beams": tf.reshape(texts, (-1, width)), "beam_scores": found["beam_scores"]}
    return {**reader.as_caption(found), **ranked, **reader.seen(frames)}


def caption_sample(
    reader: VideoTextReader,
    frames,
    temperature=1.0,
    top_p=1.0,
    top_k=0,
    seed=0,
    min_length=0,
    max_length=UNLIMITED,
    no_repeat_ngram=0,
) -> dict[str, tf.Tensor]:
    """Draws a caption for every clip; the same seed draws the same ones.

    Args:
        frames: as for `caption`.
        temperature, top_p: float scalars; a temperature of 0 takes the likeliest token.
        top_k: int scalar; 0 for no such limit. See `generation.sample`.
        seed: int32 scalar.
        min_length, max_length, no_repeat_ngram: as in `caption_beam`.

    Returns:
        dict as `caption` gives it, with at most max_length tokens.
    """
    limits = _limits(reader, min_length, max_length, no_repeat_ngram)
    decode = functools.partial(sample, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    found = reader.write(decode, reader.read_frames(frames), **limits)
    return {**reader.as_caption(found), **reader.seen(frames)}


def explain_caption(reader: VideoTextReader, frames, text) -> dict[str, tf.Tensor]:
    """How likely each word of given captions is after the words before, and where it looks.

    Args:
        frames: as for `caption`.
        text: string (batch,).

    Returns:
        dict of tokens, probabilities and attention as `caption` gives them for what it wrote, and
        rollout float32 (batch, caption_length, num_frames, rows, columns), followed back to the input
        patches; zero after the end.
    """
    video, layers = reader.read_frames(frames, return_scores=True)
    found = reader.read_back(reader.preprocessor.caption(text)[1], video)
    rolled = cross_rollout(found["blocks"], layers) * tf.cast(found["tokens"] > 0, tf.float32)[..., None]
    on_grid = reader.on_grid(rolled[:, :, None, None], video.get(keys.MAPS))
    return {**reader.as_caption(found), "rollout": on_grid[:, :, 0], **reader.seen(frames)}


def _limits(reader: VideoTextReader, min_length, max_length, no_repeat_ngram) -> dict:
    longest = reader.preprocessor.config.caption_length  # positions beyond were never trained
    max_length = tf.clip_by_value(max_length, 1, longest)
    return {"min_length": min_length, "max_length": max_length, "no_repeat_ngram": no_repeat_ngram}


def _text_scores(pairs: list[tuple[list[str], str]], meteor: bool) -> dict[str, float]:
    references, texts = _untimed(pairs)
    scores = {name: metric(texts) for name, metric in DIVERSITY_METRICS.items()}
    scores |= {name: TEXT_METRICS[name](references, texts) for name in SCORES if meteor or name != "meteor"}
    return {**_goal_scores(pairs), **{name: float(score) for name, score in scores.items()}}


def _goal_scores(pairs: list[tuple[list[str], str]]) -> dict[str, float]:
    """The two scores by which captions are chosen, and CIDEr, which is counted with its share."""
    whole = [accepted for accepted, _ in pairs], [text for _, text in pairs]
    scores = {"caption_exact": float(TEXT_METRICS["exact_match"](*whole))}  # of a dense caption, times as well
    cider, share = cider_and_share(*_untimed(pairs))
    return {**scores, "cider": float(cider)} | ({} if share is None else {"cider_share": share})


def _untimed(pairs: list[tuple[list[str], str]]) -> tuple[list[list[str]], list[str]]:
    """References and texts without times."""
    references = [[without_times(text) for text in accepted] for accepted, _ in pairs]
    return references, [without_times(text) for _, text in pairs]


def _event_scores(pairs: list[tuple[list[str], str]]) -> dict[str, float]:
    """Scores of dense captions, for the videos whose first reference has times."""
    timed = [(_timed(true[0]), _timed(text)) for true, text in pairs]
    timed = [pair for pair in timed if pair[0]]
    scores = dense_scores([true for true, _ in timed], [found for _, found in timed]) if timed else {}
    return {column: scores[name] for column, name in EVENT_SCORES.items() if scores}


def _timed(text: str) -> list[tuple[float, float, str]]:
    return [(event.start, event.end, event.text) for event in read_events(text)]
