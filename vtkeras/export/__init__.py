"""From a trained run to artefacts that need no vtkeras."""

from vtkeras.export.saved_model import export_run

__all__ = ["export_run"]
