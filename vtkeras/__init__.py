"""vtkeras: Keras models that read video and text together through cross-attention."""

__version__ = "0.1.0"
