# For a fresh clone. A user needs none of this: `pip install deepenough` in any environment is enough.
#   make demo    environment, then the whole job on the embedded data set; minutes
#   make test    the fast tests
#   make check   formatting, lint, types, layers, doctests, links, the documentation as a site
#   make site    the documentation as a site, site/index.html; nothing is fetched
#   make calibration   the statistics' own error rates at 10,000 repetitions, into docs/calibration.md; within 30 minutes
#   make storm   30 kills over small studies, in every stage; what they leave must be an undisturbed study's bits; 10 minutes
#   make fuzz    changed bytes to every reader, FUZZ_S=60 seconds of processor time each, FUZZ_JOBS=1 readers at a time
#   make performance   the benchmarks that need no clone of another project, then docs/performance.md from all results; 25 minutes
#   make slow    the slow tests: calibration of the statistics, resuming after a kill, real images, the browser

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test check check-types check-doctests check-style site slow calibration storm fuzz performance clean

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "error: make: expected Python 3.11 or newer; got $$($(PYTHON) --version 2>&1 | head -n 1); name another with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "Making the environment in $(VENV); torch is large, so this takes some minutes the first time."
	@rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP_INSTALL) -e '.[dev,keras]'
	touch $@

# processes of the tests and checks; each takes up to 3 GB
JOBS ?= 2

demo: $(VENV)/.installed
	$(BIN)/deepenough compare --out runs/demo

test: $(VENV)/.installed-dev
	$(BIN)/pytest -q -m 'not slow and not gpu and not browser' -n $(JOBS) --dist loadfile

check: $(VENV)/.installed-dev
	@$(MAKE) --no-print-directory -j $(JOBS) check-types check-doctests check-style site

check-types: $(VENV)/.installed-dev
	$(BIN)/pyright --pythonpath $(BIN)/python

check-doctests: $(VENV)/.installed-dev
	$(BIN)/pytest -q --doctest-modules src

check-style: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/check_links.py

site: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

slow: $(VENV)/.installed-dev
	$(BIN)/pytest -q -m "slow or browser or gpu" -n $(JOBS) --dist loadfile

calibration: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/calibration.py --write docs/calibration.md

storm: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/storm.py --kills 30

FUZZ_S ?= 60
FUZZ_JOBS ?= 1
fuzz: $(VENV)/.installed-dev
	$(PIP_INSTALL) -e '.[fuzz]' || echo "no atheris for this platform: bytes are changed by chance"
	$(BIN)/python benchmarks/fuzz.py --seconds $(FUZZ_S) --jobs $(FUZZ_JOBS)

PICTURES ?= ../shared/data/clothing10
performance: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/report_speed.py
	$(BIN)/python benchmarks/verdict_speed.py
	$(BIN)/python benchmarks/evaluation_speed.py $(PICTURES)
	$(BIN)/python benchmarks/evaluation_memory.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/training_speed.py $(PICTURES)
	$(BIN)/python benchmarks/performance_page.py

clean:
	rm -rf $(VENV) site .pytest_cache .ruff_cache .import_linter_cache .hypothesis
