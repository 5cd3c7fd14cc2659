"""What counts as a fault: the options of `vtkeras data check` and `vtkeras data clean`. No TensorFlow here."""

from __future__ import annotations

from pydantic import Field

from vtkeras.config import Options


class Thresholds(Options):
    """What counts as a fault of a clip's frames, which are judged at 128 pixels at most.

    Example:
        >>> Thresholds(sharpness=0).sharpness  # nothing is blurred
        0.0
    """

    black_luma: float = Field(32.0, ge=0, le=256)
    """Levels, 0 to 255; a frame without a pixel of which a colour is as strong as this is black."""
    black_share: float = Field(0.25, ge=0, le=1)
    """A clip is black if more than this share of its frames is; a fade is less."""
    dark_luma: float = Field(40.0, ge=0, le=256)
    """Luma; a clip with a lower mean, and no spot of 3 by 3 pixels of which a colour is above mid-gray, is dark."""
    light_luma: float = Field(215.0, ge=0, le=256)
    """Luma; a clip with a higher mean, and no spot of 3 by 3 pixels below mid-gray, is over-exposed."""
    sharpness: float = Field(1000.0, ge=0, le=1e9)
    """Squared luma; a clip with a lower variance of the Laplacian may be blurred, see `edges`; 0 turns that off. At 128
    pixels seven sharp photographs have 3,300 to 20,000, blurred by a Gaussian of 4 pixels at 320 before they were
    scaled down 94 to 560. A sharp drawing on a plain ground has as little, so that its edges must tell."""
    edges: float = Field(0.35, ge=0, le=100)
    """A clip is blurred only if its strongest edges are soft, too: if the Laplacian there is less than this multiple of
    the gradient. Sharp photographs and drawings have 0.6 and more, blurred by a Gaussian of 1.5 pixels 0.15 to 0.35.
    The blocks that strong compression leaves count as edges, so a blurred clip that was compressed hard may pass."""
    frozen_change: float = Field(8.0, ge=0, le=256)
    """Luma; if no pixel changes by as much as this from one frame to the next, that step is still. Exact equality would
    miss what a video codec alters."""
    frozen_share: float = Field(0.5, ge=0, le=1)
    """A clip is frozen if more than this share of its steps is still."""


class CleaningOptions(Thresholds):
    """What `vtkeras data clean` drops."""

    twin_luma: float = Field(16.0, ge=0, le=256)
    """Luma; two clips are near-duplicates if no square of a 16 by 16 grid differs by more than this in any of eight
    frames at even distances, once each clip's mean luma is taken off; 0 finds none."""
    twin_colour: float = Field(16.0, ge=0, le=512)
    """Levels; nor does the colour of a field of a 4 by 4 grid, its luma taken off: what differs in colour alone is no
    copy. Encoders keep colours coarser than light."""
    twin_motion: float = Field(0.9, ge=0, le=1)
    """Least correlation of what changes in the squares of near-duplicates; still parts may be alike in many clips."""
    least_words: int = Field(2, ge=0, le=1_000_000)
    """Words that a caption has at least; in scripts without spaces each Han character counts, and each four
    letters of the others."""
    most_words: int = Field(80, ge=1, le=1_000_000)
    """Words that a caption has at most."""
    scripts: tuple[str, ...] = ()
    """Scripts that captions are written in, e.g. [latin, cyrillic, han, japanese, hangul, arabic]; none named means
    those that at least `script_share` of the captions are written in."""
    script_share: float = Field(0.1, ge=0, le=1)
    """Where `scripts` names none: captions in a script that is rarer than this are in a wrong language."""
    languages: tuple[str, ...] = ()
    """Languages that captions are written in, by their codes of two letters, e.g. [en, de]; none named means those
    that at least `language_share` of the captions are written in."""
    language_share: float = Field(0.1, gt=0, le=1)
    """Where `languages` names none: a language of less of the captions than this is a wrong one."""
    language_doubt: float = Field(1e-4, ge=0, le=1)
    """A caption is in a wrong language if the right ones are less probable than this; 0 leaves languages alone."""
    most_clips: int | None = Field(None, ge=1, le=1_000_000_000)
    """A caption on more clips than this says nothing of any and is dropped from all; None sets no limit."""
    skip: tuple[str, ...] = ()
    """Checks left out, names in `vtkeras.data.cleaning.clean.CHECKS`."""
