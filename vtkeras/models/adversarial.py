"""A generator of video from words and its discriminators, assembled from parts handed in; and such parts."""

import math

import keras
from keras import layers, ops

from vtkeras import keys
from vtkeras.errors import UserError
from vtkeras.layers import CrossAttention

CONTENT, MOTION = "content", "motion"  # the parts of the noise
POSTERIOR_DRAWS = {CONTENT: "posterior_content", MOTION: "posterior_motion"}
SMALLEST = 4  # pixels a side of the smallest feature map


@keras.saving.register_keras_serializable("vtkeras")
class AdversarialGenerator(keras.Model):
    """Video from words and noise, for training against discriminators.

    Its own losses, with which it warms up, are those of a conditional variational autoencoder: an encoder finds the
    noise of a real clip, and the decoder makes the clip again from that and the words. The content is read off the
    first frame alone, so that a clip can also go on from a given picture.

    Args:
        text_encoder: a layer of `vtkeras.encoders.TEXT_ENCODERS`.
        encoder: a model as `clip_encoder` gives it.
        decoder: a model as `clip_decoder` gives it.
        caption_length: int, tokens of a caption.
        reconstruction: float, weight of the mean squared error of pixels.
        kl: float, weight of the divergence of the noise of real clips from standard normal noise.
        discriminator: dict of the arguments that `discriminators` gives to their builders.

    Inputs (a dict): match_tokens int32 (batch, caption_length), frames uint8 (batch, num_frames, height, width, 3),
        frames_mask bool (batch, num_frames), posterior_content (batch, content) and posterior_motion (batch, motion),
        standard normal.

    Outputs: {"video": float32 (batch, 2)}, the losses of each example in the order of `terms`.

    Example:
        >>> model.generate(tokens, {"content": ops.zeros((2, 64)), "motion": ops.zeros((2, 32))}).shape
        (2, 8, 32, 32, 3)

    Sources: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014; Larsen et al., "Autoencoding beyond pixels
    using a learned similarity metric", 2016; content and motion as in Tulyakov et al., "MoCoGAN", 2018.
    """

    terms = ("reconstruction", "kl")

    def __init__(
        self,
        text_encoder,
        encoder,
        decoder,
        caption_length,
        reconstruction=100.0,
        kl=1e-3,
        discriminator=None,
        **kwargs,
    ):
        # === Functional model ===
        inputs = {
            keys.MATCH_TOKENS: keras.Input((caption_length,), dtype="int32", name=keys.MATCH_TOKENS),
            keys.FRAMES: keras.Input(encoder.input[keys.FRAMES].shape[1:], dtype="uint8", name=keys.FRAMES),
            keys.FRAMES_MASK: keras.Input(encoder.input[keys.FRAMES].shape[1:2], dtype="bool", name=keys.FRAMES_MASK),
        }
        for part, name in POSTERIOR_DRAWS.items():
            inputs[name] = keras.Input(decoder.input[part].shape[1:], name=name)
        real = ops.cast(inputs[keys.FRAMES], "float32") / 255
        words = text_encoder(inputs[keys.MATCH_TOKENS])
        found = encoder({keys.FRAMES: real, keys.POOLED: words[keys.POOLED]})
        noise = {part: _draw(found[part], inputs[name]) for part, name in POSTERIOR_DRAWS.items()}
        losses = [
            reconstruction * _squared_error(real, decoder({**words, **noise}), inputs[keys.FRAMES_MASK]),
            kl * sum(_divergence(found[part]) for part in POSTERIOR_DRAWS),
        ]
        super().__init__(inputs=inputs, outputs={"video": ops.stack(losses, axis=1)}, **kwargs)

        # === Config ===
        self.text_encoder = text_encoder
        self.encoder = encoder
        self.decoder = decoder
        self.caption_length = caption_length
        self.reconstruction = reconstruction
        self.kl = kl
        self.discriminator = discriminator or {}

    @property
    def noise_shapes(self):
        """{part: shape} of the noise that makes a clip."""
        return {part: tuple(self.decoder.input[part].shape[1:]) for part in POSTERIOR_DRAWS}

    @property
    def draws(self):
        """{"normal": {name: shape}}, the random numbers of a training step for one clip."""
        return {"normal": {name: self.noise_shapes[part] for part, name in POSTERIOR_DRAWS.items()}}

    def parts(self):
        """Every part with weights, each with a name of its own."""
        return [self.text_encoder, self.encoder, self.decoder]

    def generate(self, tokens, noise, first_frame=None):
        """Makes clips.

        Args:
            tokens: int32 (batch, caption_length).
            noise: {part: float (batch, ...)}, standard normal, of the shapes in `noise_shapes`.
            first_frame: float (batch, height, width, 3), 0 to 1; the content is then the likeliest of this picture,
                in place of the noise.

        Returns:
            float32 (batch, num_frames, height, width, 3), 0 to 1.
        """
        words = self.text_encoder(tokens)
        noise = {part: ops.convert_to_tensor(noise[part], "float32") for part in POSTERIOR_DRAWS}
        if first_frame is not None:
            frames = ops.repeat(first_frame[:, None], self.encoder.input[keys.FRAMES].shape[1], axis=1)
            found = self.encoder({keys.FRAMES: frames, keys.POOLED: words[keys.POOLED]})
            noise = {**noise, CONTENT: found[CONTENT][:, 0]}
        return self.decoder({**words, **noise})

    def discriminators(self, spectral_norm=False):
        """{"frame": a model that looks at single frames, "video": one that looks at the clip}, with new weights.

        Args:
            spectral_norm: bool, divide the weights of convolutions by their largest singular values.
        """
        shape = self.encoder.input[keys.FRAMES].shape[1:]
        options = {**self.discriminator, "spectral_norm": spectral_norm}
        return {
            name: build(shape, self.caption_length, _copy(self.text_encoder), name=f"{name}_discriminator", **options)
            for name, build in DISCRIMINATORS.items()
        }

    def get_config(self):
        parts = {name: getattr(self, name) for name in ("text_encoder", "encoder", "decoder")}
        return {
            "name": self.name,
            **{name: keras.saving.serialize_keras_object(part) for name, part in parts.items()},
            "caption_length": self.caption_length,
            "reconstruction": self.reconstruction,
            "kl": self.kl,
            "discriminator": self.discriminator,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {name: config[name] for name in ("text_encoder", "encoder", "decoder")}
        made = {
            name: keras.saving.deserialize_keras_object(part, custom_objects=custom_objects)
            for name, part in parts.items()
        }
        return cls(**{**config, **made})


def clip_encoder(shape, dim, content_dim=64, motion_dim=32, channels=32, name="clip_encoder"):
    """Finds how the noise of a clip is distributed.

    Args:
        shape: (time, height, width, channels) of clips.
        dim: int, width of the pooled words.
        content_dim, motion_dim: int, width of the two parts of the noise.
        channels: int, of the first convolution; each next one has twice as many, up to four times.
        name: str.

    Returns:
        a model of {frames: float (batch, *shape), pooled: (batch, dim)} that gives {part: (batch, 2, width)}, means and
        log variances; of the content by the first frame, of the motion by all.
    """
    frames = keras.Input(shape, name=keys.FRAMES)
    pooled = keras.Input((dim,), name=keys.POOLED)
    by_frame = _shrink(_frames_apart(frames), _widths(shape, channels), name)
    by_frame = layers.Dense(4 * channels, activation="gelu", name="by_frame")(layers.Flatten()(by_frame))
    by_frame = ops.reshape(by_frame, (-1, shape[0], 4 * channels))
    first = ops.concatenate([by_frame[:, 0], pooled], axis=1)
    whole = ops.concatenate([ops.reshape(by_frame, (-1, shape[0] * 4 * channels)), pooled], axis=1)
    whole = layers.Dense(4 * channels, activation="gelu", name="whole")(whole)
    outputs = {CONTENT: _gaussian(first, content_dim, CONTENT), MOTION: _gaussian(whole, motion_dim, MOTION)}
    return keras.Model({keys.FRAMES: frames, keys.POOLED: pooled}, outputs, name=name)


def clip_decoder(
    shape, caption_length, dim, content_dim=64, motion_dim=32, channels=32, num_heads=4, name="clip_decoder"
):
    """Makes a clip of words and noise.

    Each frame begins as a small map made of the content, the words and the frame's own motion. Transposed convolutions
    enlarge it; at each size but the largest its places read the words, and look at the frames before and after.

    Args:
        shape: (time, height, width, channels) of clips, height and width 4 times a power of 2.
        caption_length: int, tokens of a text.
        dim: int, width of the words.
        content_dim, motion_dim: int, width of the two parts of the noise.
        channels: int, of the largest feature map; each smaller one has twice as many, up to four times.
        num_heads: int, of the attention to words; divides `channels`.
        name: str.

    Returns:
        a model of {sequence: (batch, length, dim), mask: bool (batch, length), pooled: (batch, dim), content, motion}
        that gives float32 (batch, *shape), 0 to 1.
    """
    time, widths = shape[0], _widths(shape, channels)[::-1]
    inputs = {
        keys.SEQUENCE: keras.Input((caption_length, dim), name=keys.SEQUENCE),
        keys.MASK: keras.Input((caption_length,), dtype="bool", name=keys.MASK),
        keys.POOLED: keras.Input((dim,), name=keys.POOLED),
        CONTENT: keras.Input((content_dim,), name=CONTENT),
        MOTION: keras.Input((motion_dim,), name=MOTION),
    }
    words = (inputs[keys.SEQUENCE], inputs[keys.MASK])
    moving = layers.Dense(time * motion_dim, activation="gelu", name="moving")(
        ops.concatenate([inputs[MOTION], inputs[keys.POOLED]], axis=1)
    )
    still = ops.concatenate([inputs[CONTENT], inputs[keys.POOLED]], axis=1)
    still = ops.repeat(still[:, None], time, axis=1)
    start = ops.concatenate([still, ops.reshape(moving, (-1, time, motion_dim))], axis=2)
    start = layers.Dense(8 * channels, activation="gelu", name="start")(start)
    start = layers.Dense(SMALLEST * SMALLEST * widths[0], name="smallest")(start)
    maps = ops.reshape(start, (-1, SMALLEST, SMALLEST, widths[0]))
    for index in range(len(widths)):
        maps = _read_words(maps, time, words, num_heads, f"{name}_{index}")
        maps = _look_around(maps, time, f"{name}_{index}")
        maps = layers.GroupNormalization(groups=1, name=f"norm_{index}")(maps)
        following = widths[index + 1] if index + 1 < len(widths) else channels
        maps = layers.Conv2DTranspose(following, 4, strides=2, padding="same", name=f"enlarge_{index}")(maps)
        maps = ops.gelu(maps)
    pixels = layers.Conv2D(shape[-1], 3, padding="same", name="pixels")(maps)
    pixels = ops.sigmoid(ops.cast(pixels, "float32"))
    return keras.Model(inputs, ops.reshape(pixels, (-1, *shape)), name=name)


def frame_discriminator(
    shape, caption_length, text_encoder, channels=32, num_heads=4, spectral_norm=False, name="frame"
):
    """Tells real from made frames, each by itself, by what is on them and whether the words say so.

    Args:
        shape: (time, height, width, channels) of clips.
        caption_length: int, tokens of a caption.
        text_encoder: its own, a layer of `vtkeras.encoders.TEXT_ENCODERS`.
        channels: int, of the first convolution.
        num_heads: int, of the attention to words; divides `channels`.
        spectral_norm: bool, divide the weights of convolutions by their largest singular values.
        name: str.

    Returns:
        a model of {frames: float (batch, *shape), match_tokens: int32 (batch, caption_length)} that gives scores
        (batch, time), high for real ones.
    """
    inputs, words = _discriminator_inputs(shape, caption_length, text_encoder)
    maps = _shrink(_frames_apart(inputs[keys.FRAMES]), _widths(shape, channels), name, spectral_norm)
    maps = _read_words(maps, shape[0], words, num_heads, name)
    scores = layers.Dense(1, dtype="float32", name="score")(ops.mean(ops.leaky_relu(maps, 0.2), axis=(1, 2)))
    return keras.Model(inputs, ops.reshape(scores, (-1, shape[0])), name=name)


def video_discriminator(
    shape, caption_length, text_encoder, channels=32, num_heads=4, spectral_norm=False, name="video"
):
    """Tells real from made clips by how what is on them moves; arguments as for `frame_discriminator`.

    Returns:
        as `frame_discriminator`, with scores (batch, stretches) of stretches of time.
    """
    inputs, words = _discriminator_inputs(shape, caption_length, text_encoder)
    maps = _shrink(_frames_apart(inputs[keys.FRAMES]), _widths(shape, channels), name, spectral_norm)
    time, width = shape[0], maps.shape[-1]
    maps = _read_words(maps, time, words, num_heads, name)
    series = ops.reshape(maps, (-1, time, SMALLEST * SMALLEST * width))
    for index in range(2):
        layer = layers.Conv1D(2 * width, 3, padding="same", name=f"over_time_{index}")
        series = ops.leaky_relu(_normed(layer, spectral_norm)(series), 0.2)
        if series.shape[1] > 1:
            series = layers.AveragePooling1D(2, name=f"shorter_{index}")(series)
    scores = layers.Dense(1, dtype="float32", name="score")(series)
    return keras.Model(inputs, ops.squeeze(scores, axis=-1), name=name)


DISCRIMINATORS = {"frame": frame_discriminator, "video": video_discriminator}


def _discriminator_inputs(shape, caption_length, text_encoder):
    """Inputs, and the words as (sequence, mask)."""
    tokens = keras.Input((caption_length,), dtype="int32", name=keys.MATCH_TOKENS)
    words = text_encoder(tokens)
    inputs = {keys.FRAMES: keras.Input(shape, name=keys.FRAMES), keys.MATCH_TOKENS: tokens}
    return inputs, (words[keys.SEQUENCE], words[keys.MASK])


def _widths(shape, channels):
    """Channels of the feature maps from the largest, half the height of a frame, to the smallest."""
    halvings = int(math.log2(shape[1] // SMALLEST))
    return [channels * min(2**index, 4) for index in range(halvings)]


def _frames_apart(clips):
    return ops.reshape(clips, (-1, *clips.shape[2:]))


def _shrink(frames, widths, name, spectral_norm=False):
    """Frames to a map of 4 x 4 places."""
    for index, width in enumerate(widths):
        layer = layers.Conv2D(width, 4, strides=2, padding="same", name=f"{name}_shrink_{index}")
        frames = ops.leaky_relu(_normed(layer, spectral_norm)(frames), 0.2)
    return frames


def _read_words(maps, time, words, num_heads, name):
    """Adds to each place of each frame what it reads in the words."""
    _, height, width, channels = maps.shape
    places = ops.reshape(maps, (-1, time * height * width, channels))
    query = layers.LayerNormalization(name=f"{name}_norm")(places)
    places = places + CrossAttention(channels, num_heads, name=f"{name}_words")(query, *words)
    return ops.reshape(places, (-1, height, width, channels))


def _look_around(maps, time, name):
    """Adds to each place what is around it, and what is there in the frames before and after."""
    _, height, width, channels = maps.shape
    maps = maps + layers.Conv2D(channels, 3, padding="same", activation="gelu", name=f"{name}_space")(maps)
    clips = ops.transpose(ops.reshape(maps, (-1, time, height * width, channels)), (0, 2, 1, 3))
    series = ops.reshape(clips, (-1, time, channels))
    series = series + layers.Conv1D(channels, 3, padding="same", activation="gelu", name=f"{name}_time")(series)
    clips = ops.transpose(ops.reshape(series, (-1, height * width, time, channels)), (0, 2, 1, 3))
    return ops.reshape(clips, (-1, height, width, channels))


def _normed(layer, spectral_norm):
    return layers.SpectralNormalization(layer, name=f"{layer.name}_normed") if spectral_norm else layer


def _gaussian(values, width, name):
    """Mean and log variance, (batch, 2, width) in float32."""
    values = layers.Dense(2 * width, dtype="float32", name=f"{name}_gaussian")(values)
    return ops.reshape(values, (-1, 2, width))


def _draw(gaussian, noise):
    """A sample of a Gaussian, from standard normal noise."""
    return gaussian[:, 0] + ops.exp(0.5 * gaussian[:, 1]) * noise


def _divergence(gaussian):
    """Kullback-Leibler divergence of a Gaussian from the standard normal one, (batch,)."""
    mean, log_variance = gaussian[:, 0], gaussian[:, 1]
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - log_variance - 1, axis=1)


def _squared_error(real, made, mask):
    """The mean over the pixels of the frames where the mask is True, (batch,)."""
    counted = ops.cast(mask, "float32")
    by_frame = ops.mean(ops.square(real - made), axis=(2, 3, 4))
    return ops.sum(by_frame * counted, axis=1) / ops.maximum(ops.sum(counted, axis=1), 1)


def _copy(layer):
    return type(layer).from_config(layer.get_config())


def build_adversarial(
    config, parts, content_dim=64, motion_dim=32, channels=32, reconstruction=100.0, kl=1e-3, discriminator_channels=32
):
    """The generator that a config describes, see `vtkeras.models.generators.GeneratorKind`.

    Args:
        config: the experiment.
        parts: makes its text encoder.
        content_dim, motion_dim: int, width of the two parts of the noise.
        channels: int, of the largest feature maps of encoder and decoder.
        reconstruction, kl: float, weights of the generator's own losses.
        discriminator_channels: int, of the discriminators' first convolutions.

    Raises:
        UserError: for an image size that halving does not bring down to 4.
    """
    data, model = config.data, config.model
    if data.image_size & (data.image_size - 1) or data.image_size < 2 * SMALLEST:
        raise UserError(
            f"data.image_size {data.image_size} is no power of two from {2 * SMALLEST} on, which the adversarial "
            "generator needs."
        )
    shape = (data.num_frames, data.image_size, data.image_size, 3)
    noise = {"content_dim": content_dim, "motion_dim": motion_dim, "channels": channels}
    return AdversarialGenerator(
        text_encoder=parts.text_encoder(),
        encoder=clip_encoder(shape, model.dim, **noise),
        decoder=clip_decoder(shape, data.caption_length, model.dim, num_heads=model.num_heads, **noise),
        caption_length=data.caption_length,
        reconstruction=reconstruction,
        kl=kl,
        discriminator={"channels": discriminator_channels, "num_heads": model.num_heads},
        name="adversarial_generator",
    )
