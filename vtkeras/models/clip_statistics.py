"""What linear models read of a clip: figures of a frozen frame encoder's features, and of its finer maps."""

from keras import ops

POOLED_STATISTICS = 4
COPY_SIDE = 8  # pixels a side of a small copy
COPY_VALUES = 3 * COPY_SIDE**2
FINE_STATISTICS = 9


def read_clips(encoder, frames, frames_mask, copies=True, fine=True):
    """Reads clips through a frame encoder once.

    Args:
        encoder: `FrameEncoder`.
        frames: uint8 or float (batch, time, height, width, 3), values 0 to 255.
        frames_mask: bool (batch, time), True for frames up to the clip's last one.
        copies, fine: bool, with `small_copies` and with `fine_statistics`.

    Returns:
        The features, float (batch, time, patches, channels), the clips' statistics, float
        (batch, total of `group_sizes`), and the maps on the way, as `FrameEncoder.with_maps` gives them.

    Example:
        >>> read_clips(encoder, frames, frames_mask)[1].shape
        (2, 8040)
    """
    features, maps = encoder.with_maps(frames) if fine else (encoder(frames, training=False), [])
    pooled = pool_clips(ops.cast(features, "float32"), frames_mask, small_copies(frames) if copies else None)
    finer = [fine_statistics(ops.cast(one, "float32"), frames_mask) for one in maps[: len(encoder.map_channels)]]
    return features, ops.concatenate([pooled, *finer], axis=-1), maps


def group_sizes(channels, num_frames, map_channels=(), copies=True):
    """How many statistics of a clip belong together: those of the features and the copies, then those of each map.

    Args:
        channels: int, of the encoder's patches.
        num_frames: int.
        map_channels: of its finer maps.
        copies: bool, with `small_copies`.

    Example:
        >>> group_sizes(1284, 8, (40, 112))
        [6672, 360, 1008]
    """
    pooled = POOLED_STATISTICS * channels + copies * num_frames * COPY_VALUES
    return [pooled, *(FINE_STATISTICS * one for one in map_channels)]


def small_copies(frames):
    """Frames in a few pixels: what is where, which pooled features do not tell.

    Args:
        frames: uint8 or float (batch, time, height, width, 3), values 0 to 255.

    Returns:
        float (batch, time, 192), values 0 to 1, pixels row by row.

    Example:
        >>> small_copies(ops.ones((2, 8, 128, 128, 3))).shape
        (2, 8, 192)
    """
    batch, time, height, width, channels = ops.shape(frames)
    pictures = ops.reshape(ops.cast(frames, "float32") / 255, (batch * time, height, width, channels))
    small = ops.image.resize(pictures, (COPY_SIDE, COPY_SIDE), antialias=True)
    return ops.reshape(small, (batch, time, COPY_VALUES))


def pool_clips(features, frames_mask, copies=None):
    """What linear models read of a clip: the mean, the mean over frames of the strongest patch, the change from the
    first half to the second, and the spread over frames; and the small copies as they are.

    Args:
        features: float (batch, time, patches, channels).
        frames_mask: bool (batch, time), True for frames up to the clip's last one.
        copies: float (batch, time, 192), `small_copies` of the frames; None leaves them out.

    Returns:
        float (batch, 4 * channels), with copies (batch, 4 * channels + time * 192).

    Example:
        >>> pool_clips(ops.ones((2, 8, 49, 1280)), ops.ones((2, 8), "bool")).shape
        (2, 5120)
    """
    mask = ops.cast(frames_mask, "float32")
    count = ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1.0)
    half = ops.maximum(ops.floor(count / 2), 1.0)
    place = ops.cumsum(mask, axis=1)
    frames = ops.mean(features, axis=2)
    mean = _weighted(frames, mask / count)
    first = _weighted(frames, mask * ops.cast(place <= half, "float32") / half)
    last = _weighted(frames, mask * ops.cast(place > count - half, "float32") / half)
    spread = ops.sqrt(_weighted(ops.square(frames - mean[:, None]), mask / count))
    strongest = _weighted(ops.max(features, axis=2), mask / count)
    statistics = [mean, strongest, last - first, spread]
    if copies is not None:
        statistics.append(ops.reshape(copies * mask[..., None], (-1, copies.shape[1] * COPY_VALUES)))
    return ops.concatenate(statistics, axis=-1)


def fine_statistics(maps, frames_mask):
    """What small things leave in a finer map, and what changes there, wherever it is: pooled features hardly show it.

    Of each channel: the mean, the mean over frames of the strongest place, the strongest place of all; the largest
    rise and fall at a place from one frame to the next, and from the first frame to the last; the mean change, and the
    largest spread over time at a place.

    Args:
        maps: float (batch, time, places, channels).
        frames_mask: bool (batch, time), True for frames up to the clip's last one.

    Returns:
        float (batch, 9 * channels).

    Example:
        >>> fine_statistics(ops.ones((2, 8, 256, 40)), ops.ones((2, 8), "bool")).shape
        (2, 360)
    """
    mask = ops.cast(frames_mask, "float32")
    count = ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1.0)
    maps = ops.where(frames_mask[..., None, None], maps, maps[:, :1])
    frames, strongest = ops.mean(maps, axis=2), ops.max(maps, axis=2)
    steps = (maps - ops.concatenate([maps[:, :1], maps[:, :-1]], axis=1)) * mask[..., None, None]
    last = mask * ops.cast(ops.cumsum(mask, axis=1) >= count, "float32")
    whole = ops.einsum("btpc,bt->bpc", maps, last) - maps[:, 0]
    mean = ops.einsum("btpc,bt->bpc", maps, mask / count)
    variance = ops.einsum("btpc,bt->bpc", ops.square(maps - mean[:, None]), mask / count)
    found = [
        _weighted(frames, mask / count),
        _weighted(strongest, mask / count),
        ops.max(strongest, axis=1),
        ops.max(steps, axis=(1, 2)),
        ops.max(-steps, axis=(1, 2)),
        ops.max(whole, axis=1),
        ops.max(-whole, axis=1),
        _weighted(ops.mean(ops.abs(steps), axis=2), mask / count),
        ops.sqrt(ops.max(variance, axis=1)),
    ]
    return ops.concatenate(found, axis=-1)


def _weighted(frames, weights):
    return ops.einsum("btc,bt->bc", frames, weights)
