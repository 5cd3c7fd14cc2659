"""The statements of `statements`: true where they are, and told by neither the clip nor the words alone."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from vtkeras import keys
from vtkeras.data.sources.moving_digits import (
    HORIZONTAL,
    STILL,
    UNSEEN,
    UNSEEN_PAIRS,
    VERTICAL,
    Actor,
    describe,
)
from vtkeras.data.sources.statements import DIGIT_THERE, FALSE, MOVEMENT_THERE, TRUE, Statements, state

DRAWS = 600
WAYS = (VERTICAL, HORIZONTAL, STILL)
CLAIMS = {describe([Actor(digit, way)]): (digit, way) for digit in range(10) for way in WAYS}


@pytest.fixture(scope="module")
def drawn():
    """(claim, what is there, labels) of many test examples; the frames are not looked at."""
    source = Statements(seed=3, aspects=True, augment=False)
    rng = np.random.default_rng(0)
    found = []
    for index in range(DRAWS):
        actors = source.actors(keys.TEST, 0, index)
        claim = state(actors, rng)
        found.append((claim, actors, set(source.labels(claim, actors))))
    return found


def test_an_example_tells_the_truth():
    for aspects in (False, True):
        source = Statements(seed=1, aspects=aspects, augment=False)
        for split in (keys.TRAIN, UNSEEN):
            for index in range(30):
                example, actors = source.example(split, 0, index), source.actors(split, 0, index)
                assert example[keys.CAPTIONS][0] == describe(actors)
                digit, way = CLAIMS[example[keys.QUESTION]]
                expected = {TRUE if Actor(digit, way) in actors else FALSE}
                if aspects:
                    expected |= {DIGIT_THERE} if digit in {actor.digit for actor in actors} else set()
                    expected |= {MOVEMENT_THERE} if way in {actor.direction for actor in actors} else set()
                assert set(example[keys.LABEL].split(keys.LABEL_SEPARATOR)) == expected
                assert example[keys.ANSWER] == ""


def test_half_is_true_and_words_alone_tell_little(drawn):
    by_claim = defaultdict(Counter)
    for claim, actors, _ in drawn:
        by_claim[claim][claim in actors] += 1
    true = sum(counts[True] for counts in by_claim.values())
    assert 0.45 < true / DRAWS < 0.55
    # A reader of the statement alone, who even knows these answers, is right little more than half the time.
    assert sum(max(counts.values()) for counts in by_claim.values()) / DRAWS < 0.62
    assert not {(claim.digit, claim.direction) for claim in by_claim} & UNSEEN_PAIRS


def test_every_kind_of_falsehood_occurs(drawn):
    kinds = Counter(tuple(sorted(labels)) for _, _, labels in drawn)
    assert set(kinds) == {
        (DIGIT_THERE, MOVEMENT_THERE, TRUE),
        (FALSE, MOVEMENT_THERE),  # another digit moves so
        (DIGIT_THERE, FALSE),  # the digit moves otherwise
        (DIGIT_THERE, FALSE, MOVEMENT_THERE),  # each is there, but not together
    }


def test_unseen_pairs_are_claimed_in_their_split():
    source = Statements(seed=3, augment=False)
    rng = np.random.default_rng(0)
    claims = {state(source.actors(UNSEEN, 0, index), rng, unseen=True) for index in range(200)}
    assert UNSEEN_PAIRS <= {(claim.digit, claim.direction) for claim in claims}
