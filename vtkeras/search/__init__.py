"""Search by a trained model: clips by words, and clips like a clip."""
