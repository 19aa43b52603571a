# Every target sets up what it needs; a fresh machine needs Python 3.11 (or newer) and make.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
CODE ?= TL201

export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test check format lint types layers docs docs-check site test-all bench clean

help:  ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/.created:
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.created pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-all: $(VENV)/.installed-dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev-all]'
	@touch $@

demo: $(VENV)/.installed  ## Plant a bug in a healthy script and climb it (CODE=TL404 chooses another the bug)
	@$(BIN)/torchladder demo $(CODE)

test: check  ## Format check, lint, types, layers, docs, then the quick tests
	@$(BIN)/python -m pytest -n 2 -m "not slow and not gpu"

test-all: check $(VENV)/.installed-all  ## The same with the slow tests
	@$(BIN)/python -m pytest -n 2 -m "not gpu"

check: $(VENV)/.installed-dev  ## Everything that is checked without running the tests
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python tools/check_layers.py
	@$(BIN)/python tools/gen_docs.py --check

format: $(VENV)/.installed-dev  ## Format the code and repair what can be repaired
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

lint: $(VENV)/.installed-dev  ## Lint only
	@$(BIN)/ruff check .

types: $(VENV)/.installed-dev  ## Type check only
	@$(BIN)/mypy

layers: $(VENV)/.installed-dev  ## Check which package imports which
	@$(BIN)/python tools/check_layers.py

docs: $(VENV)/.installed-dev  ## Write the generated pages anew
	@$(BIN)/python tools/gen_docs.py

docs-check: $(VENV)/.installed-dev  ## Fail when a generated page is stale
	@$(BIN)/python tools/gen_docs.py --check

site: $(VENV)/.created  ## Build the site in site/ (MkDocs, in the same environment)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check mkdocs-material
	@$(BIN)/mkdocs build --quiet

bench: $(VENV)/.installed-dev  ## Score the rules on their plants and the command line on bench/corpus, and time a climb
	@$(BIN)/python bench/detection.py
	@$(BIN)/python bench/corpus.py
	@$(BIN)/python bench/climb.py

clean:  ## Remove caches and the virtual environment
	@rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis
