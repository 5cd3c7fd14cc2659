"""The pages that notebooks are rendered to show the notebooks as they are now."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_rendered_page_is_of_this_notebook(notebook):
    page = (ROOT / "docs" / "notebooks" / f"{notebook.stem}.md").read_text(encoding="utf-8")
    for cell in nbformat.read(notebook, as_version=4).cells:
        assert cell.source in page, f"`make docs-notebooks`: {notebook.name} has changed since its page was rendered"
    for picture in re.findall(r"\]\(([^)]*\.(?:png|gif))\)", page):
        assert (ROOT / "docs" / "notebooks" / picture).is_file()


def test_every_page_belongs_to_a_notebook():
    pages = {path.stem for path in (ROOT / "docs" / "notebooks").glob("*.md")}
    assert pages == {path.stem for path in NOTEBOOKS}
