"""The multi-task model: one video reading, one text reading, their fusion, and a head a task."""

import keras
from keras import ops

from vtkeras import keys
from vtkeras.layers import FollowedBy, MaskedMax, MaskedMean, TurnedMotion, Unlearned


@keras.saving.register_keras_serializable("vtkeras")
class VideoTextModel(keras.Model):
    """A functional model assembled from the parts handed in.

    The question's tokens are the query and the video's patches the context of `fusion`; the answer
    and label heads read the result. The decoder writes the caption with the video as its context.
    The contrastive head brings videos and captions to one space.

    Args:
        frame_encoder: layer, frames (batch, time, height, width, 3) to (batch, time, patches, channels).
        temporal_encoder: layer, (patches, frames_mask) to the encoder contract.
        text_encoder: layer, tokens to the encoder contract.
        fusion: list of `Fusion` blocks.
        decoder: `TextDecoder`.
        num_frames, image_size: int, the shape of a clip: (num_frames, image_size, image_size, 3).
        question_length, caption_length: int, tokens.
        num_answers, num_labels: int, 0 leaves the head out.
        embedding_dim: int, width of the contrastive space.
        single_label: bool, whether exactly one label is right, so that the logits are for a softmax.
        from_features: bool, take cached `frame_features` in place of frames.
        motion_tokens: token ids of the words that tell how things move. With some, half of the training
            clips have their motion turned, and of these only the other words of captions are learned.
        questions_per_clip: int; with more than 1, the video is read once for all of a clip's questions,
            `question_tokens` is (batch, questions, question_length) and `answer` (batch, questions,
            num_answers), and the label head reads the mean over the questions.
        answer_length: int, tokens of a written answer; 0 leaves that head out. The decoder writes the
            answer with the question's tokens, which have read the video, as its context.

    Inputs (a dict):
        frames: uint8 (batch, num_frames, image_size, image_size, 3), or frame_features
            (batch, num_frames, patches, channels).
        frames_mask: bool (batch, num_frames).
        question_tokens: int32 (batch, question_length).
        caption_tokens: int32 (batch, caption_length), the decoder's input.
        match_tokens: int32 (batch, caption_length), the caption as the text encoder reads it.
        answer_tokens: int32 (batch, answer_length), the decoder's input, with `answer_length`; (batch,
            questions, answer_length) with several questions a clip.

    Outputs (a dict, float32):
        caption: logits (batch, caption_length, vocabulary_size).
        answer: logits (batch, num_answers).
        written_answer: logits (batch, answer_length, vocabulary_size), with `answer_length`.
        label: logits (batch, num_labels).
        contrastive: (batch, 2, embedding_dim), the video's and the caption's unit vectors, the
            video's times the square root of a learned inverse temperature, and the caption's too.

    Source: spec B4, T1, T4, T5, T11.
    """

    def __init__(
        self,
        frame_encoder,
        temporal_encoder,
        text_encoder,
        fusion,
        decoder,
        num_frames,
        image_size,
        question_length,
        caption_length,
        num_answers,
        num_labels,
        embedding_dim,
        single_label=False,
        from_features=False,
        motion_tokens=(),
        questions_per_clip=1,
        answer_length=0,
        **kwargs,
    ):
        # === Layers ===
        label_max = MaskedMax(name="label_max")
        fused_mean = MaskedMean(name="fused_mean")
        answer_head = keras.layers.Dense(num_answers, dtype="float32", name="answer_logits") if num_answers else None
        label_head = keras.layers.Dense(num_labels, dtype="float32", name="label_logits") if num_labels else None
        video_projection = keras.layers.Dense(embedding_dim, dtype="float32", name="video_projection")
        text_projection = keras.layers.Dense(embedding_dim, dtype="float32", name="text_projection")
        pair = EmbeddingPair(dtype="float32", name="embedding_pair")

        # === Functional model ===
        clip_shape = (num_frames, image_size, image_size, 3)
        frames = keras.Input(clip_shape, dtype="uint8", name=keys.FRAMES)
        frames_mask = keras.Input((num_frames,), dtype="bool", name=keys.FRAMES_MASK)
        question_shape = (question_length,) if questions_per_clip == 1 else (questions_per_clip, question_length)
        question = keras.Input(question_shape, dtype="int32", name=keys.QUESTION_TOKENS)
        caption = keras.Input((caption_length,), dtype="int32", name=keys.CAPTION_TOKENS)
        match = keras.Input((caption_length,), dtype="int32", name=keys.MATCH_TOKENS)
        if from_features:
            frame_encoder.build((None, *clip_shape))
            features_shape = frame_encoder.compute_output_shape((None, *clip_shape))
            source = patches = keras.Input(features_shape[1:], name=keys.FRAME_FEATURES)
        else:
            source, patches = frames, frame_encoder(frames)
        if motion_tokens:
            patches, turned = TurnedMotion(name="turned_motion")(patches)
        video = temporal_encoder(patches, frames_mask)
        several = questions_per_clip > 1
        text = text_encoder(ops.reshape(question, (-1, question_length)) if several else question)
        fused, text_mask = text[keys.SEQUENCE], text[keys.MASK]
        words = fused.shape[1:]
        if several:  # all questions of a clip as one long query
            fused = ops.reshape(fused, (-1, questions_per_clip * words[0], words[1]))
            text_mask = ops.reshape(text_mask, (-1, questions_per_clip * words[0]))
        for block in fusion:
            fused = block(fused, video[keys.SEQUENCE], text_mask, video[keys.MASK])
        fused = ops.reshape(fused, (-1, *words)) if several else fused
        summary = fused_mean(fused, mask=text[keys.MASK])
        if several:
            summary = ops.reshape(summary, (-1, questions_per_clip, words[1]))
        outputs = {keys.HEAD_CAPTION: decoder(caption, video[keys.SEQUENCE], video[keys.MASK])}
        if answer_head:
            outputs[keys.HEAD_ANSWER] = answer_head(summary)
        if answer_length:
            answer = keras.Input((*question_shape[:-1], answer_length), dtype="int32", name=keys.ANSWER_TOKENS)
            one_each = ops.reshape(answer, (-1, answer_length)) if several else answer
            written = decoder(one_each, fused, text[keys.MASK])
            shape = (-1, *question_shape[:-1], answer_length, decoder.vocabulary_size)
            outputs[keys.HEAD_WRITTEN_ANSWER] = ops.reshape(written, shape) if several else written
        if label_head:
            seen = label_max(video[keys.SEQUENCE], mask=video[keys.MASK])
            read = ops.mean(summary, axis=1) if several else summary
            outputs[keys.HEAD_LABEL] = label_head(keras.layers.Concatenate(name="label_features")([seen, read]))
        outputs[keys.HEAD_CONTRASTIVE] = pair(
            video_projection(video[keys.POOLED]), text_projection(text_encoder(match)[keys.POOLED])
        )
        if motion_tokens:
            unlearned = Unlearned(name="unlearned")
            blocked = FollowedBy(motion_tokens, name="followed_by_motion")(caption, turned)
            outputs = {
                head: unlearned(values, blocked if head == keys.HEAD_CAPTION else turned)
                for head, values in outputs.items()
            }
        inputs = {
            source.name: source,
            keys.FRAMES_MASK: frames_mask,
            keys.QUESTION_TOKENS: question,
            keys.CAPTION_TOKENS: caption,
            keys.MATCH_TOKENS: match,
            **({keys.ANSWER_TOKENS: answer} if answer_length else {}),
        }
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.frame_encoder = frame_encoder
        self.temporal_encoder = temporal_encoder
        self.text_encoder = text_encoder
        self.fusion = fusion
        self.decoder = decoder
        self.label_max = label_max
        self.fused_mean = fused_mean
        self.answer_head = answer_head
        self.label_head = label_head
        self.video_projection = video_projection
        self.text_projection = text_projection
        self.num_frames = num_frames
        self.image_size = image_size
        self.question_length = question_length
        self.caption_length = caption_length
        self.num_answers = num_answers
        self.num_labels = num_labels
        self.embedding_dim = embedding_dim
        self.single_label = single_label
        self.from_features = from_features
        self.motion_tokens = tuple(motion_tokens)
        self.questions_per_clip = questions_per_clip
        self.answer_length = answer_length

    def encode_video(self, frames, frames_mask, return_scores=False):
        """Reads a video once, for every head.

        Args:
            frames: uint8 or float (batch, time, image_size, image_size, 3).
            frames_mask: bool (batch, time).
            return_scores: bool.

        Returns:
            dict of `sequence` (batch, time * tokens, dim), `mask` and `pooled`; with `return_scores` also a
            list with the attention of each layer of the temporal encoder.
        """
        return self.temporal_encoder(self.frame_encoder(frames), frames_mask, return_scores=return_scores)

    def fuse(self, question_tokens, video):
        """Lets a question read a video.

        Args:
            question_tokens: int32 (batch, question_length).
            video: dict from `encode_video`.

        Returns:
            summary (batch, dim), and scores (batch, blocks, heads, question_length, time * tokens).
        """
        fused, scores = self.read_question(question_tokens, video)
        return fused[keys.POOLED], scores

    def read_question(self, question_tokens, video):
        """As `fuse`, but the first result is the encoder contract of the question's tokens."""
        text = self.text_encoder(question_tokens)
        fused, all_scores = text[keys.SEQUENCE], []
        for block in self.fusion:
            fused, scores = block(
                fused, video[keys.SEQUENCE], text[keys.MASK], video[keys.MASK], return_scores=True
            )
            all_scores.append(scores)
        pooled = self.fused_mean(fused, mask=text[keys.MASK])
        read = {keys.SEQUENCE: fused, keys.MASK: text[keys.MASK], keys.POOLED: pooled}
        return read, ops.stack(all_scores, axis=1)

    def answer_logits(self, summary):
        """Logits (batch, num_answers) of a summary from `fuse`."""
        return self.answer_head(summary)

    def label_logits(self, summary, video):
        """Logits (batch, num_labels) of a summary from `fuse` and the video it was fused with."""
        seen = self.label_max(video[keys.SEQUENCE], mask=video[keys.MASK])
        return self.label_head(ops.concatenate([seen, summary], axis=-1))

    def embed_video(self, video):
        """Unit vectors (batch, embedding_dim) of a video from `encode_video`."""
        return ops.normalize(self.video_projection(video[keys.POOLED]), axis=-1)

    def embed_text(self, tokens):
        """Unit vectors (batch, embedding_dim) of texts, int32 (batch, length)."""
        return ops.normalize(self.text_projection(self.text_encoder(tokens)[keys.POOLED]), axis=-1)

    def take_weights(self, other):
        """Copies the weights of a model of the same sizes; one may take frames and the other features."""
        for mine, theirs in zip(self.parts(), other.parts(), strict=True):
            mine.set_weights(theirs.get_weights())

    def parts(self):
        """Every layer with weights, in one order."""
        heads = [self.answer_head, self.label_head, self.video_projection, self.text_projection]
        parts = [self.frame_encoder, self.temporal_encoder, self.text_encoder, *self.fusion, self.decoder]
        return [*parts, *(head for head in heads if head), self.get_layer("embedding_pair")]

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "trainable": self.trainable,
            "frame_encoder": serialize(self.frame_encoder),
            "temporal_encoder": serialize(self.temporal_encoder),
            "text_encoder": serialize(self.text_encoder),
            "fusion": [serialize(block) for block in self.fusion],
            "decoder": serialize(self.decoder),
            "num_frames": self.num_frames,
            "image_size": self.image_size,
            "question_length": self.question_length,
            "caption_length": self.caption_length,
            "num_answers": self.num_answers,
            "num_labels": self.num_labels,
            "embedding_dim": self.embedding_dim,
            "single_label": self.single_label,
            "from_features": self.from_features,
            "motion_tokens": self.motion_tokens,
            "questions_per_clip": self.questions_per_clip,
            "answer_length": self.answer_length,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        deserialize = keras.saving.deserialize_keras_object
        for part in ("frame_encoder", "temporal_encoder", "text_encoder", "decoder"):
            config[part] = deserialize(config[part], custom_objects=custom_objects)
        config["fusion"] = [deserialize(block, custom_objects=custom_objects) for block in config["fusion"]]
        return cls(**config)


@keras.saving.register_keras_serializable("vtkeras")
class EmbeddingPair(keras.layers.Layer):
    """Unit vectors of a video and its caption, scaled so that their products are logits.

    The inverse temperature starts at 1 / 0.07 and is learned, at most 100 (Radford et al., "CLIP", 2021).

    Call arguments:
        video, text: float (batch, dim).

    Returns:
        float32 (batch, 2, dim).

    Example:
        >>> EmbeddingPair()(ops.ones((2, 8)), ops.ones((2, 8))).shape
        (2, 2, 8)
    """

    def build(self, video_shape, text_shape):
        self.log_scale = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(2.66), dtype="float32", name="log_scale"
        )

    def call(self, video, text):
        scale = ops.exp(ops.minimum(self.log_scale, 4.6) / 2)
        pair = ops.stack([ops.normalize(video, axis=-1), ops.normalize(text, axis=-1)], axis=1)
        return pair * scale

    def compute_output_shape(self, video_shape, text_shape):
        return (video_shape[0], 2, video_shape[-1])
