"""Where a model looked: attention on frames, as numbers and as pictures."""
