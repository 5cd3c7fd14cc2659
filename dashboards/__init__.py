"""The Streamlit dashboard: thin pages over `vtkeras.serving` and `vtkeras.explain`."""
