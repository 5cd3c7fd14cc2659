"""Frames of an animated WebP, which FFmpeg does not decode, by Pillow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from vtkeras.data.containers import check_picture_size
from vtkeras.data.display import apply_profile, read_profile
from vtkeras.data.readers.base import Frame, Reader, VideoInfo


class WebpReader(Reader):
    """Frames of an animated WebP, which FFmpeg does not decode, by Pillow."""

    def __init__(self, path: Path):
        check_picture_size(path)
        self._image = Image.open(path, formats=("WEBP",))
        starts = np.concatenate([[0.0], np.cumsum(self._lengths())])
        frames = self._walk(starts)
        width, height = ImageOps.exif_transpose(self._image).size
        count = len(starts) - 1
        info = VideoInfo(
            duration=float(starts[-1]),
            fps=count / float(starts[-1]),
            codec="webp",
            width=width,
            height=height,
            frame_count=count,
            rotation=0,
        )
        super().__init__(info, frames, next(frames))

    def close(self) -> None:
        self._image.close()

    def _lengths(self) -> list[float]:
        lengths = []
        for index in range(getattr(self._image, "n_frames", 1)):
            self._image.seek(index)
            self._image.load()
            # Browsers show a frame of no length for a tenth of a second.
            lengths.append((self._image.info["duration"] or 100) / 1000)
        return lengths

    def _walk(self, starts: np.ndarray) -> Iterator[Frame]:
        profile = read_profile(self._image.info.get("icc_profile") or b"")
        for index, (start, end) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
            self._image.seek(index)
            picture = ImageOps.exif_transpose(self._image.convert("RGBA"))
            backdrop = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(backdrop, picture).convert("RGB")
            yield Frame(float(start), float(end), _resizer(picture, profile))


def _resizer(picture: Image.Image, profile: ImageCms.ImageCmsProfile | None) -> Callable[[int, int], np.ndarray]:
    def draw(width: int, height: int) -> np.ndarray:
        small = np.asarray(picture.resize((width, height), Image.Resampling.BOX))
        return apply_profile(small, profile) if profile else small

    return draw
