"""The SavedModel gives what the Keras model gives, and needs neither vtkeras nor the data."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.data.video import probe
from vtkeras.errors import UserError
from vtkeras.export import export_run
from vtkeras.export.saved_model import RESULTS, _copy_run_files, _readme, tell_results, write_samples
from vtkeras.training.run import Run, load_model, make_source

# A process of its own that may import nothing but TensorFlow and tensorflow-text.
LOADER = """
import json, sys
import numpy as np, tensorflow as tf, tensorflow_text
sys.modules["vtkeras"] = sys.modules["keras_nlp"] = None
model = tf.saved_model.load(sys.argv[1])
frames = np.load(sys.argv[2])
found = model.caption(frames)
answers = model.answer(frames, tf.constant(["how many digits are there?", ""]))
labels = model.classify(frames, tf.constant(["", ""]))
beams = model.caption_beam(frames, 3, 0.6, 1, 9, 2)  # width, penalty, shortest, longest, no-repeat
drawn = model.caption_sample(frames, 1.2, 0.9, 20, 7, 1, 9, 2)  # temperature, top-p, top-k, seed, ...
print(json.dumps({
    "caption": [text.decode() for text in found["caption"].numpy()],
    "score": found["score"].numpy().tolist(),
    "caption_attention": float(found["attention"].numpy().sum()),
    "beams": [[text.decode() for text in row] for row in beams["beams"].numpy()],
    "beam_scores": beams["beam_scores"].numpy().tolist(),
    "drawn": [text.decode() for text in drawn["caption"].numpy()],
    "answer": [text.decode() for text in answers["answer"].numpy()],
    "answer_score": answers["score"].numpy().tolist(),
    "labels": labels["probabilities"].numpy().tolist(),
    "video": model.embed_video(frames).numpy().tolist(),
    "text": model.embed_text(tf.constant(["digit 3 is moving up and down", "你好 👍"])).numpy().tolist(),
}))
"""


@pytest.fixture(scope="module")
def run(exported_run):
    return Run.open(exported_run)


@pytest.fixture(scope="module")
def model(exported_run):
    return tf.saved_model.load(str(exported_run / "saved_model"))


@pytest.fixture(scope="module")
def frames():
    """Two clips of 9 frames in 48 x 40 pixels: neither the model's length (4) nor its size (32)."""
    return np.random.default_rng(0).integers(0, 256, (2, 9, 48, 40, 3)).astype("uint8")


@pytest.fixture(scope="module")
def fresh(exported_run, frames, tmp_path_factory):
    """What the SavedModel says in a fresh process."""
    file = tmp_path_factory.mktemp("frames") / "frames.npy"
    np.save(file, frames)
    command = [sys.executable, "-c", LOADER, str(exported_run / "saved_model"), str(file)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()[-1])


@pytest.mark.whole
def test_a_fresh_process_gives_what_the_keras_model_gives(run, frames, fresh):
    reader = run.reader()
    caption = reader.caption(frames)
    answer = reader.answer(frames, tf.constant(["how many digits are there?", ""]))
    labels = reader.classify(frames, tf.constant(["", ""]))
    assert fresh["caption"] == [text.decode() for text in caption["caption"].numpy()]
    assert fresh["answer"] == [text.decode() for text in answer["answer"].numpy()]
    limits = {"min_length": 1, "max_length": 9, "no_repeat_ngram": 2}
    beams = reader.caption_beam(frames, width=3, length_penalty=0.6, **limits)
    drawn = reader.caption_sample(frames, temperature=1.2, top_p=0.9, top_k=20, seed=7, **limits)
    assert fresh["beams"] == [[text.decode() for text in row] for row in beams["beams"].numpy()]
    np.testing.assert_allclose(fresh["beam_scores"], beams["beam_scores"], rtol=1e-4)
    assert fresh["drawn"] == [text.decode() for text in drawn["caption"].numpy()]
    np.testing.assert_allclose(fresh["score"], caption["score"], rtol=1e-4)
    np.testing.assert_allclose(fresh["answer_score"], answer["score"], rtol=1e-4)
    np.testing.assert_allclose(fresh["labels"], labels["probabilities"], rtol=1e-4)
    np.testing.assert_allclose(fresh["video"], reader.embed_video(frames), atol=1e-5)
    texts = tf.constant(["digit 3 is moving up and down", "你好 👍"])
    np.testing.assert_allclose(fresh["text"], reader.embed_text(texts), atol=1e-5)


