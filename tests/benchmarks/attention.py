"""Time and memory of CrossAttention beside Keras' and PyTorch's attention, one thread: `make bench-attention`.

Time is processor time (user and system) of one thread, so that other work on the machine counts little;
the rivals take turns, and the median of the rounds is reported. Memory is a process' resident peak in
three passes forward and backward, above what it holds once model, inputs and graph are made, without
the libraries' own code that comes in meanwhile; each case has a process of its own.

Query (8, 32, 256), context (8, 784, 256), 8 heads; memory with query (2, 512, 256). Writes
attention.json and attention.md to `--out`.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", OMP_NUM_THREADS="1")

import numpy as np  # noqa: E402

DIM, HEADS = 256, 8
TIMED = {"batch": 8, "query": 32, "context": 784}
MEMORY = {"batch": 2, "query": 512}
CONTEXTS = (784, 3136, 12544)
PASSES = ("forward", "forward+backward")
GOALS = {"time ratio": 0.95, "memory MB": 190, "gradient difference": 1e-5}


def inputs(batch, query, context):
    """Query and context, float32 (batch, length, DIM)."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(batch, length, DIM)).astype("float32") for length in (query, context)]


def in_keras(layer, jit, query, context):
    """A callable a pass over a Keras attention layer."""
    import tensorflow as tf

    query, context = tf.constant(query), tf.constant(context)
    layer.build(query.shape, context.shape)

    @tf.function(jit_compile=jit)
    def forward():
        return layer(query, context)

    @tf.function(jit_compile=jit)
    def both():
        with tf.GradientTape() as tape:
            tape.watch([query, context])
            total = tf.reduce_sum(layer(query, context) ** 2)
        return tape.gradient(total, [query, context, *layer.trainable_variables])

    return dict(zip(PASSES, (forward, both)))


def vtkeras(query, context, jit=False):
    from vtkeras.layers import CrossAttention

    return in_keras(CrossAttention(DIM, HEADS), jit, query, context)


