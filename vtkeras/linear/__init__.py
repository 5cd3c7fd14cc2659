"""Linear models on the pooled features of a frozen encoder: as a baseline, and beside a network."""
