"""The two READMEs say the same: as many sections, equal commands, figures and links."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def parts(text):
    """What must be equal in every language."""
    commands = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^(#+) ", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    prose = re.sub(r"\]\([^)]*\)", "]", text)
    return {
        "sections": [len(marks) for marks in headings],
        "commands": [line.split("#")[0].split() for block in commands for line in block.splitlines()],
        "figures": sorted(re.findall(r"\d[\d,.]*\d|\d", prose)),
        "code": sorted(re.findall(r"`([^`\n]+)`", text)),
        "links": sorted(set(re.findall(r"\]\(([^)]*)\)", text)) - {"README.md", "README.zh.md"}),
    }


ENGLISH, CHINESE = (parts((ROOT / name).read_text(encoding="utf-8")) for name in ("README.md", "README.zh.md"))


@pytest.mark.parametrize("part", ENGLISH)
def test_both_say_the_same(part):
    assert ENGLISH[part] == CHINESE[part]


def test_a_changed_figure_is_found():
    assert parts("# A\n\nof 500 clips 95.6 %\n")["figures"] != parts("# 甲\n\n500 个片段，95.5 %\n")["figures"]


@pytest.mark.parametrize("link", ENGLISH["links"])
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()
