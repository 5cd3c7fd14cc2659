"""What many tests share: a quiet TensorFlow on few threads, and one tiny experiment."""

import os
import signal

# Ctrl-C is as in a terminal, also where the tests run in the background, whose children ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # the tolerances are a CPU's
for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, str(min(os.cpu_count() or 1, 4)))
os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # of the workers: fewer arenas keep less free memory

import pytest  # noqa: E402

from tests.fixtures.memory import end_helpers, release_unused  # noqa: E402
from tests.fixtures.shared import made_once  # noqa: E402

pytest_plugins = ["tests.cost"]

TINY = (
    "name=tiny",
    "data.options={max_digits: 2, train_clips: 16, eval_clips: 8}",
    "data.num_frames=4",
    "data.image_size=32",
    "model.frame_encoder=nfnet_tiny",  # a third of the layers to trace
    "model.dim=16",
    "model.num_heads=2",
    "model.temporal_layers=1",
    "model.text_layers=1",
    "model.fusion_layers=2",
    "model.decoder_layers=2",
    "model.embedding_dim=8",
    "train.batch_size=8",
    "train.score_examples=0",
    "train.warmup.steps=0",
    "train.stages=[{epochs: 1}]",
)


DENSE = (
    "data.options={max_events: 2, train_clips: 2, eval_clips: 2, augment: false}",
    "data.num_frames=12",
    "data.caption_length=20",
    "model.temporal_encoder=none",
    "model.fusion_layers=1",
    "model.decoder_layers=1",
    "model.dim=32",
    "model.dropout=0",
    "model.cache_features=false",
    "train.start_from=null",
    "train.score_examples=0",
)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Tests keep what can be made again in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VTKERAS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def plain_graphs():
    """Graphs run as they were made: to rewrite each for speed takes longer than a test's few steps of a small model."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(autouse=True)
def memory():
    """What a test no longer uses is freed after it."""
    yield
    release_unused()


@pytest.fixture(scope="module", autouse=True)
def helpers():
    """Processes that a module's tests keep end with it."""
    yield
    end_helpers()


@pytest.fixture(scope="session")
def tiny_config():
    """A callable from overrides like "model.dim=32" to the `demo` config made tiny."""
    from vtkeras.config import load_config

    return lambda *overrides: load_config("demo", [*TINY, *overrides])


@pytest.fixture(scope="session")
def vocabulary():
    """What a model of `moving_digits` knows of words."""
    from vtkeras.data.sources.moving_digits import MovingDigits
    from vtkeras.data.text import build_vocabulary

    return build_vocabulary(MovingDigits().texts(), 4000)


@pytest.fixture(scope="session")
def preprocessor(tiny_config, vocabulary):
    from vtkeras.data.preprocess import Preprocessor

    return Preprocessor(tiny_config().data, vocabulary)


@pytest.fixture(scope="session")
def tiny_model(tiny_config, vocabulary):
    """The multi-task model with random weights; tests leave it as it is."""
    import keras

    from vtkeras.tasks import TASKS

    keras.utils.set_random_seed(12)  # whose captions have several words
    task, config = TASKS["multitask"], tiny_config()
    return task.build(config, vocabulary, task.active_heads(config, vocabulary))


@pytest.fixture
def float32_after():
    """Puts the global dtype policy back."""
    import keras

    yield
    keras.mixed_precision.set_global_policy("float32")


@pytest.fixture(scope="session")
def exported_run(request, tiny_config, vocabulary, tmp_path_factory):
    """A run folder of the tiny model and its exported artefacts; tests leave it as it is."""

    def make(folder):
        save_and_export(folder, tiny_config(), vocabulary, request.getfixturevalue("tiny_model"))

    return made_once(tmp_path_factory, "tiny", make)


@pytest.fixture(scope="session")
def install(exported_run, tmp_path_factory):
    """An exported run, its logs and metrics, and clips, for the dashboard; tests leave it as it is."""
    from fixtures.install import Install, make_install

    return Install(made_once(tmp_path_factory, "install", lambda home: make_install(home, exported_run)))


@pytest.fixture(scope="session")
def dense_run(tmp_path_factory):
    """An exported run of dense captions that knows two videos by heart; tests leave it as it is."""
    return made_once(tmp_path_factory, "dense", make_dense_run)


TINY_VIDEO = ("task=text_to_video", "model.generator=tiny", "data.num_frames=3", "data.image_size=16")


@pytest.fixture(scope="session")
def video_config(tiny_config):
    """As `tiny_config`, of the smallest generator of video there can be."""
    from tests.fixtures.tiny_generator import TINY as TINY_GENERATOR
    from vtkeras.models.generators import GENERATORS

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(GENERATORS, TINY_GENERATOR.name, TINY_GENERATOR)
        yield lambda *overrides: tiny_config(*TINY_VIDEO, *overrides)


@pytest.fixture(scope="session")
def video_run(video_config, tmp_path_factory):
    """A run of that generator, trained for two epochs and exported; tests leave it as it is."""
    from vtkeras.export import export_run
    from vtkeras.training.fit import train

    def make(folder):
        train(video_config("train.stages=[{epochs: 2}]", "train.learning_rate=0.01"), folder, report=str)
        export_run(folder, report=str)

    return made_once(tmp_path_factory, "video", make)


def make_dense_run(folder):
    import keras

    from vtkeras.config import load_config
    from vtkeras.data.pipeline import make_dataset
    from vtkeras.data.preprocess import Preprocessor
    from vtkeras.data.text import build_vocabulary
    from vtkeras.tasks import TASKS
    from vtkeras.training.run import make_source

    config = load_config("dense_digits", [*TINY, *DENSE])
    source = make_source(config)
    vocabulary = build_vocabulary(source.texts(), 4000)
    preprocessor, task = Preprocessor(config.data, vocabulary), TASKS[config.task]
    keras.utils.set_random_seed(0)
    heads = task.active_heads(config, vocabulary)
    model = task.build(config, vocabulary, heads)
    batches = make_dataset(source, "train", preprocessor, lambda one: task.preprocess(one, preprocessor, heads), 2)
    model.compile(keras.optimizers.Adam(0.01), loss=task.losses(config, heads), jit_compile=False)
    (batch,) = batches
    for _ in range(120):
        model.train_on_batch(*batch)
    save_and_export(folder, config, vocabulary, model)


def save_and_export(folder, config, vocabulary, model):
    """What training leaves of a model, and what `vtkeras export` adds."""
    from vtkeras.config import save_config
    from vtkeras.export import export_run
    from vtkeras.training.state import model_variables, save_state

    folder.mkdir()
    save_config(config, folder / "config.yaml")
    vocabulary.save(folder / "vocabulary.json")
    save_state(folder / "checkpoints" / "best.npz", model_variables(model), {})
    export_run(folder, report=str)
