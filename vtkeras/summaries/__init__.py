"""Long videos made short: shots, their scores, key shots, and a text, from exported models only."""
