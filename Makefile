# Every target builds what it needs; `make setup` is safe to run again at any time.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin
RUN    := $(VENV)/.runtime
DEV    := $(VENV)/.dev
CHROME := $(VENV)/.chromium
DATA   ?= data
JOBS   ?= auto

.PHONY: setup demo serve test check format bench gallery screenshots lock clean

setup: $(RUN)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUN): $(BIN)/python requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "Compiling the embedded engine (once) …"
	@$(BIN)/python -m seedbed.engines.previz
	@touch $@

$(DEV): $(RUN) requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# What the tests drive: Debian's browser, with letters for every language of the documentation, Node.js and jq.
$(CHROME): $(BIN)/python
	@{ command -v chromium && command -v node && command -v jq; } >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	  apt-get install -y -qq --no-install-recommends chromium nodejs jq fonts-noto-core fonts-noto-cjk >/dev/null; } \
	  || { echo "The tests drive Chromium, Node.js and jq: install them, or make test as root on Debian."; exit 1; }
	@touch $@

demo: $(RUN)
	@$(BIN)/seedbed demo --data-dir $(DATA)

serve: $(RUN)
	@$(BIN)/seedbed serve --data-dir $(DATA)

check: $(DEV)
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: check $(CHROME)
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal

format: $(DEV)
	$(BIN)/ruff format src tests bench
	$(BIN)/ruff check --fix src tests bench

bench: $(DEV)
	$(BIN)/python -m bench
	$(BIN)/python -m bench.render

gallery: $(DEV)
	$(BIN)/python -m bench.gallery
	$(BIN)/python -m bench.front_page

screenshots: $(DEV) $(CHROME)
	$(BIN)/python -m bench.screenshots

lock: $(DEV)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --group build --output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --group build --group dev --constraint requirements.lock \
	  --output-file requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) $(DATA) .pytest_cache .mypy_cache .ruff_cache
