"""Runs the notebooks and writes what they show as pages with pictures: docs/notebooks/NAME.md and NAME-1.png, ...

    python docs/render_notebooks.py [NAME ...]     # all of them, or those named
"""

import base64
import io
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
PAGES = ROOT / "docs" / "notebooks"
WIDTH, COLOURS = 900, 64  # the most of a picture, so that it stays small


def main(names):
    """Renders the named notebooks."""
    PAGES.mkdir(exist_ok=True)
    for name in names or sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")):
        for old in PAGES.glob(f"{name}*"):
            old.unlink()
        (PAGES / f"{name}.md").write_text(page(name, run(name)), encoding="utf-8")
        print(name)


def run(name):
    """The notebook after a run in an empty folder."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=None, coalesce_streams=True, resources=place).execute()
    return notebook


def page(name, notebook):
    """Markdown of a notebook that was run; pictures are written beside it."""
    blocks, pictures = [], 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            blocks.append(cell.source)
            continue
        blocks.append(code(cell))
        for output in cell.outputs:
            data = output.get("data", {})
            kind = next((kind for kind in ("image/png", "image/gif") if kind in data), None)
            if kind:
                pictures += 1
                file = f"{name}-{pictures}.{kind.split('/')[1]}"
                save(data[kind], PAGES / file)
                blocks.append(f"![Picture {pictures}]({file})")
            elif "text/markdown" in data:
                blocks.append(data["text/markdown"])
            elif output.get("name") != "stderr" and (text := printed(output)):
                blocks.append(f"```text\n{text}\n```")
    return "\n\n".join(blocks) + "\n"


def code(cell):
    """A cell's code as a block."""
    return f"```python\n{cell.source}\n```"


def printed(output):
    """What a cell printed, as a terminal leaves it: the last state of each line; no colours, logs, random names."""
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    names = re.escape(tempfile.gettempdir()) + r"/tmp\w+/"
    plain = re.sub(rf"\x1b\[[0-9;]*m|^(?:INFO|WARNING):.*\n?|{names}", "", text, flags=re.MULTILINE).rstrip()
    return "\n".join(line.rstrip("\r").split("\r")[-1].replace("\b", "") for line in plain.split("\n"))


def save(encoded, path):
    """Writes a picture; a PNG with a small palette."""
    content = base64.b64decode(encoded)
    if path.suffix == ".png":
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        picture.thumbnail((WIDTH, 10 * WIDTH))
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    else:
        path.write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1:])
