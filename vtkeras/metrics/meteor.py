"""METEOR 1.5 (Denkowski and Lavie 2014, "Meteor Universal"), computed by its authors' Java program."""

import importlib.util
import shutil
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

import keras

from vtkeras.errors import UserError
from vtkeras.metrics.text import CorpusTextMetric, check_corpus
from vtkeras.metrics.tokenize import tokenize

_LOCK = threading.Lock()
_RUNNING: dict[tuple[str, ...], subprocess.Popen] = {}  # idle Java processes, by their command


@keras.saving.register_keras_serializable(package="vtkeras")
class Meteor(CorpusTextMetric):
    """METEOR of a corpus; every example is kept until `result`, which asks Java. See `meteor`."""

    def new_corpus(self):
        return _Corpus()

    def update_one(self, references, prediction):
        self.corpus.references.append([" ".join(tokens) for tokens in references])
        self.corpus.predictions.append(" ".join(prediction))

    def score(self, sums):
        return meteor(self.corpus.references, self.corpus.predictions) if self.corpus.predictions else 0.0


@dataclass
class _Corpus:
    references: list[list[str]] = field(default_factory=list)
    predictions: list[str] = field(default_factory=list)


def meteor(references, predictions) -> float:
    """METEOR of a corpus for English, 0 to 1, with pycocoevalcap's jar and options.

    The first call takes some seconds, as Java reads its paraphrase table; the process (up to
    2 GB) then serves later calls and ends with Python. Where references tie, as for an
    empty prediction, the program's result can depend on their order.

    Args:
        references: `(examples, references of the example)`.
        predictions: `(examples,)`.

    Raises:
        UserError: when Java or pycocoevalcap is missing, when Java fails, for a corpus without
            examples and for an example without references.

    Example:
        >>> meteor([["a cat sat"]], ["a cat sat"])
        1.0
    """
    check_corpus(references, predictions)
    command = java_command()
    with _LOCK:
        process = _RUNNING.pop(command, None) or _start(command)
        try:
            score = _ask(process, references, predictions)
        except (OSError, ValueError):
            process.kill()
            process.communicate()
            raise UserError("METEOR's Java process ended early; it needs about 2 GB of memory.") from None
        _RUNNING[command] = process
        return score


def _ask(process, references, predictions) -> float:
    """The jar's dialogue: statistics of each example, then one EVAL line with all of them."""
    statistics = []
    for accepted, prediction in zip(references, predictions, strict=True):
        texts = [" ".join(tokenize(text)) for text in (*accepted, prediction)]
        _send(process, "SCORE", texts)
        statistics.append(process.stdout.readline().decode().strip())
    _send(process, "EVAL", statistics)
    for _ in statistics:
        process.stdout.readline()  # the score of each example
    return float(process.stdout.readline())


def _send(process, command, fields):
    process.stdin.write((" ||| ".join((command, *fields)) + "\n").encode())
    process.stdin.flush()


def _start(command: tuple[str, ...]) -> subprocess.Popen:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def java_command() -> tuple[str, ...]:
    """The command that starts METEOR.

    Raises:
        UserError: when Java or the jar is missing.
    """
    java = shutil.which("java")
    if java is None:
        raise UserError("METEOR needs Java: install a runtime, e.g. `apt install default-jre-headless`.")
    return (java, "-Xmx2G", "-jar", str(_find_jar()), "-", "-", "-stdio", "-l", "en", "-norm")


def _find_jar() -> Path:
    package = importlib.util.find_spec("pycocoevalcap")
    for folder in (package and package.submodule_search_locations) or []:
        jar = Path(folder) / "meteor" / "meteor-1.5.jar"
        if jar.is_file():
            return jar
    raise UserError("METEOR needs pycocoevalcap's jar: run `pip install pycocoevalcap`.")
