"""Tasks of the video-text model: several heads on one trunk, or one alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import END_ID, PAD_ID, START_ID, Vocabulary
from vtkeras.errors import UserError
from vtkeras.generation import greedy, repeat_rows
from vtkeras.models import LinearExperts, Parts, VideoTextModel, build_video_text_model
from vtkeras.tasks.base import Head, Reader, Task
from vtkeras.tasks.heads import HEADS, switches

NEVER_WRITTEN = (PAD_ID, START_ID)
LEAST = 1e-12  # probability of a word
GENERATES = (  # options of generators
    *("model.generator", "model.generator_options", "model.drafts", "train.adversarial", "train.stages.adversarial"),
)


def video_text_task(name: str, heads: Sequence[str], **options) -> Task:
    """A task that trains some heads of the video-text model.

    Args:
        name: of the task.
        heads: names in `HEADS`.
        options: further attributes of `Task`.

    Example:
        >>> video_text_task("captioning", ["caption"]).heads[0].title
        'Captions'
    """
    options = {"without": (*GENERATES, "data.window_seconds"), **options}
    options["without"] += switches(heads)
    return Task(name, tuple(HEADS[head] for head in heads), inputs, build, VideoTextReader, **options)


def inputs(examples: dict, preprocessor: Preprocessor, heads: Sequence[Head]) -> dict[str, tf.Tensor]:
    """What the trunk reads of a batch: frames or their features, and questions where a head reads those.

    Args:
        examples: dict of a batch: FRAME_FEATURES, or FRAMES uint8 (batch, time, height, width, 3), FRAMES_MASK bool
            (batch, time), and QUESTION strings (batch,) or (batch, questions).
        preprocessor: brings questions to token ids.
        heads: the active heads.

    Returns:
        dict of FRAME_FEATURES or FRAMES, FRAMES_MASK and, where a head reads it, QUESTION_TOKENS int32 (..., length).
    """
    names = [name for name in (keys.FRAME_FEATURES, keys.FRAMES) if name in examples][:1]
    read = {name: examples[name] for name in (*names, keys.FRAMES_MASK)}
    if any(head.reads_question for head in heads):
        read[keys.QUESTION_TOKENS] = preprocessor.each(preprocessor.question, examples[keys.QUESTION])
    return read


def build(
    config: Config, vocabulary: Vocabulary, heads: Sequence[Head], from_features: bool = False
) -> VideoTextModel:
    """The video-text model with the given heads.

    Args:
        config: the experiment.
        vocabulary: what training showed.
        heads: the active heads, each of which makes its output layer.
        from_features: take features of frames that were computed once, in place of frames.

    Raises:
        UserError: if a part is unknown, or an option names a word that is no word of the captions.
    """
    parts = Parts(config, vocabulary.tokens)

    def token_id(word: str) -> int:
        if word not in vocabulary.tokens:
            raise UserError(f"model.feature_augmentation_options: '{word}' is no word of the captions; leave it out.")
        return vocabulary.tokens.index(word)

    layers = {head.name: head.layer(parts, vocabulary) for head in heads}
    return build_video_text_model(parts, layers, token_id, from_features)


class VideoTextReader(Reader):
    """Reads frames and questions for the heads of a `VideoTextModel`, and writes texts.

    Args:
        model, preprocessor, heads, rereads: as for `Reader`.
        experts: linear models beside the network, or None.
        compiled: bool, let XLA compile what captions do after the video was read. The first call for
            each number of clips takes seconds more, every later one less; outputs are the same.
    """

    def __init__(
        self, model, preprocessor, heads, compiled=False, rereads=False, experts: LinearExperts | None = None
    ):
        super().__init__(model, preprocessor, heads, compiled, rereads)
        self.experts = experts
        # Endpoints that are exported together share these graphs: the file is smaller and opens faster.
        self.encode_video = tf.function(model.trunk.encode_video, autograph=False)
        self._read_question = tf.function(self._read_tokens, autograph=False)
        self._read_linear = tf.function(experts.call, autograph=False) if experts else None
        if model.decoder:
            self.decoder = model.decoder
            self.decoder_step = tf.function(self.decoder.step, autograph=False)
            self.write_greedily = tf.function(
                functools.partial(self.write, greedy), jit_compile=compiled, autograph=False
            )

    def read(self, batch):
        """The clips of a batch, each once, its examples, and the clip of each; both with what was read of the video."""
        first, row = different(batch[keys.VIDEO_ID])
        once = {name: tf.gather(values, first) for name, values in batch.items()}
        video = self.encode_video(once.get(keys.FRAME_FEATURES, once.get(keys.FRAMES)), once[keys.FRAMES_MASK])
        if keys.LINEAR in once:  # kept from an earlier reading
            video[keys.LINEAR] = once[keys.LINEAR]
        elif self._read_linear:
            video[keys.LINEAR] = self._read_linear(once[keys.LINEAR_FRAMES], once[keys.LINEAR_MASK])
        once[keys.READS_VIDEO] = video
        return once, {**batch, keys.READS_VIDEO: for_each(row, video)}, row

    def say(self, read):
        """As `Reader.say`; of a clip that is asked several things the caption is written once."""
        once, each, row = read
        return {
            head.name: for_each(row, head.predict(self, once)) if head.once_a_clip else head.predict(self, each)
            for head in self.heads
        }

    def samples(self, batch):
        video = self.encode_video(batch[keys.FRAMES], batch[keys.FRAMES_MASK])
        return super().samples({**batch, keys.READS_VIDEO: video})

    def read_frames(self, frames, return_scores=False):
        """What `Trunk.encode_video` gives for frames uint8 (batch, time, height, width, 3) of any size and length."""
        found = self.encode_video(*self.preprocessor.clips(frames), return_scores=return_scores)
        if self._read_linear and self.preprocessor.beside:
            video = found[0] if return_scores else found
            video[keys.LINEAR] = self._read_linear(*self.preprocessor.beside.clips(frames))
        return found

    def with_linear(self, head, logits, video, tokens=None):
        """Logits (batch, classes) of a head together with those of its linear model, where it has one.

        Args:
            head: its name.
            logits: the network's.
            video: from `read_frames`.
            tokens: int32 (batch, question_length), where the head answers questions.
        """
        linear = self.experts.classes.get(head) if self.experts else None
        if linear is None:
            return logits
        own = logits if linear.several else tf.nn.log_softmax(logits)
        both = own + linear(video[keys.LINEAR], tokens)
        return both / (1 + linear.share)  # their weighted mean: two that read the same clip know no more than one

    def read_question(self, questions, video) -> tuple:
        """Lets questions, string (batch,), read a video from `read_frames`.

        Returns:
            the question's tokens int32 (batch, question_length), the reading as `Trunk.fuse` gives it, and its
            scores.
        """
        tokens = self.preprocessor.question(questions)
        return tokens, *self._read_question(tokens, video)

    def _read_tokens(self, tokens, video):
        trunk = self.model.trunk
        return trunk.fuse(trunk.encode_text(tokens), video, return_scores=True)

    def seen(self, frames) -> dict[str, tf.Tensor]:
        """Which frames a model looks at.

        Returns:
            dict of frame_index int32 (batch, num_frames), which of the given frames, and frames_mask bool
            (batch, num_frames), False for repeats of the last frame.
        """
        index, mask = self.preprocessor.choose(tf.shape(frames)[1])
        batch = tf.shape(frames)[0]
        return {"frame_index": tf.tile(index[None], (batch, 1)), "frames_mask": tf.tile(mask[None], (batch, 1))}

    def write_caption(self, video) -> dict[str, tf.Tensor]:
        """A caption of a video from `read_frames`, as the endpoint `caption` gives it.

        With linear models beside, it is the best of what the network writes and the sentences that these offer, and its
        score the geometric mean of both probabilities, weighed by their shares.
        """
        if not (self.experts and self.experts.sentences and keys.LINEAR in video):
            return self.as_caption(self._write_alone(video))
        read, network, linear = self.weigh_sentences(video)
        clips, candidates = tf.unstack(tf.shape(network))
        rows = tf.range(clips) * candidates + tf.argmax(network + linear, axis=1, output_type=tf.int32)
        chosen = {name: tf.gather(read[name], rows) for name in ("tokens", "probabilities", "scores")}
        likely = tf.reduce_max(network + linear, axis=1) / (1 + self.experts.sentences.share)
        return {**self.as_caption({**chosen, keys.MAPS: video.get(keys.MAPS)}), "score": tf.exp(likely)}

    def _write_alone(self, video) -> dict[str, tf.Tensor]:
        return self.write_greedily(video, max_length=self.preprocessor.config.caption_length)

    def weigh_sentences(self, video) -> tuple[dict, tf.Tensor, tf.Tensor]:
        """What could be said of a video from `read_frames`: what the network writes, and what a linear model offers.

        Args:
            video: with LINEAR.

        Returns:
            what `read_back` gives of them, a row for each candidate of each clip, and the log-probabilities float32
            (batch, candidates) of the network and of the linear model, the latter times its share.
        """
        tokens, linear = self.experts.sentences(video[keys.LINEAR], self._write_alone(video)["tokens"])
        candidates, length = tokens.shape[1:]
        context = {name: repeat_rows(video[name], candidates) for name in (keys.SEQUENCE, keys.MASK)}
        read = self.read_back(tf.reshape(tokens, (-1, length)), context)
        return read, tf.reshape(_log_likelihood(read), (-1, candidates)), linear

    def likelihood(self, frames, text) -> tf.Tensor:
        """How likely the network finds given captions: the log-probability of each, float32 (batch,).

        Args:
            frames: uint8 (batch, time, height, width, 3), any size and length.
            text: string (batch,).
        """
        return _log_likelihood(self.read_back(self.preprocessor.caption(text)[1], self.read_frames(frames)))

    def likelihood_of(self, tokens, sequence, mask) -> tf.Tensor:
        """As `likelihood`, of captions int32 (batch, caption_length) and videos that were read already.

        Args:
            tokens: 0 after the end token.
            sequence: float (batch, length, dim), and
            mask: bool (batch, length), as `read_frames` gives them.
        """
        return _log_likelihood(self.read_back(tokens, {keys.SEQUENCE: sequence, keys.MASK: mask}))

    def read_back(self, tokens, video) -> dict[str, tf.Tensor]:
        """What `write` finds, of a text that is given: int32 (batch, length), 0 after the end token.

        Returns:
            dict of tokens; probabilities float32 (batch, length) and scores float32 (batch, length, blocks, heads,
            context_length), 0 after the end; blocks as `TextDecoder.look` gives them, and the maps of the video.
        """
        inputs = tf.concat([tf.fill((tf.shape(tokens)[0], 1), START_ID), tokens[:, :-1]], axis=1)
        logits, blocks = self.decoder.look(inputs, video[keys.SEQUENCE], video[keys.MASK])
        written = tf.cast(tokens > 0, tf.float32)
        scores = tf.transpose(tf.stack([scores for _, scores in blocks], axis=1), (0, 3, 1, 2, 4))
        return {
            "tokens": tokens,
            "probabilities": tf.gather(tf.nn.softmax(logits), tokens, axis=2, batch_dims=2) * written,
            "scores": scores * written[..., None, None, None],
            "blocks": blocks,
            keys.MAPS: video.get(keys.MAPS),
        }

    def write(self, decode: Callable, context: dict, max_length, copies=1, **options) -> dict:
        """What `decode` finds. What was read of the context stays out of its state.

        Args:
            decode: a strategy of `vtkeras.generation`; `options` are its own.
            context: dict of `sequence` and `mask` that the text is about.
            max_length, copies: int scalars; with copies the strategy carries several texts of each context.
        """
        cache = self.decoder.start(context[keys.SEQUENCE], context[keys.MASK], self.decoder.max_length)
        memory = repeat_rows(cache.pop("memory"), copies)

        def step(tokens, index, state):
            logits, state, scores = self.decoder_step(tokens, index, {**state, "memory": memory})
            return logits, {"keys": state["keys"], "values": state["values"]}, scores

        starts = tf.fill((tf.shape(context[keys.SEQUENCE])[0],), START_ID)
        found = decode(step, cache, starts, END_ID, max_length, forbidden_ids=NEVER_WRITTEN, **options)
        return {**found, keys.MAPS: context.get(keys.MAPS)}

    def as_caption(self, found) -> dict[str, tf.Tensor]:
        """Strings, probabilities and attention on the frames' patches, of what `write` found."""
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
            "attention": self.on_grid(found["scores"], found[keys.MAPS]),
        }

    def looked(self, question_tokens, scores, video) -> dict[str, tf.Tensor]:
        """A question's word pieces and their attention, from what `read_question` gives."""
        pieces = tf.where(question_tokens > START_ID, self.preprocessor.pieces(question_tokens), "")
        scores = tf.transpose(scores, (0, 3, 1, 2, 4))
        return {"tokens": pieces, "attention": self.on_grid(scores, video.get(keys.MAPS))}

    def on_grid(self, scores, maps=None):
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


def _log_likelihood(read: dict[str, tf.Tensor]) -> tf.Tensor:
    """Of each text that `read_back` gave: the sum of its pieces' log-probabilities, float32 (batch,)."""
    logs = tf.where(read["tokens"] > 0, tf.math.log(tf.maximum(read["probabilities"], LEAST)), 0.0)
    return tf.reduce_sum(logs, axis=1)


def different(names: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Which of some names are different: the first place of each different one, and which of these each name is.

    Args:
        names: string (rows,).

    Returns:
        int32 (different,) and int32 (rows,).

    Example:
        >>> different(tf.constant(["b", "b", "a"]))
        (<tf.Tensor: [0, 2]>, <tf.Tensor: [0, 0, 1]>)
    """
    found, row = tf.unique(names)
    return tf.math.unsorted_segment_min(tf.range(tf.size(names)), row, tf.size(found)), row


def for_each(row: tf.Tensor, clips: dict) -> dict:
    """What was found of clips, for rows that are about them; None stays."""
    return {name: None if values is None else tf.gather(values, row) for name, values in clips.items()}
