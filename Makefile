# Each target sets up what it needs in .venv from hashed lock files; the second call is instant.
# PYTHON picks the interpreter (3.11 or newer), ARGS is handed on to the command of the target.

new_enough := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(new_enough)' >/dev/null 2>&1 && echo $$p && break; done)
ARGS ?=

venv := .venv
python := $(venv)/bin/python
pip := $(python) -m pip --disable-pip-version-check
locked := $(pip) install --quiet --require-hashes -r
compile := $(venv)/bin/uv pip compile --quiet --upgrade --universal --fork-strategy fewest --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --no-emit-package duhamel

# PyTorch is left out of the lock files: its wheels differ by accelerator. This is the version of the tests.
torch := torch==2.13.0

# One environment for all targets: two installations into it must never run side by side.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench orders docs serve lock clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: $(venv)/dev.stamp  ## solve Kuramoto-Sivashinsky, leave ks.zarr and ks.png here
	$(venv)/bin/duhamel run ks --force $(ARGS)

test: $(venv)/torch.stamp  ## all tests, two processes
	$(python) -m pytest -n 2 $(ARGS)

lint: $(venv)/torch.stamp  ## style and types
	$(venv)/bin/ruff check .
	$(venv)/bin/ruff format --check .
	$(venv)/bin/pyright --pythonpath $(python)

bench: $(venv)/bench.stamp  ## measure against other libraries, fill the table in README.md
	$(python) -m bench $(ARGS)

orders: $(venv)/dev.stamp  ## measure the orders of methods, write docs/orders.md
	$(python) -m bench.orders $(ARGS)

docs: $(venv)/docs.stamp  ## build the documentation into site/
	$(venv)/bin/mkdocs build --strict $(ARGS)

serve: $(venv)/docs.stamp  ## show the documentation while it is written
	$(venv)/bin/mkdocs serve $(ARGS)

lock: $(venv)/lock.stamp  ## renew the lock files from pyproject.toml
	$(compile) pyproject.toml --extra dev -o requirements/dev.txt
	$(compile) pyproject.toml --extra dev --extra bench -c requirements/dev.txt -o requirements/bench.txt
	$(compile) pyproject.toml --extra dev --extra docs -c requirements/dev.txt -o requirements/docs.txt
	$(compile) --group lock -o requirements/lock.txt

clean:  ## remove the environment and everything built
	rm -rf $(venv) site build dist .ruff_cache .pytest_cache ks.zarr ks.png
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(venv)/made.stamp:
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(new_enough)' || \
		{ echo "Duhamel needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -m venv $(venv) || \
		{ echo "$(PYTHON) could not make a virtual environment (on Debian: apt install python3-venv)" >&2; exit 1; }
	@touch $@

$(venv)/dev.stamp: $(venv)/made.stamp requirements/dev.txt pyproject.toml
	@echo "Setting up $(venv) from requirements/dev.txt"
	@$(locked) requirements/dev.txt
	@$(pip) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(venv)/torch.stamp: $(venv)/dev.stamp Makefile
	@echo "Adding $(torch)"
	@$(pip) install --quiet $(torch)
	@touch $@

$(venv)/bench.stamp $(venv)/docs.stamp: $(venv)/%.stamp: requirements/%.txt $(venv)/torch.stamp
	@echo "Adding requirements/$*.txt"
	@$(locked) requirements/$*.txt
	@touch $@

$(venv)/lock.stamp: $(venv)/made.stamp
	@$(locked) requirements/lock.txt
	@touch $@
