# Two commands matter: `make run` and `make test`. Each first makes or mends .venv, in any order, from a clean clone.
# Needed: Python 3.11-3.13, make and a package index. `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help run test suite thorough tools lint style types ui lock clean install

BIN := .venv/bin
STAMP := .venv/.installed
# Pyright carries its own version; do not ask the network for a newer one.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
# Tests start hundreds of Python processes; without byte code each would compile our own modules first (0.4-0.7 s).
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  PYTHON=python3.12 make ...   chooses the interpreter of a new .venv"
	@echo "  TORCH_INDEX=https://download.pytorch.org/whl/cpu make ...   PyTorch without CUDA (smaller) on Linux"

run: $(STAMP) ## install, materialize the sample home through Dagster, print the verdict
	$(BIN)/darkstar sample --run

test: style tools ## lint, types and tests with their coverage; ORDER=random shuffles the tests and prints the seed
	@$(MAKE) --no-print-directory --jobs 2 types suite  # the tests wait for servers and disks now and then: three workers for two cores

suite: $(STAMP)
	@$(BIN)/python -m compileall -qq env planner darkstar_pipeline assets jobs benchmarks scripts  # once, not by each worker
	$(BIN)/python -m slipcover -m pytest -n 3 --dist loadfile -m "not thorough" $(if $(filter random,$(ORDER)),-p randomly)  # a file's fixtures are made once
	$(BIN)/python scripts/coverage_floors.py

thorough: tools ## what takes long and rarely breaks, and four times the examples of every property test (CI runs it)
	$(BIN)/pytest -n 3 -m "thorough or hypothesis" --hypothesis-profile=thorough

tools: ## what tests need besides Python packages: Chromium, an MQTT broker, a Home Assistant
	@scripts/system_tools.sh
	@scripts/home_assistant.sh

lint: style types ## format, style, import arrows, lock, dead code, dependencies, types

types: $(STAMP)
	$(BIN)/pyright

style: $(STAMP)
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/lint-imports
	$(BIN)/python scripts/lock.py --check
	$(BIN)/python scripts/dead_code.py
	$(BIN)/python scripts/messages.py
	$(BIN)/deptry .

ui: $(STAMP) ## Dagster and MLflow in the browser
	$(BIN)/darkstar ui

# Not after $(STAMP): where a changed range contradicts an old pin, the install must wait for the lock, not the other way.
lock: | $(BIN)/uv ## write constraints.txt and locks/ from pyproject.toml; UPGRADE=1 takes the newest that fits
	$(BIN)/python scripts/lock.py $(if $(UPGRADE),--upgrade)

$(BIN)/uv:
	@$(MAKE) --no-print-directory $(STAMP)

install: $(STAMP) ## only make or mend .venv

clean: ## remove .venv, caches and builds; your data in .darkstar and darkstar.yaml stay
	rm -rf .venv .venv-ha .venv-mqtt .venv.installing build dist htmlcov .coverage .coverage.* \
	  .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt locks/development.txt scripts/install.sh scripts/locked.sh
	@scripts/install.sh $@
