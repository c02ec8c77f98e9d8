# Habits of this project. `make` alone lists them.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
UV := .venv/bin/uv
COMPILE := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: help run test test-all lint format messages lock migration settings bench search soak shift clean

help: ## list these habits
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## set up what changed and run everything (./run)
	./run

test: ## checks, unit tests and the simulator's conformance (./test)
	./test

test-all: ## all tiers, on the real parts (./test --all)
	./test --all

lint: ## linters, types and import rules
	.venv/bin/ruff check .
	.venv/bin/mypy core crm billing ivr cti dialer sms agent_desktop admin_web switchsim freeswitch_conf sounds zongji
	.venv/bin/lint-imports

format: ## format the code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

messages: ## collect texts into the catalogue, list what lacks a translation, compile
	$(PYTHON) -m core.i18n
	$(PYTHON) -m zongji compile-messages

lock: ## pin what requirements*.in name
	$(COMPILE) requirements.in -o requirements.lock
	$(COMPILE) requirements-dev.in -o requirements-dev.lock

migration: ## write the next migration from the models: make migration what="..."
	$(PYTHON) -m core.schema "$(what)"

settings: ## write the reference of settings into docs/operations.md
	$(PYTHON) -m zongji.reference

bench: ## run every benchmark but the hour's (make soak, make shift)
	@for file in $(filter-out bench/soak.py bench/shift.py,$(wildcard bench/[a-z]*.py)); do echo "== $$file"; $(PYTHON) -m "bench.$$(basename $$file .py)" || exit 1; done

search: ## try the property tests with examples nobody has seen yet
	$(PYTHON) -m pytest -q --numprocesses auto --hypothesis-profile=search $$(grep -rl '@given' tests/unit)

soak: ## an hour of 200 agents and 500 calls on the simulator
	@$(PYTHON) -m bench.soak

shift: ## an hour of agents in browsers and at telephones on FreeSWITCH, with processes killed
	@$(PYTHON) -m bench.shift

clean: ## remove what set-up made (not the home folder)
	rm -rf .venv node_modules admin_web/static/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
