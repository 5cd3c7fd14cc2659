"""Several video-text models that answer as one."""

import keras
from keras import ops

from vtkeras import keys
from vtkeras.models.decoder import TextDecoder
from vtkeras.models.head_layers import mean_logits
from vtkeras.models.video_text import VideoTextModel

CHANNELS = (keys.SEQUENCE, keys.POOLED)  # of a reading: what each model has of its own
SHARED = ("single", "with_question", "probabilities")  # of a head's layers, beside outputs


@keras.saving.register_keras_serializable("vtkeras")
class VideoTextEnsemble(keras.Model):
    """Video-text models that read the same clips and answer as one: the mean of their logits.

    That is the normalised geometric mean of the probabilities; networks that learned the same clips differ most in what
    they do not know. Vectors of the shared space stand side by side, so that a cosine is the mean of the models'
    cosines. A layer's attention has the heads of all members. Readers take an ensemble for a `VideoTextModel`: it has
    the parts that they ask.

    Args:
        members: list of `VideoTextModel` that have the same heads and words and are alike but for their weights and
            frame encoders: `sequence` has the same length in all.

    Call arguments:
        inputs: dict, as the members take it, such as `frames` uint8 (batch, time, height, width, 3).

    Returns:
        {name: what the head gives}, float32, in a member's shape; of the shared space (batch, 2, members *
        embedding_dim).

    Raises:
        ValueError: if there are fewer than two members, one is no `VideoTextModel`, they differ in more than their
            frame encoders, or their temporal encoder makes places of patches.

    Example:
        >>> ensemble = VideoTextEnsemble([model, other])
        >>> ensemble(batch)["answer"].shape == model(batch)["answer"].shape
        True

    Source: ensembles of networks as in Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation
    using deep ensembles", 2017, who take the mean of probabilities.
    """

    def __init__(self, members, **kwargs):
        super().__init__(**kwargs)
        if not all(isinstance(one, VideoTextModel) for one in members):
            raise ValueError("An ensemble is made of networks that read video and text, each a single one.")
        if len(members) < 2 or len({_outline(one) for one in members}) > 1:
            raise ValueError("An ensemble needs two or more models that are alike but for their frame encoders.")
        first = members[0]
        self.members = list(members)
        if any(keys.MAPS in _reading(one) for one in members):
            raise ValueError("An ensemble cannot tell which patches were looked at in models that read places of them.")
        self.trunk = _JoinedTrunk([one.trunk for one in members])
        self.heads = {name: _JoinedHead([one.heads[name] for one in members]) for name in first.heads}
        self.decoder = _JoinedDecoder([one.decoder for one in members]) if first.decoder else None
        self.frame_encoder = first.frame_encoder
        self.num_frames = first.num_frames
        self.built = True

    def call(self, inputs, training=None):
        outputs = [one(inputs, training=training) for one in self.members]
        return {name: head.join([one[name] for one in outputs]) for name, head in self.members[0].heads.items()}

    def parts(self):
        """The parts of the first member, as `VideoTextModel.parts` gives them."""
        return self.members[0].parts()

    def get_config(self):
        return {"name": self.name, "members": [keras.saving.serialize_keras_object(one) for one in self.members]}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        members = [keras.saving.deserialize_keras_object(one, custom_objects) for one in config["members"]]
        return cls(**{**config, "members": members})


class _JoinedTrunk:
    """The trunks of several models.

    A reading is one of theirs with `sequence` (batch, length, members * dim) and `pooled` (batch, members * dim).
    Scores have members * heads in place of heads.
    """

    def __init__(self, trunks):
        self.trunks = trunks

    def encode_video(self, video, frames_mask, return_scores=False):
        """As `Trunk.encode_video`."""
        read = [trunk.encode_video(video, frames_mask, return_scores=return_scores) for trunk in self.trunks]
        if not return_scores:
            return _side_by_side(read)
        layers = zip(*(scores for _, scores in read), strict=True)
        return _side_by_side([reading for reading, _ in read]), [ops.concatenate(scores, axis=1) for scores in layers]

    def encode_text(self, tokens):
        """As `Trunk.encode_text`."""
        return _side_by_side([trunk.encode_text(tokens) for trunk in self.trunks])

    def fuse(self, text, video, return_scores=False):
        """As `Trunk.fuse`."""
        members = len(self.trunks)
        read = [
            trunk.fuse(*pair, return_scores=return_scores)
            for trunk, *pair in zip(self.trunks, _apart(text, members), _apart(video, members))
        ]
        if not return_scores:
            return _side_by_side(read)
        return _side_by_side([reading for reading, _ in read]), ops.concatenate([scores for _, scores in read], axis=2)


class _JoinedHead:
    """The layers of one head in several models, as readers ask them."""

    def __init__(self, layers):
        self.layers = layers
        for name in SHARED:
            if hasattr(layers[0], name):
                setattr(self, name, getattr(layers[0], name))

    def __call__(self, reading):
        readings = {name: _apart(value, len(self.layers)) for name, value in reading.items()}
        each = ({name: values[place] for name, values in readings.items()} for place in range(len(self.layers)))
        return self.layers[0].join([layer(one) for layer, one in zip(self.layers, each)])

    def embed_video(self, video):
        """As `SharedSpace.embed_video`."""
        pairs = zip(self.layers, _apart(video, len(self.layers)))
        return self.layers[0].join([layer.embed_video(one) for layer, one in pairs])

    def embed_text(self, text):
        """As `SharedSpace.embed_text`."""
        pairs = zip(self.layers, _apart(text, len(self.layers)))
        return self.layers[0].join([layer.embed_text(one) for layer, one in pairs])


class _JoinedDecoder:
    """Decoders that write one text together: each reads its own channels of the context."""

    def __init__(self, decoders: list[TextDecoder]):
        self.decoders = decoders
        self.max_length = decoders[0].max_length

    def __call__(self, tokens, context, context_mask=None):
        """As `TextDecoder`, outside training."""
        return mean_logits([one(tokens, part, context_mask) for one, part in self._pairs(context)])

    def look(self, tokens, context, context_mask=None):
        """As `TextDecoder.look`."""
        logits, blocks = zip(*(one.look(tokens, part, context_mask) for one, part in self._pairs(context)))
        joined = [tuple(ops.concatenate(scores, axis=1) for scores in zip(*of_block)) for of_block in zip(*blocks)]
        return mean_logits(logits), joined

    def start(self, context, context_mask, max_length):
        """As `TextDecoder.start`: the blocks of all decoders, one decoder after the other."""
        caches = [one.start(part, context_mask, max_length) for one, part in self._pairs(context)]
        return {name: [value for cache in caches for value in cache[name]] for name in caches[0]}

    def step(self, tokens, index, cache):
        """As `TextDecoder.step`."""
        logits, caches, scores = zip(*(one.step(tokens, index, own) for one, own in self._caches(cache)))
        joined = {name: [value for own in caches for value in own[name]] for name in cache}
        return mean_logits(logits), joined, ops.concatenate(scores, axis=2)

    def _pairs(self, context):
        return zip(self.decoders, ops.split(context, len(self.decoders), axis=-1))

    def _caches(self, cache):
        blocks = len(cache["keys"]) // len(self.decoders)
        for place, decoder in enumerate(self.decoders):
            yield decoder, {name: values[place * blocks : (place + 1) * blocks] for name, values in cache.items()}


def _side_by_side(readings):
    """One reading of several: channels one after the other; masks are the same in all."""
    return {**readings[0], **{name: ops.concatenate([one[name] for one in readings], axis=-1) for name in CHANNELS}}


def _apart(reading, members):
    """The reading of each member again; tokens are the same for all."""
    if not isinstance(reading, dict):
        return [reading] * members
    channels = {name: ops.split(reading[name], members, axis=-1) for name in CHANNELS}
    return [{**reading, **{name: channels[name][place] for name in CHANNELS}} for place in range(members)]


def _patches(model):
    clip = (None, model.num_frames, model.image_size, model.image_size, 3)
    return model.frame_encoder.compute_output_shape(clip)


def _reading(model):
    """What its temporal encoder gives, as shapes."""
    mask = keras.KerasTensor((None, model.num_frames), "bool")
    return model.temporal_encoder.compute_output_spec(keras.KerasTensor(_patches(model)), mask)


def _outline(model):
    """What all members must have in common."""
    outputs = (*model.heads, *(one.shape for one in model.outputs))
    reads = [(*head.reads, *head.tokens.items(), getattr(head, "single", None)) for head in model.heads.values()]
    layers = type(model.temporal_encoder), len(getattr(model.temporal_encoder, "blocks", ()))
    blocks = len(model.fusion), len(model.decoder.blocks) if model.decoder else 0
    clip = model.num_frames, model.image_size, model.question_length, model.questions_per_clip
    return (*outputs, *reads, *layers, *blocks, *clip, *_reading(model)[keys.SEQUENCE].shape[1:])
