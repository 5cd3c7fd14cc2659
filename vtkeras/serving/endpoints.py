"""Opens an exported SavedModel for calls alone, several times sooner than `tf.saved_model.load`.

That function rebuilds each graph in Python, so that a model can be changed and saved again. A call needs less: the
functions go to TensorFlow's runtime as they are stored, with the variables that they are bound to. TensorFlow is
imported without Keras, which is not needed to run a graph.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

KERAS_CHOICE = "TF_USE_LEGACY_KERAS"  # TensorFlow's switch: with "1" its import takes tf_keras along, if that is there
_chosen = os.environ.get(KERAS_CHOICE)
os.environ[KERAS_CHOICE] = "1"
import tensorflow as tf  # noqa: E402
from tensorflow.core.framework.function_pb2 import FunctionDef  # noqa: E402
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel  # noqa: E402
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph  # noqa: E402
from tensorflow.python.eager import context  # noqa: E402

from vtkeras.run_files import SAVED_MODEL_GRAPH  # noqa: E402

del os.environ[KERAS_CHOICE]
if _chosen is not None:
    os.environ[KERAS_CHOICE] = _chosen

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"  # where a checkpoint says which object each of its tensors belongs to
_numbers = itertools.count(1)


class Endpoints(SimpleNamespace):
    """The functions of an exported model, by name."""


def open_saved_model(folder: str | Path) -> Endpoints:
    """The endpoints of an exported model.

    Args:
        folder: of the SavedModel. Endpoints may use variables and constants.

    Returns:
        Functions that each take what their signature names, by place or by name, and give a dict of tensors, or one
        tensor.

    Raises:
        Exception: whatever TensorFlow raises for a file that is missing or damaged.

    Example:
        >>> open_saved_model("runs/demo/saved_model").caption(frames[None])["caption"]
        <tf.Tensor: shape=(1,), dtype=string, numpy=array([b'digit 3 is moving up and down'], dtype=object)>
    """
    _register_text_ops()
    [meta] = SavedModel.FromString((Path(folder) / SAVED_MODEL_GRAPH).read_bytes()).meta_graphs
    objects, functions = meta.object_graph_def, list(meta.graph_def.library.function)
    names = _add_functions(functions)
    bound = _read_bound(meta, str(Path(folder) / "variables" / "variables"))
    endpoints = {}
    for child in objects.nodes[0].children:
        node = objects.nodes[child.node_id]
        if node.WhichOneof("kind") == "function":
            [name] = node.function.concrete_functions
            function = objects.concrete_functions[name]
            captured = [bound[place] for place in function.bound_inputs]
            endpoints[child.local_name] = _Endpoint(names[name], function, captured)
    opened = Endpoints(**endpoints)
    weakref.finalize(opened, _remove_functions, list(names.values())).atexit = False
    return opened


class _Endpoint:
    """One function of a SavedModel, called with tensors or what becomes one."""

    def __init__(self, name: str, function: Any, captured: list):
        self._name, self._captured = name, captured
        positional, _ = function.canonicalized_input_signature.tuple_value.values
        specs = [value.tensor_spec_value for value in positional.tuple_value.values]
        self._inputs = {spec.name: tf.as_dtype(spec.dtype) for spec in specs}
        given = function.output_signature
        fields = given.dict_value.fields
        self._outputs = sorted(fields)  # the order in which TensorFlow lays a dict out
        self._types = [fields[key].tensor_spec_value.dtype for key in self._outputs] or [given.tensor_spec_value.dtype]

    def __call__(self, *inputs, **named):
        named |= dict(zip(self._inputs, inputs))
        tensors = [tf.convert_to_tensor(named[name], dtype) for name, dtype in self._inputs.items()]
        captured = [getattr(one, "handle", one) for one in self._captured]
        found = tf.raw_ops.StatefulPartitionedCall(
            args=tensors + captured, Tout=self._types, f=self._name, config_proto=_AS_STORED
        )
        return dict(zip(self._outputs, found)) if self._outputs else found[0]


def _as_stored() -> bytes:
    """Runs a graph as it is: rewriting it takes longer than the first hundred clips gain by it."""
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config.SerializeToString()


_AS_STORED = _as_stored()


def _register_text_ops() -> None:
    """Loads the ops of tensorflow-text that graphs tokenise with; importing the package would import Keras."""
    found = importlib.util.find_spec("tensorflow_text")
    assert found is not None and found.submodule_search_locations  # a requirement of vtkeras
    for library in sorted(Path(found.submodule_search_locations[0]).glob("python/ops/*.so")):
        tf.load_op_library(str(library))


def _add_functions(functions: list[FunctionDef]) -> dict[str, str]:
    """Makes functions known to TensorFlow; under other names, if those of another model are called the same.

    Returns:
        The name in the file to the name that the function has now.
    """
    runtime = context.context()
    runtime.ensure_initialized()
    names = {function.signature.name: function.signature.name for function in functions}
    if any(map(runtime.has_function, names)):
        names = {name: f"{name}_{next(_numbers)}" for name in names}
        for function in functions:
            function.signature.name = names[function.signature.name]
            for value in (value for node in function.node_def for value in node.attr.values()):
                for called in [value.func] if value.WhichOneof("value") == "func" else value.list.func:
                    called.name = names[called.name]
    for function in functions:
        runtime.add_function_def(function)
    return names


def _remove_functions(names: list[str]) -> None:
    for name in names:
        context.context().remove_function(name)


def _read_bound(meta: Any, checkpoint: str) -> dict[int, tf.Variable | tf.Tensor]:
    """The variables and constants of a SavedModel, by their places in its object graph."""
    reader = tf.train.load_checkpoint(checkpoint)
    places = TrackableObjectGraph.FromString(reader.get_tensor(OBJECT_GRAPH)).nodes
    stored = {node.name: node.attr["value"].tensor for node in meta.graph_def.node if node.op == "Const"}
    bound: dict[int, tf.Variable | tf.Tensor] = {}
    for place, node in enumerate(meta.object_graph_def.nodes):
        if node.WhichOneof("kind") == "variable":
            [value] = places[place].attributes
            bound[place] = tf.Variable(reader.get_tensor(value.checkpoint_key), trainable=False)
        elif node.WhichOneof("kind") == "constant":
            bound[place] = tf.constant(tf.make_ndarray(stored[node.constant.operation]))
    return bound
