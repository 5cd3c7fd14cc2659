"""Files that would take far more memory than their size, or that point elsewhere, are refused before they load."""

import io
import json
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from vtkeras.errors import UserError, first_line
from vtkeras.run_files import MODEL_FILE, shipped_model
from vtkeras.safe_files import check_checkpoint, check_keras_file

HUGE = (2**40, 1024)  # 4 PB as float32


@pytest.mark.parametrize(
    "name,run", [("my runs/mine/checkpoints/best.npz", "my runs/mine"), ("my runs/mine/model.keras", "my runs/mine")]
)
def test_a_damaged_file_is_told_with_the_command_that_trains_anew(tmp_path, name, run):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no archive")
    with pytest.raises(UserError) as error:
        (check_checkpoint if path.suffix == ".npz" else check_keras_file)(path)
    told = f"vtkeras train --config '{tmp_path / run}/config.yaml' --out '{tmp_path / run}_anew'"
    assert str(error.value) == f"{path} is damaged (File is not a zip file): train its run anew by `{told}`."


def test_an_error_without_words_is_told_by_its_kind():
    assert first_line(ValueError()) == "ValueError" and first_line(ValueError("one\ntwo")) == "one"


def keras_file(path, config="{}", weights=lambda file: None, **compression):
    """A `.keras` file whose weights a callable writes."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        weights(file)
    with zipfile.ZipFile(path, "w", **compression) as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", data.getvalue())
    return path


def npz(path, *entries, **compression):
    with zipfile.ZipFile(path, "w", **compression) as archive:
        for number, data in enumerate(entries):
            archive.writestr(f"v{number}.npy", data)
    return path


def npy(shape, data=b"", dtype="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + data


def huge_dataset(file):
    file.create_dataset("layers/dense/vars/0", HUGE, "float32", chunks=(1024, 1024))  # no chunk is written


def many_datasets(file):
    for number in range(100):
        file.create_dataset(f"layers/{number}/vars/0", (2**20,), "float32", chunks=(2**16,))


def external_data(file):
    file.create_dataset("vars", (10,), "uint8", external=[("/etc/passwd", 0, 10)])


def external_link(file):
    file.create_group("layers")["x"] = h5py.ExternalLink("other.h5", "/")


def virtual(file):
    layout = h5py.VirtualLayout((10,), "float32")
    layout[:] = h5py.VirtualSource("other.h5", "x", (10,))
    file.create_virtual_dataset("vars", layout)


@pytest.mark.parametrize(
    "weights, told",
    [
        (huge_dataset, "would unpack to 4,503,599,627,370,496"),
        (many_datasets, "would unpack to"),
        (external_data, "lie in another file"),
        (virtual, "lie in another file"),
        (external_link, "point to another file"),
    ],
)
def test_weights_that_are_refused(tmp_path, weights, told):
    with pytest.raises(UserError, match=told):
        check_keras_file(keras_file(tmp_path / "a.keras", weights=weights))


@pytest.mark.parametrize(
    "config, told",
    [
        (json.dumps({"layers": [{"config": {"units": 10**9}}]}), "a size of 1e"),
        ("[" * 100_000, "damaged"),
        ("{", "damaged"),
    ],
)
def test_configs_that_are_refused(tmp_path, config, told):
    with pytest.raises(UserError, match=told):
        check_keras_file(keras_file(tmp_path / "a.keras", config))


def test_seeds_may_be_large(tmp_path):
    check_keras_file(keras_file(tmp_path / "a.keras", json.dumps({"seed": 2**31, "units": 128, "flag": True})))


@pytest.mark.parametrize(
    "entries, told",
    [
        ([npy(HUGE)], "not as long as its shape"),
        ([npy((3,), b"\0" * 8)], "not as long as its shape"),
        ([npy((1,), b"\0" * 8, "|O")], "holds Python objects"),
        ([b"nonsense"], "damaged"),
        ([npy((2,), b"\0" * 8)[:20]], "damaged"),
    ],
)
def test_checkpoints_that_are_refused(tmp_path, entries, told):
    with pytest.raises(UserError, match=told):
        check_checkpoint(npz(tmp_path / "a.npz", *entries))


def test_what_is_no_archive(tmp_path):
    (tmp_path / "a").write_bytes(b"PK nonsense")
    for check in (check_checkpoint, check_keras_file):
        with pytest.raises(UserError, match="damaged"):
            check(tmp_path / "a")
        with pytest.raises(FileNotFoundError):
            check(tmp_path / "none")


def test_honest_files_pass(tmp_path):
    np.savez(tmp_path / "a.npz", meta=np.array("{}"), v0=np.zeros((300, 300)), v1=np.float32(1), v2=np.zeros((0, 3)))
    check_checkpoint(tmp_path / "a.npz")
    for model in (("multitask", "moving_digits"), ("question_answering", "sort_of_clevr")):
        check_keras_file(shipped_model(*model) / MODEL_FILE)


@pytest.mark.whole
def test_memory_stays_flat(tmp_path):
    """A bomb of 2 GB in 2 MB is refused by a process that may not take 200 MB more than it has."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("v0.npy", "w", force_zip64=True) as file:
            file.write(npy((2**29,)))
            for _ in range(128):
                file.write(bytes(2**24))
    keras_file(tmp_path / "a.keras", weights=huge_dataset)
    assert (tmp_path / "a.npz").stat().st_size < 4_000_000
    program = f"""
import resource
from pathlib import Path
from vtkeras.errors import UserError
from vtkeras.safe_files import check_checkpoint, check_keras_file
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for check, name in ((check_checkpoint, "a.npz"), (check_keras_file, "a.keras")):
    try:
        check(Path({str(tmp_path)!r}) / name)
    except UserError as error:
        print(error)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 200_000, grown  # KB
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.count("would unpack to") == 2