def keras_mha(query, context, jit=False):
    import keras

    return in_keras(keras.layers.MultiHeadAttention(HEADS, DIM // HEADS), jit, query, context)


def in_torch(module, query, context):
    """A callable a pass over a PyTorch module."""
    import torch

    query, context = torch.from_numpy(query), torch.from_numpy(context)

    def forward():
        with torch.no_grad():
            return module(query, context)

    def both():
        wanted = [query.requires_grad_(), context.requires_grad_(), *module.parameters()]
        return torch.autograd.grad((module(query, context) ** 2).sum(), wanted)

    return dict(zip(PASSES, (forward, both)))


def torch_mha(query, context):
    import torch

    class Attention(torch.nn.MultiheadAttention):
        def forward(self, query, context):
            return super().forward(query, context, context, need_weights=False)[0]

    return in_torch(Attention(DIM, HEADS, batch_first=True), query, context)


def torch_sdpa(query, context):
    import torch

    class Attention(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.key, self.value, self.output = (torch.nn.Linear(DIM, DIM) for _ in range(4))

        def forward(self, query, context):
            def split(sequence):
                return sequence.unflatten(-1, (HEADS, -1)).transpose(1, 2)

            heads = torch.nn.functional.scaled_dot_product_attention(
                split(self.query(query)), split(self.key(context)), split(self.value(context))
            )
            return self.output(heads.transpose(1, 2).flatten(2))

    return in_torch(Attention(), query, context)


CASES = {
    "vtkeras": vtkeras,
    "vtkeras, jit": lambda *arrays: vtkeras(*arrays, jit=True),
    "Keras MHA": keras_mha,
    "Keras MHA, jit": lambda *arrays: keras_mha(*arrays, jit=True),
    "torch SDPA": torch_sdpa,
    "torch MHA": torch_mha,
}


def one_thread(name):
    if name.startswith("torch"):
        import torch

        torch.set_num_threads(1)
    else:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def measure_times(rounds):
    """Median milliseconds of every case and pass; in each round every one has its turn."""
    runs = {}
    for name, make in CASES.items():
        one_thread(name)
        for kind, run in make(*inputs(**TIMED)).items():
            runs[name, kind] = run
            run(), run()  # tracing and compiling
    times = {key: [] for key in runs}
    for _ in range(rounds):
        for key, run in runs.items():
            start = time.process_time()
            run()
            times[key].append(time.process_time() - start)
    return {name: {kind: 1000 * statistics.median(times[name, kind]) for kind in PASSES} for name in CASES}


def measure_memory(name, context):
    """MB that forward and backward passes take at most; a process measures one case."""
    one_thread(name)
    run = CASES[name](*inputs(**MEMORY, context=context))[PASSES[1]]
    if hasattr(run, "get_concrete_function"):
        run.get_concrete_function()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    baseline, code = resident("VmRSS"), resident("RssFile")
    for _ in range(3):
        run()
    return resident("VmHWM") - baseline - (resident("RssFile") - code)


def resident(field):
    """MB of resident memory: VmRSS now, VmHWM at its peak, RssFile the part that is read from files."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6


def gradient_difference():
    """Largest difference of any gradient, by chunks and in one piece, as a share of its largest entry."""
    import tensorflow as tf

    from vtkeras.layers import CrossAttention

    layer = CrossAttention(DIM, HEADS)
    arrays = [tf.constant(array) for array in inputs(**MEMORY, context=784)]
    layer.build(*(array.shape for array in arrays))

    def gradients(return_scores):
        with tf.GradientTape() as tape:
            tape.watch(arrays)
            output = layer(*arrays, return_scores=return_scores)
            total = tf.reduce_sum((output[0] if return_scores else output) ** 2)
        rounding = layer.key_projection.bias  # changes nothing, so that its gradient is
        wanted = [variable.value for variable in layer.trainable_variables if variable is not rounding]
        return tape.gradient(total, [*arrays, *wanted])

    pairs = zip(gradients(False), gradients(True))
    return max(float(tf.reduce_max(abs(mine - plain)) / tf.reduce_max(abs(plain))) for mine, plain in pairs)


def in_a_process(*arguments):
    """What this program prints, run again with `arguments`."""
    done = subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def report(times, memory, difference):
    packages = {name: version(name) for name in ("tensorflow", "keras", "torch")}
    return {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one used",
        "versions": packages,
        "milliseconds": times,
        "memory_mb": memory,
        "gradient_difference": difference,
        "goals": GOALS,
    }


def markdown(found):
    times, peaks = found["milliseconds"], found["memory_mb"]
    fastest = {kind: min(times[name][kind] for name in CASES if name.startswith("Keras")) for kind in PASSES}
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    lines = [
        f"{found['date']}, {versions}; one thread. Ratios to the faster of Keras' two.",
        "",
        "| | forward | ratio | and backward | ratio |" + "".join(f" MB at {length:,} |" for length in CONTEXTS),
        "| --- |" + " ---: |" * (4 + len(CONTEXTS)),
    ]
    for name in CASES:
        cells = [name]
        for kind in PASSES:
            cells += [f"{times[name][kind]:.1f} ms", f"{times[name][kind] / fastest[kind]:.2f}"]
        cells += [f"{peaks[name][str(length)]:.0f}" for length in CONTEXTS]
        lines.append("| " + " | ".join(cells) + " |")
    difference = found["gradient_difference"]
    lines += ["", f"Gradients by chunks and in one piece differ by {difference:.1e} of the largest entry."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--times", action="store_true", help="print the times alone, as JSON")
    parser.add_argument("--memory", nargs=2, metavar=("CASE", "CONTEXT"), help="print one case's memory")
    parser.add_argument("--difference", action="store_true", help="print the gradients' difference alone")
    options = parser.parse_args()
    if options.times:
        return print(json.dumps(measure_times(options.rounds)))
    if options.memory:
        return print(json.dumps(measure_memory(options.memory[0], int(options.memory[1]))))
    if options.difference:
        return print(json.dumps(gradient_difference()))

    times = in_a_process("--times", "--rounds", str(options.rounds))
    print("timed; memory next", flush=True)
    memory = {}
    for name in CASES:
        memory[name] = {str(length): in_a_process("--memory", name, str(length)) for length in CONTEXTS}
        print(f"{name}: {memory[name]}", flush=True)
    found = report(times, memory, in_a_process("--difference"))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "attention.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (options.out / "attention.md").write_text(markdown(found), encoding="utf-8")
    print(markdown(found))


if __name__ == "__main__":
    main()
