# Every target works from a bare clone with Python >= 3.11 and make: what it needs is installed into .venv first.
PYTHON ?= python3
BIN := .venv/bin
TEST_ARGS ?=
FUZZ_ARGS ?= --count 100000 --seed 0 --jobs 2

.PHONY: demo test fuzz lint format bench clean
.NOTPARALLEL:
.SECONDARY:

demo: .venv/.demo
	$(BIN)/python examples/digits.py

test: .venv/.test
	$(BIN)/python -m pytest -n 2 $(TEST_ARGS)

# Random graphs, compiled, against the interpreter; failures are made small and written to build/fuzz.
fuzz: .venv/.test
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

# Type checkers do not follow setuptools' package-dir mapping, so mypy reads a folder of links laid out as installed.
lint: .venv/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/typed && mkdir -p build/typed/aicomp
	ln -s "$(CURDIR)"/aicomp/* "$(CURDIR)"/frontends "$(CURDIR)"/passes "$(CURDIR)"/backends build/typed/aicomp/
	cd build/typed && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../mypy -p aicomp

format: .venv/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.demo
	$(BIN)/python benchmarks/call.py
	$(BIN)/python benchmarks/compile_time.py
	$(BIN)/python benchmarks/fusion.py

clean:
	rm -rf .venv build dist *.egg-info

# .venv/.test is the stamp of `pip install -e .[test]`, and so on; an edit of pyproject.toml makes it stale.
.venv/.%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "aicomp needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
