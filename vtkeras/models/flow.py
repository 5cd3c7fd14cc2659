"""Video from words by a flow: first frames as latents that a rectified flow makes, then their motion."""

import keras
import numpy as np
from keras import ops

from vtkeras import keys
from vtkeras.errors import UserError
from vtkeras.models.denoiser import Denoiser
from vtkeras.models.frame_codec import GRID, FrameCodec
from vtkeras.models.moving_layers import MovingLayers
from vtkeras.models.shown_words import ShownWords
from vtkeras.models.word_tagger import WordTagger

WORDLESS = 0.1  # share of latents that the flow learns without their words, for guidance
PIXEL_WEIGHT = 30.0  # brings squared errors of pixels near those of latents
CODE_WEIGHT = 0.0005  # of the nats that a motion's code may hold
BLUR = 0.15  # noise on the latents that the decoder learns from, as the flow's are not exact
SPREAD = 1.2  # standard deviation of the logit of the time that is learned
WORDS_WEIGHT = 0.05  # of the tagger's errors, which are sums over the vocabulary
MOST_WEIGHT = 5.0  # of an error where there is little noise


@keras.saving.register_keras_serializable("vtkeras")
class FlowLosses(keras.layers.Layer):
    """What the parts of a `FlowGenerator` learn from a batch.

    Args:
        text_encoder, codec, denoiser, tagger, motion, shown_words: the parts.
        shift, share: see `FlowGenerator`.

    Call arguments:
        inputs: dict, see `FlowGenerator`.

    Returns:
        float32 (batch, 4): squared errors of denoised latents, of frames through the codec and of moved pieces, and
        the tagger's cross-entropy.
    """

    def __init__(self, text_encoder, codec, denoiser, tagger, motion, shift, shown_words=None, share=2, **kwargs):
        super().__init__(**kwargs)
        self.text_encoder = text_encoder
        self.codec = codec
        self.denoiser = denoiser
        self.tagger = tagger
        self.motion = motion
        self.shift = shift
        self.shown_words = shown_words
        self.share = share

    def build(self, inputs_shape):
        frame = (None, *inputs_shape[keys.FRAMES][2:])
        words = (None, inputs_shape[keys.MATCH_TOKENS][1], self.text_encoder.dim)
        shapes = {
            self.text_encoder: (inputs_shape[keys.MATCH_TOKENS],),
            self.codec: (frame,),
            self.denoiser: ((None, *inputs_shape["blur"][1:]), (None,), words, words[:2], (None, words[-1])),
            self.tagger: ((None, *inputs_shape["blur"][1:]),),
            self.motion: (frame, inputs_shape["code"], words, words[:2]),
        }
        if self.shown_words:
            shapes[self.shown_words] = (inputs_shape[keys.MATCH_TOKENS],)
        for part, shape in shapes.items():
            if not part.built:  # one that was saved is built as it is loaded
                part.build(*shape)

    def call(self, inputs):
        clips = ops.cast(inputs[keys.FRAMES], self.compute_dtype) / 255
        text = self.text_encoder(inputs[keys.MATCH_TOKENS])
        some = {name: value[:: self.share] for name, value in inputs.items()}
        some_text = {name: value[:: self.share] for name, value in text.items()}
        count = ops.sum(ops.cast(inputs[keys.FRAMES_MASK], "float32"), axis=1)
        frames = _at(clips, ops.floor(inputs["place"] * count[:, None]))
        latents = ops.stop_gradient(self.codec.encode(_rows(frames)))
        terms = [
            self._frames(inputs, latents, told(inputs[keys.MATCH_TOKENS], text, self.shown_words, self.tagger)),
            self._spread(self._codec(some, frames[:: self.share, 0]), clips),
            self._spread(self._motion(some, clips[:: self.share], some_text), clips),
            self._words(inputs, latents),
        ]
        return ops.stack([ops.cast(term, "float32") for term in terms], axis=-1)

    def _frames(self, inputs, latents, text):
        """Of the flow: errors (batch,) of latents (batch * samples, height, width, channels)."""
        samples = inputs["level"].shape[1]
        time = shifted(ops.sigmoid(SPREAD * _rows(inputs["level"])), self.shift)
        share = time[:, None, None, None]
        noisy = share * latents + (1 - share) * _rows(inputs["noise"])
        worded = _rows(inputs["wordless"]) >= WORDLESS
        words, readable, pooled = (
            ops.repeat(text[name], samples, axis=0) for name in (keys.SEQUENCE, keys.MASK, keys.POOLED)
        )
        readable = ops.logical_and(readable, worded[:, None])
        pooled = pooled * ops.cast(worded, pooled.dtype)[:, None]
        found = self.denoiser(noisy, time, words, readable, pooled)
        weight = ops.minimum(1 + 0.5 * ops.square(time / (1 - time)), MOST_WEIGHT)
        errors = weight * ops.mean(ops.square(found - latents), axis=(1, 2, 3))
        return ops.mean(ops.reshape(errors, (-1, samples)), axis=1)

    def _words(self, inputs, latents):
        """Errors (batch,) of the words that the tagger reads off blurred latents."""
        samples = inputs["level"].shape[1]
        tokens, blur = (ops.repeat(inputs[name], samples, axis=0) for name in (keys.MATCH_TOKENS, "blur"))
        errors = self.tagger.losses(latents + BLUR * blur, tokens)
        return WORDS_WEIGHT * ops.mean(ops.reshape(errors, (-1, samples)), axis=1)

    def _codec(self, inputs, frames):
        latents = self.codec.encode(frames)
        return PIXEL_WEIGHT * _error(self.codec.decode(latents + BLUR * inputs["blur"]), frames)

    def _motion(self, inputs, clips, text):
        """Errors (batch,) of frames made of the first one, and the nats of the motion's code."""
        times = 1 + ops.floor(ops.square(inputs["times"]) * (clips.shape[1] - 1))  # near ones more often
        mean, log_variance = self.motion.code_of(clips)
        code = mean + ops.exp(0.5 * log_variance) * inputs["code"]
        made = self.motion(clips[:, 0], code, text[keys.SEQUENCE], text[keys.MASK], ops.cast(times, "int32"))
        counted = _at(ops.cast(inputs[keys.FRAMES_MASK], made.dtype)[..., None], times)[..., 0]
        errors = counted * ops.mean(ops.square(made - _at(clips, times)), axis=(2, 3, 4))
        nats = 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=-1)
        return PIXEL_WEIGHT * ops.mean(errors, axis=1) + CODE_WEIGHT * nats

    def _spread(self, errors, clips):
        """Errors of some clips, (batch / share,), to one an example: each stands for its neighbours."""
        return ops.repeat(errors, self.share, axis=0)[: ops.shape(clips)[0]]

    def compute_output_shape(self, inputs_shape):
        return (inputs_shape[keys.FRAMES][0], 4)

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in PARTS}
        return {**super().get_config(), **parts, "shift": self.shift, "share": self.share}

    @classmethod
    def from_config(cls, config):
        return cls(**_with_parts(config))


