# make demo    run the bundled plan with the demo agent: no model, no key
# make test    set up everything, the two Pi versions included, and run the tests
# make fuzz    look for inputs that break a reader: 20 s each, SECONDS_EACH=300 for longer
# make check   what CI runs: lint, types, layers, tests

PYTHON ?= python3
BIN := .venv/bin
NPM := tests/support/npm

.PHONY: demo setup test fuzz check lint types layers bench bench-screen screenshots clean

demo: .venv/.installed
	@$(BIN)/piplan-tui demo --on-ask defaults || [ $$? -eq 3 ] # left or cancelled, which is no failure of make

setup: .venv/.developed $(NPM)/seed/node_modules/.installed $(NPM)/newest/node_modules/.installed \
  $(NPM)/opencode/node_modules/.installed

test: setup
	$(BIN)/pytest -n auto

fuzz: .venv/.developed
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet atheris
	$(BIN)/python -m tests.hardening.fuzz

check: setup lint types layers test

lint: .venv/.developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.developed
	$(BIN)/mypy

layers: .venv/.developed
	$(BIN)/lint-imports

bench: .venv/.developed
	$(BIN)/python benchmarks/run_core.py --growth

bench-screen: .venv/.developed
	$(BIN)/python benchmarks/screen.py

screenshots: setup
	$(BIN)/python screenshots/render.py

clean:
	rm -rf .venv $(NPM)/*/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "piplan-tui needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/.installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/.developed: pyproject.toml | .venv/.installed
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

$(NPM)/%/node_modules/.installed: $(NPM)/%/package.json
	@command -v npm >/dev/null || { echo "the tests run real agents: install Node.js (20.6 or newer) with npm"; exit 1; }
	npm ci --no-audit --no-fund --loglevel=error --prefix $(@D)/..
	@touch $@
