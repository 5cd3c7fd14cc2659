"""Tasks of the multi-task video-text model: all heads together, or one at a time."""

from __future__ import annotations

import functools

import keras
import tensorflow as tf
from keras import ops

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import END_ID, PAD_ID, START_ID, Vocabulary
from vtkeras.errors import UserError
from vtkeras.explain.rollout import cross_rollout
from vtkeras.generation import beam, greedy, repeat_rows, sample
from vtkeras.losses import ContrastiveLoss, SequenceCrossEntropy
from vtkeras.models import VideoTextModel, build_video_text_model
from vtkeras.tasks import answers
from vtkeras.tasks.base import Task

NEVER_WRITTEN = (PAD_ID, START_ID)


def video_text_task(name: str, heads: tuple[str, ...] = keys.HEADS) -> Task:
    """A task that trains `heads` of the multi-task model.

    Example:
        >>> video_text_task("captioning", heads=("caption",)).heads
        ('caption',)
    """
    return Task(name, heads, preprocess, build, losses, metrics, Decoder)


def preprocess(examples: dict, preprocessor: Preprocessor, heads: tuple[str, ...]) -> tuple[dict, dict, dict]:
    """A batch of examples as (inputs, targets, sample weights).

    An example without a caption, answer or label gets weight 0 for that head.

    Args:
        examples: dict with frames, frames_mask, caption, match_id, question, answer and label; questions
            and answers are (batch,), or (batch, questions) where a clip has several.
        preprocessor: brings texts to token ids and classes.
        heads: the heads to give targets for.
    """
    inputs, target = preprocessor.caption(examples[keys.CAPTION])
    classes = _each(preprocessor.answer, examples[keys.ANSWER])
    labels = preprocessor.labels(examples[keys.LABEL])
    has_caption = tf.reduce_any(target > 0, axis=1)
    # Keras brings targets to float32, which tells whole numbers apart below 2 ** 24.
    match_id = tf.cast(tf.strings.to_hash_bucket_fast(examples[keys.MATCH_ID], 2**24), tf.int32)
    video = keys.FRAME_FEATURES if keys.FRAME_FEATURES in examples else keys.FRAMES
    x = {
        video: examples[video],
        keys.FRAMES_MASK: examples[keys.FRAMES_MASK],
        keys.QUESTION_TOKENS: _each(preprocessor.question, examples[keys.QUESTION]),
        keys.CAPTION_TOKENS: inputs,
        keys.MATCH_TOKENS: preprocessor.match(examples[keys.CAPTION]),
    }
    if keys.HEAD_WRITTEN_ANSWER in heads:
        x[keys.ANSWER_TOKENS] = _each(lambda text: preprocessor.written_answer(text)[0], examples[keys.ANSWER])
        written = _each(lambda text: preprocessor.written_answer(text)[1], examples[keys.ANSWER])
    else:
        written = tf.zeros_like(classes)[..., None]
    y = {
        keys.HEAD_CAPTION: target,
        keys.HEAD_ANSWER: tf.maximum(classes, 0),
        keys.HEAD_WRITTEN_ANSWER: written,
        keys.HEAD_LABEL: labels,
        keys.HEAD_CONTRASTIVE: tf.where(has_caption, match_id, -1),
    }
    weights = {
        keys.HEAD_CAPTION: has_caption,
        keys.HEAD_ANSWER: classes >= 0,
        keys.HEAD_WRITTEN_ANSWER: tf.reduce_any(written > 0, axis=-1),
        keys.HEAD_LABEL: tf.strings.length(examples[keys.LABEL]) > 0,
        keys.HEAD_CONTRASTIVE: has_caption,
    }
    return (
        x,
        {head: y[head] for head in heads},
        {head: tf.cast(weights[head], tf.float32) for head in heads},
    )


def _each(function, texts: tf.Tensor) -> tf.Tensor:
    """`function`, which takes strings (batch,), of strings of any shape."""
    if texts.shape.rank == 1:
        return function(texts)
    found = function(tf.reshape(texts, (-1,)))
    return tf.reshape(found, tf.concat([tf.shape(texts), tf.shape(found)[1:]], axis=0))


def build(config: Config, vocabulary: Vocabulary, from_features: bool = False) -> VideoTextModel:
    """The multi-task model with heads for what the vocabulary has.

    Raises:
        UserError: if a part is unknown, or a motion word is no word of the captions.
    """
    unknown = set(config.model.motion_words) - set(vocabulary.tokens)
    if unknown:
        raise UserError(f"model.motion_words: '{min(unknown)}' is no word of the captions; leave it out.")
    return build_video_text_model(
        config,
        len(vocabulary.tokens),
        num_answers=len(vocabulary.answers),
        num_labels=len(vocabulary.labels),
        from_features=from_features,
        motion_tokens=tuple(vocabulary.tokens.index(word) for word in config.model.motion_words),
    )


