# The commands of this project. `make demo` and `make test` need only Python ≥ 3.11, pip and make.
PYTHON ?= python3
VENV ?= .venv
# Pins nothing but torch; empty it (CONSTRAINTS=) for the newest releases of everything.
CONSTRAINTS ?= -c constraints.txt
BIN := $(VENV)/bin
# What is installed is renewed when these files change.
STATE := $(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)
USER_STAMP := $(VENV)/.installed-user-$(STATE)
DEV_STAMP := $(VENV)/.installed-dev-$(STATE)

# What `make bench` reruns; `python benchmarks/record.py --list` has all names.
BENCH ?= leaders scales corruption genes missing_genes labels

.PHONY: help demo test pytest fuzz lint docs check bench clean

help:  ## List the commands
	@grep -E '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed 's/:.*##/\t/'

# Python 3.11 is looked for before a half-made environment can be left behind.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(USER_STAMP): | $(VENV)/.created
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) --editable .
	@touch $@

$(DEV_STAMP): | $(VENV)/.created
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) --editable ".[dev]"
	@touch $@ $(USER_STAMP)

demo: $(USER_STAMP)  ## Label real cells and draw pictures into demo_output/
	$(BIN)/cellclass demo

test: lint docs pytest  ## Run linters, documentation build and tests

pytest: $(DEV_STAMP)  ## Run the tests alone
	$(BIN)/python -m pytest

fuzz: $(DEV_STAMP)  ## Try every public function on some 23,000 odd inputs (an hour or so)
	CELLCLASS_FUZZ=20 $(BIN)/python -m pytest -q -s tests/fuzz tests/test_laws.py

lint: $(DEV_STAMP)  ## Check style, types, the import contract and for unsafe calls
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -c pyproject.toml -r src

docs: $(DEV_STAMP)  ## Build the documentation into docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build/html

check:  ## Run all that continuous integration runs
	.ci/run

bench: $(DEV_STAMP)  ## Rerun the main benchmarks into benchmarks/results (set CELLCLASS_TEST_DATA)
	$(BIN)/python benchmarks/record.py $(BENCH)

clean:  ## Remove what the commands above made
	rm -rf .venv .venv-newest demo_output docs/_build docs/generated
