"""What people and pages browse on disk: uploads, clips, runs, logs, evaluations. Imports no TensorFlow, no Keras."""
