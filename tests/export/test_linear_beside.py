"""A model with linear models and a sentence encoder beside it says in its SavedModel what it says in training."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from fixtures.sentences import tiny_sentence_encoder

from vtkeras.config import save_config
from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.export import export_run
from vtkeras.models import LinearClasses, LinearExperts, LinearSpace
from vtkeras.run_files import CONFIG_FILE, LINEAR_FILE, SAVED_MODEL, VOCABULARY_FILE
from vtkeras.training.run import Run
from vtkeras.workspace.runs import read_card

SIDE, FRAMES = 32, 2
DIMS = [4, 2, 2]  # of the features and of the two finer maps


@pytest.fixture(scope="module")
def run(exported_run, tmp_path_factory):
    """The tiny run with random linear models beside it."""
    before, folder = Run.open(exported_run), tmp_path_factory.mktemp("beside") / "run"
    folder.mkdir()
    shutil.copy(exported_run / VOCABULARY_FILE, folder)
    shutil.copytree(exported_run / "checkpoints", folder / "checkpoints")
    model = before.config.model.model_copy(update={"linear_size": SIDE, "linear_frames": FRAMES})
    save_config(before.config.model_copy(update={"model": model}), folder / CONFIG_FILE)
    vocabulary = before.preprocessor.vocabulary
    encoder = FRAME_ENCODERS["efficientnet_lite0"](image_size=SIDE, motion=False)
    labels = LinearClasses(len(vocabulary.labels), sum(DIMS), several=True, name="label")
    space = LinearSpace(sum(DIMS), len(vocabulary.tokens), 3, tiny_sentence_encoder(), name="contrastive")
    experts = LinearExperts(
        encoder, 1280, FRAMES, SIDE, DIMS, {"label": labels}, space, copies=True, fine=True, name="linear_experts"
    )
    experts(np.zeros((1, FRAMES, SIDE, SIDE, 3), "uint8"), np.ones((1, FRAMES), bool))
    rng = np.random.default_rng(0)
    for weight in (labels.kernel, space.kernel, space.words):
        weight.assign(rng.normal(size=weight.shape))
    experts.save(folder / LINEAR_FILE)
    export_run(folder, report=str)
    return Run.open(folder)


@pytest.mark.whole
def test_the_saved_model_says_the_same(run):
    model, reader = tf.saved_model.load(str(run.folder / SAVED_MODEL)), run.reader()
    frames = tf.constant(np.random.default_rng(1).integers(0, 256, (2, 5, 40, 48, 3), dtype="uint8"))
    texts = tf.constant(["a dog runs", "digit 3", ""])
    for theirs, ours in (
        (model.embed_text(texts), reader.embed_text(texts)),
        (model.embed_video(frames), reader.embed_video(frames)),
    ):
        np.testing.assert_allclose(theirs, ours, atol=1e-4)
    assert run.experts.space.meaning.pieces and not np.allclose(*reader.embed_text(texts)[:2])


@pytest.mark.whole
def test_words_that_no_caption_has_are_told_apart_by_the_sentence_encoder(run):
    # "cats" and "dogs" are word pieces of the sentence encoder alone.
    space = run.experts.space
    embedded = np.asarray(space.embed_text(np.zeros((2, 4), "int32"), space.pieces(["cats", "dogs"])))
    assert not np.allclose(*embedded, atol=1e-3)


@pytest.mark.whole
def test_the_export_tells_what_linear_models_count_for(run):
    assert read_card(run.folder).linear_shares == {"label": 1.0, "contrastive": 1.0}
