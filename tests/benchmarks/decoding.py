"""Greedy decoding and the caption training step, beside their peers: `make bench-decoding`.

Everyone has random weights and the same sizes: width 256, 8 heads, 2 decoder blocks with a feed-forward
layer of 512, 2,000 word pieces, 128 context positions, 20 tokens a text. The context is given, so
that no one reads a video; one thread each.
"""

from __future__ import annotations

import os

for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

from pathlib import Path  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import torch  # noqa: E402
from keras import layers, ops  # noqa: E402
from side_by_side import machine, measure, to_markdown, write  # noqa: E402
from torch import nn  # noqa: E402
from transformers import BartConfig, BartForConditionalGeneration  # noqa: E402
from transformers.modeling_outputs import BaseModelOutput  # noqa: E402

from vtkeras.fusion import CrossAttentionFusion  # noqa: E402
from vtkeras.generation import greedy  # noqa: E402
from vtkeras.models import DecoderBlock, TextDecoder  # noqa: E402

VOCABULARY, DIM, HEADS, BLOCKS, INNER, LENGTH, PLACES = 2000, 256, 8, 2, 512, 20, 128
PAD, START, END = 0, 2, 3
TRAINING_BATCH = 32
RESULTS = Path(__file__).parent / "results" / "decoding"
RNG = np.random.default_rng(0)


def make_decoder():
    blocks = [DecoderBlock(CrossAttentionFusion(dim=DIM, num_heads=HEADS)) for _ in range(BLOCKS)]
    decoder = TextDecoder(VOCABULARY, LENGTH, blocks)
    decoder(np.ones((1, LENGTH), "int32"), np.zeros((1, PLACES, DIM), "float32"), np.ones((1, PLACES), bool))
    return decoder


def our_writer(decoder, compiled):
    """(context, mask) to tokens, with the cache, in one graph for batches of any size."""

    def write_tokens(context, mask):
        state = decoder.start(context, mask, LENGTH)
        memory = state.pop("memory")

        def step(tokens, index, state):
            logits, state, scores = decoder.step(tokens, index, {**state, "memory": memory})
            return logits, {"keys": state["keys"], "values": state["values"]}, scores

        starts = ops.full((ops.shape(context)[0],), START, "int32")
        return greedy(step, state, starts, END, LENGTH, min_length=LENGTH, forbidden_ids=(PAD, START))["tokens"]

    any_batch = [tf.TensorSpec((None, PLACES, DIM)), tf.TensorSpec((None, PLACES), tf.bool)]
    return tf.function(write_tokens, input_signature=any_batch, jit_compile=compiled)


def keras_io_writer(decoder):
    """As in the captioning example of keras.io: the whole decoder again for every token, in Python."""

    def write_tokens(context, mask):
        tokens = np.full((len(context), LENGTH + 1), PAD, "int32")
        tokens[:, 0] = START
        for index in range(LENGTH):
            logits = np.array(decoder(tokens[:, :LENGTH], context, mask)[:, index])
            logits[:, [PAD, START, END]] = -np.inf
            tokens[:, index + 1] = logits.argmax(axis=-1)
        return tokens[:, 1:]

    return write_tokens


def hugging_face_writer(batch):
    """`generate` of a BART decoder; its encoder is not run."""
    config = BartConfig(
        vocab_size=VOCABULARY, d_model=DIM, max_position_embeddings=64, dropout=0.0,
        encoder_layers=BLOCKS, encoder_attention_heads=HEADS, encoder_ffn_dim=INNER,
        decoder_layers=BLOCKS, decoder_attention_heads=HEADS, decoder_ffn_dim=INNER,
        pad_token_id=PAD, bos_token_id=START, eos_token_id=END,
        decoder_start_token_id=START, forced_eos_token_id=None,
    )  # fmt: skip
    model = BartForConditionalGeneration(config).eval()
    context, mask = torch.randn(batch, PLACES, DIM), torch.ones(batch, PLACES, dtype=torch.long)
    options = {"max_new_tokens": LENGTH, "min_new_tokens": LENGTH, "do_sample": False, "num_beams": 1}

    def write_tokens():
        with torch.inference_mode():
            seen = BaseModelOutput(last_hidden_state=context)
            return model.generate(encoder_outputs=seen, attention_mask=mask, **options)

    assert write_tokens().shape == (batch, LENGTH + 1)
    return write_tokens


def decoding(batch):
    """Every system writes `batch` texts of LENGTH tokens."""
    decoder = make_decoder()
    context, mask = RNG.normal(size=(batch, PLACES, DIM)).astype("float32"), np.ones((batch, PLACES), bool)
    given = tf.constant(context), tf.constant(mask)
    graph, compiled, again = our_writer(decoder, False), our_writer(decoder, True), keras_io_writer(decoder)
    whole = again(*given)
    assert np.array_equal(graph(*given), whole) and np.array_equal(compiled(*given), whole)
    return measure(
        {
            "vtkeras, compiled": lambda: compiled(*given).numpy(),
            "vtkeras": lambda: graph(*given).numpy(),
            "Hugging Face generate": hugging_face_writer(batch),
            "keras.io style": lambda: again(*given),
        }
    )


def our_model():
    context, mask = keras.Input((PLACES, DIM)), keras.Input((PLACES,), dtype="bool")
    tokens = keras.Input((LENGTH,), dtype="int32")
    return keras.Model([tokens, context, mask], make_decoder()(tokens, context, mask))


def keras_model():
    """The same decoder from the layers that Keras brings."""
    context, mask = keras.Input((PLACES, DIM)), keras.Input((PLACES,), dtype="bool")
    tokens = keras.Input((LENGTH,), dtype="int32")
    embedding = layers.ReversibleEmbedding(VOCABULARY, DIM)
    places = ops.cumsum(ops.ones_like(tokens), axis=1) - 1
    sequence = embedding(tokens) + layers.Embedding(LENGTH, DIM)(places)

    def attention():
        return layers.MultiHeadAttention(HEADS, DIM // HEADS)

    for _ in range(BLOCKS):
        normed = layers.LayerNormalization()(sequence)
        sequence = sequence + attention()(normed, normed, use_causal_mask=True)
        normed = layers.LayerNormalization()(sequence)
        sequence = sequence + attention()(normed, context, attention_mask=mask[:, None])
        normed = layers.LayerNormalization()(sequence)
        sequence = sequence + layers.Dense(DIM)(layers.Dense(INNER, activation="gelu")(normed))
    sequence = layers.LayerNormalization()(sequence)
    return keras.Model([tokens, context, mask], embedding(sequence, reverse=True))


class TorchDecoder(nn.Module):
    """The same decoder from the layers that torch brings."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, DIM)
        self.position = nn.Parameter(0.02 * torch.randn(LENGTH, DIM))
        block = nn.TransformerDecoderLayer(
            DIM, HEADS, INNER, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerDecoder(block, BLOCKS, norm=nn.LayerNorm(DIM))
        self.register_buffer("causal", nn.Transformer.generate_square_subsequent_mask(LENGTH))

    def forward(self, tokens, context, padding):
        sequence = self.embedding(tokens) + self.position
        options = {"tgt_mask": self.causal, "tgt_is_causal": True, "memory_key_padding_mask": padding}
        return self.blocks(sequence, context, **options) @ self.embedding.weight.T


def keras_step(model, batch, compiled):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-4), loss, jit_compile=compiled)
    return lambda: model.train_on_batch(*batch)


def torch_step(tokens, context, mask, targets):
    model = TorchDecoder().train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    inputs = torch.tensor(tokens).long(), torch.tensor(context), ~torch.tensor(mask)
    expected = torch.tensor(targets).long().flatten()

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(*inputs).flatten(0, 1), expected).backward()
        optimizer.step()

    return step


def training():
    """One training step on captions; the videos' features are given."""
    tokens, targets = RNG.integers(4, VOCABULARY, (2, TRAINING_BATCH, LENGTH)).astype("int32")
    context = RNG.normal(size=(TRAINING_BATCH, PLACES, DIM)).astype("float32")
    mask = np.ones((TRAINING_BATCH, PLACES), bool)
    batch = ([tokens, context, mask], targets)
    return measure(
        {
            "vtkeras, compiled": keras_step(our_model(), batch, True),
            "vtkeras": keras_step(our_model(), batch, False),
            "Keras layers, compiled": keras_step(keras_model(), batch, True),
            "torch, eager": torch_step(tokens, context, mask, targets),
        }
    )


def main():
    torch.set_num_threads(1)
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)
    about = machine("tensorflow", "keras", "torch", "transformers")
    comparisons = {
        f"{LENGTH} tokens, batch 1": lambda: decoding(1),
        f"{LENGTH} tokens, batch 32": lambda: decoding(32),
        f"training step, batch {TRAINING_BATCH}": training,
    }
    report = {}
    for title, compare in comparisons.items():
        print(f"measuring: {title}", flush=True)
        report[title] = compare()
        write(report, about, RESULTS)  # what is measured is not lost when the rest is interrupted
    print(to_markdown(report, about))


if __name__ == "__main__":
    main()
