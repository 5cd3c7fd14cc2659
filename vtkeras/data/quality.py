"""Which ingested clips look broken, and why: `vtkeras data check`.

Light, sharpness and change of every stored frame are measured by tensorflow-io's colour and filter
ops; a clip whose numbers pass a threshold is reported. Nothing is changed or deleted; `cleaning` marks.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_io as tfio

from vtkeras.data import shards
from vtkeras.data.cleaning.options import Thresholds
from vtkeras.data.manifest import Manifest
from vtkeras.data.preprocess import as_stored

SIDE = 128  # pixels of a frame's longer side at most, at which it is judged: blur and edges depend on it
MID_GRAY = 128.0
# A bright or colourful figure on black and dark print on white are pictures, not bad light, however small the figure
# is. So a clip is dark or over-exposed only if no spot of it lies in the other half of the gray scale. The mean of a
# spot leaves out the noise of single pixels.
SPOT = 3  # pixels a side

LEAST_GRADIENT = 24.0  # by Sobel's filter; that of a step of 6 levels, below which rounding and noise are no edges
NOISE = 8.0  # of the Laplacian in a picture without edges, by rounding and compression

TEXTS = {
    "black": "{value:.0%} of its frames are black (more than {limit:.0%})",
    "dark": "mean luma {value:.0f} of 255 (below {limit:.0f})",
    "overexposed": "mean luma {value:.0f} of 255 (above {limit:.0f})",
    "blurred": "variance of the Laplacian {value:.0f} (below {limit:.0f}), and soft edges",
    "frozen": "{value:.0%} of its steps show no change (more than {limit:.0%})",
}

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Finding:
    """One thing that is suspicious about one clip.

    Attributes:
        path: the video, relative to the folder that was ingested.
        clip_id: the clip's id; one video may hold several clips.
        split: `train`, `validation`, `test` or a name of the user's own.
        reason: a key of `TEXTS`.
        value: the number that was measured.
        limit: the threshold that it passed.
    """

    path: str
    clip_id: str
    split: str
    reason: str
    value: float
    limit: float

    @property
    def text(self) -> str:
        """The reason with its number, for people."""
        return f"{self.reason}: {TEXTS[self.reason].format(value=self.value, limit=self.limit)}"


def check(
    folder: str | Path, thresholds: Thresholds | None = None, progress: Progress | None = None
) -> list[Finding]:
    """Checks every frame of an ingested folder.

    Args:
        folder: made by `vtkeras.data.ingest.ingest`.
        thresholds: None takes the defaults.
        progress: called as `progress(done, total, path)` after each clip.

    Returns:
        What is suspicious, in the order the clips are stored; a clip may appear more than once.

    Raises:
        UserError: when the manifest or a shard is missing or damaged.

    Example:
        >>> check("data/cats")[0].text
        'frozen: 100% of its steps show no change (more than 50%)'

    Sharpness is the variance of the Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield
    microscopy", 2000).
    """
    folder, found, done = Path(folder), [], 0
    manifest = shards.verify(folder)
    for shard in manifest.shards:
        records = shards.read_records(folder / shard.name)
        for clip in records.map(_measure_record, num_parallel_calls=tf.data.AUTOTUNE).as_numpy_iterator():
            path, clip_id = clip.pop("path").decode(), clip.pop("video_id").decode()
            found += [Finding(path, clip_id, shard.split, *one) for one in judge(clip, thresholds)]
            done += 1
            if progress:
                progress(done, manifest.stored, path)
    return found


def measure(frames: tf.Tensor) -> dict[str, tf.Tensor]:
    """Light, sharpness and change of frames; runs eagerly and inside `Dataset.map`.

    Args:
        frames: uint8 (time, height, width, 3), RGB; larger ones are scaled down to `SIDE` first, as ingest does it.

    Returns:
        dict of float32 tensors, luma from 0 to 255 (0.2125 R + 0.7154 G + 0.0721 B):
        `luma` (time,), the mean; `faintest` (time,), the lowest luma of a spot of 3 by 3 pixels; `vivid` (time,), the
        strongest colour of one; `brightest` (time,), the strongest colour of a pixel; `sharpness` (time,),
        the variance of the Laplacian, squared luma; `edges` (time,), how sharp the strongest edges are,
        see `_edges`; `change` (time - 1,), the largest change of a pixel from the frame before.

    Example:
        >>> measure(tf.zeros((16, 72, 128, 3), tf.uint8))["change"].shape
        TensorShape([15])
    """
    frames = as_stored(frames, SIDE)
    luma = tfio.experimental.color.rgb_to_grayscale(tf.cast(frames, tf.float32))
    # Its kernel is all ones but -8 in the middle. The default padding, zeros, would draw an edge
    # around every picture; symmetric padding gives 0 on a plain one.
    laplacian = tfio.experimental.filter.laplacian(luma, 3, mode="SYMMETRIC")
    pixels = (1, 2, 3)
    return {
        "luma": tf.reduce_mean(luma, pixels),
        "faintest": tf.reduce_min(_spots(luma), pixels),
        "vivid": tf.reduce_max(_spots(tf.cast(frames, tf.float32)), pixels),
        "brightest": tf.cast(tf.reduce_max(frames, pixels), tf.float32),
        "sharpness": tf.math.reduce_variance(laplacian, pixels),
        "edges": _edges(luma, laplacian),
        "change": tf.reduce_max(tf.abs(luma[1:] - luma[:-1]), pixels),
    }


def _spots(values: tf.Tensor) -> tf.Tensor:
    """Means of the spot around each pixel, float32 (time, height, width, channels)."""
    return tf.nn.avg_pool2d(values, SPOT, 1, "SAME")


def _edges(luma: tf.Tensor, laplacian: tf.Tensor) -> tf.Tensor:
    """The Laplacian of the hundredth of the pixels where it is strongest, as a multiple of the gradient where that is.

    Both grow alike with contrast, and blur takes more of the Laplacian: 0.7 to 1.6 in eight sharp photographs at 128
    pixels, 0.2 to 0.35 where a Gaussian of 1.5 pixels blurred them. Few or faint edges do not lower it, and noise in a
    picture that is nothing but blur does not raise it.

    Args:
        luma, laplacian: float32 (time, height, width, 1).

    Returns:
        float32 (time,).
    """
    gradient = tfio.experimental.filter.sobel(luma, mode="SYMMETRIC")
    most = tf.maximum(tf.size(luma[0]) // 100, 1)
    second, first = (
        tf.reduce_mean(tf.math.top_k(tf.reshape(tf.abs(values), (-1, tf.size(luma[0]))), most).values, axis=1)
        for values in (laplacian, gradient)
    )
    return tf.maximum(second - NOISE, 0.0) / tf.maximum(first, LEAST_GRADIENT)


def judge(
    measures: dict[str, np.ndarray], thresholds: Thresholds | None = None
) -> list[tuple[str, float, float]]:
    """What is suspicious about a clip.

    Light and sharpness are those of the clip's median frame that is not black. Sharpness is judged
    in good light only: without contrast there are no edges to be sharp. A clip with few edges, such as
    a drawing on a plain ground, has a low variance of the Laplacian as well; its edges tell.

    Args:
        measures: as `measure` gives them, as arrays.
        thresholds: None takes the defaults.

    Returns:
        (reason, value, limit) for each threshold passed; an empty list for a clip that looks fine.

    Example:
        >>> judge({"brightest": np.zeros(4)})
        [('black', 1.0, 0.25)]
    """
    limits = thresholds or Thresholds()
    black = measures["brightest"] < limits.black_luma
    found = [("black", float(black.mean()), limits.black_share)] if black.mean() > limits.black_share else []
    if black.all():
        return found
    luma, faintest, vivid, sharpness, edges = (
        float(np.median(measures[name][~black])) for name in ("luma", "faintest", "vivid", "sharpness", "edges")
    )
    if luma < limits.dark_luma and vivid <= MID_GRAY:
        found.append(("dark", luma, limits.dark_luma))
    elif luma > limits.light_luma and faintest >= MID_GRAY:
        found.append(("overexposed", luma, limits.light_luma))
    elif sharpness < limits.sharpness and edges < limits.edges:
        found.append(("blurred", sharpness, limits.sharpness))
    still = measures["change"] < limits.frozen_change
    if still.size and still.mean() > limits.frozen_share:
        found.append(("frozen", float(still.mean()), limits.frozen_share))
    return found


def to_lines(findings: list[Finding], manifest: Manifest) -> list[str]:
    """The findings as lines for a terminal, after what ingest set aside and before the counts."""
    lines = [f"set aside {path}: {reason}" for path, reason in manifest.set_aside]
    lines += [f"incomplete {path}: {reason}" for path, reason in manifest.partial]
    lines += [f"{_name(one)}: {one.text}" for one in findings]
    counts = ", ".join(f"{count} {reason}" for reason, count in _counts(findings).items())
    suspicious = f"{_suspicious(findings)} of {manifest.stored} clips are suspicious"
    return [*lines, f"{suspicious}: {counts}; nothing was deleted" if counts else suspicious]


def to_json(findings: list[Finding], manifest: Manifest) -> str:
    """The findings, counts and what ingest set aside as JSON."""
    values = {
        "clips": manifest.stored,
        "suspicious": _suspicious(findings),
        "counts": _counts(findings),
        "findings": [asdict(one) for one in findings],
        "set_aside": manifest.set_aside,
        "incomplete": manifest.partial,
    }
    return json.dumps(values, ensure_ascii=False, indent=1)


def _name(finding: Finding) -> str:
    """The video, and the clip's id where that does not begin with the video's path anyway."""
    path, clip_id = finding.path, finding.clip_id
    return clip_id if clip_id.startswith(path) else f"{path} ({clip_id})"


def _suspicious(findings: list[Finding]) -> int:
    return len({(one.split, one.clip_id) for one in findings})


def _counts(findings: list[Finding]) -> dict[str, int]:
    found = Counter(one.reason for one in findings)
    return {reason: found[reason] for reason in TEXTS if found[reason]}


def _measure_record(record: tf.Tensor) -> dict[str, tf.Tensor]:
    clip = shards.parse(record)
    return {"path": clip["path"], "video_id": clip["video_id"], **measure(shards.decode(clip["frames"]))}