def test_frames_are_taken_from_the_middle_of_equal_stretches(model, frames):
    # 9 frames in 4 stretches of 2.25: the middles 1.125, 3.375, 5.625, 7.875, rounded down.
    assert model.caption(frames)["frame_index"][0].numpy().tolist() == [1, 3, 5, 7]


def test_embeddings_are_unit_vectors(model, frames):
    texts = tf.constant(["digit 3 is moving up and down", "你好 👍"])
    for vectors in (model.embed_video(frames), model.embed_text(texts)):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_attention_of_every_written_word_and_head_sums_to_one(model, frames):
    found = model.caption(frames)
    sums = found["attention"].numpy().sum(axis=(3, 4, 5))
    written = found["probabilities"].numpy() > 0
    np.testing.assert_allclose(sums[written], 1, atol=1e-4)
    np.testing.assert_array_equal(sums[~written], 0)


def test_explanations_are_those_of_the_keras_model(model, run, frames):
    texts = tf.constant(["digit 3 is moving up and down", "how many digits are there?"])
    for name in ("explain_caption", "explain_answer"):
        exported, ours = getattr(model, name)(frames, texts), getattr(run.reader(), name)(frames, texts)
        assert exported["tokens"].numpy().tolist() == ours["tokens"].numpy().tolist()
        np.testing.assert_allclose(exported["rollout"], ours["rollout"], atol=1e-5)
        assert exported["frame_index"].numpy()[0].tolist() == [1, 3, 5, 7]


def test_options_beyond_what_the_model_can_do_are_cut(model, frames):
    longest = model.caption(frames)["tokens"].shape[1]
    for width, limit, length in [(0, 10**6, longest), (1, 0, 1), (40, 3, 3)]:
        found = model.caption_beam(frames, width, 0.6, 0, limit, 0)
        assert found["tokens"].shape == (2, length) and found["beams"].shape == (2, max(width, 1))
    found = model.caption_sample(frames[:1], 0.0, 1.0, 10**6, -3, 10**6, 10**6, 10**6)
    assert found["tokens"].shape == (1, longest)


def test_weights_are_stored_once(exported_run, run):
    stored = (exported_run / "saved_model" / "variables" / "variables.data-00000-of-00001").stat().st_size
    assert stored < 1.2 * sum(4 * np.prod(weight.shape) for weight in run.model.weights) + 50_000


@pytest.mark.parametrize("time, height, width", [(1, 32, 32), (2, 7, 300), (40, 33, 31)])
def test_frames_of_any_size_and_length(model, time, height, width):
    found = model.caption(np.zeros((1, time, height, width, 3), "uint8"))
    # 4 frames are looked at; a shorter clip fills up with repeats of its last frame, marked False.
    assert found["frames_mask"].numpy()[0].tolist() == [index < time for index in range(4)]
    assert np.isfinite(found["score"].numpy()).all()


def test_keras_file_loads_and_gives_the_same(exported_run, run, frames):
    import keras

    loaded = keras.saving.load_model(exported_run / "model.keras")
    clips, mask = run.preprocessor.clips(tf.constant(frames))
    one, other = run.model.trunk.encode_video(clips, mask), loaded.trunk.encode_video(clips, mask)
    np.testing.assert_allclose(one["sequence"], other["sequence"], atol=1e-6)


def test_what_the_model_can_do_is_told(exported_run, model):
    told = json.loads((exported_run / "endpoints.json").read_text())
    assert told["task"] == "multitask" and told["text_role"] == "question"
    heads = {head["name"]: head["endpoints"] for head in told["heads"]}
    assert list(heads) == ["caption", "answer", "label", "contrastive"]
    assert {"name": "choose", "inputs": ["frames", "text", "choices"]} in heads["answer"]
    assert all(hasattr(model, endpoint["name"]) for endpoints in heads.values() for endpoint in endpoints)


