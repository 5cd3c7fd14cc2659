"""Functions written as the endpoints of a SavedModel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf
from tensorflow.python.saved_model import save_context


def write_endpoints(functions: Mapping[str, tf.function], path: str | Path) -> None:
    """Writes a SavedModel with the variables that its endpoints use, and no others.

    `keras.export.ExportArchive` would trace each function once to find its variables and once more to save it, because
    TensorFlow tells traces of before and within a saving apart, and would keep both. Here they are traced as within it,
    once.

    Args:
        functions: {endpoint: function with an `input_signature`, not yet traced}. The first is `serving_default`, too.
        path: folder to write.

    Example:
        >>> double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec((None,), tf.float32)])
        >>> write_endpoints({"double": double}, "runs/double/saved_model")
        >>> tf.saved_model.load("runs/double/saved_model").double(tf.constant([3.0]))
        <tf.Tensor: shape=(1,), dtype=float32, numpy=array([6.], dtype=float32)>
    """
    module = tf.Module()
    with save_context.save_context(tf.saved_model.SaveOptions()):
        traced = [function.get_concrete_function() for function in functions.values()]
    used = {id(variable): variable for one in traced for variable in one.variables}
    module.endpoint_variables = list(used.values())
    for name, function in functions.items():
        setattr(module, name, function)
    first = next(iter(functions.values()))
    tf.saved_model.save(module, str(path), signatures={**functions, "serving_default": first})
