"""Which sentence of a transcript belongs to which shot: attention without weights of its own.

Queries and keys are the embeddings of a trained model, and nothing is learned here. Where weights of
cross-attention are learned: in the decoder that writes a shot's caption (words over patches), in the
model that writes one sentence from a shot and what is said of it (`vtkeras.summaries.retell`), and in the
scorer of `vtkeras train-scorer` (shots over sentences).
"""

from __future__ import annotations

import numpy as np

from vtkeras.data.shot_sequence import ShotSequence
from vtkeras.data.transcript import Transcript

TEMPERATURE = 0.1  # of the likeness of meaning, a cosine
PATIENCE = 4.0  # seconds between picture and word that weigh as much as e times the likeness
FARTHEST = 20.0  # seconds


def relate(video: ShotSequence, by_time: bool = False) -> np.ndarray:
    """Attention of each sentence over the shots: what is meant counts, and when it is said.

    Sentences are the queries and shots the keys, both in the model's shared space; a shot loses weight
    with its distance in time. Where the model knows none of the words, all shots mean the same to it and
    time decides; a transcript without times is related by meaning alone.

    Args:
        video: with sentences.
        by_time: let time alone decide, where there are times: for remarks that do not say what is seen.

    Returns:
        float (sentences, shots); each row sums to 1.

    Example:
        >>> relate(ShotSequence(shots, looks, times, sentences, sentence_times)).argmax(axis=1)
        array([0, 0, 1])
    """
    timed = video.sentence_times is not None
    logits = np.zeros((len(video.sentences), len(video.shots)))
    if not (by_time and timed):
        logits = video.sentences @ video.shots.T / TEMPERATURE
    if timed:
        logits = logits - _apart(video) / PATIENCE
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def pick_sentences(video: ShotSequence, transcript: Transcript, by_time: bool = False) -> dict[int, str]:
    """What is said of each shot: the sentences that attend to it more than to any other.

    Args:
        video: with the transcript's sentences.
        transcript: as in `video`.
        by_time: as in `relate`.

    Returns:
        {shot: sentences, in their order}; a sentence with a time is never more than 20 s from its shot.
    """
    weights = relate(video, by_time)
    if video.sentence_times is not None:
        weights = np.where(_apart(video) <= FARTHEST, weights, -1)
    found: dict[int, list[str]] = {}
    for sentence, shot in zip(transcript.sentences, weights.argmax(axis=1)):
        found.setdefault(int(shot), []).append(sentence.text)
    return {shot: " ".join(dict.fromkeys(texts)) for shot, texts in found.items()}


def _apart(video: ShotSequence) -> np.ndarray:
    """Seconds between sentences and shots, 0 for one said during the shot: (sentences, shots)."""
    start, end = video.times.T
    said = video.sentence_times[:, None]
    return np.maximum(np.maximum(start - said, said - end), 0)
