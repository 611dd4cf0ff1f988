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
# When the wheel says it was made: the last commit.
EPOCH ?= $(shell git log -1 --format=%ct)

# What the console looks like, every page, light and dark: taken by the test that looks at them.
pictures: $(VENV)/installed
	$(BIN)/python -m tests.console.pictures docs/pictures

# The panels of Grafana's dashboard, drawn from a real Prometheus (apt-get install prometheus).
dashboard: $(VENV)/installed
	$(BIN)/python -m tests.dashboard docs/pictures/dashboard.png

.PHONY: demo test servers pictures dashboard coverage mutants crash lint guide bench clean

demo: $(VENV)/installed
	$(BIN)/moc-consumer demo

test: $(VENV)/installed
	$(BIN)/python -m pytest --numprocesses $(TESTERS) --dist worksteal

# Kafka and PostgreSQL to try the whole on, until Ctrl-C: docs/whole.md.
servers: $(VENV)/installed
	@$(BIN)/python -m tests.servers

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
	$(BIN)/python -m tests.unit.licences
	$(BIN)/python -m tests.unit.telemetry.guide
	$(BIN)/python -m tests.end_to_end.pages docs/add-an-lms.md

bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m bench --records $(RECORDS)

# What is shipped, to the byte: versions and hashes for every system, without an address.
LOCKING = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url
lock: $(VENV)/supply
	$(LOCKING) pyproject.toml --output-file requirements.lock
	$(LOCKING) pyproject.toml --extra tracing --constraint requirements.lock \
	  --output-file deploy/tracing.lock
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  | $(LOCKING) - --output-file deploy/build.lock

# The bill of materials (CycloneDX) of an installation from the lock: dist/sbom.json.
sbom: build/shipped dist $(VENV)/supply
	$(BIN)/cyclonedx-py environment build/shipped/bin/python --pyproject pyproject.toml \
	  --output-reproducible --output-file dist/sbom.json

# Known vulnerabilities of what is locked; fails where one is known, or nobody could be asked.
audit-deps: $(VENV)/supply
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock

# The wheel, built twice: the same source gives the same bytes.
wheel: build/builder dist
	SOURCE_DATE_EPOCH=$(EPOCH) build/builder/bin/python -m hatchling build -t wheel -d dist
	SOURCE_DATE_EPOCH=$(EPOCH) build/builder/bin/python -m hatchling build -t wheel -d build/again
	for one in build/again/*.whl; do cmp "$$one" "dist/$${one##*/}"; done
	sha256sum dist/*.whl

# What deploy/ says, held against the schemas of Docker Compose, Kubernetes and systemd.
manifests: $(VENV)/supply
	docker-compose --file docker-compose.yml config --quiet
	$(BIN)/kubernetes-validate --strict deploy/kubernetes/[!k]*.yaml
	systemd-analyze security --offline=true --threshold=20 deploy/systemd/moc-consumer.service

dist:
	mkdir -p dist

build/shipped: requirements.lock
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --require-hashes --only-binary :all: --requirement requirements.lock
	touch $@

build/builder: deploy/build.lock
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --require-hashes --only-binary :all: --requirement deploy/build.lock
	touch $@

$(VENV)/supply: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group supply
	touch $@

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

clean:
	rm -rf $(VENV) build dist mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
