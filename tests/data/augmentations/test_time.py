import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.augmentations.time import time

SEEDS = [tf.constant([0, number], tf.int64) for number in range(60)]


def played(amount, count, seed):
    """Numbers of the frames that are shown of a clip of 12, of which `count` are its own, and how many are."""
    numbers = np.minimum(np.arange(12), count - 1).astype("uint8")
    frames = tf.constant(np.broadcast_to(numbers[:, None, None, None], (12, 2, 2, 3)))
    changed = time({keys.FRAMES: frames, keys.FRAMES_MASK: tf.range(12) < count}, amount, seed)
    mask = changed[keys.FRAMES_MASK].numpy()
    assert mask[: mask.sum()].all()
    return changed[keys.FRAMES].numpy()[:, 0, 0, 0].astype(int), int(mask.sum())


def test_frames_stay_in_order_and_within_the_clip():
    for seed in SEEDS:
        shown, seen = played(0.9, 7, seed)
        assert (np.diff(shown) >= 0).all() and shown.max() <= 6
        assert 1 <= seen <= 7 and (shown[seen:] == shown[seen - 1]).all()


def test_slower_shows_a_part_and_faster_is_over_sooner():
    runs = [played(0.5, 12, seed) for seed in SEEDS]
    slower = [shown for shown, seen in runs if seen == 12 and shown.max() - shown.min() <= 8]
    faster = [(shown, seen) for shown, seen in runs if seen <= 9]
    assert len(slower) > 5 and {shown.min() for shown in slower} > {0, 1}  # begins anywhere
    assert len(faster) > 5 and all(shown.min() <= 1 and shown.max() >= 10 for shown, seen in faster)
    assert min(seen for _, seen in runs) >= 8  # 12 / 1.5


def test_a_single_frame_stays():
    shown, seen = played(0.9, 1, SEEDS[0])
    assert (shown == 0).all() and seen == 1
