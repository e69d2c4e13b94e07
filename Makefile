# simweb: `make run` starts everything, `make test` checks everything. Both prepare the environment first.

PYTHON ?= python3
PORT ?= 8000
VENV := var/venv
PY := $(VENV)/bin/python

export PYTHONPYCACHEPREFIX := $(CURDIR)/var/cache/pycache
export PORT

.PHONY: run test setup screenshots help

run: setup  ## start the dashboard at http://localhost:$(PORT)
	@exec $(PY) manage.py run

test: setup  ## every check: style, types, floors, migrations, tests, browser
	$(PY) -m ruff check --quiet .
	$(PY) -m ruff format --check --quiet .
	$(PY) -m mypy --no-error-summary .
	$(VENV)/bin/lint-imports --cache-dir var/cache/import_linter
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m pytest -n auto --dist loadfile --cov --cov-report=term $(PYTEST)

setup: $(VENV)/.ready  ## prepare the environment in var/

$(VENV)/.ready: requirements.txt
	@mkdir -p var
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "simweb needs Python 3.11 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python cannot make an environment here: its venv module is missing (Debian: apt install python3-venv)."; exit 1; }
	@echo "Preparing the environment in $(VENV) (once; a few minutes) ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $@

screenshots: setup  ## walk the flow with the example; pictures of every page into var/screenshots, the best into docs/pictures
	@$(PY) -m tests.browser.screenshots --publish

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*##/ —/'
