"""What is tried: ways to build a cross-attention model for a data set. A new one is a line in `CANDIDATES`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vtkeras import keys
from vtkeras.config import Config, parse_config
from vtkeras.encoders import FINE, PYRAMID
from vtkeras.linear.models import ENCODER
from vtkeras.linear.search import WORDS
from vtkeras.planning.speed import PATCH
from vtkeras.planning.survey import MOST_TOKENS, SCORED, Survey
from vtkeras.tasks import TASKS

FIRST_EPOCHS = 2  # the first makes the graph, the second tells how long one takes; no weights of theirs are chosen
MOST_SCORED = 20_000  # questions
ENDLESS = 100_000  # epochs of a training whose end the clock decides
RATE, WARMUP = 1e-3, 50  # of learning, and the steps over which it rises
BATCH, SMALL_BATCH = 32, 8  # examples of a step: the most, and the fewest
STEPS = 3000  # that an encoder from scratch should have time for: with fewer of more examples each it learns less
TASK = "multitask"
SMALL, SMALL_SIDE = "nfnet_tiny", 64  # what learns from scratch, and the most pixels a side
MANY = 500  # training clips from which on an encoder may learn from scratch
MANY_PASSES = 5.0  # over them, that the time must allow for that
RACE_PASSES = 40.0  # from which on an encoder from scratch may still overtake the maps of a frozen one
SHUFFLED = 400_000_000  # bytes of features that are held for shuffling, float32
HALF, SMALL_CLIP = 2, 100_000  # bytes of a number that is kept, and of what else is kept of a clip
# Pixels a side of a patch, and its channels with motion.
PATCHES = {ENCODER: (PATCH, 1284), ENCODER + FINE: (PATCH // 2, 548), ENCODER + PYRAMID: (PATCH // 2, 596)}
LOSS_WEIGHTS = {"written_answer": 0.3}  # with more, captions, which the same decoder writes, are learned worse
MATCHING_HEADS = 2
ON_THE_WAY = ("fine", "pyramid")  # candidates that read what the linear models' encoder sees on its way


@dataclass(frozen=True)
class Setting:
    """What candidates depend on.

    Attributes:
        survey: of the data.
        path: the ingested folder.
        frames: that a model reads of a clip.
        side: pixels a side that a pretrained encoder reads.
        pretrained: whether its weights are installed.
        seed: of the training.
        share: of the folder's training and validation clips that are read.
        epoch_clips: training clips that an epoch may have; with more, epochs read parts of them in turn.
        passes: over all training clips that the small encoder has time for.
        search: a name in `vtkeras.linear.search.SEARCH_TEXTS`.
    """

    survey: Survey
    path: str
    frames: int
    side: int
    pretrained: bool
    seed: int = 0
    share: float = 1.0
    epoch_clips: int | None = None
    passes: float = math.inf
    search: str = WORDS

    @property
    def parts(self) -> int:
        """Into how many parts epochs deal the training clips."""
        clips = self.survey.clips[keys.TRAIN]
        return math.ceil(clips / self.epoch_clips) if self.epoch_clips else 1


def feature_count(encoder: str, frames: int, side: int) -> int:
    """How many numbers a frozen encoder's features of a clip are."""
    patch, channels = PATCHES[encoder]
    return frames * max(1, side // patch) ** 2 * channels


def clip_bytes(frames: int, side: int) -> int:
    """Bytes that are kept of a clip while a plan goes on.

    Args:
        frames: that pretrained encoders read of a clip; 0 without those.
        side: pixels a side of them.

    Example:
        >>> clip_bytes(8, 160) / 1e6
        2.4
    """
    features = sum(feature_count(encoder, frames, side) for encoder in PATCHES) * HALF if frames else 0
    return features + SMALL_CLIP


def _frozen(setting: Setting) -> dict[str, Any] | None:
    """Cross-attention on the patches of a frozen ImageNet encoder."""
    return _cached(setting, ENCODER)


def _fine(setting: Setting) -> dict[str, Any] | None:
    """The same on mid-level features, and on how they change from frame to frame."""
    return _cached(setting, ENCODER + FINE, **_on_the_way(setting))


def _pyramid(setting: Setting) -> dict[str, Any] | None:
    """The same on mid- and high-level features."""
    return _cached(setting, ENCODER + PYRAMID, **_on_the_way(setting))


def _on_the_way(setting: Setting) -> dict[str, Any]:
    """Finer patches, which are found again in the frames before and after where something moves."""
    return {"patch_merge": 2, "matching_heads": MATCHING_HEADS if setting.survey.moves else 0}


def _cached(setting: Setting, encoder: str, **model: Any) -> dict[str, Any] | None:
    if not setting.pretrained:
        return None
    buffer = max(16, SHUFFLED // (4 * feature_count(encoder, setting.frames, setting.side)))
    return {
        "data": {"image_size": setting.side, "shuffle_buffer": buffer},
        "model": {
            "frame_encoder": encoder,
            "frame_weights": "imagenet",
            "frame_trainable": False,
            "cache_features": True,
            "temporal_encoder": "transformer",
            "temporal_layers": 1,
            **model,
        },
    }


def _small(setting: Setting) -> dict[str, Any]:
    """A small encoder that learns from scratch."""
    return {
        "data": {"image_size": min(SMALL_SIDE, _multiple(setting.survey.side, 16)), "cache_frames": True},
        "model": {"frame_encoder": SMALL, "patch_merge": 2, "temporal_layers": 1},
    }


def _small_apart(setting: Setting) -> dict[str, Any] | None:
    """The same, with motion in channels of its own and nothing mixed over time."""
    return _moving(setting, {"motion_dim": 32, "temporal_encoder": "none", "temporal_layers": 0})


def _small_still(setting: Setting) -> dict[str, Any] | None:
    """The same without motion."""
    return _moving(setting, {"motion": False})


def _moving(setting: Setting, other: dict[str, Any]) -> dict[str, Any] | None:
    """The small encoder with other values of the model, where something moves."""
    found = _small(setting)
    return {**found, "model": {**found["model"], **other}} if setting.survey.moves else None


def _largest(setting: Setting) -> int:
    return BATCH


def _for_steps(setting: Setting) -> int:
    """Examples of a step, as many as leave time for `STEPS` of the small encoder."""
    seen = setting.passes * setting.survey.clips[keys.TRAIN]
    return int(min(BATCH, max(SMALL_BATCH, seen / STEPS)))


@dataclass(frozen=True)
class Candidate:
    """A way to build a model.

    Attributes:
        title: in tables.
        overrides: `Setting` to the values that make its config, or None where it makes no sense.
        batch: `Setting` to the examples of a step, where there are clips enough.
        frozen: whether the frame encoder is, so that it does not grow better with time.
    """

    title: str
    overrides: Callable[[Setting], dict[str, Any] | None]
    batch: Callable[[Setting], int] = _largest
    frozen: bool = False


FROZEN = "frozen EfficientNet-Lite0"
CANDIDATES = {
    "fine": Candidate(f"{FROZEN}, mid-level features and their changes", _fine, _for_steps, True),
    "pyramid": Candidate(f"{FROZEN}, mid- and high-level features and changes", _pyramid, _for_steps, True),
    "small": Candidate("small encoder from scratch", _small, _for_steps),
    "frozen": Candidate(f"{FROZEN}, high-level features", _frozen, frozen=True),
    "small_apart": Candidate("small encoder from scratch, motion apart", _small_apart, _for_steps),
    "small_still": Candidate("small encoder from scratch, without motion", _small_still, _for_steps),
}


def in_order(setting: Setting) -> list[str]:
    """Names of the candidates that make sense, the most promising first.

    Where something moves, that is what sees changes. An encoder that learns all of its weights needs clips to learn
    from, and to see them often: else the frozen one goes before it.
    """
    few = setting.survey.clips[keys.TRAIN] < MANY or setting.passes < MANY_PASSES
    order = ["frozen" if few else "small", *CANDIDATES]
    place = 0 if setting.survey.moves else 1
    order[place:place] = ON_THE_WAY
    return [name for name in dict.fromkeys(order) if make_config(name, setting)]


def raced(setting: Setting) -> int:
    """How many of the candidates are tried at most: where something moves and time is short, the first ones need it."""
    short = setting.pretrained and setting.survey.moves and setting.passes < RACE_PASSES
    return len(ON_THE_WAY) if short else len(CANDIDATES)


def make_config(name: str, setting: Setting) -> Config | None:
    """The config of a candidate, whose one stage the clock will end; None where it makes no sense.

    Example:
        >>> make_config("small", setting).model.frame_encoder
        'nfnet_tiny'
    """
    own = CANDIDATES[name].overrides(setting)
    if own is None:
        return None
    survey = setting.survey
    questions = max(1, min(8, round(survey.questions_per_clip)))
    clips = survey.clips[keys.TRAIN]
    batch = min(max(2, min(CANDIDATES[name].batch(setting), clips // 8)), clips)
    parts = min(setting.parts, clips // batch)
    steps = clips // parts // batch
    values: dict[str, Any] = {
        "name": name,
        "task": TASK,
        "data": {
            "source": "folder",
            "path": setting.path,
            "options": {"share": setting.share} if setting.share < 1 else {},
            "num_frames": setting.frames,
            "caption_length": min(MOST_TOKENS, survey.tokens["captions"]) + 4,
            "question_length": min(MOST_TOKENS, survey.tokens["questions"]) + 4,
            "answer_length": min(MOST_TOKENS, survey.tokens["answers"]) + 2 if survey.phrases else 0,
            "questions_per_clip": questions,
            "shuffle_buffer": 512,
            "epoch_parts": parts,
            "label_weights": survey.label_weights(),
            "keep_case": survey.names,
        },
        "model": {
            "dim": 96,
            "motion": survey.moves,
            "text_layers": 1,
            "fusion_layers": 2,
            "decoder_layers": 2,
            "word_dropout": 0.1,
            "label_from_text": not survey.questions,
            "single_label": not survey.several_labels,
            **(_linear(setting) if setting.pretrained else {}),
        },
        "train": {
            "batch_size": batch,
            "learning_rate": RATE,
            "warmup_steps": min(WARMUP, FIRST_EPOCHS * max(1, steps) // 2),  # a rise takes at most half of a stage
            "score_from": FIRST_EPOCHS + 1,
            "score_examples": min(MOST_SCORED, round(SCORED * max(1.0, survey.questions_per_clip))),
            "stages": [{"epochs": ENDLESS, "schedule": "linear", "learning_rate_end": RATE}],
            "seed": setting.seed,
            "loss_weights": {
                head.name: LOSS_WEIGHTS.get(head.name, head.loss_weight)
                for head in TASKS[TASK].heads
                if survey.has(head.learns_from)
                and not (survey.too_many_to_choose and head.answers_questions and head.from_classes)
            },
        },
    }
    for part, chosen in own.items():
        values[part].update(chosen)
    return parse_config(values, origin=f"plan of candidate {name}")


def _linear(setting: Setting) -> dict[str, Any]:
    """Linear models beside the network."""
    return {"linear_size": setting.side, "linear_frames": setting.frames, "linear_search": setting.search}


def _multiple(side: int, of: int) -> int:
    """The multiple of `of` next to a number, at least one."""
    return max(of, of * round(side / of))