@keras.saving.register_keras_serializable("vtkeras")
class FlowGenerator(keras.Model):
    """A functional model of a text encoder and four parts that learn at once: `codec`, `denoiser`, `tagger`, `motion`.

    The codec makes a small grid of latents of a frame. The denoiser draws such latents from noise and words, along a
    rectified flow; of several candidates, that is taken in which the tagger sees the words best. The last part moves
    pieces of the frame.

    Args:
        text_encoder, codec, denoiser, tagger, motion: the parts.
        num_frames, image_size, length: int, of a clip and of a caption's tokens.
        samples: int, frames of a clip from which the flow learns in one step, each with a noise and a time.
        targets: int, frames of a clip from which the motion learns in one step.
        steps: int, of drawing latents.
        guidance: float, how many times the difference that the words make is taken.
        shift: float, above 1 puts more of the steps, and of training, where the noise is strong.
        candidates: int, first frames that are drawn for a clip, each of its own noise.
        shown_words: `ShownWords`, what the denoiser reads in place of the text encoder; or None.
        share: int, codec and motion, which learn faster than the flow, learn of every so many clips of a batch.

    Inputs: as `vtkeras.models.generators.GeneratorKind` says.

    Outputs: {"video": float32 (batch, 4)}, the losses named by `terms`.

    Example:
        >>> model = build_flow(config, parts)
        >>> model.generate(tokens, {"content": noise, "motion": code}).shape
        TensorShape([2, 16, 64, 64, 3])

    Source: Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022; guidance: Ho and
    Salimans, "Classifier-Free Diffusion Guidance", 2022; shifted times: Esser et al., "Scaling Rectified Flow
    Transformers for High-Resolution Image Synthesis", 2024.
    """

    terms = ("frames", "codec", "motion", "words")

    def __init__(
        self,
        text_encoder,
        codec,
        denoiser,
        tagger,
        motion,
        num_frames,
        image_size,
        length,
        samples,
        targets,
        steps,
        guidance,
        shift,
        candidates,
        shown_words=None,
        share=2,
        **kwargs,
    ):
        grid, code = (GRID, GRID, codec.channels), (motion.code_dim,)
        draws = {
            "normal": {"noise": (samples, *grid), "level": (samples,), "blur": grid, "code": code},
            "uniform": {"place": (samples,), "wordless": (samples,), "times": (targets,)},
        }
        inputs = {
            keys.MATCH_TOKENS: keras.Input((length,), dtype="int32", name=keys.MATCH_TOKENS),
            keys.FRAMES: keras.Input((num_frames, image_size, image_size, 3), dtype="uint8", name=keys.FRAMES),
            keys.FRAMES_MASK: keras.Input((num_frames,), dtype="bool", name=keys.FRAMES_MASK),
            **{name: keras.Input(shape, name=name) for some in draws.values() for name, shape in some.items()},
        }
        losses = FlowLosses(text_encoder, codec, denoiser, tagger, motion, shift, shown_words, share, name="losses")
        super().__init__(inputs, {"video": losses(inputs)}, **kwargs)
        self.text_encoder = text_encoder
        self.codec = codec
        self.denoiser = denoiser
        self.tagger = tagger
        self.motion = motion
        self.num_frames = num_frames
        self.image_size = image_size
        self.length = length
        self.samples = samples
        self.targets = targets
        self.steps = steps
        self.guidance = guidance
        self.shift = shift
        self.candidates = candidates
        self.shown_words = shown_words
        self.share = share
        self.draws = draws
        self.noise_shapes = {"content": (candidates, *grid), "motion": code}

    def parts(self):
        """Every part with weights, each with a name of its own."""
        return [part for name in PARTS if (part := getattr(self, name)) is not None]

    def generate(self, tokens, noise, first_frame=None):
        """Clips from words and noise.

        Args:
            tokens: int32 (batch, length).
            noise: {"content", "motion"}: standard normal, float (batch, *noise_shapes[name]).
            first_frame: float (batch, image_size, image_size, 3), 0 to 1, in place of one that is drawn; or None.

        Returns:
            float (batch, num_frames, image_size, image_size, 3), 0 to 1.
        """
        text = self.text_encoder(tokens)
        if first_frame is None:
            words = told(tokens, text, self.shown_words, self.tagger)
            latents = self._best(tokens, self._draw(_rows(noise["content"]), words))
            first_frame = ops.clip(self.codec.decode(latents), 0.0, 1.0)
        moved = self.motion(first_frame, noise["motion"], text[keys.SEQUENCE], text[keys.MASK])
        return ops.clip(ops.concatenate([first_frame[:, None], moved], axis=1), 0.0, 1.0)

    def _best(self, tokens, latents):
        """Of (batch * candidates, 8, 8, channels), those (batch, 8, 8, channels) in which the tagger sees the words."""
        errors = self.tagger.errors(latents, ops.repeat(tokens, self.candidates, axis=0))
        best = ops.argmin(ops.reshape(errors, (-1, self.candidates)), axis=1)
        return _at(ops.reshape(latents, (-1, self.candidates, *latents.shape[1:])), best[:, None])[:, 0]

    def _draw(self, latents, text):
        """Latents (batch * candidates, 8, 8, channels) from as much noise, by Euler's method and guidance."""
        text = {name: ops.repeat(value, self.candidates, axis=0) for name, value in text.items()}
        words = ops.concatenate([text[keys.SEQUENCE]] * 2)
        readable = ops.concatenate([text[keys.MASK], ops.zeros_like(text[keys.MASK])])
        pooled = ops.concatenate([text[keys.POOLED], ops.zeros_like(text[keys.POOLED])])
        times = ops.convert_to_tensor(shifted(np.linspace(0, 1, self.steps + 1), self.shift), latents.dtype)

        def step(place, latents):
            time, later = times[place], times[place + 1]
            both = ops.concatenate([latents, latents])
            found = self.denoiser(both, ops.zeros_like(both[:, 0, 0, 0]) + time, words, readable, pooled)
            told, untold = ops.split(found, 2)
            clean = ops.clip(untold + self.guidance * (told - untold), -1.0, 1.0)
            return latents + (clean - latents) * ((later - time) / (1 - time))

        return ops.fori_loop(0, self.steps, step, latents)

    def get_config(self):
        sizes = ("num_frames", "image_size", "length", "samples", "targets", "share", *DRAWING, "name")
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in PARTS}
        return {**parts, **{name: getattr(self, name) for name in sizes}}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**_with_parts(config))


