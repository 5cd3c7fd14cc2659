"""Text as people write it: a generated corpus that no tokenizer or scorer should stumble over."""

import random

import pytest

WORDS = (
    "a the man woman dog digit 3 7 is moving up and down left right don't 3.5 -- , . ! ... ||| "
    "你好世界 人在跑步 とても ありがとう สวัสดี مرحبا שלום नमस्ते straße İstanbul café cafe\u0301 "
    "🙂 👍🏽 👩‍👩‍👧 🇩🇪 ❤️ € = \x07 \u200f \u200b \ud800"
).split(" ")


def make_corpus(examples, seed):
    """Multi-reference pairs: predictions are garbled references, some texts are empty."""
    rng = random.Random(seed)

    def text():
        return " ".join(rng.choices(WORDS, k=rng.choice([0, 1, 3, 6, 9, 14])))

    def garble(words):
        return " ".join(rng.choice(WORDS) if rng.random() < 0.25 else word for word in words.split(" "))

    references = [[text() for _ in range(rng.randint(1, 5))] for _ in range(examples)]
    predictions = [garble(rng.choice(accepted)) for accepted in references]
    return references, predictions


@pytest.fixture(scope="session")
def unusual_corpus():
    return make_corpus(examples=300, seed=0)
