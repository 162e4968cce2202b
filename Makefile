# `make` alone lists what there is. Each target sets up what it needs.

.DEFAULT_GOAL := help
.PHONY: help demo check test lint format bench docs lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Train in R and Python on real data, and compare the runs
	@tools/bootstrap demo
	@.venv/bin/python examples/accidents/demo.py

check: ## Run the quick tests
	@tools/bootstrap dev
	@tools/test fast

test: ## Run the linters and every test of both languages
	@tools/bootstrap dev
	@tools/test all

lint: ## Check style, types and layers
	@tools/bootstrap dev
	@tools/lint

format: ## Put the Python code into its standard form
	@tools/bootstrap dev
	@.venv/bin/ruff check --fix-only --quiet
	@.venv/bin/ruff format

bench: ## Measure logging, jobs, data, pipelines, the bridge and the studio, beside other software
	@tools/bootstrap dev
	@.venv/bin/python bench/tracking.py
	@.venv/bin/python bench/training.py
	@.venv/bin/python bench/pipelines.py
	@.venv/bin/python bench/compute.py
	@.venv/bin/python bench/bridge.py
	@.venv/bin/python bench/studio.py

docs: ## Write the reference pages of both languages to site/
	@tools/bootstrap dev
	@tools/docs

lock: ## Choose the newest versions of all Python packages
	@tools/bootstrap dev
	@tools/lock

clean: ## Remove everything that the other targets have made
	rm -rf .venv .rlib .build site web/node_modules python/tandemlab/server/pages .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf .import_linter_cache python/*.egg-info *.Rcheck tandemlab_*.tar.gz
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
