"""Names that older versions wrote into files, and what they are called now. Imports nothing."""

# model.temporal_encoder
TEMPORAL_ENCODERS = {"mean": "none", "objects": "spatial_softmax"}

# Classes of layers
CLASSES = {"TemporalObjects": "SpatialSoftmaxTokens", "TemporalMean": "TemporalIdentity"}

# Layers of the old model -> where checkpoints and `.keras` files of today keep what they held
PREFIXES = {
    "answer_logits": "answer_logits/logits",
    "label_logits": "label_logits/logits",
    "video_projection": "shared_space/video_projection",
    "text_projection": "shared_space/text_projection",
    "embedding_pair": "shared_space",
    "turned_motion": "rotate_motion",
}

# Layers of the old model that are no layers of their own today -> their classes
LAYER_CLASSES = {
    **dict.fromkeys(("answer_logits", "label_logits", "video_projection", "text_projection"), "Dense"),
    "embedding_pair": "EmbeddingPair",
}


def current_config(values: dict) -> dict:
    """The values of a config in today's names; what is of today already stays as it is.

    Args:
        values: nested dict, as YAML gives it.

    Example:
        >>> current_config({"model": {"temporal_encoder": "mean"}})
        {'model': {'temporal_encoder': 'none'}}
    """
    values = dict(values)
    if isinstance(values.get("model"), dict):
        values["model"] = _current_model(dict(values["model"]))
    if isinstance(values.get("train"), dict):
        values["train"] = _current_train(dict(values["train"]))
    return values


def _current_model(model: dict) -> dict:
    encoder = model.get("temporal_encoder")
    if isinstance(encoder, str):
        model["temporal_encoder"] = TEMPORAL_ENCODERS.get(encoder, encoder)
    tokens = model.pop("object_tokens", None)
    if tokens is not None and model.get("temporal_encoder") == "spatial_softmax":
        model["temporal_options"] = {"num_tokens": tokens}
    words = model.pop("motion_words", None)
    if words:
        model["feature_augmentation"] = "rotate_motion"
        model["feature_augmentation_options"] = {"words": words}
    return model


def _current_train(train: dict) -> dict:
    if isinstance(train.get("stages"), list):
        train["stages"] = [_renamed(stage, "minimum_risk", "self_critical") for stage in train["stages"]]
    weights = train.get("loss_weights")
    if isinstance(weights, dict) and "caption" in weights:  # dense captions had the name of the others
        train["loss_weights"] = {"events": weights["caption"], **weights}
    return train


def _renamed(values, old: str, new: str):
    if not isinstance(values, dict) or old not in values:
        return values
    return {new if key == old else key: value for key, value in values.items()}


# Endings of the columns of predictions.csv
COLUMN_ENDINGS = {"_said": "_predicted", "_right": "_correct"}

# Rows of a confusion matrix
CONFUSION = {"is": "actual", "said": "predicted", "count": "count"}

# The columns of old metrics.json files, which did not describe them: (title, unit, better)
COLUMNS = {
    "caption_exact": ("caption exact %", "%", "higher"),
    "bleu4": ("BLEU-4", "", "higher"),
    "rouge_l": ("ROUGE-L", "", "higher"),
    "meteor": ("METEOR", "", "higher"),
    "cider": ("CIDEr", "", "higher"),
    "repetition_rate": ("repetition %", "%", "lower"),
    "unended_rate": ("unended %", "%", "lower"),
    "event_precision": ("event precision %", "%", "higher"),
    "event_recall": ("event recall %", "%", "higher"),
    "event_exact": ("events exact %", "%", "higher"),
    "soda": ("SODA", "", "higher"),
    "answer_accuracy": ("answer %", "%", "higher"),
    "answer_macro_f1": ("answer F1", "", "higher"),
    "answer_calibration_error": ("answer ECE", "", "lower"),
    "written_answer_accuracy": ("written answer %", "%", "higher"),
    "vqa_accuracy": ("VQA accuracy %", "%", "higher"),
    "label_accuracy": ("label %", "%", "higher"),
    "label_macro_f1": ("label F1", "", "higher"),
    "label_micro_f1": ("label micro F1", "", "higher"),
    "label_calibration_error": ("label ECE", "", "lower"),
    "recall_at_1": ("R@1 %", "%", "higher"),
    "recall_at_5": ("R@5 %", "%", "higher"),
}
UNLISTED_COLUMNS = {
    "cider_share": ("CIDEr share %", "%", "higher"),
    "bleu1": ("BLEU-1", "", "higher"),
    "bleu2": ("BLEU-2", "", "higher"),
    "bleu3": ("BLEU-3", "", "higher"),
    "repeated_4grams": ("repeated 4-grams", "", "lower"),
    "answer_micro_f1": ("answer micro F1", "", "higher"),
    "distinct_1": ("distinct words", "", "higher"),
    "distinct_2": ("distinct pairs of words", "", "higher"),
}


def current_column(name: str) -> str:
    """A column of predictions.csv in today's name.

    Example:
        >>> current_column("caption_said")
        'caption_predicted'
    """
    for old, new in COLUMN_ENDINGS.items():
        name = f"{name.removesuffix(old)}{new}" if name.endswith(old) else name
    return name


def current_results(results: dict) -> dict:
    """The content of a metrics.json as `evaluate` gives it today: {"columns", "splits"}.

    Args:
        results: of today, or {split: ...} of old, without a description of its columns.

    Example:
        >>> current_results({"test": {"examples": 8, "systems": {"demo": {"soda": 1.0}}}})["columns"]["soda"]["title"]
        'SODA'
    """
    known = COLUMNS | UNLISTED_COLUMNS
    if "columns" in results:  # an older `migrate` called columns by their keys
        titled = {name: {**one, "title": known[name][0] if name in known else one["title"]}
                  for name, one in results["columns"].items()}  # fmt: skip
        return {**results, "columns": titled}
    rows = [row for split in results.values() for row in split["systems"].values()]
    names = [*COLUMNS, *(name for row in rows for name in row if name not in COLUMNS)]
    columns = {}
    for name in dict.fromkeys(names):
        if any(row.get(name) is not None for row in rows):
            title, unit, better = known.get(name, (name.replace("_", " "), "", "higher"))
            columns[name] = {"title": title, "unit": unit, "better": better, "listed": name in COLUMNS}
    return {"columns": columns, "splits": {name: _current_split(split) for name, split in results.items()}}


def _current_split(split: dict) -> dict:
    details = {
        system: {
            head: {**found, "confusions": [_current_confusion(row) for row in found["confusions"]]}
            for head, found in heads.items()
        }
        for system, heads in split.get("details", {}).items()
    }
    return {**split, "details": details}


def _current_confusion(row: dict) -> dict:
    return {CONFUSION.get(key, key): value for key, value in row.items()}
