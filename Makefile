# make run           create .venv, install imurun with what README uses, show a demo
# make test          run the tests
# make test-plain    run the tests of the core without the compiler
# make test-oldest   run part of the tests with the oldest dependencies that pyproject.toml allows
# make test-pythons  run part of the tests with each newer Python on this machine
# make test-wheel    build the wheel and run it from another folder, first without extras, then with them
# make lint          check format, style and types

PYTHON ?= python3
VENV := .venv
EXTRAS := ble,live,report,fit
BIN := $(VENV)/bin

# tests whose result may depend on the versions of Python and of dependencies
PART := tests/test_engine.py tests/test_session.py tests/model/test_sample_block.py tests/core/test_stepper.py tests/io/test_own_files.py \
	tests/io/test_text_tables.py tests/io/test_formats.py tests/export/test_fit_activity.py tests/cli/test_cli.py \
	tests/cli/test_history_command.py tests/history/test_store.py tests/report/test_report_command.py \
	tests/live/test_pipeline.py tests/cohort/test_worker_processes.py tests/ble/test_bluetooth_errors.py
PYTHONS := 3.12 3.13

.PHONY: run test test-plain test-oldest test-pythons test-wheel lint format clean

run: $(VENV)/.installed
	$(BIN)/imurun demo

test: $(VENV)/.dev-installed
	$(BIN)/python -m pytest -n auto --dist loadfile

test-plain: $(VENV)/.dev-installed
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest tests/core tests/test_engine.py tests/test_simulated_truth.py

test-oldest: $(VENV)-oldest/.installed
	$(VENV)-oldest/bin/python -m pytest -n auto --dist loadfile $(PART)

test-pythons: $(VENV)/.dev-installed
	$(BIN)/python .ci/pythons.py $(PYTHONS) -- -n auto --dist loadfile $(PART)

test-wheel: $(VENV)/.dev-installed
	$(BIN)/python .ci/wheel.py

lint: $(VENV)/.dev-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.dev-installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(VENV)-* .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$(EXTRAS)]"
	touch $@

$(VENV)/.dev-installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@ $(VENV)/.installed

$(VENV)-oldest/.installed: pyproject.toml constraints.txt .ci/oldest.py
	test -x $(VENV)-oldest/bin/python || $(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python .ci/oldest.py > $(VENV)-oldest/requirements.txt
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check -r $(VENV)-oldest/requirements.txt -e .
	touch $@
