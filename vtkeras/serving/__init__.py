"""Inference over exported artefacts only; the dashboard and `vtkeras predict` stand on this room."""
