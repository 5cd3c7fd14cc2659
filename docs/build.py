"""Hooks of MkDocs: pages that stand elsewhere in the repository, and the API reference."""

import re
from pathlib import Path

from griffe import Extension
from latex2mathml.converter import convert
from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
PAGES = {"README.md": "index.md"} | {name: name for name in ("README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md")}
PACKAGE = ROOT / "vtkeras"


def on_config(config):
    """Lists the notebooks and the rooms of the package in the navigation, a page each."""
    notebooks = sorted(path.name for path in (ROOT / "docs" / "notebooks").glob("*.md"))
    config.nav.append({"Notebooks": [f"notebooks/{name}" for name in notebooks]})
    config.nav.append({"API reference": [{f"vtkeras.{room}": f"reference/{room}.md"} for room in rooms()]})


def on_files(files, config):
    """Adds the pages that are made from other files of the repository."""
    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=moved(text)))
    for room in rooms():
        files.append(File.generated(config, f"reference/{room}.md", content=reference(room)))
    return files


def on_page_markdown(markdown, **_):
    """Makes formulas MathML, and leads links to the root of the repository to the pages made from there."""

    def formula(match):
        code, block, line = match.groups()
        return code or convert(block or line, display="block" if block else "inline")

    markdown = re.sub(r"(```.*?```|`[^`\n]+`)|\$\$(.+?)\$\$|\$([^$\n]+)\$", formula, markdown, flags=re.DOTALL)
    return markdown.replace("](../", "](")


def rooms():
    """Packages and modules of vtkeras, by name."""
    found = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    return sorted(path.stem for path in found if not path.stem.startswith("__"))


def reference(room):
    """A room's page: what the package says of itself, then its modules in order."""
    modules = sorted((PACKAGE / room).rglob("*.py"))
    if not modules:
        return f"::: vtkeras.{room}\n"
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules]
    parts = [f"::: {name}\n    options: {{heading_level: 2}}\n" for name in names if not name.endswith("__init__")]
    return "\n".join([f"::: vtkeras.{room}\n    options: {{members: false}}\n", *parts])


def moved(text):
    """Text of a file at the root of the repository, with links as they are from docs/.

    Notebooks become their rendered pages; what is no page here stays as words without a link.
    """

    def link(match):
        words, target = match.groups()
        if "://" in target:
            return match.group()
        target = target.removeprefix("docs/").replace(".ipynb", ".md")
        target = PAGES.get(target, target)
        here = target in PAGES.values() or (ROOT / "docs" / target.split("#")[0]).exists()
        return f"[{words}]({target})" if here else words

    return re.sub(r"\[([^\]]*)\]\(([^)]*)\)", link, text)


class Docstrings(Extension):
    """Shows two parts of our docstrings that the reader of docstrings leaves as prose.

    `Example:` becomes code, and the lines of `Call arguments:` become a list.
    """

    def on_object(self, *, obj, **_):
        """Rewrites the docstring of one function, class or module."""
        if obj.docstring:
            text = re.sub(r"^( *)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = re.sub(r"(?<=^Call arguments:\n)(?: {4}.*\n)+", listed, text, flags=re.MULTILINE)


def listed(block):
    """The lines `name: meaning` of a block as a list."""
    return re.sub(r"^    (\w[\w, ]*): ", r"    - `\1`: ", block.group(), flags=re.MULTILINE)
