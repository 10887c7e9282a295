# Every task of the project, the same here and in continuous integration. `make help` lists them.

VENV ?= .venv
BASE_PYTHON ?= python3
PYTHON ?= $(VENV)/bin/python
TESTS ?=

PACKAGES := hub resolvers sources subscriptions
QUICK := tests/unit tests/contract
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
FULL_SCALE := OPSHUB_PROVE_DOCUMENTS=20000 OPSHUB_PROVE_SEEDS=10000 OPSHUB_PROVE_CRASH_POINTS=1 OPSHUB_PROVE_EVENTS=10000 OPSHUB_PROVE_READERS=60 \
  OPSHUB_PROVE_NATS_FAULTS=1 OPSHUB_PROVE_LIVE=1 OPSHUB_PROVE_CLIENTS=1 OPSHUB_PROVE_SOCKET_CASES=2000 \
  OPSHUB_PROVE_SOCKET_READERS=50 OPSHUB_PROVE_SOCKET_STUCK=50 OPSHUB_PROVE_SOCKET_TICKS=1000

.PHONY: help setup fmt lint types imports test test-all schema bench prove lock audit up down

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## make the virtual environment and install the project with all its extras

$(INSTALLED): pyproject.toml
	test -x $(PYTHON) || $(BASE_PYTHON) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --editable '.[dev]'
	touch $@

fmt: $(INSTALLED)  ## format the code and sort the imports
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

lint: $(INSTALLED)  ## look for mistakes and for style that has drifted
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types: $(INSTALLED)  ## check every type, strictly
	$(PYTHON) -m mypy --strict $(PACKAGES) tests

imports: $(INSTALLED)  ## check that imports flow one way
	$(VENV)/bin/lint-imports

test: $(INSTALLED)  ## the quick tests: unit and contract, no network, no container
	$(PYTHON) -m pytest -q -m 'not prove' $(QUICK) $(TESTS)

test-all: $(INSTALLED)  ## every test, with a real database, real messages and real data
	$(PYTHON) -m pytest -q tests $(TESTS)

schema: $(INSTALLED)  ## compare schema.graphql with the code and name every breaking change
	$(VENV)/bin/opshub schema check

bench: $(INSTALLED)  ## print the measured figures, as ratios within one run
	$(PYTHON) -m pytest -q -s -m bench tests/bench $(TESTS)

prove: $(INSTALLED)  ## the heavy proofs at full scale (test-all runs them at a tenth)
	$(FULL_SCALE) $(PYTHON) -m pytest -q -s -m prove tests $(TESTS)

lock:  ## make requirements/ci.txt anew from pyproject.toml (needs network)
	BASE_PYTHON=$(BASE_PYTHON) requirements/lock

audit: $(INSTALLED)  ## look the locked versions up among the known advisories (needs network)
	$(PYTHON) -m pip_audit --disable-pip --requirement requirements/ci.txt

up: $(INSTALLED)  ## start the hub with its demo systems; Ctrl-C ends them all
	$(VENV)/bin/opshub up --demo

down:  ## stop what docker-compose started; the volumes stay
	docker-compose --profile demo down