def test_samples_are_playable_and_described(exported_run):
    rows = (exported_run / "samples" / "captions.csv").read_text().splitlines()
    assert rows[0] == "path,caption,question,answer,label" and len(rows) == 1 + 8  # 8 test clips there are
    assert probe(exported_run / "samples" / rows[1].split(",")[0]).frame_count == 16


def test_without_the_keras_file(exported_run, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.export.saved_model.write_saved_model", lambda run, path, *options: None)
    lines = []
    out = export_run(exported_run, tmp_path / "out", report=lines.append, keras_file=False)
    assert lines[-1].endswith("saved_model, samples") and not (out / "model.keras").exists()
    told = (out / "README.md").read_text()
    assert "--no-keras-file" in told and "What was tried" not in told


def test_what_a_plan_tried_is_in_the_readme(exported_run, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.export.saved_model.write_saved_model", lambda run, path, *options: None)
    monkeypatch.setattr("vtkeras.export.saved_model.PLAN_TABLE", tried := tmp_path / "plan.md")
    tried.write_text("| small | kept |\n")
    out = export_run(exported_run, tmp_path / "out", report=str, keras_file=False)
    assert "## What was tried\n\n| small | kept |\n\n## Results" in (out / "README.md").read_text()


def test_an_export_over_another_keeps_nothing_of_that(exported_run, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.export.saved_model.write_saved_model", lambda run, path, *options: None)
    results = ("metrics.json", "metrics.md", "classes.md", "predictions.csv")
    for name in (*results, "linear.keras", "model.keras"):
        (tmp_path / name).write_text("of another run")
    export_run(exported_run, tmp_path, report=str, keras_file=False)
    assert not {*results, "linear.keras", "model.keras"} & {path.name for path in tmp_path.iterdir()}
    assert "Not evaluated: `vtkeras evaluate" in (tmp_path / "README.md").read_text()
    (tmp_path / "metrics.json").write_text(json.dumps({"weights": Run.open(exported_run).digest}))
    export_run(exported_run, tmp_path, report=str, keras_file=False)
    assert (tmp_path / "metrics.json").is_file()  # `evaluate` wrote it there, of the same weights
    older = json.dumps({"splits": {}})  # does not tell of which weights it is
    (tmp_path / "metrics.json").write_text(older)
    export_run(exported_run, tmp_path, report=str, keras_file=False)
    assert (tmp_path / "metrics.json").read_text() == older


def test_figures_of_weights_from_before_are_not_exported_over_right_ones(run, tmp_path):
    own, out = tmp_path / "run", tmp_path / "out"
    for folder, weights, text in ((own, "of the epoch before", "old"), (out, run.digest, "right")):
        folder.mkdir()
        (folder / "metrics.json").write_text(json.dumps({"weights": weights}))
        (folder / "metrics.md").write_text(text)
    _copy_run_files(replace(run, folder=own), out)
    assert (out / "metrics.md").read_text() == "right"
    (out / "metrics.json").write_text(json.dumps({"weights": "of a third"}))
    _copy_run_files(replace(run, folder=own), out)
    assert not (out / "metrics.md").exists()


def test_the_readme_has_figures_of_its_own_weights_and_of_all_splits_alone(run, tmp_path):
    (tmp_path / "metrics.md").write_text("| system | BLEU |\n")
    found = []
    for told in ({"weights": run.digest, "whole": True}, {"weights": run.digest, "whole": False},
                 {"weights": "others", "whole": True}, {}):  # fmt: skip
        (tmp_path / "metrics.json").write_text(json.dumps(told))
        found.append("| system | BLEU |" in _readme(run, tmp_path, "test"))
    assert found == [True, False, False, True]  # older ones do not tell


def test_other_weights_have_another_digest(run, exported_run):
    assert Run.open(exported_run).digest == run.digest
    assert replace(run, model=load_model(exported_run / "model.keras")).digest == run.digest
    linear = keras.Sequential([keras.layers.Dense(2)])
    linear.build((1, 2))
    assert replace(run, experts=linear).digest != run.digest


def test_what_is_evaluated_later_comes_into_the_readme(tmp_path):
    begin, end = RESULTS
    readme = tmp_path / "README.md"
    readme.write_text(f"# mine\n\n## Results\n\n{begin}Not evaluated.\n{end}\n## Notes of my own\n")
    for table in ("| system | exact % |\n", "| system | CIDEr |\n"):
        (tmp_path / "metrics.md").write_text(table)
        tell_results(tmp_path)
        assert readme.read_text() == f"# mine\n\n## Results\n\n{begin}{table}{end}\n## Notes of my own\n"
    for text in ("## Results\n\nwritten by hand\n", f"{end}{begin}", None):
        readme.unlink() if text is None else readme.write_text(text)
        tell_results(tmp_path)
        assert text is None or readme.read_text() == text
    assert not readme.exists()


def test_linear_models_that_are_gone_are_told(run):
    model = run.config.model.model_copy(update={"linear_size": 64})
    asking = replace(run, config=run.config.model_copy(update={"model": model}))
    assert asking.lacks.endswith("holds no linear.keras: its network answers without linear models beside it")
    assert run.lacks == replace(asking, experts=run.model).lacks == ""


def test_a_video_is_read_as_the_clips_that_were_stored(exported_run, tmp_path, monkeypatch):
    def with_stored_frames(config):
        source = make_source(config)
        source.stored_frames, source.stored_side = 8, 48
        return source

    written = []
    monkeypatch.setattr("vtkeras.export.saved_model.make_source", with_stored_frames)
    monkeypatch.setattr("vtkeras.export.saved_model.write_saved_model", lambda run, path, *options: written.append(run))
    out = export_run(exported_run, tmp_path / "out", report=str, keras_file=False)
    told = [json.loads((folder / "endpoints.json").read_text()) for folder in (out, exported_run)]
    assert [(one["stored_frames"], one["stored_side"]) for one in told] == [(8, 48), (None, None)]
    assert written[0].preprocessor.stored_side == 48
    for run, places in ((written[0], [2, 5, 8, 11]), (Run.open(exported_run), [1, 4, 7, 10])):
        seen = run.reader().seen(tf.zeros((1, 12, 4, 4, 3), tf.uint8))  # stored: 0, 2, 3, 5, 6, 8, 9, 11
        assert seen["frame_index"].numpy().tolist() == [places]


def test_commands_of_the_readme_name_another_folder_than_the_runs_own(exported_run, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.export.saved_model.write_saved_model", lambda run, path, *options: None)
    monkeypatch.chdir(tmp_path)
    own = Path("runs") / Run.open(exported_run).config.name
    for out, lines in (
        (own, [f"{own}/config.yaml --out {own}_anew", f"evaluate {own}_anew\n", f"export {own}_anew --no-keras"]),
        (Path("other"), [f"other/config.yaml --out {own}\n", f"evaluate {own}\n", f"export {own} --out other"]),
    ):
        told = (export_run(exported_run, out, report=str, keras_file=False) / "README.md").read_text()
        assert all(line in told for line in lines) and "a few test clips" in told


@pytest.mark.parametrize("splits, shown", [(["train", "validation"], "validation"), (["train"], "train")])
def test_samples_of_data_without_test_clips(tmp_path, monkeypatch, splits, shown):
    source = SimpleNamespace(splits=lambda: splits, spec={})
    monkeypatch.setattr("vtkeras.export.saved_model.make_source", lambda config: source)
    assert write_samples(SimpleNamespace(config=None), tmp_path) == shown


def test_a_failed_export_leaves_the_old_one(exported_run, tmp_path, monkeypatch):
    out = shutil.copytree(exported_run, tmp_path / "out")
    before = (out / "model.keras").read_bytes()

    def full_disk(run, path, *options):
        (path / "half").write_text("")
        raise tf.errors.ResourceExhaustedError(None, None, f"{path}; No space left on device")

    monkeypatch.setattr("vtkeras.export.saved_model.write_saved_model", full_disk)
    with pytest.raises(UserError, match="disk is full"):
        export_run(exported_run, out, report=lambda line: None)
    assert (out / "saved_model" / "saved_model.pb").is_file() and not list(out.rglob("half"))
    assert (out / "model.keras").read_bytes() == before


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(UserError, match="is not a run"):
        export_run(tmp_path)
