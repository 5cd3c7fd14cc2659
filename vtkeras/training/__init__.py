"""Training: strategies, fit, callbacks, checkpoints and resuming."""
