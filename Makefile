# Everything anybody has to know: make demo, make test, make check.
# On a bare machine with Python (3.11 or later, with venv), make and git, these two work:
#   make demo    the pizzeria on http://127.0.0.1:8000
#   make test    the tests that this machine can run, in less than ten minutes on two cores; what
#                it lacks is skipped by name, what is left to CI is counted (make test-all)

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo test test-all check install docs grammar format fuzz bench bench-quick replay drill clean

demo: $(STAMP)
	@$(BIN)/stanchion dev examples/pizzeria/app.py --port $(PORT)

test: $(STAMP)-test
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(STAMP)-test $(STAMP)-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/python -m pytest -q tests/test_layers.py

# what CI runs: with planted faults that drills and the matrix must see, and the whole suite on
# PostgreSQL, of which `make test` runs what asks a database most
test-all: export STANCHION_TESTS = all
test-all: test

# the fuzzer for ten minutes (nine in memory, one on the wire), then schemathesis and sqlmap at
# length; about twenty minutes in all
fuzz: $(STAMP)-test
	STANCHION_FUZZ=deep $(BIN)/python -m pytest -s -n 0 tests/hostile/test_fuzz.py \
		tests/hostile/test_openapi.py tests/hostile/test_injection.py $(ARGS)

docs: $(STAMP)-test
	$(BIN)/zensical build --clean
	@echo "The documentation is in build/docs/index.html"

# the saved table of the expression language, after a change of its grammar
grammar: $(STAMP)-test
	$(BIN)/python -m tools.grammar

replay: $(STAMP)-test
	$(BIN)/python examples/pizzeria/replay.py $(ARGS)

# faults against a real server; ARGS='kill --seed 7' runs one, root runs all of them
drill: $(STAMP)-test
	$(BIN)/python -m drills $(ARGS)

# the whole speed table, about twenty minutes: make bench ARGS="--rows P1,P2 --rounds 1"
bench: $(STAMP)-test
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(STAMP)-test
	$(BIN)/python -m benchmarks.quick

format: $(STAMP)-check
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: $(STAMP)

$(BIN)/python:
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'

$(STAMP): pyproject.toml | $(BIN)/python
	@echo "Installing Stanchion into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(STAMP)-test: pyproject.toml $(STAMP)
	@echo "Installing what the tests need into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group test
	@touch $@

$(STAMP)-check: pyproject.toml $(STAMP)
	@echo "Installing the checkers into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group check
	@touch $@

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
