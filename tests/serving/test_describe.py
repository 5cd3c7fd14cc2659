"""A description in lines."""

import numpy as np
import pytest

from vtkeras.serving.describe import to_lines
from vtkeras.serving.schema import Description


@pytest.mark.parametrize(
    "single_label, labels, line",
    [
        (False, [("cat", 0.9), ("dog", 0.5), ("cow", 0.4)], "labels: cat (90%), dog (50%)"),
        (False, [("cat", 0.4), ("dog", 0.3)], "labels: none above 50%"),
        (True, [("cat", 0.4), ("dog", 0.3), ("cow", 0.3)], "labels: cat (40%)"),  # one of them is right
    ],
)
def test_labels(single_label, labels, line):
    assert to_lines(Description("a.mp4", np.zeros(1), labels=labels, single_label=single_label)) == [line]