DRAWING = ("steps", "guidance", "shift", "candidates")
PARTS = ("text_encoder", "codec", "denoiser", "tagger", "motion", "shown_words")


def build_flow(
    config,
    parts,
    latent_channels=4,
    codec_dim=96,
    flow_dim=128,
    flow_blocks=4,
    motion_dim=96,
    motion_code=16,
    pieces=3,
    samples=2,
    targets=2,
    steps=10,
    guidance=6.0,
    shift=1.5,
    candidates=6,
    shown_words=0.0,
    share=2,
):
    """The flow that a config describes.

    Args:
        config: the experiment.
        parts: `vtkeras.models.Parts` of the config.
        latent_channels, codec_dim: of `FrameCodec`.
        flow_dim, flow_blocks: of `Denoiser`.
        motion_dim, motion_code, pieces: of `MovingLayers`.
        samples, targets, steps, guidance, shift, candidates, share: of `FlowGenerator`.
        shown_words: float, above 0 the denoiser reads each word alone, and only those of which frames take away at
            least this share of the doubt, see `ShownWords`; 0 for all words as the text encoder reads them.

    Raises:
        UserError: for an image size that the grid does not divide, too few frames, or less than float32.
    """
    data, heads, precision = config.data, config.model.num_heads, config.train.precision
    if precision != "float32":
        raise UserError(f"train.precision {precision} is too narrow for the flow: use float32.")
    if data.image_size % (2 * GRID):
        raise UserError(f"data.image_size {data.image_size} is not a multiple of {2 * GRID}, which the flow needs.")
    if data.num_frames < 2:
        raise UserError("data.num_frames 1: the flow needs 2 frames to learn a motion.")
    size = parts.vocabulary_size
    return FlowGenerator(
        text_encoder=parts.text_encoder(),
        codec=FrameCodec(latent_channels, codec_dim, name="codec"),
        denoiser=Denoiser(flow_dim, flow_blocks, heads, name="denoiser"),
        tagger=WordTagger(size, flow_dim, weighs=shown_words > 0, name="tagger"),
        motion=MovingLayers(data.num_frames, motion_code, pieces, motion_dim, heads, name="motion"),
        num_frames=data.num_frames,
        image_size=data.image_size,
        length=data.caption_length,
        samples=samples,
        targets=targets,
        steps=steps,
        guidance=guidance,
        shift=shift,
        candidates=candidates,
        shown_words=ShownWords(size, config.model.dim, shown_words, name="shown_words") if shown_words else None,
        share=share,
        name="flow",
    )


