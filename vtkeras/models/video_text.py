"""A trunk with heads, as one functional model."""

import keras

from vtkeras import keys
from vtkeras.models.trunk import Trunk


@keras.saving.register_keras_serializable("vtkeras")
class VideoTextModel(keras.Model):
    """A functional model assembled from the parts handed in: a trunk, and a head a task.

    Args:
        frame_encoder, temporal_encoder, text_encoder, fusion, augmentation: as for `Trunk`.
        heads: {name: head layer}, see `vtkeras.models.head_layers`; a part that several of them hold, like
            a decoder, is one and stays one in a file.
        num_frames, image_size: int, the shape of a clip: (num_frames, image_size, image_size, 3).
        question_length: int, tokens of a question.
        questions_per_clip: int; with more than 1, the video is read once for all of a clip's questions.
        from_features: bool, take the frame encoder's features in place of frames.

    Inputs (a dict, as far as a head needs them):
        frames: uint8 (batch, num_frames, image_size, image_size, 3), or frame_features
            (batch, num_frames, patches, channels).
        frames_mask: bool (batch, num_frames).
        question_tokens: int32 (batch, question_length), or (batch, questions_per_clip, question_length).
        further tokens: int32, as the head layers say.

    Outputs: {name: what the head gives}, float32.

    Example:
        >>> model = VideoTextModel(*encoders, fusion, {"label": ClassLogits(5, with_video=True)}, 8, 64, 14)
        >>> model.output["label"].shape
        (None, 5)

    Source: cross-attention between modalities as in Lu et al., "ViLBERT", 2019.
    """

    def __init__(
        self,
        frame_encoder,
        temporal_encoder,
        text_encoder,
        fusion,
        heads,
        num_frames,
        image_size,
        question_length,
        questions_per_clip=1,
        from_features=False,
        augmentation=None,
        **kwargs,
    ):
        # === Layers ===
        trunk = Trunk(frame_encoder, temporal_encoder, text_encoder, fusion, augmentation)

        # === Functional model ===
        clip_shape = (num_frames, image_size, image_size, 3)
        if from_features:
            frame_encoder.build((None, *clip_shape))
            shape = frame_encoder.compute_output_shape((None, *clip_shape))[1:]
            video = keras.Input(shape, name=keys.FRAME_FEATURES)
        else:
            video = keras.Input(clip_shape, dtype="uint8", name=keys.FRAMES)
        tokens = {key: shape for head in heads.values() for key, shape in head.tokens.items()}
        if any(keys.READS_QUESTION in head.reads for head in heads.values()):
            several = () if questions_per_clip == 1 else (questions_per_clip,)
            tokens = {keys.QUESTION_TOKENS: (*several, question_length), **tokens}
        inputs = {
            video.name: video,
            keys.FRAMES_MASK: keras.Input((num_frames,), dtype="bool", name=keys.FRAMES_MASK),
            **{key: keras.Input(shape, dtype="int32", name=key) for key, shape in tokens.items()},
        }
        super().__init__(inputs=inputs, outputs=trunk(inputs, heads), **kwargs)

        # === Config ===
        self.trunk = trunk
        self.frame_encoder = frame_encoder
        self.temporal_encoder = temporal_encoder
        self.text_encoder = text_encoder
        self.fusion = fusion
        self.heads = heads
        self.augmentation = augmentation
        self.num_frames = num_frames
        self.image_size = image_size
        self.question_length = question_length
        self.questions_per_clip = questions_per_clip
        self.from_features = from_features

    @property
    def decoder(self):
        """The decoder of texts, or None."""
        return next((head.decoder for head in self.heads.values() if hasattr(head, "decoder")), None)

    def parts(self):
        """Every part with weights, once and in one order, each with a name of its own."""
        held = [part for head in self.heads.values() for part in (getattr(head, "decoder", None), head)]
        parts = [self.frame_encoder, self.temporal_encoder, self.text_encoder, *self.fusion, *held]
        owners = [part for part in parts if part is not None and part.weights and not hasattr(part, "decoder")]
        return list({id(part): part for part in owners}.values())

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "trainable": self.trainable,
            "frame_encoder": serialize(self.frame_encoder),
            "temporal_encoder": serialize(self.temporal_encoder),
            "text_encoder": serialize(self.text_encoder),
            "fusion": [serialize(block) for block in self.fusion],
            "heads": {name: serialize(head) for name, head in self.heads.items()},
            "augmentation": serialize(self.augmentation),
            "num_frames": self.num_frames,
            "image_size": self.image_size,
            "question_length": self.question_length,
            "questions_per_clip": self.questions_per_clip,
            "from_features": self.from_features,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        def deserialize(part):
            return keras.saving.deserialize_keras_object(part, custom_objects=custom_objects)

        decoders: dict[str, keras.layers.Layer] = {}

        def head(serialized):
            """A head layer; those that held one decoder hold one again, told by its name."""
            inner = serialized["config"]
            if "decoder" in inner:
                name = inner["decoder"]["config"]["name"]
                if name not in decoders:
                    decoders[name] = deserialize(inner["decoder"])
                serialized = {**serialized, "config": {**inner, "decoder": decoders[name]}}
            return deserialize(serialized)

        one = ("frame_encoder", "temporal_encoder", "text_encoder", "augmentation")
        return cls(
            **{
                **config,
                **{part: deserialize(config[part]) for part in one},
                "fusion": [deserialize(block) for block in config["fusion"]],
                "heads": {name: head(one) for name, one in config["heads"].items()},
            }
        )
