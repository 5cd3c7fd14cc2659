"""Decoding strategies over a step callable. They import no model."""

from vtkeras.generation.greedy import greedy

__all__ = ["greedy"]
