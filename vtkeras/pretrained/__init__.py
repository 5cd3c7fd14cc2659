"""Pretrained weights that come by pip: where they are, whether they are the right ones, and how to read them."""
