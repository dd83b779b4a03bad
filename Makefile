# The two commands of the README are `make run` and `make test`; the rest serves them.
#   make run [DATA=folder] [HOST=address] [PORT=number]   the shop, with no more than it needs
#   make test     linters and every test but the slow ones, against real servers and a real browser
#   make check    linters, the rules and the contracts of the house: under a minute
#   make prove    the slow tests; the outcome is recorded in docs/proof/
#   make bench    every benchmark
#   make setup    only the environment: .venv with the project, test tools and benchmarks
#   make lock     requirements/*.txt anew: the newest versions that pyproject.toml admits
#   make clean    removes what these made

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := test
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
# How many processes share the tests of `make test`; 0 is this one alone.
WORKERS ?= auto

.PHONY: run test check lint prove bench setup servers lock clean

run: $(VENV)/.stamp-run
	@exec $(BIN)/troth-shop run $(if $(DATA),--data '$(DATA)') $(if $(HOST),--host '$(HOST)') $(if $(PORT),--port '$(PORT)')

# Bytecode is written also where the environment says not to: the tests start two hundred processes
# of ours, and each would compile everything again.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup servers lint
	$(BIN)/python -m pytest -m 'not slow' -n $(WORKERS) --maxprocesses 4 $(PYTEST_ARGS)

check: setup lint
	$(BIN)/python -m pytest -m 'not slow and not postgresql' tests/core tests/house $(PYTEST_ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

prove: setup
	@scripts/find-or-install-servers with-go
	$(BIN)/python -m pytest -m slow --record-proof=docs/proof $(PYTEST_ARGS)

bench: setup servers
	$(BIN)/python -m benchmarks all

setup: $(VENV)/.stamp-dev

servers:
	@scripts/find-or-install-servers

# Hash-locked throughout: the build backend of the editable install is in the lock as well, so
# nothing is fetched that requirements/ does not name.
$(VENV)/.stamp-run: requirements/run.txt pyproject.toml
	@PYTHON='$(PYTHON)' scripts/install-locked $(VENV) requirements/run.txt
	@touch $@

$(VENV)/.stamp-dev: requirements/dev.txt pyproject.toml
	@PYTHON='$(PYTHON)' scripts/install-locked $(VENV) requirements/dev.txt
	@touch $(VENV)/.stamp-run $@

lock:
	@scripts/lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
