"""Processes that work for this one."""

import subprocess
import sys

PROGRAM = """
import os, sys
from vtkeras.processes import hide_xla_notes

hide_xla_notes()
os.write(2, b"I0000 00:00:1.2 3 service.cc:146] XLA service\\nfrom C\\n")
os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called\\n")
os.system("echo from a child >&2")
print("from Python", file=sys.stderr)
os.write(2, b"last words\\n")
os.abort()
"""


def test_xla_notes_are_hidden_and_the_last_words_of_a_crash_are_not():
    told = subprocess.run([sys.executable, "-c", PROGRAM], stderr=subprocess.PIPE, text=True).stderr
    assert sorted(told.splitlines()) == ["from C", "from Python", "from a child", "last words"]
    without_grep = subprocess.run(
        [sys.executable, "-c", PROGRAM], stderr=subprocess.PIPE, text=True, env={"PATH": "/nowhere"}
    )
    assert "XLA service" in without_grep.stderr and "last words" in without_grep.stderr
