# make, or make help, lists the commands. Each installs into .venv what it needs, once.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-vllm lint format docs checksums evaluate-default bench-peers clean

HOST ?= 127.0.0.1
PORT ?= 7860
MODEL ?=
# What make test and others are asked for: make test ARGS="tests/cli/test_cli.py -k rank"
ARGS ?=
# Processes that run the tests: one more than two cores, for a test waits while its browser works.
JOBS ?= 3
export PYTHON ?= python3
export DENO_NO_UPDATE_CHECK := 1
BIN := .venv/bin

help: ## list the commands
	@echo "PRM Inspector. Commands:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26
	@echo "Settings: HOST=$(HOST) PORT=$(PORT) MODEL=(a directory or hub name; default: our own) PYTHON=$(PYTHON)"

run: ## start the page
	@.ci/install run
	@HOST="$(HOST)" PORT="$(PORT)" $(if $(MODEL),PRM_INSPECTOR_MODEL="$(MODEL)") exec $(BIN)/python app.py

test: ## run all tests, the page in a real browser included
	@.ci/install test
	@# In the order of the folders: by default files with few tests come last, and those are slow.
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-vllm: ## compare a real vLLM server with our scores (installs it in .venv-vllm, 3 GB)
	@.ci/test-vllm $(ARGS)

lint: ## check format, style and types, of the page's scripts and styles too
	@.ci/install test
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/deno fmt --check --quiet
	$(BIN)/deno lint --quiet
	@# gradio writes a stub beside every custom component, and mypy would read that instead.
	@rm -f prm_core/ui/*.pyi
	$(BIN)/python -m mypy

format: ## format the code
	@.ci/install test
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .
	$(BIN)/deno fmt --quiet

docs: ## write docs/cli.md and build the documentation in site/
	@.ci/install test
	@PYTHONPATH=. $(BIN)/python docs/write_cli.py
	@$(BIN)/python -m mkdocs build --quiet
	@echo "site/index.html is the first page."

checksums: ## write down the files of the models that ship, after they have changed
	@.ci/install run
	@$(BIN)/python -c "from pathlib import Path; from prm_core.models.weight_files import write_sums; [write_sums(path) for path in Path('assets').glob('*-model')]"

evaluate-default: ## measure the default model (MODEL=… another), as its model card tells it
	@.ci/install run
	@PYTHONPATH=. $(BIN)/python benchmarks/default_model.py $(if $(MODEL),--model "$(MODEL)") $(ARGS)

bench-peers: ## measure our scorer against the ways in which others score
	@.ci/install test
	@PYTHONPATH=. $(BIN)/python benchmarks/peers.py $(ARGS)

clean: ## remove what these commands made
	rm -rf .venv .venv-vllm site .mypy_cache .pytest_cache .ruff_cache .hypothesis test-artifacts
