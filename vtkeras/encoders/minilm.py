"""MiniLM as a text encoder that reads the word pieces of the user's own data."""

import keras_nlp
import numpy as np

from vtkeras.encoders.text import TextBackbone
from vtkeras.pretrained.packages import checked_files

SAME = {"[START]": "[CLS]", "[END]": "[SEP]"}  # what BERT calls our special tokens
UNKNOWN = "[UNK]"


def minilm(dim, tokens, name="text_encoder", **sizes):
    """all-MiniLM-L6-v2 with its vocabulary cut down to ours.

    Each of our word pieces has the embedding of the same piece of MiniLM, and one that MiniLM lacks the mean of the
    pieces that it cuts it into. So the tokenizer stays ours, in training and in the exported model, and the table has
    a few thousand rows in place of 30,522. Words that the training texts lack are cut into our pieces, not MiniLM's.

    Args:
        dim: int, width of the text sequence.
        tokens: our word pieces, in the order of their ids.
        name: str, of the layer.
        sizes: of other encoders; not used.

    Returns:
        a `TextBackbone`.

    Raises:
        UserError: if the weights are missing or another file.

    Example:
        >>> minilm(64, ("[PAD]", "[UNK]", "[START]", "[END]", "dog"))(ops.array([[2, 4, 0]]))["sequence"].shape
        (1, 3, 64)

    Source: Wang et al., "MiniLM", 2020; the cut vocabulary after Abdaoui et al., "Load What You Need", 2020.
    """
    weights, _, vocabulary = checked_files("minilm")
    whole = keras_nlp.models.BertBackbone.from_preset(str(weights.parent))
    known = {piece: row for row, piece in enumerate(vocabulary.read_text(encoding="utf-8").splitlines())}
    rows = np.asarray(whole.token_embedding.embeddings)
    table = np.stack([rows[pieces_of(SAME.get(token, token), known)].mean(axis=0) for token in tokens])
    backbone = keras_nlp.models.BertBackbone.from_config({**whole.get_config(), "vocabulary_size": len(tokens)})
    for mine, theirs in zip(backbone.weights, whole.weights):
        mine.assign(table if theirs is whole.token_embedding.embeddings else theirs)
    return TextBackbone(backbone, dim, name=name)


def pieces_of(token, known):
    """Rows of the longest known pieces that a word piece is made of, from its beginning on.

    Args:
        token: a word piece; `##` in front goes on with a word.
        known: {word piece: row}, `[UNK]` among them.

    Example:
        >>> pieces_of("##dogs", {"[UNK]": 0, "dog": 1, "##dog": 2, "##s": 3})
        [2, 3]
    """
    rest, found = token.removeprefix("##"), []
    before = "##" if token.startswith("##") and rest.isalnum() else ""  # MiniLM's marks stand apart
    while rest:
        length = next((length for length in range(len(rest), 0, -1) if before + rest[:length] in known), 0)
        if not length:
            return [known[UNKNOWN]]
        found.append(known[before + rest[:length]])
        before, rest = "##", rest[length:]
    return found or [known[UNKNOWN]]
