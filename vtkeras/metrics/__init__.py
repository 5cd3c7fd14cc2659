"""Metrics. A new one of texts or of clips is one file and one line in `TEXT_METRICS` or `VIDEO_METRICS`."""

from collections.abc import Callable
from functools import partial

import keras

from vtkeras.metrics.bleu import Bleu, bleu
from vtkeras.metrics.cider import Cider, CiderReward, cider, cider_and_share
from vtkeras.metrics.classification import (
    ConfusionMatrix,
    ExpectedCalibrationError,
    LabelAccuracy,
    PrecisionRecallF1,
    classification_report,
)
from vtkeras.metrics.dense import dense_scores
from vtkeras.metrics.diversity import (
    DistinctNgrams,
    RepeatedNgrams,
    RepetitionRate,
    distinct,
    repeated_4grams,
    repetition_rate,
)
from vtkeras.metrics.exact_match import ExactMatch, exact_match
from vtkeras.metrics.frechet import ClipFrechetDistance, FrechetDistance, frechet_distance
from vtkeras.metrics.meteor import Meteor, meteor
from vtkeras.metrics.ms_ssim import MultiscaleSsim
from vtkeras.metrics.on_frames import FrameMetric
from vtkeras.metrics.on_tokens import OnTokens
from vtkeras.metrics.perceptual import PerceptualDistance
from vtkeras.metrics.psnr import Psnr
from vtkeras.metrics.retrieval import retrieval_ranks, retrieval_scores
from vtkeras.metrics.rouge import RougeL, rouge_l
from vtkeras.metrics.ssim import Ssim
from vtkeras.metrics.summary import (
    choose_key_shots,
    human_rank_correlation,
    key_shot_f_score,
    key_shot_summary,
    rank_correlation,
    summary_f_score,
)
from vtkeras.metrics.text import TextMetric
from vtkeras.metrics.tokenize import tokenize
from vtkeras.metrics.vqa import VqaAccuracy, vqa_accuracy

# Name -> function(references: list[list[str]], predictions: list[str]) -> float; higher is better.
TEXT_METRICS: dict[str, Callable[..., float]] = {
    "exact_match": exact_match,
    "bleu1": partial(bleu, order=1),
    "bleu2": partial(bleu, order=2),
    "bleu3": partial(bleu, order=3),
    "bleu4": partial(bleu, order=4),
    "rouge_l": rouge_l,
    "cider": cider,
    "meteor": meteor,  # needs Java
    "vqa_accuracy": vqa_accuracy,
}

# Name -> function(predictions: list[str]) -> float.
DIVERSITY_METRICS: dict[str, Callable[..., float]] = {
    "repetition_rate": repetition_rate,
    "repeated_4grams": repeated_4grams,
    "distinct_1": partial(distinct, order=1),
    "distinct_2": partial(distinct, order=2),
}

# Name -> metric; `update_state(reference, candidate)` takes clips (batch, ..., height, width, channels), pixels 0 to
# 255, and `best` is what clips that equal their references score.
VIDEO_METRICS: dict[str, type[keras.metrics.Metric]] = {
    "psnr": Psnr,
    "ssim": Ssim,
    "ms_ssim": MultiscaleSsim,
    "perceptual": PerceptualDistance,
    "frechet": ClipFrechetDistance,
}

__all__ = [
    "DIVERSITY_METRICS",
    "TEXT_METRICS",
    "VIDEO_METRICS",
    "Bleu",
    "Cider",
    "CiderReward",
    "ClipFrechetDistance",
    "ConfusionMatrix",
    "DistinctNgrams",
    "ExactMatch",
    "ExpectedCalibrationError",
    "FrameMetric",
    "FrechetDistance",
    "LabelAccuracy",
    "Meteor",
    "MultiscaleSsim",
    "OnTokens",
    "PerceptualDistance",
    "PrecisionRecallF1",
    "Psnr",
    "RepeatedNgrams",
    "RepetitionRate",
    "RougeL",
    "Ssim",
    "TextMetric",
    "VqaAccuracy",
    "bleu",
    "choose_key_shots",
    "cider",
    "cider_and_share",
    "classification_report",
    "dense_scores",
    "distinct",
    "exact_match",
    "frechet_distance",
    "human_rank_correlation",
    "key_shot_f_score",
    "key_shot_summary",
    "meteor",
    "rank_correlation",
    "repeated_4grams",
    "repetition_rate",
    "retrieval_ranks",
    "retrieval_scores",
    "rouge_l",
    "summary_f_score",
    "tokenize",
    "vqa_accuracy",
]
