# Needs Python >= 3.11, pip and make. Everything lands in .venv; nothing else is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml README.md $(shell find src -name '*.py' -o -name 'card.json')

.PHONY: help demo test check clean search-benchmark speed
help:
	@echo "make demo   hear it work: index a few real sounds, search them, classify one (core only, no torch)"
	@echo "make test   install what tests need and run them"
	@echo "make check  lint, types"
	@echo "make search-benchmark   build the search benchmark's corpus and measure (development half)"
	@echo "make speed  time auricle beside CLAP through transformers"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/core: $(BIN)/python $(SOURCES)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt .
	@touch $@

$(VENV)/dev: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev,hf,mcp,parquet]"
	@touch $@

demo: $(VENV)/core
	$(BIN)/auricle demo

test: $(VENV)/dev
	$(BIN)/python -m pytest

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layout.py

search-benchmark: $(VENV)/dev
	$(BIN)/python recipes/search_benchmark/build.py --out build/search-benchmark
	$(BIN)/python -m auricle.evaluation.search_benchmark build/search-benchmark --half dev

speed: $(VENV)/dev
	$(BIN)/python speed/index.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache
