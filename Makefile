# Everything goes through public tools; `make help` lists the targets, README.md tells the story.
PROFILE ?= paper
DATASET ?= mnist
DEVICE ?= auto
SEED ?= 0
CHAPTERS ?=
MODELS ?=
IMAGES ?=
SITE ?=
BUILD ?= _build
JOBS ?=
PYTHON ?= python3

# Refused before anything is made or removed: folders that cannot be built in. The rest is checked by helpers.edition.folders.
ifeq (,$(strip $(BUILD)))
$(error BUILD is empty: name a folder to build in, or leave it out for _build)
endif
ifneq (,$(findstring :,$(CURDIR)$(BUILD)))
$(error there is a colon in the path of this checkout or in BUILD, and a colon ends an entry of PATH: move the checkout to, or build in, a folder without one)
endif

VENV ?= $(if $(filter _build,$(BUILD)),.venv,$(if $(wildcard .venv/installed),.venv,$(BUILD)/venv))

export PYTHONPATH := $(CURDIR)/src
# names of networks hold parentheses and spaces, and so may a folder's: the shell is handed them in the environment, and Python takes them apart
export MODELS IMAGES SITE
RUN := $(VENV)/bin/python -m
EDITION = --build "$(BUILD)" --dataset "$(DATASET)" --device "$(DEVICE)" --seed="$(SEED)" $(if $(JOBS),--jobs $(JOBS))
# where an edition is built, by its profile: with the name of a data set that is not the usual one
FOLDER = $(BUILD)/$(1)$(if $(filter-out mnist,$(DATASET)),-$(DATASET))
# tests share the cores out among workers of one thread each
PYTEST = OMP_NUM_THREADS=1 $(RUN) pytest --numprocesses $(or $(JOBS),logical) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help install book zip pdf test models training reference browser bench lint format requirements clean rendered

help: ## this list
	@grep -E '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | expand -t 14
	@echo "Settings: PROFILE=smoke|paper|full CHAPTERS=\"units noise\" DATASET=mnist|fashion-mnist|kmnist DEVICE=auto|cpu|cuda SEED=0 IMAGES=<a folder of your own photographs> SITE=<address at which you publish the book> BUILD=_build JOBS=<chapters or tests at once>"

install: $(VENV)/installed ## what the book needs, into .venv
$(VENV)/installed: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v < (3, 11) and "error: needs Python 3.11 or newer, got %d.%d: name another with PYTHON=python3.12" % v)'
	@$(PYTHON) -m helpers prepare --build "$(BUILD)"
	$(PYTHON) -m venv "$(VENV)"
	$(RUN) pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

book: install ## execute the chapters (those that are not done yet) and render them: the main job
	$(RUN) helpers execute $(EDITION) --profile $(PROFILE) $(CHAPTERS)
	$(RUN) helpers render $(EDITION) --profile $(PROFILE) $(CHAPTERS)

rendered:
	@test -f "$(call FOLDER,$(PROFILE))/html/index.html" || { echo "error: there is no rendered book in $(call FOLDER,$(PROFILE))/html: run make book with the same settings first" >&2; exit 2; }

zip: rendered install ## the rendered book as a zip that opens from the disk without a server
	$(RUN) helpers zip $(EDITION) --profile $(PROFILE)

pdf: rendered install ## the rendered book as one PDF (needs Chromium)
	$(RUN) helpers pdf $(EDITION) --profile $(PROFILE)
	PDF="$(call FOLDER,$(PROFILE))/intriguing-properties-executed.pdf" $(RUN) pytest --quiet tests/pdf.py

test: install ## unit tests, then every chapter under smoke: executed, validated, rendered, checked
	$(PYTEST)
	$(RUN) helpers execute $(EDITION) --profile smoke $(CHAPTERS)
	$(RUN) helpers validate $(EDITION) --profile smoke $(CHAPTERS)
	$(RUN) helpers render $(EDITION) --profile smoke $(CHAPTERS)
	HTML="$(call FOLDER,smoke)/html" $(RUN) pytest --quiet tests/book.py

models: install ## train the networks that lack a checkpoint (MODELS="FC10(1), FC100-100-10/seed 1" for some, FORCE=1 for those that have one)
	$(RUN) helpers.models --dataset $(DATASET) --device $(DEVICE) $(if $(FORCE),--force) "$$MODELS"

training: install ## train with every recipe five times and measure the networks (an hour and a half on one core; goes on after an interruption), for results/training/
	$(RUN) helpers.trials --held-out
	$(RUN) helpers.trials

reference: install ## execute the chapters in book/ under paper, in place, with their results: what is committed
	$(RUN) helpers execute $(EDITION) --profile paper $(CHAPTERS)
	$(RUN) helpers validate $(EDITION) --profile paper $(CHAPTERS)
	$(RUN) helpers reference $(EDITION) --profile paper $(CHAPTERS)

browser: rendered install ## open every page of the rendered book in Chromium, no other host in reach
	HTML="$(call FOLDER,$(PROFILE))/html" $(PYTEST) tests/browser.py

bench: install ## measure the search beside other libraries' attacks, and the operator norm beside other methods (an hour), for results/benchmarks/
	$(RUN) pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements.txt
	OPENBLAS_NUM_THREADS=1 $(VENV)/bin/python benchmarks/search.py
	$(VENV)/bin/python benchmarks/optimality.py --again
	$(VENV)/bin/python benchmarks/spectral.py

lint: install ## ruff, mypy, import-linter, codespell
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/codespell

format: install ## let ruff rewrite what it can
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

requirements: install ## compile requirements.txt from pyproject.toml anew, with hashes (needs uv)
	uv pip compile pyproject.toml --extra book --extra test --extra lint --extra browser --universal --python-version 3.11 --generate-hashes -o requirements.txt >/dev/null
	uv pip compile pyproject.toml --extra bench --extra test --universal --python-version 3.11 --generate-hashes -c requirements.txt -o benchmarks/requirements.txt >/dev/null

clean: ## remove everything that was built, and nothing else
	$(or $(wildcard $(VENV)/bin/python),$(PYTHON)) -m helpers clean --build "$(BUILD)"
