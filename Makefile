# You need only Python 3.11 to 3.14 and this file: `make demo` and `make test` create the virtual environment themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test
# Two or more processes run the tests; all tests of a file run in the same one, because they share what is slow to set up.
# Many processes start in the tests: each would compile the project anew where Python may not keep compiled files.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile
PAGES := README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md docs models/bundled/MODEL_CARD.md
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# --strict: a package that could not be looked up fails too.
AUDIT := $(BIN)/python -m uv tool run pip-audit==2.10.1 --strict --disable-pip --progress-spinner off
LOCKED := $(PIP) install --no-deps --only-binary :all: --require-hashes --requirement

.PHONY: demo run test check bench screenshots lock audit sbom clean

demo: $(STAMP) ## starts the bot, the bundled model and a Discord on localhost; needs no account
	$(BIN)/python main.py playground

run: $(STAMP) ## starts the bot on real Discord; needs DISCORD_TOKEN
	$(BIN)/python main.py run

test: $(TEST_STAMP) ## runs every check and every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mdformat --check $(PAGES)
	$(BIN)/pyright & types=$$!; $(PYTEST); tests=$$?; wait $$types && exit $$tests

check: $(TEST_STAMP) ## runs what a person runs while they work: lint, types and the fast tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mdformat --check $(PAGES)
	$(BIN)/pyright & types=$$!; $(PYTEST) -q -m "not slow and not e2e"; tests=$$?; wait $$types && exit $$tests

bench: $(TEST_STAMP) ## runs the benchmarks on this machine
	for name in loop overhead fairness crowd burst soak faults awake pictures; do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

screenshots: $(TEST_STAMP) ## takes the pictures of the docs and of /help again, in the demo; needs Chromium
	$(BIN)/python docs/screenshots.py
	$(BIN)/python docs/command_pictures.py

$(VENV)/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 15) else \
	  f'Atelier needs Python 3.11 to 3.14; {sys.executable} is {sys.version.split()[0]}. Name another one: make PYTHON=python3.12 …')"
	$(PYTHON) -m venv $(VENV)
	$(PIP) install "pip==26.3"

# The locks name each version and its hashes, and nothing is built from source. torch is not in them, because a machine takes the
# build that belongs to it; it is the largest, so it comes last. The last line lets Python find the project from every folder.
$(STAMP): deploy/lock.txt | $(VENV)/bin/python
	$(LOCKED) deploy/lock.txt
	$(PIP) install "torch==2.13.0"
	$(BIN)/python -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'atelier.pth').write_text('$(CURDIR)')"
	touch $@

$(TEST_STAMP): $(STAMP) deploy/lock-test.txt
	$(LOCKED) deploy/lock-test.txt
	touch $@

lock: | $(VENV)/bin/python ## writes the locks from pyproject.toml, and checks every platform; UPGRADE=1: the newest versions
	$(PIP) install --group lock
	$(BIN)/python -m deploy.lock $(if $(UPGRADE),--upgrade)

audit: | $(VENV)/bin/python ## looks every locked version up among the known vulnerabilities; needs pypi.org
	$(PIP) install --group lock
	$(AUDIT) --requirement deploy/lock.txt --requirement deploy/lock-test.txt
	echo "torch==2.13.0" | $(AUDIT) --no-deps --requirement /dev/stdin

sbom: $(STAMP) ## writes atelier.cdx.json: what is installed here, with licences, as CycloneDX
	$(PIP) install --group lock
	$(BIN)/python -m uv tool run --from cyclonedx-bom==7.5.0 cyclonedx-py environment --pyproject pyproject.toml \
	  --output-reproducible --output-file atelier.cdx.json $(BIN)/python

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache
