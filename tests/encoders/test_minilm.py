"""MiniLM with our vocabulary gives what MiniLM gives."""

import keras_nlp
import numpy as np
import pytest
from fixtures.pretrained import needs

from vtkeras import keys
from vtkeras.encoders.minilm import minilm, pieces_of
from vtkeras.errors import UserError
from vtkeras.pretrained.packages import checked_files

KNOWN = {"[UNK]": 0, "dog": 1, "##dog": 2, "##s": 3, "s": 4}
TOKENS = ("[PAD]", "[UNK]", "[START]", "[END]", "a", "dog", "runs", "zebrafinches")


@pytest.mark.parametrize(
    "token,rows",
    [("dog", [1]), ("dogs", [1, 3]), ("##dogs", [2, 3]), ("sdog", [4, 2]), ("cat", [0]), ("dogx", [0]), ("##", [0])],
)
def test_pieces(token, rows):
    assert pieces_of(token, KNOWN) == rows


@needs("minilm")
def test_reads_as_the_whole_one_does():
    encoder = minilm(8, TOKENS)
    weights, _, vocabulary = checked_files("minilm")
    pieces = vocabulary.read_text().splitlines()
    whole = keras_nlp.models.BertBackbone.from_preset(str(weights.parent))
    theirs = np.array([[pieces.index(piece) for piece in ("[CLS]", "a", "dog", "runs")]])

    def read(backbone, tokens):
        inputs = {"token_ids": tokens, "padding_mask": np.ones_like(tokens), "segment_ids": np.zeros_like(tokens)}
        return np.asarray(backbone(inputs)["sequence_output"])

    np.testing.assert_allclose(read(encoder.backbone, np.array([[2, 4, 5, 6]])), read(whole, theirs), atol=1e-4)
    text = encoder(np.array([[2, 7, 0], [2, 5, 6]]))
    assert text[keys.SEQUENCE].shape == (2, 3, 8)
    np.testing.assert_array_equal(text[keys.MASK], [[True, True, False], [True, True, True]])


@needs("minilm")
def test_a_config_asks_for_it(tiny_config, vocabulary):
    from vtkeras.models.build import Parts

    encoder = Parts(tiny_config("model.text_encoder=minilm"), vocabulary.tokens).text_encoder()
    assert encoder.vocabulary_size == len(vocabulary.tokens)


def test_missing_weights_are_one_sentence(monkeypatch):
    monkeypatch.setattr("vtkeras.pretrained.packages.find", lambda name: None)
    with pytest.raises(UserError, match="is not installed: run `vtkeras pretrained install`"):
        minilm(8, TOKENS)
