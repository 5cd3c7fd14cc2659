"""Named builder functions: from a config's sizes to a model."""

from __future__ import annotations

from vtkeras.config import Config, ModelConfig
from vtkeras.encoders import FRAME_ENCODERS, TEMPORAL_ENCODERS, TEXT_ENCODERS, text_preset
from vtkeras.errors import UserError
from vtkeras.fusion import FUSIONS
from vtkeras.models.decoder import DecoderBlock, TextDecoder
from vtkeras.models.video_text import VideoTextModel


def build_video_text_model(
    config: Config,
    vocabulary_size: int,
    num_answers: int,
    num_labels: int,
    from_features: bool = False,
    motion_tokens: tuple[int, ...] = (),
) -> VideoTextModel:
    """Assembles the multi-task model that `config` describes.

    Args:
        config: the experiment.
        vocabulary_size: word pieces, special tokens included.
        num_answers, num_labels: classes of the closed heads; 0 leaves a head out.
        from_features: take cached frame features in place of frames.
        motion_tokens: ids of the words in `model.motion_words`.

    Raises:
        UserError: for an unknown part, or a decoder fusion that is not causal.
    """
    data, model = config.data, config.model
    fusion_type = choose(FUSIONS, model.fusion, "model.fusion")
    decoder_fusion = choose(FUSIONS, model.decoder_fusion, "model.decoder_fusion")
    if not decoder_fusion.causal:
        raise UserError(
            f"model.decoder_fusion '{model.decoder_fusion}' would let a word see the words after it: "
            f"use one of {', '.join(name for name, fusion in FUSIONS.items() if fusion.causal)}."
        )
    motion_dim = model.motion_dim if model.motion else 0
    if data.questions_per_clip > 1 and not fusion_type.causal:
        raise UserError(
            f"model.fusion '{model.fusion}' would mix the questions of a clip: set data.questions_per_clip to 1."
        )
    sizes = {"dim": model.dim, "num_heads": model.num_heads, "dropout": model.dropout}
    frame_encoder = choose(FRAME_ENCODERS, model.frame_encoder, "model.frame_encoder")(
        image_size=data.image_size,
        weights=model.frame_weights,
        preset=model.frame_preset,
        motion=model.motion,
        motion_dropout=model.motion_dropout,
    )
    frame_encoder.trainable = model.frame_trainable
    temporal_encoder = choose(TEMPORAL_ENCODERS, model.temporal_encoder, "model.temporal_encoder")(
        max_frames=data.num_frames,
        num_layers=model.temporal_layers,
        name="temporal_encoder",
        **_tokens_of_a_frame(model, motion_dim),
        **sizes,
    )
    built = VideoTextModel(
        frame_encoder=frame_encoder,
        temporal_encoder=temporal_encoder,
        text_encoder=_text_encoder(config, vocabulary_size, sizes),
        fusion=[fusion_type(name=f"fusion_{index}", **sizes) for index in range(model.fusion_layers)],
        decoder=TextDecoder(
            vocabulary_size,
            max(data.caption_length, data.answer_length),
            blocks=[
                DecoderBlock(
                    decoder_fusion(name="fusion", blind_channels=motion_dim, **sizes), name=f"decoder_block_{index}"
                )
                for index in range(model.decoder_layers)
            ],
            word_dropout=model.word_dropout,
            name="decoder",
        ),
        num_frames=data.num_frames,
        image_size=data.image_size,
        question_length=data.question_length,
        caption_length=data.caption_length,
        num_answers=num_answers,
        num_labels=num_labels,
        embedding_dim=model.embedding_dim,
        single_label=model.single_label,
        from_features=from_features,
        motion_tokens=motion_tokens,
        questions_per_clip=data.questions_per_clip,
        answer_length=data.answer_length,
        name="video_text_model",
    )
    temporal_encoder.trainable = model.temporal_trainable  # not before: weights are made when it is called
    return built


def _tokens_of_a_frame(model: ModelConfig, motion_dim: int) -> dict:
    if model.temporal_encoder == "objects":
        if motion_dim:
            raise UserError("model.temporal_encoder 'objects' keeps no channels for motion: set model.motion_dim to 0.")
        return {"num_tokens": model.object_tokens}
    return {"patch_merge": model.patch_merge, "motion_dim": motion_dim}


def _text_encoder(config: Config, vocabulary_size: int, sizes: dict):
    model = config.model
    if model.text_encoder == "preset":
        return text_preset(model.text_preset, model.dim)
    return choose(TEXT_ENCODERS, model.text_encoder, "model.text_encoder")(
        vocabulary_size=vocabulary_size,
        max_length=max(config.data.question_length, config.data.caption_length),
        num_layers=model.text_layers,
        name="text_encoder",
        **sizes,
    )


def choose(parts: dict, name: str, option: str):
    """`parts[name]`, or a `UserError` that lists what there is."""
    if name not in parts:
        raise UserError(f"{option} '{name}' is unknown: use one of {', '.join(sorted(parts))}.")
    return parts[name]
