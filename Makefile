# Every task of the project. `make help` lists them.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PINS := pyproject.toml constraints.txt
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
MODEL ?= models/$(shell date +%Y.%m.%d)

.DELETE_ON_ERROR:
.PHONY: help install check format test bench serve demo tables train clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

install: $(VENV)/.dev ## install everything that development needs into .venv

check: $(VENV)/.dev ## formatting, lint, types, data set
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m training.check

format: $(VENV)/.dev ## put the code into the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(VENV)/.dev ## run the tests
	$(BIN)/python -m pytest -q -n auto --ignore=tests/browser --ignore=tests/loop --ignore=tests/stress
	$(BIN)/python -m pytest -q tests/stress tests/loop
	$(BIN)/python -m pytest -q tests/browser

bench: $(VENV)/.bench ## measure speed and quality against simpler methods
	$(BIN)/python -m tests.bench

serve: $(VENV)/.service ## install what the service needs and start it
	$(BIN)/moderation serve

demo: $(VENV)/.service ## show the service with an invented firm and a week of its messages
	$(BIN)/moderation demo

tables: $(VENV)/.dev ## rebuild the normaliser's generated tables
	$(BIN)/python -m training.build_tables

train: $(VENV)/.dev ## train on the data set into $(MODEL)
	$(BIN)/moderation train --output $(MODEL)

clean: ## remove what was installed and cached; var/ and models/ stay
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# One stamp per set of extras: newer pins install again, nothing else does.

$(VENV)/.service: $(PINS) | $(BIN)/python
	$(PIP) -e '.[service]'
	@touch $@

$(VENV)/.dev: $(PINS) | $(BIN)/python
	$(PIP) -e '.[service,training,fast,dev]'
	@touch $(VENV)/.service $@

$(VENV)/.bench: $(VENV)/.dev
	$(PIP) -e '.[service,training,fast,dev,bench]'
	@touch $@

$(BIN)/python:
	@for python in $(CANDIDATES); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "creating $(VENV) with $$($$python --version)"; \
	    $$python -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	    echo "$$python cannot create virtual environments; on Debian: apt-get install python3-venv" >&2; \
	    exit 1; \
	  fi; \
	done; echo "Python 3.11 or newer is needed" >&2; exit 1
