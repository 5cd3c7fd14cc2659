"""The scorer of shots as a SavedModel that needs TensorFlow alone."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from vtkeras.export.archive import write_endpoints
from vtkeras.models.importance import ImportanceModel
from vtkeras.run_files import SAVED_MODEL, SCORER_FILE
from vtkeras.whole_files import replacing_folder, write_json


def export_importance(model: ImportanceModel, out: str | Path, provenance: dict) -> Path:
    """Writes `saved_model/` with the endpoint `score`, and `scorer.json`; both appear only when whole.

    Endpoint:
        score(shots (batch, shots, dim), shot_times (batch, shots), sentences (batch, sentences, dim),
        sentence_times (batch, sentences)): float32 (batch, shots); there may be no sentences.

    Args:
        model: a trained one.
        out: the folder.
        provenance: what it was trained on; `model_hash` names the model whose embeddings it reads.

    Raises:
        UserError: if the folder cannot be written.

    Example:
        >>> export_importance(model, "runs/scorer", {"model_hash": "9cbd746904a3"})
        PosixPath('runs/scorer')
    """
    out = Path(out)
    write_json(out / SCORER_FILE, provenance)  # first: by it a scorer that was begun is known
    with replacing_folder(out / SAVED_MODEL) as temporary:
        _write(model, temporary)
    return out


def _write(model: ImportanceModel, path: Path) -> None:
    def score(shots, shot_times, sentences, sentence_times):
        # A sentence of zeros that nobody may read stands where there is none.
        batch = tf.shape(shots)[0]
        mask = tf.pad(tf.ones(tf.shape(sentence_times), tf.bool), [[0, 0], [0, 1]], constant_values=False)
        inputs = {
            "shots": shots,
            "shots_mask": tf.ones(tf.shape(shot_times), tf.bool),
            "shot_times": shot_times,
            "sentences": tf.concat([sentences, tf.zeros((batch, 1, model.feature_dim))], axis=1),
            "sentences_mask": mask,
            "sentence_times": tf.pad(sentence_times, [[0, 0], [0, 1]]),
        }
        return model(inputs, training=False)

    vectors = tf.TensorSpec((None, None, model.feature_dim), tf.float32)
    times = tf.TensorSpec((None, None), tf.float32)
    function = tf.function(score, input_signature=[vectors, times, vectors, times], autograph=False)
    write_endpoints({"score": function}, path)
