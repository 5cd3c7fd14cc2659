"""Decoding strategies over a step callable. They import no model.

Each is called as ``decode(step, state, start_tokens, end_id, max_length, **options)`` and gives at
least tokens, probabilities and scores, as `greedy` describes them.
"""

from vtkeras.generation.beam import beam, repeat_rows
from vtkeras.generation.greedy import greedy
from vtkeras.generation.sampling import sample

DECODERS = {"greedy": greedy, "beam": beam, "sample": sample}

__all__ = ["DECODERS", "beam", "greedy", "repeat_rows", "sample"]
