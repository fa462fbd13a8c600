# make run     a demo market, live in minutes: installs what is needed, then starts the daemon
# make test    every test
# make quick   the pure tests: deciding, arithmetic, statistics; seconds
# make cover   every test, with the lines that no test runs
# make check   format, lint, types, layers, Dockerfile
# make soak    everything that can break, broken on purpose, in one table: 90 minutes; MINUTES=10 for a nightly run
# make screenshots  pictures of the documentation, taken by the browser tests
# make tour    a minute of the demo, recorded frame by frame by a browser: build/tour
# make docs    the documentation as a site, build/site/index.html
# make audit   known vulnerabilities of the pinned packages: asks the package index, or else osv.dev; fails where a
#              package cannot be looked up
# make lock    requirements.lock anew: every package of the cpu extra with the hashes of its files
# make pin-images  the digests of the container images, written behind their tags
# make sbom    what is installed and under which licences, build/sbom.json (CycloneDX)
# make image   both images: sigma-analyst (trains) and sigma-analyst:bot (trades only)
# Settings: LOCKED=1 installs what requirements.lock names, each file checked against its hash (with CUDA's libraries, which
# the plain index's torch wants), EXTRAS=gpu for CUDA, PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu" for a CPU-only torch,
# PYTHON=… for another Python (3.11 to 3.13; `python3` where it is one of these, else the newest found), ARGS=… for what is started.

SUPPORTED := import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
    $$name -c '$(SUPPORTED)' 2>/dev/null && { command -v $$name; break; }; done)
EXTRAS ?= cpu
PIP_ARGS ?=
MINUTES ?= 90
ARGS ?=
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.installed-$(EXTRAS)
DEVELOPMENT := $(VENV)/.installed-$(EXTRAS)-dev
# Bytecode is compiled when it is first needed: most of what is installed never is, and installing takes half the time.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-compile -q $(PIP_ARGS) -c constraints.txt
ONE_THREAD := OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 MKL_NUM_THREADS=1
# What is compiled once is kept, whatever the machine says: without that every process compiles its packages anew, 8 s of a
# daemon's start. The files run in their order, so that the longest do not come last, when the other worker has none left.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: run install test quick cover check docs screenshots tour audit lock pin-images sbom image format bench soak clean

run: $(RUNTIME)
	$(BIN)/sigma run $(ARGS)

install: $(RUNTIME)

test: $(DEVELOPMENT)
	$(PYTEST) $(ARGS)

quick: $(DEVELOPMENT)
	$(ONE_THREAD) $(BIN)/python -m pytest -q -m "not slow" tests/golden tests/property tests/strategies/kernel tests/strategies/oversight \
	    tests/strategies/explain tests/storage/config tests/test_layers.py tests/house $(ARGS)

cover: $(DEVELOPMENT)
	$(PYTEST) --cov --cov-report=term-missing:skip-covered $(ARGS)

check: $(DEVELOPMENT)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py
	$(BIN)/hadolint Dockerfile

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build -q
	@echo "sigma: build/site/index.html"

screenshots: $(DEVELOPMENT)
	$(ONE_THREAD) $(BIN)/python -m pytest -q tests/browser
	$(BIN)/python -m tests.browser.documentation

tour: $(DEVELOPMENT)
	$(BIN)/python -m tests.browser.tour

audit: $(DEVELOPMENT)
	$(BIN)/python deploy/audit.py constraints.txt

lock: $(DEVELOPMENT)
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile pyproject.toml --extra cpu -c constraints.txt --generate-hashes --universal \
	    --python-version 3.11.9 --no-header --no-annotate -q -o requirements.lock

pin-images:
	$(if $(wildcard $(BIN)/python),$(BIN)/python,python3) deploy/pin_images.py

sbom: $(DEVELOPMENT)
	@mkdir -p build
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o build/sbom.json $(BIN)/python
	@echo "sigma: build/sbom.json"

image:
	docker build --target train --build-arg REVISION=$$(git rev-parse HEAD) -t sigma-analyst .
	docker build --target bot --build-arg REVISION=$$(git rev-parse HEAD) -t sigma-analyst:bot .

format: $(DEVELOPMENT)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEVELOPMENT)
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(DEVELOPMENT)
	$(ONE_THREAD) $(BIN)/python -m benchmarks.soak --minutes $(MINUTES) $(ARGS)

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null || { echo "sigma: found no Python 3.11, 3.12 or 3.13 with venv; install one, or name it (PYTHON=/path/to/it)" >&2; exit 2; }
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "sigma: $(PYTHON) is $$($(PYTHON) -V); Python 3.11 to 3.13 is needed (PYTHON=/path/to/it)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	@echo "sigma: installing the packages of pyproject.toml into $(VENV), once"
ifdef LOCKED
	$(BIN)/python -m pip install --disable-pip-version-check --no-compile -q --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps -e .
else
	$(PIP) -e ".[$(EXTRAS)]"
endif
	@touch $@

$(DEVELOPMENT): pyproject.toml constraints.txt | $(BIN)/python
	@echo "sigma: installing the packages of pyproject.toml and the test tools into $(VENV), once"
	$(PIP) -e ".[$(EXTRAS),dev]"
	@touch $@ $(RUNTIME)

$(VENV)/.installed-docs: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) mkdocs-material "mkdocstrings[python]"
	@touch $@
