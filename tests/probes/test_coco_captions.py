"""A source in a file of its own, and one line in `SOURCES`: everything else works with it."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.contracts.test_sources import CONTRACT
from tests.probes.coco_captions import CocoCaptions
from tests.test_cli import TINY_SETTINGS, call
from tests.training.test_fit import stopped_after_an_epoch
from vtkeras.cli.common import read_config
from vtkeras.data.sources import SOURCES

COLOURS = {"red": (220, 30, 30), "green": (30, 220, 30), "blue": (30, 30, 220)}
COUNTS = {"train2017": 8, "val2017": 2, "test2017": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of one colour and their captions, as COCO stores them."""
    folder = tmp_path_factory.mktemp("coco")
    (folder / "annotations").mkdir()
    for name, count in COUNTS.items():
        (folder / name).mkdir()
        content = {"images": [], "annotations": []}
        for number in range(count):
            colour = list(COLOURS)[number % 3]
            file = f"{number:012d}.jpg"
            Image.fromarray(np.full((40 + number, 60, 3), COLOURS[colour], np.uint8)).save(folder / name / file)
            content["images"].append({"id": number, "file_name": file})
            for caption in (f"a {colour} picture", f"everything is {colour}"):
                entry = {"id": len(content["annotations"]), "image_id": number, "caption": caption}
                content["annotations"].append(entry)
        (folder / "annotations" / f"captions_{name}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module", autouse=True)
def one_line_in_the_dict():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SOURCES, "coco", CocoCaptions)
        yield


@pytest.mark.parametrize("check", CONTRACT)
def test_contract_of_sources(check, folder):
    check(SOURCES["coco"](path=folder, **CocoCaptions.Options.small))


@pytest.mark.whole
def test_trained_resumed_evaluated_exported_and_asked(folder, tmp_path):
    file, run = tmp_path / "coco.yaml", tmp_path / "run"
    file.write_text("name: coco\ntask: captioning\ndata: {source: coco}\n")
    settings = [*TINY_SETTINGS, "train.stages=[{epochs: 2}]"]
    stopped_after_an_epoch(read_config(str(file), folder, settings), run)
    arguments = ["train", "--config", file, "--data", folder, "--out", run, "--resume"]
    code, output = call(*arguments, *(part for setting in settings for part in ("--set", setting)))
    assert code == 0 and "going on after epoch 1" in output
    code, output = call("evaluate", run, "--no-meteor")
    [row] = [line for line in output.splitlines() if line.startswith("| coco")]
    assert code == 0 and any(character.isdigit() for character in row)
    assert call("export", run)[0] == 0
    code, output = call("predict", folder / "val2017" / "000000000000.jpg", "--model", run)
    assert code == 0 and output.startswith("caption: ")
