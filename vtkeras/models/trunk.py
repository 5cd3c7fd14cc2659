"""The trunk that heads stand on: read a video, read a text, let the text read the video."""

import math

from keras import ops

from vtkeras import keys
from vtkeras.layers import MaskedMean


class Trunk:
    """The encoders and the fusion, and the one forward pass through them.

    A plain object: `VideoTextModel` calls it on symbolic tensors to make its graph, and decoding calls it on
    the tensors of a batch.

    Args:
        frame_encoder: layer, frames (batch, time, height, width, 3) to (batch, time, patches, channels).
        temporal_encoder: layer, (patches, frames_mask) to the encoder contract: `sequence`
            (batch, length, dim), `mask` (batch, length) and `pooled` (batch, dim).
        text_encoder: layer, tokens (batch, length) to the encoder contract.
        fusion: list of `Fusion` blocks, through which a text reads a video.
        augmentation: layer that changes some clips' patches in training and says which ones, or None.

    Example:
        >>> trunk = Trunk(frame_encoder, temporal_encoder, text_encoder, [CrossAttentionFusion(64, 4)])
        >>> video = trunk.encode_video(frames, frames_mask)
        >>> trunk.fuse(trunk.encode_text(tokens), video)["pooled"].shape
        (2, 64)
    """

    def __init__(self, frame_encoder, temporal_encoder, text_encoder, fusion, augmentation=None):
        self.frame_encoder = frame_encoder
        self.temporal_encoder = temporal_encoder
        self.text_encoder = text_encoder
        self.fusion = fusion
        self.augmentation = augmentation
        self.fused_mean = MaskedMean(name="fused_mean")

    def __call__(self, inputs, heads):
        """What every head gives for a batch.

        Args:
            inputs: dict of `frames` or `frame_features`, `frames_mask`, and the tokens that heads read.
            heads: {name: head layer}, see `vtkeras.models.head_layers`.

        Returns:
            {name: the head's output}.
        """
        video = inputs.get(keys.FRAME_FEATURES, inputs.get(keys.FRAMES))
        patches, changed = self._patches(video), None
        if self.augmentation:
            patches, changed = self.augmentation(patches)
        reading = {keys.READS_VIDEO: self.temporal_encoder(patches, inputs[keys.FRAMES_MASK])}
        if keys.QUESTION_TOKENS in inputs:
            question = self.encode_text(inputs[keys.QUESTION_TOKENS])
            reading[keys.READS_QUESTION] = self.fuse(question, reading[keys.READS_VIDEO])
        if keys.STATEMENT_TOKENS in inputs:
            statement = self.encode_text(inputs[keys.STATEMENT_TOKENS])
            reading[keys.READS_STATEMENT] = self.fuse(statement, reading[keys.READS_VIDEO])
        if keys.MATCH_TOKENS in inputs:
            reading[keys.READS_TEXT] = self.encode_text(inputs[keys.MATCH_TOKENS])
        reading.update(inputs)
        outputs = {
            name: head({key: reading[key] for key in (*head.reads, *head.tokens)}) for name, head in heads.items()
        }
        if changed is None:
            return outputs
        texts = {name: inputs[key] for name, head in heads.items() for key in head.tokens if head.word_by_word}
        return self.augmentation.guard(outputs, changed, texts)

    def encode_video(self, video, frames_mask, return_scores=False):
        """Reads a video once, for every head.

        Args:
            video: frames, uint8 or float (batch, time, image_size, image_size, 3), or the frame encoder's
                features of them, float (batch, time, patches, channels).
            frames_mask: bool (batch, time).
            return_scores: bool.

        Returns:
            dict of `sequence` (batch, time * tokens, dim), `mask` and `pooled`; with `return_scores` also a
            list with the attention of each layer of the temporal encoder.
        """
        return self.temporal_encoder(self._patches(video), frames_mask, return_scores=return_scores)

    def encode_text(self, tokens):
        """The encoder contract of texts, int32 (batch, length), or (batch, texts, length) for several a clip."""
        if len(tokens.shape) == 2:
            return self.text_encoder(tokens)
        texts, length = tokens.shape[1:]
        text = self.text_encoder(ops.reshape(tokens, (-1, length)))
        return {name: ops.reshape(value, (-1, texts, *value.shape[1:])) for name, value in text.items()}

    def fuse(self, text, video, return_scores=False):
        """Lets texts read a video; several texts of a clip read it as one long query.

        Args:
            text: dict from `encode_text`.
            video: dict from `encode_video`.
            return_scores: bool.

        Returns:
            dict of `sequence`, `mask` and `pooled` in the shapes of `text`; with `return_scores` also scores
            (batch, blocks, heads, text_length, time * tokens).
        """
        shape, mask = text[keys.SEQUENCE].shape[1:], text[keys.MASK]
        several = len(shape) > 2
        length = math.prod(shape[:-1])
        query = ops.reshape(text[keys.SEQUENCE], (-1, length, shape[-1])) if several else text[keys.SEQUENCE]
        query_mask = ops.reshape(mask, (-1, length)) if several else mask
        all_scores = []
        for block in self.fusion:
            query = block(
                query, video[keys.SEQUENCE], query_mask, video[keys.MASK], return_scores=return_scores
            )
            if return_scores:
                query, scores = query
                all_scores.append(scores)
        fused = ops.reshape(query, (-1, *shape)) if several else query
        read = {keys.SEQUENCE: fused, keys.MASK: mask, keys.POOLED: self.fused_mean(fused, mask=mask)}
        return (read, ops.stack(all_scores, axis=1)) if return_scores else read

    def _patches(self, video):
        return video if len(video.shape) == 4 else self.frame_encoder(video)
