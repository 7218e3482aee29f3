# make demo     the whole system in one command, on this machine
# make test     the tests (what needs a missing service is named and left out)
# make lint     formatting, lint, types, floors
# make bench    the figures of the documentation
# make soak     the long fault rounds
# make lock     refresh the pinned dependencies (needs uv)
# make docs     regenerate what the documentation takes from the code

VENV   ?= .venv
BIN    := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null && echo $$p && break; done)
# Some machines are set up to keep no bytecode; without it every process would compile the sources anew, some 2 s each.
unexport PYTHONDONTWRITEBYTECODE

DEMO_ARGS ?=
# Three at once on two cores, a file at a time, those that wait for airtimes first (tests/conftest.py).
TEST_ARGS ?= -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: demo install dev test lint bench soak lock docs clean

demo: install
	@exec $(BIN)/truyenthanh demo $(DEMO_ARGS)

install: $(VENV)/.installed
dev: $(VENV)/.installed-dev

$(VENV)/.installed: requirements.lock pyproject.toml deploy/make-venv
	@PYTHON="$(PYTHON)" sh deploy/make-venv $(VENV) requirements.lock
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	@PYTHON="$(PYTHON)" sh deploy/make-venv $(VENV) requirements-dev.lock
	@touch $@

test: dev
	$(BIN)/python -m pytest $(TEST_ARGS)

lint: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy --num-workers 2

bench: dev
	$(BIN)/python -m benchmarks

soak: dev
	$(BIN)/python -m pytest -m soak --timeout 7200 tests

docs: dev
	$(BIN)/python -m devices.protocol.describe > docs/asyncapi.yaml
	$(BIN)/python -m tests.api.picture docs

lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --group build pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --group dev --group build --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --extra piper --group build --constraint requirements-dev.lock pyproject.toml --output-file requirements-piper.lock

clean:
	rm -rf $(VENV) build dist *.egg-info
