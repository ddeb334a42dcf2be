# The only command list. `make help` shows it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
JS := tests/interop/js/node_modules
DEMO_JS := examples/demo/node_modules
CORE := python/fanio/_core.abi3.so
RUST := $(shell find rust -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock
LOAD := target/release/load
UVICORNS := .venv-uvicorn
PORT ?= 8000

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-17s %s\n", $$1, $$2}'

# What it takes to build fanio, and no more: the demo needs nothing else.
$(VENV)/.build-stamp: pyproject.toml
	@echo "Making a Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --group build
	@touch $@

# What the tests and the lints need.
$(VENV)/.stamp: $(VENV)/.build-stamp
	@echo "Installing what the tests and the lints need: some 800 MB, a few minutes the first time"
	@$(BIN)/python -m pip install --quiet --group everything orjson 'uvicorn>=0.36' uvloop
	@touch $@

$(CORE): $(VENV)/.build-stamp $(RUST)
	@echo "Compiling the Rust core: about two minutes the first time"
	@$(BIN)/maturin develop --release
	@touch $@

$(UVICORNS)/.stamp: $(VENV)/.stamp tests/doors/versions.py
	@$(BIN)/python tests/doors/versions.py
	@touch $@

$(JS)/.stamp: tests/interop/js/package.json
	@echo "Installing the JavaScript clients that the tests use"
	@cd tests/interop/js && npm install --silent --no-audit --no-fund
	@touch $@

PEERS := tests/interop/peers

.PHONY: peers
peers: $(JS)/.stamp ## Build the clients in Java and Rust that the interop tests use
	cd $(PEERS)/java && mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib
	cd $(PEERS)/rust && cargo build --quiet

$(DEMO_JS)/.stamp: examples/demo/package.json
	@echo "Installing the JavaScript client of the demo"
	@cd examples/demo && npm install --silent --no-audit --no-fund
	@touch $@

$(LOAD): $(shell find rust/load -name '*.rs' -o -name Cargo.toml) Cargo.toml
	cargo build --release --quiet --package load
	@touch $@

.PHONY: build
build: $(CORE) ## Build the core (release) and install the package into .venv

.PHONY: demo
demo: build $(DEMO_JS)/.stamp ## Serve the live demo on http://127.0.0.1:8000 (or PORT=8001)
	@$(BIN)/python examples/demo/server.py $(PORT)

.PHONY: format
format: $(VENV)/.stamp ## Format Rust and Python
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lint
lint: $(VENV)/.stamp ## Check format and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

.PHONY: types
types: build $(VENV)/.stamp ## Check types, the stub of the core, and that imports go in one direction
	$(BIN)/mypy
	$(BIN)/mypy examples tests/typing
	$(BIN)/pyright --level warning
	$(BIN)/python -m mypy.stubtest fanio._core
	$(BIN)/lint-imports --no-logo

.PHONY: test-rust
test-rust: ## Run the Rust tests
	cargo test --workspace --quiet

.PHONY: test-python
test-python: build $(VENV)/.stamp $(JS)/.stamp $(DEMO_JS)/.stamp $(UVICORNS)/.stamp $(LOAD) ## Run the Python tests
	$(BIN)/python -m pytest

.PHONY: test-second
test-second: build $(VENV)/.stamp ## Run what differs by version on another Python, if the machine has one
	$(BIN)/python tests/second_python.py

.PHONY: test
test: test-rust test-python ## Run all tests, with all the set-up

.PHONY: check
check: lint types test test-second ## The gate: format, lints, types, all tests, some on a second Python

.PHONY: uvicorn-versions
uvicorn-versions: $(UVICORNS)/.stamp ## Install the uvicorn versions that tests/doors runs with

.PHONY: differences
differences: $(VENV)/.stamp ## Write docs/differences.md from the table that the parity tests use
	$(BIN)/python tests/parity/table.py

.PHONY: doors
doors: $(VENV)/.stamp ## Write the table of docs/doors.md from the rows that its tests run
	$(BIN)/python tests/doors/table.py

.PHONY: bench
bench: build $(VENV)/.stamp $(LOAD) ## Measure against the floor and the peers
	$(BIN)/python benches/load/run.py

.PHONY: bench-quick
bench-quick: build $(VENV)/.stamp $(LOAD) ## The same in four minutes, to see that it works
	$(BIN)/python benches/load/run.py --quick

.PHONY: bench-report
bench-report: $(VENV)/.stamp ## Write the newest record into the READMEs, as tables and charts
	$(BIN)/python benches/load/report.py

.PHONY: bench-scaling
bench-scaling: build $(VENV)/.stamp $(LOAD) ## Measure 1 and 2 shards over clients, write the fitted model into benches/README.md
	$(BIN)/python benches/load/scaling.py

.PHONY: bench-micro
bench-micro: build $(VENV)/.stamp ## Measure codec, dispatch, emit and fan-out beside python-socketio's
	$(BIN)/python -m pytest --benchmark

.PHONY: fuzz
fuzz: ## Fuzz each parser and the session for 60 seconds
	rust/fuzz/run.sh 60

.PHONY: clean
clean: ## Remove what was built
	rm -rf target rust/fuzz/target $(CORE) $(VENV) .venv-second $(UVICORNS) $(JS) $(DEMO_JS)
