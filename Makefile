# Runstone. `make demo` and `make test` do all the set-up that they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOCKS  := requirements/runtime.lock requirements/test.lock requirements/lint.lock

.PHONY: setup demo test explore lint types layers docs faults faults-sample bench lock clean help

help: ## What each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.setup ## Leave .venv/bin/runstone ready
$(VENV)/.setup: pyproject.toml requirements/runtime.lock requirements/install.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON="; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/install.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/runtime.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.test: $(VENV)/.setup requirements/test.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/test.lock
	@sh tools/system_packages.sh
	@touch $@

$(VENV)/.lint: $(VENV)/.setup requirements/lint.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/lint.lock
	@touch $@

demo: $(VENV)/.setup ## Record, verify and compare real runs, and say where to look (about half a minute)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -r examples/market/requirements.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/example.lock
	@$(BIN)/python examples/demo.py

test: $(VENV)/.test ## All tests
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -r examples/market/requirements.txt
	$(BIN)/python -m pytest -q examples/agent
	$(BIN)/python -m pytest -q examples/phases
	$(BIN)/python -m pytest -q examples/rebalance
	$(BIN)/python -m pytest -q examples/toolpaths
	$(BIN)/python -m pytest

explore: $(VENV)/.test ## Property tests with other and more examples each time (`make test` repeats its own)
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -q -m hypothesis

lint: $(VENV)/.test $(VENV)/.lint types layers ## Style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test $(VENV)/.lint ## Strict types, by two checkers
	$(BIN)/mypy
	$(BIN)/mypy --strict tools/crashpoints tests/typing/public_api.py
	MYPYPATH=examples/market:src $(BIN)/mypy --strict --explicit-package-bases examples/market examples/demo.py examples/decisions.py
	MYPYPATH=examples/agent:src $(BIN)/mypy --strict --explicit-package-bases examples/agent
	MYPYPATH=examples/phases:src $(BIN)/mypy --strict --explicit-package-bases examples/phases
	MYPYPATH=examples/rebalance:src $(BIN)/mypy --strict --explicit-package-bases examples/rebalance
	MYPYPATH=examples/toolpaths:src $(BIN)/mypy --strict --explicit-package-bases examples/toolpaths
	MYPYPATH=action $(BIN)/mypy --strict --explicit-package-bases action
	$(BIN)/pyright

layers: $(VENV)/.test $(VENV)/.lint ## Arrows between layers point one way
	$(BIN)/lint-imports

docs: $(VENV)/.test ## Docs say what the program does
	$(BIN)/python -m pytest -q tests/docs

faults-sample: $(VENV)/.test ## A bounded sample of the fault sweeps (some eight minutes)
	$(BIN)/python -m faults --sample

faults: $(VENV)/.test ## The full fault sweeps: crash states, failing calls, flips, races, readers, mutants
	$(BIN)/python -m faults

bench: $(VENV)/.test ## Our figures beside the floor and the peers that are installed
	$(BIN)/python -m bench

lock: $(VENV)/.lint ## Resolve the locked requirements anew
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra fast -o requirements/runtime.lock pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group install -o requirements/install.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group test -c requirements/runtime.lock -o requirements/test.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group example -c requirements/runtime.lock -c requirements/test.lock -o requirements/example.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group lint -c requirements/runtime.lock -o requirements/lint.lock

clean: ## Remove what the other targets made
	rm -rf $(VENV) demo-out .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
