"""Metrics. A new text metric is one file and one line in `TEXT_METRICS`."""

from collections.abc import Callable
from functools import partial

from vtkeras.metrics.bleu import Bleu, bleu
from vtkeras.metrics.cider import Cider, CiderReward, cider
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
from vtkeras.metrics.meteor import Meteor, meteor
from vtkeras.metrics.on_tokens import OnTokens
from vtkeras.metrics.retrieval import retrieval_ranks, retrieval_scores
from vtkeras.metrics.rouge import RougeL, rouge_l
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

__all__ = [
    "DIVERSITY_METRICS",
    "TEXT_METRICS",
    "Bleu",
    "Cider",
    "CiderReward",
    "ConfusionMatrix",
    "DistinctNgrams",
    "ExactMatch",
    "ExpectedCalibrationError",
    "LabelAccuracy",
    "Meteor",
    "OnTokens",
    "PrecisionRecallF1",
    "RepeatedNgrams",
    "RepetitionRate",
    "RougeL",
    "TextMetric",
    "VqaAccuracy",
    "bleu",
    "choose_key_shots",
    "cider",
    "classification_report",
    "dense_scores",
    "distinct",
    "exact_match",
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