def told(tokens, text, shown_words, tagger):
    """What the denoiser reads of a caption: what the text encoder gives, or the words that frames show.

    Args:
        tokens: int32 (batch, length), of the captions, 0 where padded.
        text: dict of `sequence`, `mask` and `pooled`, what the text encoder gives for them.
        shown_words: `ShownWords`, or None for a model that reads what the text encoder gives.
        tagger: `WordTagger`, which tells which words frames show; asked only with `shown_words`.

    Returns:
        dict of `sequence` (batch, length, dim), `mask` (batch, length) and `pooled` (batch, dim).
    """
    return shown_words(tokens, tagger.shown()) if shown_words else text


def shifted(time, shift):
    """Times from 0 to 1, drawn towards 0 by a shift above 1.

    Example:
        >>> shifted(0.5, 3.0)
        0.25
    """
    return time / (time + shift * (1 - time))


def _at(clips, places):
    """Frames (batch, some, ...) of clips (batch, time, ...) at places, float (batch, some)."""
    chosen = ops.one_hot(ops.cast(places, "int32"), clips.shape[1], dtype=clips.dtype)
    flat = ops.reshape(clips, (-1, clips.shape[1], int(np.prod(clips.shape[2:]))))
    return ops.reshape(ops.matmul(chosen, flat), (-1, places.shape[1], *clips.shape[2:]))


def _rows(array):
    """(batch, samples, ...) to (batch * samples, ...)."""
    return ops.reshape(array, (-1, *array.shape[2:]))


def _error(found, right):
    """Mean squared error of each example."""
    return ops.mean(ops.square(found - right), axis=tuple(range(1, len(found.shape))))


def _with_parts(config):
    return {**config, **{name: keras.saving.deserialize_keras_object(config.get(name)) for name in PARTS}}
