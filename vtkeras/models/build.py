"""Builder functions: from a config's sizes to a model."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras

from vtkeras.config import Config
from vtkeras.data.spelling import is_spelled
from vtkeras.encoders import FRAME_ENCODERS, TEMPORAL_ENCODERS, TEXT_ENCODERS
from vtkeras.errors import UserError, lookup
from vtkeras.fusion import FUSIONS
from vtkeras.layers import RotateMotion
from vtkeras.models.decoder import DecoderBlock, TextDecoder
from vtkeras.models.video_text import VideoTextModel

# Changes of some training clips' patches, named by `model.feature_augmentation`.
FEATURE_AUGMENTATIONS = {"rotate_motion": RotateMotion}


class Parts:
    """The parts that a config describes, each made when it is first asked for; heads share them.

    Args:
        config: the experiment.
        tokens: word pieces, special tokens included.

    Example:
        >>> parts = Parts(load_config("demo"), vocabulary.tokens)
        >>> parts.decoder is parts.decoder
        True
    """

    def __init__(self, config: Config, tokens: Sequence[str]):
        self.config = config
        self.tokens = tokens
        self.vocabulary_size = len(tokens)
        self.sizes = {name: getattr(config.model, name) for name in ("dim", "num_heads", "dropout")}

    def frame_encoder(self) -> keras.layers.Layer:
        """The encoder of single frames.

        Raises:
            UserError: for an unknown name or weights that cannot be had, as all methods.
        """
        model = self.config.model
        encoder = lookup(FRAME_ENCODERS, model.frame_encoder, "model.frame_encoder")(
            image_size=self.config.data.image_size,
            weights=model.frame_weights,
            preset=model.frame_preset,
            motion=model.motion,
            motion_dropout=model.motion_dropout,
        )
        encoder.trainable = model.frame_trainable
        return encoder

    def temporal_encoder(self) -> keras.layers.Layer:
        """The encoder that relates the patches of all frames."""
        model = self.config.model
        encoder = lookup(TEMPORAL_ENCODERS, model.temporal_encoder, "model.temporal_encoder")
        options = {**self.sizes, **encoder.sizes(model), **model.temporal_options}
        return with_options(
            encoder,
            "model.temporal_options",
            max_frames=self.config.data.num_frames,
            num_layers=model.temporal_layers,
            name="temporal_encoder",
            **options,
        )

    def text_encoder(self) -> keras.layers.Layer:
        """The encoder of questions and captions."""
        data, model = self.config.data, self.config.model
        encoder = lookup(TEXT_ENCODERS, model.text_encoder, "model.text_encoder")
        options: dict[str, Any] = {"preset": model.text_preset} if model.text_preset else {}
        if "tokens" in inspect.signature(encoder).parameters:  # it asks which word pieces, not only how many
            options["tokens"] = self.tokens
        return with_options(
            encoder,
            "model.text_preset",
            vocabulary_size=self.vocabulary_size,
            max_length=max(data.question_length, data.caption_length),
            num_layers=model.text_layers,
            name="text_encoder",
            **options,
            **self.sizes,
        )

    def fusion(self) -> list[keras.layers.Layer]:
        """The blocks through which a question reads the video."""
        model = self.config.model
        fusion = lookup(FUSIONS, model.fusion, "model.fusion")
        data = self.config.data
        if (data.questions_per_clip > 1 or data.statements) and not fusion.causal:
            raise UserError(
                f"model.fusion '{model.fusion}' would mix the questions of a clip: set data.questions_per_clip to 1, "
                "and data.statements to 0."
            )
        return [fusion(name=f"fusion_{index}", **self.sizes) for index in range(model.fusion_layers)]

    @functools.cached_property
    def decoder(self) -> TextDecoder:
        """The decoder of captions and written answers."""
        data, model = self.config.data, self.config.model
        fusion = lookup(FUSIONS, model.decoder_fusion, "model.decoder_fusion")
        if not fusion.causal:
            raise UserError(
                f"model.decoder_fusion '{model.decoder_fusion}' would let a word see the words after it: "
                f"use one of {', '.join(name for name, fusion in FUSIONS.items() if fusion.causal)}."
            )
        options = {"name": "fusion", "blind_channels": model.motion_dim if model.motion else 0, **self.sizes}
        names = [f"decoder_block_{index}" for index in range(model.decoder_layers)]
        return TextDecoder(
            self.vocabulary_size,
            max(data.caption_length, data.answer_length),
            blocks=[DecoderBlock(fusion(**options), name=name) for name in names],
            word_dropout=model.word_dropout,
            rare=[place for place, token in enumerate(self.tokens) if is_spelled(token)],
            name="decoder",
        )


def build_video_text_model(
    parts: Parts,
    heads: dict[str, keras.layers.Layer],
    token_id: Callable[[str], int],
    from_features: bool = False,
) -> VideoTextModel:
    """Assembles the video-text model that a config describes.

    Args:
        parts: the parts of the config.
        heads: {name: head layer}.
        token_id: callable from a word of the captions to its token id.
        from_features: take cached frame features in place of frames.

    Raises:
        UserError: for an unknown part, or options that it does not have.
    """
    data, model = parts.config.data, parts.config.model
    augmentation = None
    if model.feature_augmentation:
        kind = lookup(FEATURE_AUGMENTATIONS, model.feature_augmentation, "model.feature_augmentation")
        augmentation = with_options(
            kind.from_options,
            "model.feature_augmentation_options",
            token_id=token_id,
            **model.feature_augmentation_options,
        )
    built = VideoTextModel(
        frame_encoder=parts.frame_encoder(),
        temporal_encoder=parts.temporal_encoder(),
        text_encoder=parts.text_encoder(),
        fusion=parts.fusion(),
        heads=heads,
        num_frames=data.num_frames,
        image_size=data.image_size,
        question_length=data.question_length,
        questions_per_clip=data.questions_per_clip,
        from_features=from_features,
        augmentation=augmentation,
        name="video_text_model",
    )
    built.temporal_encoder.trainable = model.temporal_trainable  # not before: weights are made when it is called
    return built


def with_options(make: Callable, option: str, **arguments):
    """`make(**arguments)`, where arguments that it does not have are told as the user's mistake."""
    try:
        return make(**arguments)
    except TypeError as error:
        raise UserError(f"{option}: {str(error).split('() ')[-1]}.") from None
