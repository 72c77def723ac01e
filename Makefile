# The two commands of the README (run, test) and their parts. Needs only Python 3.11-3.13 with venv, make and a package index.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   ?= demo
DELIVERIES ?= 100000
UV_VERSION := 0.13.9
export GX_ANALYTICS_ENABLED := false
export DAGSTER_DISABLE_TELEMETRY := yes
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.PHONY: run test lint lint-sql lint-types lint-rest ui portal bench coverage fuzz lock docs clean
run: $(VENV)/.installed
	@$(BIN)/miyar demo $(DEMO)
	@$(BIN)/miyar run --workspace $(DEMO)
	@$(BIN)/miyar show --workspace $(DEMO)

test: lint
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed
	@$(MAKE) --no-print-directory --jobs 2 lint-sql lint-types lint-rest

lint-sql:
	@$(BIN)/sqlfluff lint dbt
lint-types:
	@$(BIN)/mypy
lint-rest:
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/lint-imports

ui: $(VENV)/.installed
	@$(BIN)/miyar demo $(DEMO)
	@$(BIN)/miyar ui --workspace $(DEMO)

portal: $(VENV)/.installed
	@$(BIN)/miyar demo $(DEMO)
	@$(BIN)/miyar run --workspace $(DEMO)
	@$(BIN)/miyar portal --workspace $(DEMO)

bench: $(VENV)/.installed
	@$(BIN)/python -m perf

coverage: $(VENV)/.installed
	@$(BIN)/python -m simulation.coverage

fuzz: $(VENV)/.installed
	@$(BIN)/python -m tests.fuzz.campaign $(DELIVERIES)

docs: $(VENV)/.installed
	@$(BIN)/miyar docs

lock:
	$(BIN)/uv pip compile pyproject.toml --all-extras --generate-hashes --no-header --no-emit-index-url \
		--universal --python-version 3.11 --output-file requirements.lock

# uv installs the hashed lock in seconds, pip takes minutes; pip only installs uv, at a fixed version.
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else "Miyar needs Python 3.11, 3.12 or 3.13; this is %d.%d. Set PYTHON=/path/to/python3.12" % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/miyar prepare
	@touch $@

clean:
	rm -rf $(VENV) $(DEMO) build *.egg-info
