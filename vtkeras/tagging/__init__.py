"""Words for any video before anyone trains: ImageNet names over time, and the user's own labels."""
