"""From a decoded frame to the picture that a player shows: the one place for all readers.

Pixels become square, turned and mirrored pictures stand upright, what is transparent lies on white, and
colours are those of an ordinary screen. docs/formats.md has the rules, with FFmpeg commands that do the same.
"""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
from av.sidedata.sidedata import SideData, Type
from av.video.reformatter import ColorPrimaries, Colorspace, VideoReformatter
from PIL import Image, ImageCms

from vtkeras.data.color import PEAK, is_wide, to_bt709

# A pixel with one side this many times the other is taken for damage.
_MOST_STRETCHED = 20
# FFmpeg's numbers of the colour matrices that its scaler knows: RGB, BT.709, FCC, BT.601 (twice), 240M, BT.2020.
_KNOWN_MATRICES = (0, 1, 4, 5, 6, 7, 9)
_SRGB = ImageCms.createProfile("sRGB")
# PyAV lists no side data of a frame that has a kind which PyAV's own list lacks, as EXIF is; so such kinds get a name.
Type._missing_ = classmethod(lambda cls, number: cls.SEI_UNREGISTERED)  # type: ignore[method-assign, assignment]


class Display:
    """Draws the frames of one video as a player shows them.

    Args:
        frame: its first frame.
        aspect: a pixel's width by its height; None or 0 is unknown, and so square.

    Attributes:
        width: of the picture as shown, in square pixels.
        height: as shown.
        rotation: degrees that the stored picture is turned counterclockwise to be shown (0, 90, 180, 270).
    """

    def __init__(self, frame: av.VideoFrame, aspect: Fraction | None = None):
        stretched = aspect if aspect and 1 / _MOST_STRETCHED <= aspect <= _MOST_STRETCHED else 1
        self._sideways, self._across, self._down = _orientation(frame)
        sizes = (max(1, round(frame.width * stretched)), frame.height)
        self.width, self.height = reversed(sizes) if self._sideways else sizes
        self.rotation = round(frame.rotation / 90) % 4 * 90
        self._blender, self._scaler = VideoReformatter(), VideoReformatter()  # each keeps its tables

    def draw(self, frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
        """uint8 (height, width, 3), RGB: the frame as shown, in this size."""
        if self._sideways:
            width, height = height, width
        profile = _profile(frame)
        primaries, transfer = frame.color_primaries, frame.color_trc
        wide = profile is None and is_wide(primaries, transfer)
        picture = self._scale(frame, width, height, deep=wide)
        if wide:
            picture = to_bt709(picture, primaries, transfer, _peak(frame))
        elif profile:
            picture = _from_profile(picture, profile)
        if self._sideways:
            picture = picture.swapaxes(0, 1)
        return picture[:: -1 if self._down else 1, :: -1 if self._across else 1]

    def _scale(self, frame: av.VideoFrame, width: int, height: int, deep: bool) -> np.ndarray:
        """RGB on white, uint16 if `deep`, else uint8."""
        matrix = _matrix(frame)
        if _is_transparent(frame):
            layers = self._blender.reformat(frame, None, None, "rgba64le" if deep else "rgba", matrix, threads=1)
            frame, matrix = _on_white(layers.to_ndarray()), None
        format = "rgb48le" if deep else "rgb24"
        small = self._scaler.reformat(frame, width, height, format, matrix, interpolation="AREA", threads=1)
        return small.to_ndarray()


def _side_data(frame: av.VideoFrame, kind: Type) -> bytes:
    """What comes with a frame; b"" where it does not."""
    found = frame.side_data.get(kind.name)
    return bytes(found) if isinstance(found, SideData) else b""


def _orientation(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """Whether rows and columns change places, and then left with right and top with bottom."""
    matrix = _side_data(frame, Type.DISPLAYMATRIX)
    if not matrix:
        return False, False, False
    # A stored point (x, y) is shown at (a x + c y, b x + d y), y pointing down.
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5]
    if abs(int(b)) > abs(int(a)):
        return True, bool(c < 0), bool(b < 0)
    return False, bool(a < 0), bool(d < 0)


def _matrix(frame: av.VideoFrame) -> Colorspace | None:
    """The colour matrix where the frame names none that is known, as players guess it; None keeps its own."""
    if frame.format.is_rgb or frame.colorspace in _KNOWN_MATRICES:
        return None
    if frame.color_primaries == ColorPrimaries.BT2020:
        return Colorspace.BT2020
    return Colorspace.ITU709 if frame.width >= 1280 or frame.height > 576 else Colorspace.ITU601


def _is_transparent(frame: av.VideoFrame) -> bool:
    return frame.format.has_palette or any(component.is_alpha for component in frame.format.components)


def _on_white(layers: np.ndarray) -> av.VideoFrame:
    """A frame in RGB out of uint8 or uint16 (height, width, 4)."""
    white = np.iinfo(layers.dtype).max
    colors, opacity = layers[..., :3].astype(np.uint32), layers[..., 3:].astype(np.uint32)
    blended = (colors * opacity + white * (white - opacity) + white // 2) // white
    format = "rgb48le" if layers.dtype == np.uint16 else "rgb24"
    return av.VideoFrame.from_ndarray(blended.astype(layers.dtype), format=format)


def _peak(frame: av.VideoFrame) -> float:
    """The brightest light in units of 100 cd/m²: of the content, else of the screen that it was made on."""
    content = _side_data(frame, Type.CONTENT_LIGHT_LEVEL)
    brightest = float(np.frombuffer(content, np.uint32)[0]) if content else 0.0
    screen = _side_data(frame, Type.MASTERING_DISPLAY_METADATA)
    if not brightest and screen:  # ten fractions: x and y of four colours, the darkest, the brightest
        over, under = np.frombuffer(screen, np.int32)[18:20].tolist()
        brightest = over / under if under else 0.0
    return brightest / 100 or PEAK


def _profile(frame: av.VideoFrame) -> ImageCms.ImageCmsProfile | None:
    """The ICC profile of an RGB picture; None where there is none of use."""
    data = _side_data(frame, Type.ICC_PROFILE)
    if not data:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
    except (OSError, ImageCms.PyCMSError):
        return None
    return profile if profile.profile.xcolor_space == "RGB " else None


def _from_profile(picture: np.ndarray, profile: ImageCms.ImageCmsProfile) -> np.ndarray:
    try:
        shown = ImageCms.profileToProfile(Image.fromarray(picture), profile, _SRGB, outputMode="RGB")
    except ImageCms.PyCMSError:  # a damaged profile
        return picture
    return np.asarray(shown)
