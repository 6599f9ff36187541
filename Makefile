# Every target sets up what it needs in .venv by itself: Python 3.11 or newer, a shell and make are
# enough. A second call reuses what is there; the package is installed again when a source changes.
#
#     make demo                       make test PYTEST_ARGS="-k gradient"
#     make PYTHON=python3.13 test     (after "make clean" if .venv has another Python)

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?= -n 2
BENCH_ARGS ?=
ACCEPTANCE_ARGS ?=
OLDEST_PYTHON ?= python3.11
HOSTILE_ARGS ?= --seconds 20
# Of the lines of Python, in per cent.
LEAST_COVERED ?= 98

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
SOURCES := pyproject.toml meson.build LICENSE \
	$(shell find skfastgrnn -name __pycache__ -prune -o -print)
DOCUMENTS := $(wildcard docs/*.rst)
C_FILES := $(wildcard skfastgrnn/kernels/c/*.[ch] skfastgrnn/kernels/c/integer/*.[ch] \
	skfastgrnn/export/runtime/*.c skfastgrnn/export/emulators/*.[ch] tests/kernels/*.c)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup demo test oldest coverage coverage-of-c format lint docs bench acceptance sanitize hostile races clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.package  ## Run examples/quickstart.py: train, tune, compare, save and load
	@$(BIN)/python examples/quickstart.py

setup: $(VENV)/.package $(VENV)/.group-test  ## Set up .venv for the tests, and run nothing

# PYTHONSAFEPATH: the tests and the processes they start import the installed package, never the
# source folder beside this file, which has no compiled kernel.
WHOLE_SUITE = --doctest-modules --doctest-ignore-import-errors --doctest-glob='*.rst' \
	--pyargs ./tests skfastgrnn $(DOCUMENTS:%=./%)

test: setup  ## Run the tests, and the examples in docstrings and documents
	PYTHONSAFEPATH=1 $(BIN)/pytest $(PYTEST_ARGS) $(WHOLE_SUITE)

oldest: $(VENV)/.oldest  ## Run the same with the lowest versions that pyproject.toml allows
	PYTHONSAFEPATH=1 $(VENV)/oldest/bin/pytest $(PYTEST_ARGS) $(WHOLE_SUITE)

# The kernel in C is measured by its own tests, where there are GCC and gcov.
coverage: setup $(VENV)/.group-coverage  ## Measure which lines of Python and C the tests run (GCC)
	PYTHONSAFEPATH=1 $(BIN)/pytest $(PYTEST_ARGS) $(WHOLE_SUITE) --cov --cov-report=term:skip-covered --cov-fail-under=$(LEAST_COVERED)
	@if command -v gcc > /dev/null && command -v gcov > /dev/null; then $(MAKE) coverage-of-c; else echo "No gcov: no lines of C"; fi

coverage-of-c: $(VENV)/.group-test $(VENV)/.covered
	@find $(VENV)/covered-build -name '*.gcda' -delete
	PYTHONSAFEPATH=1 PYTHONPATH=$(VENV)/covered $(BIN)/pytest $(PYTEST_ARGS) tests/kernels
	$(BIN)/python .ci/gcov_report.py $(VENV)/covered-build

format: $(VENV)/.group-lint  ## Format Python and C, and repair what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(C_FILES)

lint: $(VENV)/.group-lint  ## Check style, formatting, spelling and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)
	$(BIN)/codespell
	$(BIN)/mypy

docs: $(VENV)/.package $(VENV)/.group-docs  ## Build docs/_build/html; a warning is an error
	$(BIN)/sphinx-build -W --keep-going --quiet -b html docs docs/_build/html
	@echo "Built docs/_build/html/index.html"

bench: $(VENV)/.package $(VENV)/.group-bench  ## Compare speed with other libraries (minutes)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

acceptance: $(VENV)/.package  ## Measure what is promised on real data (minutes)
	$(BIN)/python -m benchmarks.acceptance $(ACCEPTANCE_ARGS)

# The kernel under the address and undefined-behaviour sanitizers. Python itself is not
# instrumented: the runtimes are loaded before it, and its own leaks are not counted. Memory that
# nobody has is refused, as elsewhere, instead of being taken for a mistake.
SANITIZED = LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=1024:quarantine_size_mb=64 \
	PYTHONMALLOC=malloc PYTHONSAFEPATH=1 PYTHONPATH=$(VENV)/sanitized

sanitize: $(VENV)/.group-test $(VENV)/.sanitized hostile races  ## Run the kernel tests, hostile calls and threads under sanitizers (GCC)
	$(SANITIZED) $(BIN)/pytest -q tests/kernels

hostile: $(VENV)/.group-test $(VENV)/.sanitized  ## Misuse kernel and estimators at random, under sanitizers
	$(SANITIZED) $(BIN)/python tests/kernels/hostile_calls.py $(HOSTILE_ARGS)

races: $(VENV)/kernel-threads  ## Run the kernel's own threads under the thread sanitizer
	$<

clean:  ## Remove everything that make has made
	rm -rf $(VENV) build dist docs/_build docs/auto_examples docs/api \
		docs/sg_execution_times.rst benchmarks.json .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage*
	find skfastgrnn tests benchmarks examples docs -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# What is installed in .venv: an empty file says that it is.

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'  # the first that knows --group
	@touch $@

$(VENV)/.package: $(VENV)/.created $(SOURCES)
	@echo "Installing skfastgrnn and what it needs: about a minute"
	@$(PIP) install .
	@touch $@

# In an environment of its own, of the oldest Python.
$(VENV)/.oldest: $(VENV)/.created $(SOURCES) .ci/lower_bounds.py
	@echo "Installing the lowest versions that pyproject.toml allows"
	@$(OLDEST_PYTHON) -m venv --clear $(VENV)/oldest
	@$(BIN)/python .ci/lower_bounds.py > $(VENV)/lower_bounds.txt
	@$(BIN)/python -m pip -qq --disable-pip-version-check --python $(VENV)/oldest/bin/python install \
		--group test --constraint $(VENV)/lower_bounds.txt .
	@touch $@

# Beside the package itself, in a folder that PYTHONPATH puts in front of it.
$(VENV)/.sanitized: $(VENV)/.package
	@$(PIP) install --no-deps --upgrade --target $(VENV)/sanitized . \
		-Csetup-args=-Db_sanitize=address,undefined -Csetup-args=-Db_lundef=false \
		-Csetup-args=-Dc_args=-fno-sanitize-recover=all
	@touch $@

# Likewise. The build folder is kept: there the counts are written, and gcov reads them.
$(VENV)/.covered: $(VENV)/.package
	@CC=gcc $(PIP) install --no-deps --upgrade --target $(VENV)/covered . \
		-Cbuild-dir=$(VENV)/covered-build -Csetup-args=-Db_coverage=true
	@touch $@

# Both precisions and what calls them, without Python.
$(VENV)/kernel-threads: $(VENV)/.created tests/kernels/kernel_threads.c $(wildcard skfastgrnn/kernels/c/*)
	@for bits in 32 64; do \
		$(CC) -O2 -g -fsanitize=thread -DREAL_BITS=$$bits -DVEC_BYTES=16 -DTABLE=kernel_$$bits \
			'-DISA_NAME="baseline"' -c skfastgrnn/kernels/c/kernel.c -o $@-$$bits.o || exit 1; \
	done
	@$(CC) -O2 -g -fsanitize=thread -Iskfastgrnn/kernels/c tests/kernels/kernel_threads.c $@-32.o $@-64.o \
		-pthread -lm -o $@

$(VENV)/.group-%: $(VENV)/.created pyproject.toml
	@echo "Installing the tools for: $*"
	@$(PIP) install --group $*
	@touch $@
