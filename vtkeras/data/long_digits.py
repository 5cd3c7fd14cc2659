"""`long_digits`: long videos composed of moving_digits clips, with known important parts and a narrator.

TVSum and SumMe cannot be shipped, so this makes what they have: shots, and several people's opinions
of how important each is. In every video a *host* (one digit, always the same) comes back again and
again, *asides* show another single digit, and *events* show two digits at once. Everybody finds
events more important than asides and asides more important than the host, has a favourite digit, and
errs now and then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vtkeras import keys
from vtkeras.data.sources.moving_digits import CLIP_FRAMES, ONE_DIGIT, TWO_DIGITS, MovingDigits
from vtkeras.data.sources.narrated_digits import NarratedDigits
from vtkeras.data.subtitles import Sentence
from vtkeras.errors import UserError

FPS = 8
HOST, ASIDE, EVENT = "host", "aside", "event"
SHARES = {HOST: 0.45, ASIDE: 0.3, EVENT: 0.25}
IMPORTANCE = {HOST: 1.5, ASIDE: 2.5, EVENT: 4.0}
FAVOURITE_BONUS = 1.0
OPINION_NOISE = 0.8
SPOKEN_SHARE = {HOST: 0.1, ASIDE: 0.3, EVENT: 0.9}
SHOT_SECONDS = CLIP_FRAMES / FPS
# Each shot has a tint of its own, as scenes differ in light: dark enough to leave captions as they are
# (measured: levels to 7 of 255), and light enough for shot detection.
TINT = 5


@dataclass(frozen=True)
class Scene:
    """A shot of a composed video.

    Attributes:
        kind: host, aside or event.
        frames: uint8 (time=16, height=64, width=64, 3).
        caption: the right caption.
        opinions: int (users,), importance from 1 to 5.
        speech: what the narrator says; "" for nothing.
        joint_sentence: caption and remark in one sentence, where the narrator makes remarks; else "".
    """

    kind: str
    frames: np.ndarray
    caption: str
    opinions: np.ndarray
    speech: str
    joint_sentence: str = ""


class LongDigits:
    """Long videos that are the same for the same arguments, on every machine.

    Args:
        scenes: shots of two seconds in a video, at least 2.
        users: simulated annotators.
        seed: another seed gives other videos.
        lag: seconds that the narrator speaks behind the picture.
        remarks: the narrator makes the remarks of `narrated_digits`, instead of saying what is seen.

    Example:
        >>> [scene.kind for scene in LongDigits(scenes=3).film(0)]
        ['aside', 'host', 'host']
    """

    def __init__(self, scenes: int = 40, users: int = 10, seed: int = 0, lag: float = 0.0, remarks: bool = False):
        if scenes < 2 or users < 2:
            raise UserError(f"long_digits needs 2 scenes and 2 users at least, not {scenes} and {users}.")
        self.scenes = scenes
        self.users = users
        self.seed = seed
        self.lag = lag
        self.remarks = remarks
        self._clips = (NarratedDigits if remarks else MovingDigits)(seed=seed)

    def film(self, video: int) -> Iterator[Scene]:
        """The scenes of a video, one at a time, so that a video of any length fits in memory."""
        rng = np.random.default_rng([self.seed, 2015, video])
        favourites = rng.integers(10, size=self.users)
        host = self._clip(ONE_DIGIT, rng)
        hue = rng.random()
        for _ in range(self.scenes):
            kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
            clip = host if kind == HOST else self._clip(TWO_DIGITS if kind == EVENT else ONE_DIGIT, rng)
            hue += 0.5  # neighbours never look alike
            caption = clip[keys.CAPTIONS][0]
            spoken = rng.random() < SPOKEN_SHARE[kind]
            yield Scene(
                kind=kind,
                frames=np.maximum(clip[keys.FRAMES], tint(hue)),
                caption=caption,
                opinions=self._opinions(kind, clip, favourites, rng),
                speech=(clip[keys.QUESTION] if self.remarks else caption) if spoken else "",
                joint_sentence=clip[keys.ANSWER] if self.remarks else "",
            )

    def shots(self) -> np.ndarray:
        """First frame and frame after the last of each scene, int (scenes, 2)."""
        starts = np.arange(self.scenes) * CLIP_FRAMES
        return np.stack([starts, starts + CLIP_FRAMES], axis=1)

    def transcript(self, scenes: list[Scene]) -> list[Sentence]:
        """What the narrator says and when."""
        starts = np.arange(len(scenes)) * SHOT_SECONDS + self.lag
        return [
            Sentence(scene.speech, float(start), float(start + SHOT_SECONDS))
            for scene, start in zip(scenes, starts, strict=True)
            if scene.speech
        ]

    def _clip(self, split: str, rng: np.random.Generator) -> dict:
        return self._clips.example(split, epoch=self.seed, index=int(rng.integers(2**31)))

    def _opinions(self, kind: str, clip: dict, favourites: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        shown = [f"digit {digit}" in clip[keys.LABEL].split(keys.LABEL_SEPARATOR) for digit in favourites]
        felt = IMPORTANCE[kind] + FAVOURITE_BONUS * np.array(shown) + rng.normal(0, OPINION_NOISE, self.users)
        return np.clip(np.rint(felt), 1, 5).astype(int)


def tint(hue: float) -> np.ndarray:
    """A light of a hue, 0 to 1 around the colour circle, that is all but black: uint8 (3,)."""
    distance = np.abs((hue * 6 - np.array([0, 2, 4]) + 3) % 6 - 3)
    return np.rint(TINT * np.clip(2 - distance, 0, 1)).astype(np.uint8)
