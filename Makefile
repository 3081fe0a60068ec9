# Needs Python >= 3.11, pip and make. Everything lands in .venv (and web/node_modules, where npm is there); nothing else is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml README.md $(shell find src -name '*.py' -o -name 'card.json')
PAGE_TOOLS := web/node_modules/.ready

.PHONY: help demo test check page page-check clean search-benchmark results speed
help:
	@echo "make demo   hear it work: index a few real sounds, search them, classify one (core only, no torch)"
	@echo "make test   install what tests need and run them (those of the page where npm and Chromium are there)"
	@echo "make check  lint, types"
	@echo "make page   build the page from web/ into src/auricle/service/page"
	@echo "make search-benchmark   build the search benchmark's corpus and measure (development half)"
	@echo "make results   measure what the README tells (needs AURICLE_DATA and the search benchmark)"
	@echo "make speed  time auricle beside CLAP through transformers"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/core: $(BIN)/python $(SOURCES)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt .
	@touch $@

$(VENV)/dev: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev,hf,mcp,mteb,parquet,train]"
	@touch $@

$(PAGE_TOOLS): web/package.json web/package-lock.json
	cd web && npm ci --silent
	@touch $@

demo: $(VENV)/core
	$(BIN)/auricle demo

test: $(VENV)/dev $(if $(shell command -v npm),$(PAGE_TOOLS))
	$(BIN)/python -m pytest

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layout.py

page: $(PAGE_TOOLS)
	cd web && npm run build

page-check: $(PAGE_TOOLS)
	cd web && npm run check
	cd web && npx vite build --outDir ../build/page --emptyOutDir
	diff -r build/page src/auricle/service/page

search-benchmark: $(VENV)/dev
	$(BIN)/python recipes/search_benchmark/build.py --out build/search-benchmark
	$(BIN)/python -m auricle.evaluation.search_benchmark build/search-benchmark --half dev

# What the README's tables say: needs AURICLE_DATA (ESC-10, FSDD) and build/search-benchmark (make search-benchmark).
RESULTS = build/results
HELD = build/search-benchmark
results: $(VENV)/dev
	mkdir -p $(RESULTS)
	$(BIN)/auricle evaluate random tiny-towers@1 tiny-towers@2 --on esc10 --on fsdd --on fsdd-speakers --on clips=$(HELD) --on search=$(HELD) \
		--on scenes=$(HELD) --on scene-questions=$(HELD) --write $(RESULTS)/results.json
	$(BIN)/auricle evaluate tiny-heads --on esc10 --on scene-questions=$(HELD) --write $(RESULTS)/heads.json
	$(BIN)/auricle evaluate random-clap --on esc10 --write $(RESULTS)/floor.json
	$(BIN)/auricle audit tiny-towers@1 tiny-towers@2 --sounds $(HELD) --half test --write $(RESULTS)/audit.json
	$(BIN)/auricle report $(RESULTS)/results.json $(RESULTS)/heads.json $(RESULTS)/floor.json $(RESULTS)/audit.json -o $(RESULTS)/report.html
	$(BIN)/python docs/make_results.py $(RESULTS)/results.json $(RESULTS)/heads.json $(RESULTS)/floor.json $(RESULTS)/audit.json

speed: $(VENV)/dev
	$(BIN)/python speed/index.py
	$(BIN)/python speed/search.py
	$(BIN)/python speed/cold.py
	$(BIN)/python speed/serve.py
	$(BIN)/python speed/speak.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache web/node_modules
