"""Training steps and clips a second of the flow generator, beside the same layers in eager PyTorch.

`make bench-generation`. Processor time of one thread, so that other work on the machine counts little; the two take
turns, and the median of the rounds is reported. Weights, batches and random numbers are the same on both sides. Writes
generation.json and generation.md to `--out`.
"""

import argparse
import json
import os
import platform
import statistics
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", OMP_NUM_THREADS="1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

import torch  # noqa: E402

from tests.benchmarks.generation_in_torch import Flow  # noqa: E402
from vtkeras import keys  # noqa: E402
from vtkeras.config import load_config  # noqa: E402
from vtkeras.models import Parts  # noqa: E402
from vtkeras.models.generators import build_generator  # noqa: E402
from vtkeras.tasks import HEADS  # noqa: E402

torch.set_num_threads(1)
WORDS, CAPTION = 100, 16  # of the vocabulary, and of a caption
CLIPNORM = 1.0
GOALS = {"training ratio": 1.3, "seconds a clip": 0.5}


def batch_of(config, model):
    """A training batch, NumPy arrays by the names of the model's inputs."""
    rng, count, data = np.random.default_rng(0), config.train.batch_size, config.data
    tokens = np.zeros((count, data.caption_length), "int32")
    tokens[:, :CAPTION] = rng.integers(4, WORDS, (count, CAPTION))
    size = (data.num_frames, data.image_size, data.image_size, 3)
    batch = {keys.MATCH_TOKENS: tokens, keys.FRAMES: rng.integers(0, 256, (count, *size), "uint8")}
    batch[keys.FRAMES_MASK] = np.ones((count, data.num_frames), bool)
    draws = {"normal": rng.normal, "uniform": rng.random}
    for kind, named in model.draws.items():
        batch |= {name: draws[kind](size=(count, *shape)).astype("float32") for name, shape in named.items()}
    return batch


def in_keras(config, model, batch):
    """A function that makes one training step."""
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=CLIPNORM)
    model.compile(optimizer, loss={"video": HEADS["video"].loss(config)}, jit_compile=False)
    targets = {"video": np.zeros(config.train.batch_size, "float32")}
    return lambda: model.train_on_batch(batch, targets)


def in_torch(config, batch):
    """The same in PyTorch, and its model."""
    model = Flow(config, WORDS, **config.model.generator_options).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
    tensors = {name: torch.from_numpy(array) for name, array in batch.items()}
    tensors[keys.FRAMES] = tensors[keys.FRAMES].permute(0, 1, 4, 2, 3).contiguous()
    for name, shape in (("noise", (0, 1, 4, 2, 3)), ("blur", (0, 3, 1, 2))):
        tensors[name] = tensors[name].permute(shape).contiguous()

    def step():
        optimizer.zero_grad()
        loss = model(tensors)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIPNORM)
        optimizer.step()
        return float(loss.detach())

    return step, model


def a_clip(config, model):
    """A function that makes one clip."""
    make = tf.function(model.generate)
    tokens = tf.constant(np.random.default_rng(0).integers(4, WORDS, (1, config.data.caption_length)), tf.int32)
    noise = {part: tf.random.stateless_normal((1, *shape), (0, 1)) for part, shape in model.noise_shapes.items()}
    return lambda: make(tokens, noise).numpy()


def measure(config, rounds):
    """{what: median seconds}."""
    model = build_generator(config, Parts(config, [str(number) for number in range(WORDS)]))
    batch = batch_of(config, model)
    step_in_torch, in_pytorch = in_torch(config, batch)
    weights = sum(weight.numel() for weight in in_pytorch.parameters())
    assert weights == model.count_params(), f"{weights} weights in PyTorch, {model.count_params()} in Keras"
    runs = {"vtkeras": in_keras(config, model, batch), "PyTorch, eager": step_in_torch}
    runs["one clip"] = a_clip(config, model)
    for run in runs.values():
        run(), run()  # tracing
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(some) for name, some in times.items()}, weights


def markdown(found):
    seconds = found["seconds"]
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return "\n".join(
        [
            f"{found['date']}, {versions}; one thread; {found['weights']:,} weights, batches of {found['batch_size']}.",
            "",
            "| | training steps a second | ratio |",
            "| --- | ---: | ---: |",
            *(
                f"| {name} | {1 / seconds[name]:.2f} | {seconds['PyTorch, eager'] / seconds[name]:.2f} |"
                for name in ("vtkeras", "PyTorch, eager")
            ),
            "",
            f"One clip of {found['clip']}: {seconds['one clip']:.2f} s, loading aside.",
        ]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="text_to_video")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    config = load_config(options.config)
    seconds, weights = measure(config, options.rounds)
    found = {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one used",
        "versions": {name: version(name) for name in ("tensorflow", "keras", "torch")},
        "batch_size": config.train.batch_size,
        "clip": f"{config.data.num_frames} frames of {config.data.image_size} x {config.data.image_size}",
        "weights": weights,
        "seconds": seconds,
        "goals": GOALS,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "generation.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (options.out / "generation.md").write_text(markdown(found) + "\n", encoding="utf-8")
    print(markdown(found))


if __name__ == "__main__":
    main()
