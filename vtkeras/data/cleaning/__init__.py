"""Cleaning of an ingested folder: what is wrong with clips and captions, marked and left out, never deleted."""
