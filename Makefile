# `make` lists what there is. Everything is done inside .venv, which the targets make when they need it.
# PYTHON=python3.12 chooses the interpreter, JOBS=4 how many compilers run at once, FUZZ_COMMANDS how far fuzzing goes.
PYTHON ?= python3
FUZZ_COMMANDS ?= 5000000
SEEDS ?= 500
# Which optional packages tests and measurements have: dev,parquet has pyarrow too.
EXTRAS ?= dev
FIRST ?= 0
SOAK_S ?= 600
# Seeds that nobody has run: a soak that begins in another second begins elsewhere.
SOAK_FIRST ?= $(shell date +%s)
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
TRACED := build/coverage
DEMO := lockstep/config/demo.toml
PIP := $(PY) -m pip --disable-pip-version-check
# LOCKSTEP_ONLY names no folder: what is compiled is $(VENV)/.built's business.
INSTALL := LOCKSTEP_ONLY=none $(PIP) install --no-build-isolation --config-settings editable_mode=compat --editable
# One line for each package, and none for what pip says besides.
FETCHED := sed -un 's/^Collecting \([^ <>=!~;(]*\).*/fetching \1/p; s/^Installing collected .*/installing them/p'

# What compiled modules are made of: a change of any of them builds again (only what changed is compiled).
MADE_OF = $(shell find $(1) -name '*.pyx' -o -name '*.pxd' -o -name '*.h') setup.py
CARRIED := $(call MADE_OF,lockstep) $(wildcard lockstep/core/schema/*.py)
MEASURING := $(call MADE_OF,bench tests)

# The web page's sources: with what the registry has they become the files that the api serves.
PAGE := $(shell find web -type f -not -path 'web/node_modules/*')
API := $(shell find lockstep/procs/api/v1 lockstep/core/operations -name '*.py')
NPM := PATH="$(abspath $(BIN)):$$PATH" npm --prefix web --loglevel=error

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
# A compiler's cache is used where there is one.
ifeq ($(origin CC)$(if $(shell command -v ccache),, none),default)
export CC := ccache cc
endif
export LOCKSTEP_JOBS := $(JOBS)
# Where nothing may be kept, each of a venue's processes compiles its modules again at every start.
unexport PYTHONDONTWRITEBYTECODE
export PIP_REQUIRE_VIRTUALENV := 1

.DEFAULT_GOAL := help
.PHONY: help run demo test coverage interop bench lint fuzz sim soak clean build all page wheel pictures annotate

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1	\2/' | expand -t 12

run: build ## start the demo venue, which keeps its data in lockstep-data/; Ctrl-C stops it
	@$(BIN)/lockstep begin --if-none $(DEMO) && exec $(BIN)/lockstep run $(DEMO)

demo: build ## the demo venue, and traders who make its market live; Ctrl-C stops both
	@exec $(BIN)/lockstep demo --run $(DEMO)

# Four workers more than CPUs: a test of a real venue often waits. Files begin in the order of tests/conftest.py.
test: all ## run the tests (ARGS='-k name' passes more to pytest)
	$(PY) -m pytest -n $$(($(JOBS) + 4)) --dist loadfile --no-loadscope-reorder -m 'not interop and not soak' $(ARGS)

coverage: build $(VENV)/.tools ## which lines and branches the tests run, .pyx too (ARGS='tests/matcher' chooses)
	@mkdir -p $(TRACED)
	@find $(TRACED) -name '*.py' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.hits' -o -name '.coverage*' | xargs -r rm
	@git ls-files -z -co --exclude-standard | tar -c --null --ignore-failed-read -T - 2>/dev/null | tar -x -C $(TRACED)
	@echo 'compiling with probes, in $(TRACED)'
	@cd $(TRACED) && LOCKSTEP_TRACE=1 $(abspath $(PY)) setup.py --quiet build_ext --inplace
	-cd $(TRACED) && PYTHONPATH=$(abspath $(TRACED)) $(abspath $(PY)) -m coverage run -m pytest -n $(JOBS) --dist loadfile --timeout=600 \
		-m 'not interop and not soak' $(ARGS)
	@# -O: coverage.py asserts that a line misses one branch at most, and a compiled line can miss more.
	@cd $(TRACED) && $(abspath $(PY)) -O -m tests.compiled_coverage
	@echo 'line by line: $(TRACED)/htmlcov/index.html'

# QuickFIX is compiled while the clients' environments are downloaded.
interop: all ## test against QuickFIX, which is compiled once, and clients of the API, in environments of their own
	@$(PY) tests/interop/environments.py & made=$$!; \
	$(PY) -c 'import quickfix' 2>/dev/null || { echo 'compiling QuickFIX, once: this takes a minute or two'; \
		$(PY) -W ignore tests/interop/build_quickfix.py; } || { kill $$made; exit 1; }; \
	wait $$made
	$(PY) -m pytest -n 3 -m interop $(ARGS)

bench: all ## measure; writes var/bench.json and docs/benchmarks.md with its plots (ROW=ring runs one row)
	$(PY) -m bench $(ROW)

lint: all ## ruff, mypy, cython-lint, the page's types and style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files -z '*.pyx' '*.pxd' | PATH="$(abspath $(BIN)):$$PATH" xargs -0 -n 40 -P $(JOBS) cython-lint
	PATH="$(abspath $(BIN)):$$PATH" npm --prefix web run --silent check

fuzz: all ## run the property tests for much longer (ARGS='-k book' chooses)
	LOCKSTEP_FUZZ_COMMANDS=$(FUZZ_COMMANDS) $(PY) -m pytest -s --timeout=0 tests/matcher/test_fuzz.py $(ARGS)
	$(PY) -m pytest -m 'hypothesis and not interop and not soak' --hypothesis-profile=fuzz --timeout=3600 $(ARGS)

sim: all ## simulate venues of one node and of two under faults (SEEDS=500 of each from FIRST=0 on, NODES=2; SEED=n replays one, and shrinks it)
	$(PY) -m tests.simulation $(if $(NODES),--nodes $(NODES)) $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --first $(FIRST))

soak: all ## run what takes minutes: simulation's new seeds, planted bugs, kills under load, sieges (SOAK_S=600 seconds)
	$(PY) -m tests.simulation --first $(SOAK_FIRST) --minutes $$(($(SOAK_S) / 60 + 1))
	$(PY) -m tests.simulation --first $(SOAK_FIRST) --hunt
	SOAK_S=$(SOAK_S) $(PY) -m pytest -m soak --timeout=0 $(ARGS)

clean: ## remove what was built (not .venv, and never lockstep-data/, where the venue's data is)
	find lockstep bench tests \( -name '*.so' -o -name '*.c' -o -name '*.html' \) -delete
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
	rm -rf lockstep/core/schema/records.pxd lockstep/procs/api/web web/node_modules web/src/net/v1.ts web/src/net/forms.json web/src/market/intervals.ts
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis $(VENV)/.built $(VENV)/.all

build: $(VENV)/.built ## make .venv, compile, and build the page where its packages can be had
	@$(MAKE) --no-print-directory page || echo 'the web page was not built, which a venue can do without: "make page" tries again'

all: build $(VENV)/.all

page: web/node_modules/.built ## build the web page, which the api serves

web/node_modules/.built: web/src/net/v1.ts web/src/market/intervals.ts $(PAGE)
	@echo 'building the page'
	@$(NPM) run --silent build
	@touch $@

web/src/market/intervals.ts: lockstep/core/rules/intervals.py | $(VENV)/.built
	@$(PY) -m lockstep.core.rules.intervals > $@

# What /v1 takes and answers, as types, and what operations ask for, as forms: the venue describes both.
web/src/net/v1.ts: web/node_modules/.installed $(API) | $(VENV)/.built
	@$(PY) -m lockstep.procs.api.v1 > web/node_modules/v1.json
	@$(PY) -m lockstep.core.operations.forms > web/src/net/forms.json
	@$(NPM) run --silent types > web/node_modules/types.log

# Scripts of packages are not run. The lock file says what each package must be.
web/node_modules/.installed: web/package-lock.json web/package.json | $(VENV)/.packages
	@echo 'fetching what the page is made with'
	@$(NPM) ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Where a Python of the machine has no headers, there is none to compile against.
wheel: page $(VENV)/.tools ## a wheel for each CPython from 3.11 on that is found here, in dist/
	@rm -rf build/wheels dist
	@for python in $$(compgen -c python3. | grep -xE 'python3\.[0-9]+' | sort -uV); do \
		$$python -c 'import os, sys, sysconfig; sys.exit(sys.version_info < (3, 11) or not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' 2>/dev/null || continue; \
		echo "compiling for $$python, which takes minutes"; \
		PIP_REQUIRE_VIRTUALENV= $(PIP) --quiet --python "$$(command -v $$python)" wheel --no-deps --wheel-dir build/wheels . || exit 1; \
	done
	@PATH="$(abspath $(BIN)):$$PATH" auditwheel repair --wheel-dir dist build/wheels/*.whl
	@ls dist/*.whl

pictures: all ## take the pictures of the page that docs/ has, of a market that has lived for two minutes
	PICTURES=docs/pictures $(PY) -m pytest -q tests/web/test_pictures.py

annotate: build ## Cython's annotated HTML beside each source: yellow lines call Python
	LOCKSTEP_ANNOTATE=1 $(PY) setup.py --quiet build_ext --inplace --force

$(VENV)/.built: $(VENV)/.packages $(CARRIED)
	@LOCKSTEP_ONLY=lockstep $(PY) setup.py --quiet build_ext --inplace
	@touch $@

# What only tests and measurements need.
$(VENV)/.all: $(VENV)/.built $(VENV)/.tools $(MEASURING)
	@LOCKSTEP_ONLY=bench,tests $(PY) setup.py --quiet build_ext --inplace
	@touch $@

$(VENV)/.packages: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'Lockstep needs Python 3.11 or later: make PYTHON=/path/to/python3.11'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'this Python can make no virtual environment: install python3-venv'; exit 1; }
	@echo 'setting up $(VENV)'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PIP) --quiet install 'cython>=3.1' 'setuptools>=77'
	@$(INSTALL) '.[run]' | $(FETCHED)
	@touch $@

$(VENV)/.tools: $(VENV)/.packages
	@echo 'setting up what tests are made with'
	@$(INSTALL) '.[$(EXTRAS)]' | $(FETCHED)
	@touch $@
