"""From a decoded frame to the picture that a player shows: the one place for all readers.

What the container crops is left out, pixels become square, turned and mirrored pictures stand upright, what is
transparent lies on white, and colours are those of an ordinary screen. docs/formats.md has the rules, with FFmpeg
commands that do the same.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.sidedata.sidedata import SideData, Type
from av.video.reformatter import ColorPrimaries, Colorspace, VideoReformatter
from PIL import Image, ImageCms

from vtkeras.data.color import PEAK, is_wide, to_bt709
from vtkeras.data.containers import png_chunks
from vtkeras.data.cropping import Crop, Cropper

# A pixel with one side this many times the other is taken for damage.
_MOST_STRETCHED = 20
# FFmpeg's numbers of the colour matrices that its scaler knows: RGB, BT.709, FCC, BT.601 (twice), 240M, BT.2020.
_KNOWN_MATRICES = (0, 1, 4, 5, 6, 7, 9)
_SRGB = ImageCms.createProfile("sRGB")

# How the stored picture is turned: a, b, c, d of the matrix that shows its point (x, y) at (a x + c y, b x + d y),
# where y points down.
Turn = tuple[int, int, int, int]
_UPRIGHT: Turn = (1, 0, 0, 1)
_EXIF_TURNS: dict[int, Turn] = {
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}
_EXIF_ORIENTATION = 274  # the tag's number
# PyAV frees the name of a profile in a PNG twice, which ends the program, so what comes with their frames is not read.
_UNSAFE = ("png", "apng")


@dataclass(frozen=True)
class Tags:
    """What a file tells of its pictures beside their pixels.

    Attributes:
        turn: how they are turned and mirrored to be shown.
        profile: an ICC profile; empty where there is none.
        peak: the brightest light in units of 100 cd/m².
        crop: what the container leaves out of the stored picture.
    """

    turn: Turn = _UPRIGHT
    profile: bytes = b""
    peak: float = PEAK
    crop: Crop = Crop()


def tags_of_picture(path: Path) -> Tags:
    """Of a still picture or an animated PNG, as its EXIF tells."""
    try:
        with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as image:
            if image.format == "PNG" and "exif" not in image.info and _has_exif(path):
                image.load()  # to the end, since it stands behind the pixels
            exif = Image.Exif()
            exif.load(image.info.get("exif", b""))
            turn = _EXIF_TURNS.get(exif.get(_EXIF_ORIENTATION, 1), _UPRIGHT)
            return Tags(turn, image.info.get("icc_profile") or b"")
    except Exception:  # damaged tags, of a picture that FFmpeg reads
        return Tags()


def _has_exif(path: Path) -> bool:
    """Whether a PNG has EXIF tags anywhere."""
    with path.open("rb") as file:
        return any(kind == b"eXIf" for kind, _ in png_chunks(file))


def tags_of_frame(frame: av.VideoFrame, codec: str) -> Tags:
    """Of a video, as its first frame and FFmpeg's name of its codec tell."""
    cosine, sine = (round(part(math.radians(frame.rotation))) for part in (math.cos, math.sin))
    turned = Tags((cosine, -sine, sine, cosine))
    if codec in _UNSAFE:
        return turned
    try:
        matrix, profile = _side_data(frame, Type.DISPLAYMATRIX), _side_data(frame, Type.ICC_PROFILE)
    except ValueError:  # PyAV does not know EXIF, which frames of MJPEG may have
        return turned
    if not matrix:
        return Tags(_UPRIGHT, profile, _peak(frame))
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    return Tags((a, b, c, d), profile, _peak(frame))


class Display:
    """Draws the frames of one video as a player shows them.

    Args:
        frame: its first frame.
        tags: what comes with it.
        aspect: a pixel's width by its height; None or 0 is unknown, and so square.

    Attributes:
        width: of the picture as shown, in square pixels.
        height: as shown.
        rotation: degrees that the stored picture is turned counterclockwise to be shown (0, 90, 180, 270), before
            left and right change places where it is mirrored.
    """

    def __init__(self, frame: av.VideoFrame, tags: Tags, aspect: Fraction | None = None):
        self._crop = Cropper(tags.crop)
        frame = self._crop(frame)
        a, b, c, d = tags.turn
        self._sideways = abs(b) > abs(a)  # rows and columns change places, and then:
        self._across, self._down = (c < 0, b < 0) if self._sideways else (a < 0, d < 0)
        is_mirrored = a * d < b * c
        self.rotation = round(math.degrees(math.atan2(-b, -a if is_mirrored else a)) / 90) % 4 * 90
        stretched = aspect if aspect and 1 / _MOST_STRETCHED <= aspect <= _MOST_STRETCHED else 1
        sizes = (max(1, round(frame.width * stretched)), frame.height)
        self.width, self.height = reversed(sizes) if self._sideways else sizes
        self._profile, self._peak = read_profile(tags.profile), tags.peak
        self._blender, self._scaler = VideoReformatter(), VideoReformatter()  # each keeps its tables

    def draw(self, frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
        """uint8 (height, width, 3), RGB: the frame as shown, in this size."""
        if self._sideways:
            width, height = height, width
        frame = self._crop(frame)
        primaries, transfer = frame.color_primaries, frame.color_trc
        wide = self._profile is None and is_wide(primaries, transfer)
        picture = self._scale(frame, width, height, deep=wide)
        if wide:
            picture = to_bt709(picture, primaries, transfer, self._peak)
        elif self._profile:
            picture = apply_profile(picture, self._profile)
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
    # Products have twice the bits, and never more than white times white.
    is_deep = layers.dtype == np.uint16
    wide, format = np.dtype("uint32" if is_deep else "uint16"), "rgb48le" if is_deep else "rgb24"
    white = np.array(np.iinfo(layers.dtype).max, wide)
    colors, opacity = layers[..., :3].astype(wide), layers[..., 3:].astype(wide)
    blended = (colors * opacity + (white - opacity) * white) // white
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


def read_profile(data: bytes) -> ImageCms.ImageCmsProfile | None:
    """The ICC profile of an RGB picture; None where there is none of use."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data)) if data else None
    except (OSError, ImageCms.PyCMSError):
        return None
    return profile if profile and profile.profile.xcolor_space == "RGB " else None


def apply_profile(picture: np.ndarray, profile: ImageCms.ImageCmsProfile) -> np.ndarray:
    """The colours of a picture, uint8 (height, width, 3), on an ordinary screen."""
    try:
        shown = ImageCms.profileToProfile(Image.fromarray(picture), profile, _SRGB, outputMode="RGB")
    except ImageCms.PyCMSError:  # a damaged profile
        return picture
    return np.asarray(shown)
