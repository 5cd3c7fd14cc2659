"""Sources of examples, and the tf.data pipeline that brings them to one shape."""
