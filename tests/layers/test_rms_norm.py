import numpy as np

from vtkeras.layers import rms_norm


def test_by_hand():
    # The mean square of 3 and 4 is 12.5.
    found = rms_norm(np.array([[3.0, 4.0], [0.0, 0.0]], "float32"))
    np.testing.assert_allclose(found, [[0.848528, 1.131371], [0, 0]], rtol=1e-5)
