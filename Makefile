# Everything starts here; `make help` lists it.
SHELL := /bin/sh
PYTHON ?= python3
# What was asked for once holds for every later target: `make setup EXTRA=gpu`, then `make run`.
EXTRA ?= $(shell cat .venv/extra 2>/dev/null || echo cpu)
PORT ?= 9000

# The uv on PATH if it really runs (a version manager's shim may not), else one of our own.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo .uv/bin/uv)
BIN := .venv/bin
QUIET_PIP := --quiet --disable-pip-version-check --root-user-action=ignore
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Each stage is a process of its own: without bytecode `import tensorflow` takes 10 s of CPU, with 4.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run serve test test-cluster check format docs lock audit coverage tour benchmarks services-down

help:  ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --inexact leaves alone what you added to the environment yourself.
setup: $(UV)  ## make the environment (.venv) from the lock; EXTRA=gpu for a GPU box
	@$(UV) sync --quiet --frozen --inexact --extra $(EXTRA)
	@echo $(EXTRA) > .venv/extra

run: setup  ## services, data, dvc repro, dvc push, summary
	tools/run

serve: setup  ## run the exported image, print its page and a request; PORT=9000
	@$(BIN)/issuesum serve --port $(PORT)

tour: setup  ## show everything in a clone of its own: data, model, image, provenance, and back
	tools/tour

test: setup  ## checks and all tests, against real servers that it starts and stops
	tools/test

test-cluster: setup  ## the tests of tests/cluster, in the cluster that KUBECONFIG names
	$(BIN)/pytest tests/cluster

coverage: setup  ## the same, with branch coverage of src/, which must be 95 %; a page in htmlcov/
	tools/test --cov --cov-report=html

check: setup  ## format, lint, types, spelling
	tools/check

audit: $(UV)  ## known vulnerabilities of the locked dependencies
	$(UV) audit --frozen --preview-features audit-command

format: setup  ## rewrite the code as `check` wants it
	$(BIN)/ruff format src tests tools benchmarks deploy serving
	$(BIN)/ruff check --fix src tests tools benchmarks deploy serving

docs: setup  ## write the references in docs/ from the code
	@$(BIN)/python tools/reference.py

lock: setup  ## lock dependencies again, those of the image and of each stage
	$(UV) lock
	$(UV) export --quiet --frozen --only-group serving --no-emit-project --no-header --no-annotate \
	  --output-file serving/requirements.txt
	$(BIN)/python tools/locks.py

benchmarks: setup  ## run all benchmarks, write docs/benchmarks.md; ISSUES=FILE, ONLY=NAME, QUICK=1
	tools/benchmarks $(if $(ISSUES),--issues "$(ISSUES)") $(if $(ONLY),--only $(ONLY)) \
	  $(if $(BUNDLE),--bundle "$(BUNDLE)") $(if $(QUICK),--quick) $(if $(ARGS),-- $(ARGS))

services-down:  ## stop what `make run` started
	tools/services down

# From `/`, because a version manager would hand this folder's .python-version to `python3`.
.uv/bin/uv:
	@echo "uv is not on PATH: installing it into .uv"
	@cd / && { $(PYTHON) -m venv "$(CURDIR)/.uv" && "$(CURDIR)/.uv/bin/python" -m pip install $(QUIET_PIP) uv \
	  || $(PYTHON) -m pip install $(QUIET_PIP) --target "$(CURDIR)/.uv" uv; }

uv:
	@:
