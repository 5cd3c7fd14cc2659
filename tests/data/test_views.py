"""Other frames of a clip than those that are read of it once."""

import numpy as np
import pytest

from tests.fixtures.clips import numbered_clip
from vtkeras import keys
from vtkeras.data.views import other_view
