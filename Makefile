# Everything runs from a virtual environment inside the checkout; nothing else on the machine is touched.
PYTHON ?= python3
# Trust what the machine trusts, also behind a company proxy.
export UV_SYSTEM_CERTS := 1
# Python keeps what it has compiled, here at least: each of the many processes of the tests would compile it all again.
unexport PYTHONDONTWRITEBYTECODE
UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv),.uv/bin/uv)
BIN := .venv/bin
CODE := agents tools graphs runtime examples benchmarks tests alembic src/trunkline/__init__.py src/trunkline/__main__.py src/trunkline/errors.py

.PHONY: help demo test check scenarios chaos chaos-calls chaos-checkpoints chaos-queue format lock wheel bench-bfcl bench-calls bench-checkpoints bench-queue bench-tau2 clean

help:
	@echo "make demo          serve a generated call-center day"
	@echo "make test          run the tests"
	@echo "make check         format check, lint, types, import contracts"
	@echo "make scenarios     play the scenarios of the call center 50 times each, where the tests play them 10 times"
	@echo "make chaos-calls   kill -9 turns at random moments, KILLS=200 on each database, and print the verdicts"
	@echo "make chaos-queue   kill, freeze and drain workers while they serve RUNS=240 on each database, and print the verdicts"
	@echo "make chaos         kill, freeze and drain workers while they serve the call-center day; ARGS=--seconds 300"
	@echo "make chaos-checkpoints  six processes write to one SQLite file for SECONDS=30, and what is there afterwards"
	@echo "make bench-calls   the calls of one turn, beside LangChain, pydantic-ai, openai-agents and asyncio.gather"
	@echo "make bench-bfcl    200 public tasks of several calls in one turn, against their reference answers"
	@echo "make bench-queue   runs in the queue, beside procrastinate and DBOS; ARGS='--only start|drain|recover|wait'"
	@echo "make bench-checkpoints  checkpoints beside LangGraph's own savers, ARGS=conversation|fanout|runs|load"
	@echo "make bench-tau2    74 public customer-service tasks, parallel against one by one; ARGS=--crash kills each in the middle"
	@echo "make format        format the code;  make lock  resolve the lock again;  make wheel  build the wheel"

demo: .venv/ready
	@$(BIN)/trunkline demo

test: .venv/ready
	$(BIN)/pytest -q -n auto --dist worksteal

check: .venv/ready
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports

scenarios: .venv/ready
	@$(BIN)/trunkline scenario examples/call_center/scenarios

KILLS ?= 200
SEED ?= 1
chaos-calls: .venv/ready
	@PYTHONPATH=tests $(BIN)/python tests/acceptance/chaos_calls.py $(KILLS) $(SEED)

RUNS ?= 240
chaos-queue: .venv/ready
	@PYTHONPATH=tests $(BIN)/python tests/acceptance/chaos_queue.py $(RUNS) $(SEED)

chaos: .venv/ready
	@PYTHONPATH=tests $(BIN)/python tests/acceptance/chaos_day.py $(ARGS)

SECONDS ?= 30
chaos-checkpoints: .venv/ready
	@PYTHONPATH=tests $(BIN)/python tests/acceptance/chaos_checkpoints.py $(SECONDS)

format: .venv/ready
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

bench-bfcl: .venv/ready
	$(BIN)/python benchmarks/bfcl.py

bench-calls: .venv/ready .venv-bench/ready
	$(BIN)/python benchmarks/calls.py

bench-checkpoints: .venv/ready
	$(BIN)/python benchmarks/checkpoints.py $(ARGS)

bench-queue: .venv/ready .venv-bench/ready
	$(BIN)/python benchmarks/run_queue.py $(ARGS)

bench-tau2: .venv/ready
	$(BIN)/python benchmarks/tau2.py $(ARGS)

wheel: .venv/ready
	$(UV) build --wheel --no-build-isolation --python $(BIN)/python

lock: $(filter .uv/bin/uv,$(UV))
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 --all-extras --group dev --output-file requirements.lock pyproject.toml

.venv/ready: requirements.lock pyproject.toml Makefile $(filter .uv/bin/uv,$(UV))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 3; }
	@echo "preparing .venv from requirements.lock" >&2
	@test -x $(BIN)/python || $(UV) venv --quiet --no-config --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

.venv-bench/ready: benchmarks/requirements.txt | .venv/ready
	@echo "preparing .venv-bench from benchmarks/requirements.txt" >&2
	@test -x .venv-bench/bin/python || $(UV) venv --quiet --no-config --python $(BIN)/python .venv-bench
	@$(UV) pip install --quiet --python .venv-bench/bin/python --requirements benchmarks/requirements.txt
	@touch $@

.uv/bin/uv:
	@echo "no uv on the PATH: installing one into .uv" >&2
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"

clean:
	rm -rf .venv .venv-bench .uv build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
