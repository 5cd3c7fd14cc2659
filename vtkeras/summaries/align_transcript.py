"""Alignment of a transcript with the shots of a video, by attention without trained weights.

Queries and keys are the embeddings of a trained model; nothing is learned here. Cross-attention with learned
weights is in the decoder that writes a shot's caption (words over patches), in the model that writes one
sentence from picture and transcript (`rewrite_with_transcript`), and in the scorer of `vtkeras train-scorer`
(shots over sentences).
"""

from __future__ import annotations

import numpy as np

from vtkeras.data.shot_sequence import ShotSequence
from vtkeras.data.subtitles import Transcript

TEMPERATURE = 0.1  # of the softmax over cosine similarities
TIME_SCALE = 4.0  # seconds between a sentence and a shot that divide the attention by e
DISTANCE_THRESHOLD = 20.0  # seconds; a sentence belongs to no shot that is farther away


def align_transcript(video: ShotSequence, by_time: bool = False) -> np.ndarray:
    """Attention of each sentence over the shots, by meaning and by time.

    Sentences are the queries and shots the keys, both in the model's shared space; a shot loses weight
    with its distance in time. A transcript without times is aligned by meaning alone.

    A likeness means nothing where the model knows neither the words nor the picture. So time alone decides for a
    sentence most of whose words are unknown, and for one that is spoken during a shot that the model has no words for;
    the others do not go to such shots. Without times, those sentences are spread evenly.

    Args:
        video: with sentences.
        by_time: let time alone decide, where there are times: for remarks that do not say what is seen.

    Returns:
        float (sentences, shots); each row sums to 1.

    Example:
        >>> align_transcript(ShotSequence(shots, appearance, times, sentences, sentence_times)).argmax(axis=1)
        array([0, 0, 1])
    """
    assert video.sentences is not None, "a transcript to align"
    timed = video.sentence_times is not None
    shots = np.ones(len(video.shots), bool) if video.known_shots is None else video.known_shots
    sentences = np.ones(len(video.sentences), bool) if video.known_sentences is None else video.known_sentences
    distances = _distances(video)
    means = sentences & (shots[distances.argmin(axis=1)] if timed else shots.any()) & (not (by_time and timed))
    likeness = np.where(shots, video.sentences @ video.shots.T, -1.0) / TEMPERATURE
    logits = np.where(means[:, None], likeness, 0.0)
    logits = logits - np.where(timed or ~means[:, None], distances, 0.0) / TIME_SCALE
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def pick_sentences(video: ShotSequence, transcript: Transcript, by_time: bool = False) -> dict[int, str]:
    """The sentences of each shot: those that attend to it more than to any other.

    Args:
        video: with the transcript's sentences.
        transcript: as in `video`.
        by_time: as in `align_transcript`.

    Returns:
        {shot: sentences, in their order}; a sentence with a time is never more than 20 s from its shot.
    """
    weights = align_transcript(video, by_time)
    if video.sentence_times is not None:
        weights = np.where(_distances(video) <= DISTANCE_THRESHOLD, weights, -1)
    found: dict[int, list[str]] = {}
    for sentence, shot in zip(transcript.sentences, weights.argmax(axis=1)):
        found.setdefault(int(shot), []).append(sentence.text)
    return {shot: " ".join(dict.fromkeys(texts)) for shot, texts in found.items()}


def _distances(video: ShotSequence) -> np.ndarray:
    """Seconds between sentences and shots, 0 for a sentence spoken during the shot: (sentences, shots)."""
    start, end = video.times.T
    times = video.speech()[1][:, None]
    return np.maximum(np.maximum(start - times, times - end), 0)
