# make demo and make test are all that a newcomer needs; both install what they use into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PRESET ?= openstack-helm-ha
VENV := .venv
BIN := $(VENV)/bin
# Touched after an installation; it is renewed only when the dependencies may have changed.
STAMP := $(VENV)/.installed

.PHONY: help venv demo test test-fast test-slow test-wheel controlplane kolla check snapshots bench clean

help: ## these lines
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

venv: $(STAMP) ## install the program with all it needs into .venv

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

# A machine without an author in its Git configuration gets one for the demo only.
demo: export GIT_AUTHOR_NAME ?= $(or $(shell git config user.name),demo)
demo: export GIT_AUTHOR_EMAIL ?= $(or $(shell git config user.email),demo@example.invalid)
demo: export GIT_COMMITTER_NAME ?= $(GIT_AUTHOR_NAME)
demo: export GIT_COMMITTER_EMAIL ?= $(GIT_AUTHOR_EMAIL)
demo: venv ## a site file from a preset, its repository, and the checks of that
	rm -rf build/demo
	mkdir -p build
	$(BIN)/openinfra-tui preset show $(PRESET) > build/site.yaml
	$(BIN)/openinfra-tui generate build/site.yaml --output build/demo --age-key build/demo.agekey
	$(BIN)/openinfra-tui check build/demo
	@echo
	@echo 'The repository is in build/demo. Next:'
	@echo '  git -C build/demo log --stat | less          what was written'
	@echo '  less build/demo/README.md                    what the folders mean'
	@echo '  $$EDITOR build/site.yaml                      change an answer, then:'
	@echo '  $(BIN)/openinfra-tui generate build/site.yaml --output build/demo --age-key build/demo.agekey'
	@echo '  $(BIN)/openinfra-tui diff examples/drift/site --from-dump examples/drift/cluster.json'
	@echo '                                               how a cluster that drifted is told, without a cluster'
	@echo '  $(BIN)/openinfra-tui --help                  everything else'

test: venv controlplane ## all tests but the slow ones
	$(BIN)/pytest -n auto -m 'not slow'

test-fast: venv ## the tests that need no control plane
	$(BIN)/pytest -n auto -m 'not slow and not controlplane'

test-slow: venv controlplane ## the tests that take minutes
	$(BIN)/pytest -m slow

kolla: venv ## the releases of Kolla-Ansible that the slow tests use, each in its environment
	$(BIN)/python scripts/kolla_venvs.py "$${OPENINFRA_KOLLA:-$${XDG_CACHE_HOME:-$$HOME/.cache}/openinfra-tui/kolla}"

test-wheel: venv ## the fast tests against the built wheel, in a fresh environment and another folder
	rm -rf build/wheel
	$(BIN)/python -m build --wheel --no-isolation --outdir build/wheel .
	folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	$(PYTHON) -m venv "$$folder/venv"; \
	"$$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$$(ls build/wheel/*.whl)[test]"; \
	cp -r tests snapshots examples pyproject.toml "$$folder"; \
	cd "$$folder"; \
	venv/bin/pytest -n auto -m 'not slow and not controlplane'

controlplane: venv ## build the control plane for tests, once (Go 1.26; a quarter of an hour)
	$(BIN)/python -m tests.controlplane.binaries

check: venv ## style, types, layers and the fast tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test-fast

snapshots: venv ## accept what the presets generate and the screens show now; look at `git diff snapshots` before you commit
	$(BIN)/pytest -q tests/unit/test_snapshots.py tests/tui/test_screens.py tests/tui/test_drift_screens.py --update-snapshots

bench: venv ## times of a render and of its checks, and how they grow
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python bench/generate.py
	$(BIN)/python bench/sites.py
	$(BIN)/python -m bench.start

clean: ## remove everything that was made, .venv too
	rm -rf $(VENV) build dist
