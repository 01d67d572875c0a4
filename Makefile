# The set-up makes itself: what needs $(VENV) first builds it from requirements.lock, once,
# and again when that file or pyproject.toml changes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check
UV := $(VENV)/lock/bin/uv

define CHECK_PYTHON
$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
  echo "mtop needs Python 3.11 or later with venv; $(PYTHON) is" \
    "$$($(PYTHON) --version 2>/dev/null || echo not there)."; \
  echo "On Debian: apt install python3 python3-venv. Or name another: make PYTHON=python3.12"; \
  exit 1; } >&2
endef

.DEFAULT_GOAL := help
.PHONY: help run test lint snapshots picture gallery bench fidelity lock clean

help: ## print these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/.ready ## open mtop on the simulated cluster
	$(BIN)/mtop

test: $(VENV)/.ready ## run all tests
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

# The domain is held to its own tests: those of what is built on it reach it by the way only.
coverage: $(VENV)/.ready ## check that the tests of domain/ reach 95 % of its branches
	$(BIN)/pytest -q -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term-missing $$(grep -L '^from mtop_tui\.\(engine\|state\)\.' \
	  $$(grep -l '^from mtop_tui\.domain' tests/unit/test_*.py))

mutants: $(VENV)/.ready ## break slo, cost and quantiles on purpose: see docs/mutation.md
	$(BIN)/mutmut run
	@$(BIN)/mutmut results --all true | sed 's/^ *mtop_tui\.domain\.\([a-z_.]*\)\.x.*: /\1 /' | sort | uniq -c
	@$(BIN)/mutmut results

lint: $(VENV)/.ready ## check format, style, types and who imports whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

snapshots: $(VENV)/.ready ## accept the screens as they are now drawn
	$(BIN)/pytest tests/ui --snapshot-update

picture: $(VENV)/.ready ## draw the picture in the README
	$(BIN)/python -m docs.picture

gallery: $(VENV)/.ready ## draw every screen into docs/gallery, calm and burning
	$(BIN)/python -m docs.gallery

bench: $(VENV)/.ready ## measure start-up, CPU, latency and memory
	$(BIN)/python -m bench
	$(BIN)/python -m bench.served_cluster
	$(BIN)/python -m bench.live
	$(BIN)/python -m bench.scraping

fidelity: $(VENV)/.ready ## judge the simulator by measurements and the diagnosis by faults: writes both pages in docs
	$(BIN)/python -m bench.fidelity
	$(BIN)/python -m bench.diagnosis

# uv resolves for every platform at once; it lives in an environment inside the other one, so that
# the tests run with what is locked and nothing else.
lock: ## resolve the dependencies of pyproject.toml again, into requirements.lock
	@$(CHECK_PYTHON)
	test -x $(UV) || { $(PYTHON) -m venv $(VENV)/lock && \
	  $(VENV)/lock/bin/pip install --quiet --disable-pip-version-check uv; }
	$(UV) pip compile --quiet --system-certs --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  -o requirements.lock pyproject.toml

clean: ## remove the environment
	rm -rf $(VENV)

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	touch $@
