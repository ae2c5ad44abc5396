# make run         create .venv, install, show a demo
# make test        run the tests
# make test-plain  run those of the core without the compiler
# make lint        check format, style and types

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-plain lint format clean

run: $(VENV)/.installed
	$(BIN)/imurun demo

test: $(VENV)/.dev-installed
	$(BIN)/python -m pytest -n auto --dist loadfile

test-plain: $(VENV)/.dev-installed
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest tests/core tests/test_engine.py tests/test_simulated_truth.py

lint: $(VENV)/.dev-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.dev-installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.dev-installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@ $(VENV)/.installed
