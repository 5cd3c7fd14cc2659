"""Wide-gamut and high-dynamic-range colours brought to what an ordinary screen shows: BT.709.

The steps and the curve are those of FFmpeg's `zscale=t=linear:npl=100,zscale=p=bt709,tonemap=hable:desat=0,
zscale=t=bt709`, which most programs use; they are done here because PyAV's FFmpeg lacks zscale. Pictures are
scaled to their final size first, so this costs little.
"""

from __future__ import annotations

import functools

import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc

PQ, HLG = ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67
PEAK = 10.0  # units of 100 cd/m², of a video that does not tell its own

# x and y of red, green, blue and white.
_D65 = (0.3127, 0.3290)
_BT709 = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65)
_BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65)
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_WIDE: dict[int, tuple] = {
    ColorPrimaries.BT2020: _BT2020,
    ColorPrimaries.SMPTE431: (*_P3, (0.314, 0.351)),
    ColorPrimaries.SMPTE432: (*_P3, _D65),
}


def is_wide(primaries: int, transfer: int) -> bool:
    """True for colours that an ordinary screen cannot show as they are stored."""
    return primaries in _WIDE or transfer in (PQ, HLG)


def to_bt709(rgb: np.ndarray, primaries: int, transfer: int, peak: float = PEAK) -> np.ndarray:
    """Colours as an ordinary screen shows them.

    Args:
        rgb: uint16 (height, width, 3), full range, as stored.
        primaries: FFmpeg's number of the primaries; unknown ones are BT.2020's.
        transfer: FFmpeg's number of the transfer; PQ and HLG are tone-mapped, others keep their curve.
        peak: the brightest light of the video in units of 100 cd/m².

    Returns:
        uint8 (height, width, 3).

    Example:
        >>> to_bt709(np.full((1, 1, 3), 38000, np.uint16), ColorPrimaries.BT2020, ColorTrc.SMPTE2084)
        array([[[192, 192, 192]]], dtype=uint8)
    """
    light = _to_light(rgb / np.float32(65535), transfer) @ _matrix(_WIDE.get(primaries, _BT2020)).T
    if transfer in (PQ, HLG):
        brightest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
        light *= _hable(brightest) / _hable(peak) / brightest
    return (255 * _from_light(light.clip(0, 1), transfer)).round().astype(np.uint8)


def _to_light(signal: np.ndarray, transfer: int) -> np.ndarray:
    """Light in units of 100 cd/m² for PQ and HLG, in units of white for others."""
    if transfer == PQ:  # SMPTE ST 2084
        root = signal ** (32 / 2523)
        return 100 * (np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610)
    if transfer == HLG:  # ITU-R BT.2100, with a display of 1,000 cd/m²
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
        return 10 * scene**1.2
    if transfer == ColorTrc.IEC61966_2_1:
        return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
    return signal**2.4


def _from_light(light: np.ndarray, transfer: int) -> np.ndarray:
    if transfer == ColorTrc.IEC61966_2_1:
        return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return light ** (1 / 2.4)


def _hable(light):
    """Hable's filmic curve ("Uncharted 2: HDR Lighting", 2010)."""
    a, b, c, d, e, f = 0.15, 0.50, 0.10, 0.20, 0.02, 0.30
    return (light * (light * a + b * c) + d * e) / (light * (light * a + b) + d * f) - e / f


@functools.cache
def _matrix(primaries: tuple) -> np.ndarray:
    """From linear RGB of some primaries to BT.709's."""
    return (np.linalg.inv(_to_xyz(_BT709)) @ _to_xyz(primaries)).astype(np.float32)


def _to_xyz(primaries: tuple) -> np.ndarray:
    red, green, blue, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in primaries)
    columns = np.stack([red, green, blue], axis=1)
    return columns * np.linalg.solve(columns, white)