def losses(config: Config, heads: tuple[str, ...], gather=None) -> dict[str, keras.losses.Loss]:
    """One loss a head, each giving one value per example."""
    kinds = keras.losses.BinaryCrossentropy, keras.losses.CategoricalCrossentropy
    label_loss = kinds[config.model.single_label]
    every = {
        keys.HEAD_CAPTION: SequenceCrossEntropy(config.train.label_smoothing),
        keys.HEAD_ANSWER: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keys.HEAD_WRITTEN_ANSWER: SequenceCrossEntropy(),
        keys.HEAD_LABEL: label_loss(from_logits=True),
        keys.HEAD_CONTRASTIVE: ContrastiveLoss(gather),
    }
    return {head: every[head] for head in heads}


def metrics(config: Config, heads: tuple[str, ...]) -> dict[str, list]:
    """What the progress line and TensorBoard show beside the losses."""
    one_label = keras.metrics.CategoricalAccuracy(name="accuracy")
    any_labels = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
    every = {
        keys.HEAD_CAPTION: [keras.metrics.MeanMetricWrapper(caption_right, name="exact")],
        keys.HEAD_ANSWER: [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        keys.HEAD_WRITTEN_ANSWER: [keras.metrics.MeanMetricWrapper(caption_right, name="exact")],
        keys.HEAD_LABEL: [one_label if config.model.single_label else any_labels],
    }
    return {head: every[head] for head in heads if head in every}


@keras.saving.register_keras_serializable("vtkeras")
def caption_right(y_true, y_pred):
    """1.0 for each text whose every token is the likeliest one, given the right tokens before it."""
    right = ops.equal(ops.cast(y_true, "int32"), ops.cast(ops.argmax(y_pred, axis=-1), "int32"))
    return ops.cast(ops.all(ops.logical_or(right, ops.equal(y_true, 0)), axis=-1), "float32")


class Decoder(tf.Module):
    """From frames and questions to strings, scores and attention; evaluation and export share it.

    Args:
        model: `VideoTextModel`.
        preprocessor: the one the model was trained with.
        heads: the heads that were trained.
        compiled: bool, let XLA compile what `caption` does after the video was read. The first call for
            each number of clips takes seconds more, every later one less; outputs are the same.

    Every method takes frames uint8 (batch, num_frames, image_size, image_size, 3) and frames_mask
    bool (batch, num_frames), as `Preprocessor.clips` gives them.
    """

    def __init__(
        self,
        model: VideoTextModel,
        preprocessor: Preprocessor,
        heads: tuple[str, ...] = keys.HEADS,
        compiled: bool = False,
    ):
        super().__init__(name="decoder")
        self.model = model
        self.preprocessor = preprocessor
        self.heads = tuple(head for head in heads if head in model.output)
        # Endpoints that are exported together share these graphs: the file is smaller and opens faster.
        self.encode_video = tf.function(model.encode_video)
        self.fuse = tf.function(model.fuse)
        self.read_question = tf.function(model.read_question)
        self.decoder_step = tf.function(model.decoder.step)
        self.write_greedily = tf.function(functools.partial(self.write, greedy), jit_compile=compiled)

    def caption(self, frames, frames_mask) -> dict[str, tf.Tensor]:
        """Writes a caption for every clip, greedily.

        Returns:
            dict of caption string (batch,), tokens string (batch, caption_length), "" after the end,
            token_ids int32 (batch, caption_length), 0 after the end token, ended bool (batch,), False for
            a caption that was cut, probabilities float32 (batch, caption_length), score float32 (batch,),
            the probability of the whole caption, and attention float32 (batch, caption_length, heads over
            all blocks, num_frames, rows, columns).
        """
        return self._as_caption(self.write_greedily(self.encode_video(frames, frames_mask)))

    def caption_beam(self, frames, frames_mask, width=4, length_penalty=0.6, **limits) -> dict[str, tf.Tensor]:
        """Writes a caption for every clip by beam search.

        Args:
            width: int scalar, beams of every clip.
            length_penalty: float scalar; see `generation.beam`.
            limits: `min_length`, `max_length` (None for the longest caption that the model can write) and
                `no_repeat_ngram`, int scalars; see `generation.restrict`. Everything may be a tensor.

        Returns:
            dict as `caption` gives it, for the best beam, with at most max_length tokens, and beams
            string (batch, width), best first, and beam_scores float32 (batch, width), what they are ranked by.
        """
        options = {"width": width, "length_penalty": length_penalty}
        video = self.encode_video(frames, frames_mask)
        found = self.write(beam, video, width, **options, **limits)
        beams = found["beams"]
        texts = self.preprocessor.to_text(tf.reshape(beams, (-1, tf.shape(beams)[2])))
        return {
            **self._as_caption(found),
            "beams": tf.reshape(texts, (-1, width)),
            "beam_scores": found["beam_scores"],
        }

    def caption_sample(
        self, frames, frames_mask, temperature=1.0, top_k=0, top_p=1.0, seed=0, **limits
    ) -> dict[str, tf.Tensor]:
        """Draws a caption for every clip; the same seed draws the same ones.

        Args:
            temperature, top_p: float scalars; a temperature of 0 takes the likeliest token.
            top_k: int scalar; 0 for no such limit. See `generation.sample`.
            seed: int32 scalar.
            limits: as in `caption_beam`. Everything may be a tensor.

        Returns:
            dict as `caption` gives it, with at most max_length tokens.
        """
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
        video = self.encode_video(frames, frames_mask)
        return self._as_caption(self.write(sample, video, **options, **limits))

    def answer(self, frames, frames_mask, questions) -> dict[str, tf.Tensor]:
        """Answers a question (string, (batch,)) about every clip.

        Returns:
            dict of answer string (batch,), score float32 (batch,), its probability, probabilities
            float32 (batch, answers), tokens string (batch, question_length), the question's word
            pieces, and attention float32 (batch, question_length, heads over all blocks, num_frames,
            rows, columns).
        """
        video = self.encode_video(frames, frames_mask)
        tokens = self.preprocessor.question(questions)
        summary, scores = self.fuse(tokens, video)
        probabilities = tf.nn.softmax(self.model.answer_logits(summary), axis=-1)
        best = tf.argmax(probabilities, axis=-1)
        return {
            "answer": tf.gather(self.preprocessor.answer_strings, best),
            "score": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
            **self.looked(tokens, scores, video),
        }

    def write_answer(self, frames, frames_mask, questions) -> dict[str, tf.Tensor]:
        """See `answers.write_answer`."""
        return answers.write_answer(self, self.encode_video(frames, frames_mask), questions)

    def choose(self, frames, frames_mask, questions, choices) -> dict[str, tf.Tensor]:
        """See `answers.choose`."""
        return answers.choose(self, self.encode_video(frames, frames_mask), questions, choices)

    def looked(self, question_tokens, scores, video) -> dict[str, tf.Tensor]:
        """A question's word pieces and their attention, from what `VideoTextModel.fuse` gives."""
        pieces = tf.where(question_tokens > START_ID, self.preprocessor.pieces(question_tokens), "")
        scores = tf.transpose(scores, (0, 3, 1, 2, 4))
        return {"tokens": pieces, "attention": self._on_grid(scores, video.get(keys.MAPS))}

    def classify(self, frames, frames_mask, texts) -> dict[str, tf.Tensor]:
        """Labels every (clip, text) pair; the text (string, (batch,)) may be empty.

        Returns:
            dict of label string (batch,), the likeliest one, score float32 (batch,), its probability,
            and probabilities float32 (batch, labels): each label's own, or with `model.single_label` such
            as sum to 1.
        """
        video = self.encode_video(frames, frames_mask)
        summary, _ = self.fuse(self.preprocessor.question(texts), video)
        logits = self.model.label_logits(summary, video)
        probabilities = tf.nn.softmax(logits) if self.model.single_label else tf.nn.sigmoid(logits)
        best = tf.argmax(probabilities, axis=-1)
        return {
            "label": tf.gather(self.preprocessor.label_strings, best),
            "score": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
        }

    def explain_caption(self, frames, frames_mask, captions) -> dict[str, tf.Tensor]:
        """How likely each word of given captions (string, (batch,)) is after the words before, and where it looks.

        Returns:
            dict of tokens, probabilities and attention as `caption` gives them for what it wrote, and
            rollout float32 (batch, caption_length, num_frames, rows, columns), followed back to the input
            patches; zero after the end.
        """
        video, layers = self.encode_video(frames, frames_mask, return_scores=True)
        inputs, targets = self.preprocessor.caption(captions)
        logits, blocks = self.model.decoder.look(inputs, video[keys.SEQUENCE], video[keys.MASK])
        likelihoods = tf.gather(tf.nn.softmax(logits), targets, axis=2, batch_dims=2)
        scores = tf.stack([scores for _, scores in blocks], axis=1)
        written = tf.cast(targets > 0, tf.float32)
        found = {
            "tokens": targets,
            "probabilities": likelihoods * written,
            "scores": tf.transpose(scores, (0, 3, 1, 2, 4)) * written[..., None, None, None],
            keys.MAPS: video.get(keys.MAPS),
        }
        rolled = cross_rollout(blocks, layers) * written[..., None]
        on_grid = self._on_grid(rolled[:, :, None, None], video.get(keys.MAPS))
        return {**self._as_caption(found), "rollout": on_grid[:, :, 0]}

    def explain_answer(self, frames, frames_mask, questions) -> dict[str, tf.Tensor]:
        """Where each word of a question (string, (batch,)) looks, followed back to the input patches.

        Returns:
            dict of tokens string (batch, question_length) and rollout float32 (batch, question_length,
            num_frames, rows, columns).
        """
        video, layers = self.encode_video(frames, frames_mask, return_scores=True)
        tokens = self.preprocessor.question(questions)
        _, scores = self.fuse(tokens, video)
        rolled = cross_rollout([(None, block) for block in tf.unstack(scores, axis=1)], layers)
        looked = self.looked(tokens, tf.transpose(rolled[:, :, None, None], (0, 2, 3, 1, 4)), video)
        return {"tokens": looked["tokens"], "rollout": looked["attention"][:, :, 0]}

    def embed_video(self, frames, frames_mask) -> tf.Tensor:
        """Unit vectors (batch, embedding_dim)."""
        return self.model.embed_video(self.encode_video(frames, frames_mask))

    def embed_text(self, texts) -> tf.Tensor:
        """Unit vectors (batch, embedding_dim) of strings (batch,)."""
        return self.model.embed_text(self.preprocessor.match(texts))

    def write(self, decode, context, copies=1, max_length=None, **options):
        """What `decode` finds, with `copies` rows a clip. What was read of the context stays out of its state.

        Args:
            decode: a strategy of `vtkeras.generation`; `options` are its own.
            context: as `model.encode_video` gives it.
            copies, max_length: int scalars; a max_length of None is the longest the model can write.
        """
        longest = self.model.decoder.max_length
        cache = self.model.decoder.start(context[keys.SEQUENCE], context[keys.MASK], longest)
        memory = repeat_rows(cache.pop("memory"), copies)

        def step(tokens, index, state):
            logits, state, scores = self.decoder_step(tokens, index, {**state, "memory": memory})
            return logits, {"keys": state["keys"], "values": state["values"]}, scores

        starts = tf.fill((tf.shape(context[keys.SEQUENCE])[0],), START_ID)
        length = self.model.caption_length if max_length is None else max_length
        found = decode(step, cache, starts, END_ID, length, forbidden_ids=NEVER_WRITTEN, **options)
        return {**found, keys.MAPS: context.get(keys.MAPS)}

    def _as_caption(self, found):
        tokens = found["tokens"]
        written = tokens > 0
        pieces = self.preprocessor.pieces(tokens)
        return {
            "caption": self.preprocessor.to_text(tokens),
            "tokens": tf.where(tf.logical_and(written, tokens != END_ID), pieces, ""),
            "token_ids": tokens,
            "ended": tf.reduce_any(tf.equal(tokens, END_ID), axis=1),
            "probabilities": found["probabilities"],
            "score": tf.reduce_prod(tf.where(written, found["probabilities"], 1.0), axis=1),
            "attention": self._on_grid(found["scores"], found[keys.MAPS]),
        }

    def _on_grid(self, scores, maps=None):
        """(batch, tokens, blocks, heads, time * places) to (batch, tokens, blocks * heads, time, rows, columns).

        With maps (batch, time * places, patches) a place is a token made of many patches, and its share
        goes to those.
        """
        time = self.model.num_frames
        heads = scores.shape[2] * scores.shape[3]
        grid = tf.reshape(scores, (tf.shape(scores)[0], -1, heads, time, scores.shape[4] // time))
        if maps is not None:
            maps = tf.reshape(maps, (-1, time, grid.shape[-1], maps.shape[-1]))
            grid = tf.einsum("bnhtk,btkp->bnhtp", grid, maps)
        side = int(grid.shape[-1] ** 0.5)
        return tf.reshape(grid, (*tf.unstack(tf.shape(grid)[:4]), side, side))
