import numpy as np
import pytest

from vtkeras.layers import ModulatedBlock

RNG = np.random.default_rng(0)
GRID, CONDITION, WORDS = (RNG.normal(size=shape).astype("float32") for shape in ((2, 4, 4, 8), (2, 6), (2, 3, 5)))
READABLE = np.array([[True, True, False], [False, False, False]])


def with_random_weights(**options):
    block = ModulatedBlock(**options)
    block(GRID, CONDITION, WORDS, READABLE)
    rng = np.random.default_rng(1)
    block.set_weights([rng.normal(scale=0.3, size=weight.shape) for weight in block.get_weights()])
    return block


def test_a_new_block_without_attention_changes_nothing():
    np.testing.assert_array_equal(ModulatedBlock()(GRID, CONDITION, WORDS, READABLE), GRID)


def test_the_condition_steers():
    block = with_random_weights()
    found = block(GRID, CONDITION, WORDS, READABLE).numpy()
    assert np.abs(block(GRID, CONDITION + 1, WORDS, READABLE) - found).max() > 0.1


@pytest.mark.parametrize(("row", "place", "read"), [(0, 0, True), (0, 2, False), (1, 0, False)])
def test_only_readable_words_are_read(row, place, read):
    block = with_random_weights(num_heads=2)
    changed = WORDS.copy()
    changed[row, place] += 5
    difference = np.abs(block(GRID, CONDITION, changed, READABLE) - block(GRID, CONDITION, WORDS, READABLE))
    assert (difference[row].max() > 1e-3) == read and difference[1 - row].max() < 1e-6
