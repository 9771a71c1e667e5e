# Everything a developer does with Postino. `make help` lists the targets.

PYTHON ?= python3
BIN := .venv/bin
# Set-up runs before anything is installed, with nothing but the standard library.
TOOLS := PYTHONPATH=host_tools $(PYTHON) -m
STEP := $(TOOLS) postino_tools.progress

# The MicroPython tree to build the runtime from, in place of the one from Debian.
export MPY_DIR

# Client programs that the tests drive, as command=package.
CLIENTS := swaks=swaks mpop=mpop mbsync=isync mutt=mutt neomutt=neomutt fetchmail=fetchmail getmail=getmail6 \
	offlineimap=offlineimap3 curl=curl thunderbird=thunderbird claws-mail=claws-mail Xvfb=xvfb dovecot=dovecot-imapd

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- set-up ----

.PHONY: setup
setup: .venv/installed runtime ## set up what `make run` needs: Python environment, runtime, simulator
	@$(BIN)/postino sim --help > .venv/sim-help || { echo "the simulator does not start"; exit 1; }

.PHONY: python
python:
	@if ! command -v $(PYTHON) > /dev/null; then \
		if [ "$$(id -u)" = 0 ]; then echo "installing python3 python3-venv ..."; \
			output=$$({ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
				--no-install-recommends python3 python3-venv; } 2>&1) || { echo "$$output"; exit 1; }; \
		else echo "missing Debian packages, install them with: apt-get install python3 python3-venv"; exit 1; fi; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: set PYTHON"; exit 1; }

# The last that `venv` makes: whoever stopped it half-way has no pip yet, and starts again.
.venv/bin/pip: | python
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || $(TOOLS) postino_tools.packages ensurepip=python3-venv
	@$(STEP) "setting up .venv" $(PYTHON) -m venv --clear .venv

.venv/installed: pyproject.toml .venv/bin/pip
	@$(STEP) "installing the host tools" $(BIN)/python -m pip install --disable-pip-version-check -e .
	@touch $@

.venv/tests-installed: pyproject.toml .venv/installed
	@$(STEP) "installing the test tools" $(BIN)/python -m pip install --disable-pip-version-check -e '.[test]'
	@rm -rf .venv/typings
	@$(STEP) "installing the stubs of MicroPython" $(BIN)/python -m pip install --disable-pip-version-check \
		--target .venv/typings micropython-esp32-stubs==1.29.0.post1
	@touch $@

.PHONY: test-setup
test-setup: .venv/tests-installed
	@$(TOOLS) postino_tools.packages $(CLIENTS)

.PHONY: runtime
runtime: | python ## build the 32-bit MicroPython with the firmware frozen in, if anything changed (MPY_DIR=tree)
	@$(TOOLS) postino_tools.runtime

# ---- use ----

.PHONY: run
run: setup ## set everything up and serve mail for three demo users
	@exec $(BIN)/postino sim --demo

# ---- check ----

.PHONY: test
test: setup test-setup lint ## set everything up and run all checks and tests
	@$(BIN)/python -m postino_tools.runtime --check
	@$(BIN)/python -m pytest

.PHONY: crash
crash: setup test-setup ## cut the power at every flash operation of many recordings: over 30,000 images, then 300 whole runs
	@$(BIN)/python -m tests.crash
	@POSTINO_CRASH_RUNS=300 POSTINO_FAILURE_STEP=1 $(BIN)/python -m pytest tests/crash

.PHONY: mutants
mutants: setup test-setup ## plant and generate mistakes in the store; the power-cut laboratory has to notice them
	@$(BIN)/python -m tests.crash.mutants

.PHONY: fuzz
fuzz: setup test-setup ## run the fuzz tests alone, for about a quarter of an hour
	@POSTINO_FUZZ_SESSIONS=5000 $(BIN)/python -m pytest tests/fuzz

.PHONY: bench
bench: bench-store bench-candidates ## count the flash operations of everything that has a bench

.PHONY: bench-store
bench-store: setup test-setup ## print the flash operations of the mail store beside their limits (about 10 minutes)
	@$(BIN)/python -m tests.bench.bench_store $(BENCH_OPTIONS)

.PHONY: bench-candidates
bench-candidates: setup test-setup ## count what the designs cost that the store was chosen from
	@$(BIN)/python -m tests.bench.bench_candidates
	@$(BIN)/python -m tests.bench.directories

.PHONY: lint
lint: .venv/tests-installed ## check format, style and types
	@$(BIN)/ruff format --check --quiet --output-format concise . || { echo "not formatted: run make format"; exit 1; }
	@$(BIN)/ruff check --quiet --output-format concise .
	@echo "types of the firmware:" && $(BIN)/pyright --project firmware
	@echo "types of the host tools:" && $(BIN)/pyright --project host_tools

.PHONY: format
format: .venv/tests-installed ## format the code and sort the imports
	@$(BIN)/ruff check --quiet --fix --select I .
	@$(BIN)/ruff format .

.PHONY: size
size: setup ## print the frozen bytes and the heap after import of each firmware module
	@$(BIN)/python -m postino_tools.size

.PHONY: docs
docs: .venv/installed ## write docs/settings.md from the table of settings
	@$(BIN)/python -m postino_tools.settings_doc

.PHONY: clean
clean: ## remove everything that set-up made; the mail in .postino stays
	rm -rf .venv .cache .pytest_cache .ruff_cache .hypothesis host_tools/*.egg-info
	find firmware host_tools tests -name __pycache__ -prune -exec rm -rf {} +
