# rarelib: find the rare and the strange in driving pictures
PARAMS ?= params/demo.yaml
RUN ?= runs/demo
ARGS ?=
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.set-up

.DEFAULT_GOAL := help
.PHONY: help setup run test soak lint lab clean

help:  ## Show these targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP)  ## Make .venv with the pinned packages, bytecode compiled

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --no-deps -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $(STAMP)

run: $(STAMP)  ## Run all stages: make run PARAMS=params/nuscenes.yaml ARGS="--sampling_rate 0.2"
	@$(BIN)/python -m rarelib run $(PARAMS) $(ARGS)

test: $(STAMP)  ## Lint and run the tests
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -m "not soak" -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

soak: $(STAMP)  ## Run the long checks (hours): kills, full disk, 20,000 scenes
	$(BIN)/python -m pytest -m soak -s

lint: $(STAMP)  ## Check style of code and notebooks
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

lab: $(STAMP)  ## Explore a finished run in JupyterLab: make lab RUN=runs/demo
	@$(BIN)/python -m rarelib explore $(RUN)

clean:  ## Remove .venv and caches; runs/ stays
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
