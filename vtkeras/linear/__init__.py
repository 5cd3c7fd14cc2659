"""Linear models on what a frozen encoder sees of a clip: as a baseline, and beside a network."""
