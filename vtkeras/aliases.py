"""Names that older versions wrote into files, and what they are called now. Imports nothing."""

# Metrics of which less is better, and endings of those that are shares, for a metrics.json that does not say
OLD_LOWER = (
    "answer_calibration_error", "label_calibration_error", "repeated_4grams", "repetition_rate", "unended_rate"
)  # fmt: skip
OLD_SHARES = ("_exact", "_accuracy", "_rate", "_at_1", "_at_5")

# model.temporal_encoder
TEMPORAL_ENCODERS = {"mean": "none", "objects": "spatial_softmax"}


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


def current_results(results: dict) -> dict:
    """What `metrics.json` holds, in today's form: `columns` and `splits`.

    Args:
        results: as read; older files hold the splits alone, and confusions by `is` and `said`.

    Example:
        >>> current_results({"test": {"examples": 5, "systems": {}}})["splits"]["test"]["examples"]
        5
    """
    if "splits" in results:
        return results
    names = {"is": "actual", "said": "predicted"}
    for result in results.values():
        for heads in result.get("details", {}).values():
            for found in heads.values():
                found["confusions"] = [{names.get(key, key): cell[key] for key in cell} for cell in found["confusions"]]
    return {"columns": {name: _old_column(name) for name in sorted(_metrics_of(results))}, "splits": results}


def _metrics_of(splits: dict) -> set[str]:
    """Names of all metrics that any system has."""
    return {name for result in splits.values() for scores in result["systems"].values() for name in scores}


def _old_column(name: str) -> dict[str, str]:
    """What a table says of a metric where the file does not."""
    return {
        "title": name.replace("_at_", "@").replace("_", " "),
        "unit": "%" if name.endswith(OLD_SHARES) else "",
        "better": "lower" if name in OLD_LOWER else "higher",
    }


def current_column(name: str) -> str:
    """A column of `predictions.csv` by its name of today.

    Example:
        >>> current_column("caption_said")
        'caption_predicted'
    """
    for old, new in (("_said", "_predicted"), ("_right", "_correct")):
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name
