"""Whether a clip is unlike what a model was trained on: measured on the frame encoder's inner feature maps."""

from vtkeras.novelty.calibrate import Calibration, calibrate
from vtkeras.novelty.endpoint import novelty_endpoint
from vtkeras.novelty.gaussian import Gaussian
from vtkeras.novelty.statistics import ClipStatistics

__all__ = ["Calibration", "ClipStatistics", "Gaussian", "calibrate", "novelty_endpoint"]
