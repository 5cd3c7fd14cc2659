"""The weights of runs made by older versions, put where the model of today has them.

Old checkpoints hold variables as `v0`, `v1`, ... in the order of the model's layers, and after them the
optimizer's. The order of layers follows from the graph of the old model, which `old_layer_order` draws again;
within a layer it is as today. Old `.keras` files hold them by paths made of the layers' classes, in the same
order. The numbers in them are read, and no code.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import h5py
import keras
import numpy as np

from vtkeras.aliases import CLASSES, LAYER_CLASSES, PREFIXES
from vtkeras.config import Config
from vtkeras.data.text import Vocabulary
from vtkeras.errors import UserError, first_line
from vtkeras.run_files import CONFIG_FILE
from vtkeras.safe_files import DAMAGED
from vtkeras.tasks import TASKS
from vtkeras.training.optimizers import make_optimizer
from vtkeras.training.schedule import staged_rate
from vtkeras.training.state import Variables, model_variables, open_state, optimizer_variables, snake_case

EVERY_HEAD = "multitask"  # the task whose heads the old model had, trained or not
WEIGHTS = "model.weights.h5"


def old_model(config: Config, vocabulary: Vocabulary) -> keras.Model:
    """Today's model with all the heads that the old one had."""
    task = TASKS[EVERY_HEAD]
    return task.build(config, vocabulary, [head for head in task.heads if head.active(config, vocabulary, ())])


def old_checkpoint(path: Path, config: Config, vocabulary: Vocabulary) -> dict[str, np.ndarray] | None:
    """The arrays of an old checkpoint by today's keys, or None if it is of today.

    Args:
        path: of the checkpoint.
        config, vocabulary: of its run.

    Raises:
        UserError: if it is damaged, or of another model.
    """
    with open_state(path) as file:
        if "v0" not in file.files:
            return None
        stored = [file[f"v{index}"] for index in range(len(file.files) - 1)]
    model = old_model(config, vocabulary)
    variables = model_variables(model)
    key_of = {id(variable): key for key, variable in variables.items()}
    ordered = [key_of[id(variable)] for variable in model.variables]
    names = old_layer_order(config, vocabulary)
    keys = list(dict.fromkeys(key for name in names for key in ordered if _belongs(key, name)))
    trained = [variables[key] for key in keys if variables[key].trainable]
    optimizer = make_optimizer(config, staged_rate(config.train, 1), trained)
    slots = optimizer_variables(optimizer, variables)
    key_of |= {id(variable): key for key, variable in slots.items()}
    keys += [key_of[id(variable)] for variable in optimizer.variables]
    variables |= slots
    if len(stored) != len(keys) or any(a.shape != variables[key].shape for key, a in zip(keys, stored)):
        raise UserError(f"Checkpoint {path} is of another model than {path.parent.parent / CONFIG_FILE} describes.")
    return dict(zip(keys, stored))


def old_file(path: Path, config: Config, vocabulary: Vocabulary) -> Variables:
    """The variables of an old `.keras` file by today's keys.

    Args:
        path: of the file.
        config, vocabulary: of its run.

    Raises:
        UserError: if it is of another model.
    """
    model = old_model(config, vocabulary)
    holder = keras.Model()
    holder.built = True  # its parts are
    for part in model.parts():
        setattr(holder, part.name, part)
    try:
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(path) as zipped:
                weights = zipped.extract(WEIGHTS, folder)
            with h5py.File(weights, "r+") as file:
                _move_groups(file, model, old_layer_order(config, vocabulary))
            holder.load_weights(weights)
    except DAMAGED as error:
        reason = first_line(error)
        raise UserError(f"{path} is of another model than its config describes: {reason}") from None
    return model_variables(model)


def _move_groups(file: h5py.File, model: keras.Model, names: list[str]) -> None:
    """Moves groups from the paths that the old model's file had to those of today's parts."""
    counts: Counter = Counter()
    classes = {part.name: type(part).__name__ for part in model.parts()}
    for name in names:
        target = PREFIXES.get(name, name)
        kind = LAYER_CLASSES.get(name) or classes.get(name)
        if kind is None:
            continue
        kinds = [kind, *(old for old, new in CLASSES.items() if new == kind)]
        found = next((one for one in map(snake_case, kinds) if _numbered(one, counts) in file["layers"]), None)
        if found:
            source = file["layers"][_numbered(found, counts)]
            counts[found] += 1
            for child in list(source):
                file.move(f"{source.name}/{child}", f"{target}/{child}")


def _numbered(kind: str, counts: Counter) -> str:
    return f"{kind}_{counts[kind]}" if counts[kind] else kind


def _belongs(key: str, old_name: str) -> bool:
    prefix = PREFIXES.get(old_name, old_name)
    return key == prefix or key.startswith(f"{prefix}/")


def old_layer_order(config: Config, vocabulary: Vocabulary) -> list[str]:
    """Names of the old model's layers, in the order in which it told its variables.

    The old graph is drawn again, with stubs for layers and operations, since Keras orders layers by their
    distance from the outputs. Layers that no output needs, and a frame encoder whose features are cached,
    follow at the end.

    Args:
        config, vocabulary: of the run.

    Example:
        >>> old_layer_order(load_config("demo"), vocabulary)[:3]
        ['frame_encoder', 'text_encoder', 'temporal_encoder']
    """
    stubs: dict[str, _Stub] = {}

    def call(name: str, *tensors):
        return stubs.setdefault(name, _Stub(name=name))(tensors)

    def reshaped(tensor):
        return _Stub()((tensor,)) if config.data.questions_per_clip > 1 else tensor

    names = ("answer", "caption", "frames", "frames_mask", "match", "question")
    inputs = {name: keras.Input((), name=name) for name in names}
    patches = inputs["frames"] if config.model.cache_features else call("frame_encoder", inputs["frames"])
    turned = None
    if config.model.feature_augmentation:
        patches = turned = call("turned_motion", patches)
    video = call("temporal_encoder", patches, inputs["frames_mask"])
    text = call("text_encoder", reshaped(inputs["question"]))
    fused, mask = reshaped(text), reshaped(text)
    fusions = [f"fusion_{index}" for index in range(config.model.fusion_layers)]
    for name in fusions:
        fused = call(name, fused, video, mask)
    fused = reshaped(fused)
    summary = reshaped(call("fused_mean", fused, text))
    outputs = {"caption": call("decoder", inputs["caption"], video)}
    if vocabulary.answers:
        outputs["answer"] = call("answer_logits", summary)
    if config.data.answer_length:
        outputs["written_answer"] = reshaped(call("decoder", reshaped(inputs["answer"]), fused, text))
    if vocabulary.labels:
        seen = call("label_features", call("label_max", video), reshaped(summary))
        outputs["label"] = call("label_logits", seen)
    pair = call("video_projection", video), call("text_projection", call("text_encoder", inputs["match"]))
    outputs["contrastive"] = call("embedding_pair", *pair)
    if turned is not None:
        blocked = {"caption": call("followed_by_motion", inputs["caption"], turned)}
        outputs = {name: call("unlearned", output, blocked.get(name, turned)) for name, output in outputs.items()}
    order = [layer.name for layer in keras.Model(inputs, outputs).layers]
    return list(dict.fromkeys([*order, "frame_encoder", *fusions]))


class _Stub(keras.layers.Layer):
    """Stands for a layer or an operation of the old graph."""

    def call(self, tensors):
        return tensors[0]

    def compute_output_shape(self, shapes):
        return shapes[0]
