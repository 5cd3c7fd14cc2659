"""Every notebook runs from top to bottom in an empty folder, leaves it empty, and shows what it promises."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from vtkeras.evaluation.baselines import BASELINES
from vtkeras.fusion import FUSIONS

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LONG = {  # they train or draw for minutes
    "03_questions", "07_understanding", "08_text_to_video", "09_interactive_generation", "12_your_own_videos"
}  # fmt: skip
RUNS = [pytest.param(path, marks=[pytest.mark.slow] * (path.stem in LONG)) for path in NOTEBOOKS]
TIME_LIMIT = 1800  # seconds a cell may take, however busy the machine is


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook, kind):
    """Everything of a MIME type that the cells showed; printed text counts as text/plain."""
    found = [output for cell in code_cells(notebook) for output in cell.outputs]
    printed = [output.text for output in found if output.output_type == "stream" and kind == "text/plain"]
    return printed + [output.data[kind] for output in found if kind in output.get("data", {})]


@pytest.fixture(scope="module", params=RUNS, ids=lambda path: path.stem)
def executed(request, tmp_path_factory):
    """A notebook after a run, and the folder it ran in."""
    notebook, folder = read(request.param), tmp_path_factory.mktemp(request.param.stem)
    resources = {"metadata": {"path": str(folder)}}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # another test may have set one that shows nothing inline
        NotebookClient(notebook, timeout=TIME_LIMIT, kernel_name="python3", resources=resources).execute()
    return notebook, folder


def test_there_are_notebooks():
    assert FOLDER / "01_quickstart.ipynb" in NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_without_outputs(path):
    for cell in code_cells(read(path)):
        assert not cell.outputs and cell.execution_count is None


@pytest.mark.whole
def test_runs_and_leaves_its_folder_as_it_was(executed):
    _, folder = executed  # a cell that fails raises CellExecutionError with its traceback
    assert not list(folder.iterdir())


@pytest.mark.whole
@pytest.mark.parametrize("executed", [FOLDER / "01_quickstart.ipynb"], indirect=True)
def test_quickstart_shows_what_it_promises(executed):
    notebook, _ = executed
    printed = "".join(outputs(notebook, "text/plain"))
    # exp(4 / sqrt(2)) = 16.92, and 16.92 / (16.92 + 1 + 1) = 0.894, by NumPy and by the layer.
    assert "NumPy and the layer agree:\n [[0.894 0.053 0.053]" in printed
    (table,) = outputs(notebook, "text/markdown")
    for system in ("our tiny model", *BASELINES):
        assert f"| {system} |" in table
    # Two clips, two attention matrices by hand, words by frames, words by frames and places.
    assert len(outputs(notebook, "image/png")) == 6


@pytest.mark.whole
@pytest.mark.parametrize("executed", [FOLDER / "05_attention.ipynb"], indirect=True)
def test_attention_shows_what_it_promises(executed):
    notebook, _ = executed
    printed = "".join(outputs(notebook, "text/plain"))
    # [[1, 0], [0.5, 0.5]] @ [[0.5, 0.5], [0.25, 0.75]] = [[0.5, 0.5], [0.375, 0.625]], and a word that reads
    # patch 1 reads the last row; a patch that goes first of four leaves a triangle of 1/8.
    assert "[[0.5   0.5  ]\n [0.375 0.625]]" in printed and "rollout: [0.375 0.625]" in printed
    assert "right order: deletion  [1. 0. 0. 0. 0.], area 0.125" in printed
    assert "mean: deletion" in printed and "random" in printed
    assert len(outputs(notebook, "image/gif")) == 1
    assert len(outputs(notebook, "image/png")) >= 2  # a table of pictures a method, and the curves


@pytest.mark.slow
@pytest.mark.parametrize("executed", [FOLDER / "07_understanding.ipynb"], indirect=True)
def test_understanding_shows_every_fusion(executed):
    notebook, _ = executed
    printed = "".join(outputs(notebook, "text/plain"))
    right = {name: float(share) for name, share in re.findall(r"^(\w+) +([\d.]+)%", printed, re.MULTILINE)}
    assert set(right) == set(FUSIONS)
    # Half of the statements are true; a mean of the clip does not tell which digit moves which way.
    assert right["cross_attention"] > 90 and right["early"] > 90
    (tables,) = outputs(notebook, "text/markdown")
    assert "confusion matrix" in tables and "| true |" in tables
    assert len(outputs(notebook, "image/png")) == 4  # three clips and the reliability diagram


@pytest.mark.slow
@pytest.mark.parametrize("executed", [FOLDER / "08_text_to_video.ipynb"], indirect=True)
def test_text_to_video_shows_what_it_promises(executed):
    notebook, _ = executed
    printed = "".join(outputs(notebook, "text/plain"))
    found = re.findall(r"^(.{20}) +(\d+)% as asked", printed, re.MULTILINE)
    right = {name.strip(): int(share) for name, share in found}
    # One of twenty captions is right by chance; the judge knows nearly all real clips.
    assert right["random"] < 15 < right["generated"] < right["real"] and right["real"] > 90
    apart = [float(number) for number in re.findall(r"apart ([\d.]+)", printed)]
    assert apart[0] > 0.7 * apart[1]  # other seeds, other clips; 0.8 is aimed at, which the best of drafts reach
    assert len(outputs(notebook, "image/gif")) == 1
    assert len(outputs(notebook, "image/png")) == 4  # the flow, the first epoch, content and motion, drafts


@pytest.mark.slow
@pytest.mark.parametrize("executed", [FOLDER / "12_your_own_videos.ipynb"], indirect=True)
def test_your_own_videos_shows_what_it_promises(executed):
    notebook, _ = executed
    printed = "".join(outputs(notebook, "text/plain"))
    assert "60 clips" in printed and "data: 36 train, 12 validation, 12 test" in printed
    assert "this model has no words for this clip" in printed  # a digit, to a model of photographs
    (plan,) = outputs(notebook, "text/markdown")
    assert "| linear on frozen features |" in plan and "| kept |" in plan
    for system in BASELINES:
        assert f"| {system} |" in printed
    assert len(outputs(notebook, "image/png")) == 5  # three clips, where words looked, the digit
