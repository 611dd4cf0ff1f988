# Everything runs in a virtual environment of its own, made at first use.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# How many completions the memory is watched over; the long run is RECORDS=1000000.
RECORDS ?= 100000
# Processes that share the tests; each has a Kafka and a PostgreSQL of its own.
TESTERS ?= 3
# What the crash harness plays: docs/reliability.md.
ROUNDS ?= 20
SEED ?= 1
FIRST ?= 0
JOBS ?= 2

# What the console looks like, every page, light and dark: taken by the test that looks at them.
pictures: $(VENV)/installed
	$(BIN)/python -m tests.console.pictures docs/pictures

.PHONY: demo test pictures coverage mutants crash lint guide bench clean

demo: $(VENV)/installed
	$(BIN)/moc-consumer demo

test: $(VENV)/installed
	$(BIN)/python -m pytest --numprocesses $(TESTERS) --dist worksteal

crash: $(VENV)/installed
	@$(BIN)/python -m tests.end_to_end.harness --rounds $(ROUNDS) --seed $(SEED) --first $(FIRST) --jobs $(JOBS)

coverage: $(VENV)/installed
	$(BIN)/python -m coverage run -m pytest -q tests/unit tests/state
	$(BIN)/python -m tests.core_coverage

mutants: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group mutants
	$(BIN)/mutmut run --max-children $(JOBS)
	$(BIN)/mutmut results

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy bench

# The parts of the guides that the program says of itself, and the outputs of their commands.
guide: $(VENV)/installed
	$(BIN)/python -m tests.unit.mapping.guide
	$(BIN)/python -m tests.unit.handbook
	$(BIN)/python -m tests.unit.telemetry.guide
	$(BIN)/python -m tests.end_to_end.pages docs/add-an-lms.md

bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m bench --records $(RECORDS)

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

clean:
	rm -rf $(VENV) mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
