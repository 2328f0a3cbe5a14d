# The course: `make` builds it and grades a sample class, `make test` tests all of it, `make help` lists the rest.

ASSIGNMENTS := $(notdir $(patsubst %/,%,$(wildcard solutions/*/)))
export PATH := $(CURDIR)/.venv/bin:$(PATH)

PAGES   := $(shell find book -type f -not -path '*/.*' -not -name '*.pyc')
LIBRARY := $(shell find genlab -type f -not -name '*.pyc')
SOURCES := $(shell find solutions -type f -not -path '*/.*')

# Tests side by side, those of a file one after the other: what they share is made once. A worker that crashes
# ends the run: xdist, when it replaces one, may wait for ever (its issue 1378).
PYTEST := pytest -q -n logical --dist loadfile --no-loadscope-reorder --max-worker-restart 0

.PHONY: all env book release grade quick test style nbval test-deep lock notebooks strip clean help
.DELETE_ON_ERROR:

all: book release grade ## environment, book, exercises, a sample class graded (the default)
	@echo
	@echo "The site:     _build/html/index.html"
	@echo "              open it in a browser, or: python3 -m http.server --directory _build/html 8000"
	@echo "The marks:    gradebook.db; in a browser: .venv/bin/jupyter lab, then Nbgrader > Formgrader"
	@echo "The feedback: feedback/<student>/<assignment>/<assignment>.html, a page for each submission"

env: .venv/installed ## the environment in .venv

.venv/installed: requirements.txt pyproject.toml .ci/setup
	@.ci/setup

book: _build/html/index.html ## the site in _build/html

_build/html/index.html: $(PAGES) _config.yml ETHICS.md _build/library _build/extensions | .venv/installed
	@echo "Building the book: its pages run (a minute or two the first time)"
	@touch _build/begun
	@jupyter-book build book --config _config.yml --path-output . -W -n --keep-going >_build/book.log 2>&1 || \
	    { cat _build/book.log; rm -rf _build/.doctrees; exit 1; } # .doctrees hides a fault from the next build
	@touch -r _build/begun $@ # what was edited in the meantime is for the next build

# Jupyter Book compares pages only: where an extension of the book has changed, every page must be made again,
_build/extensions: $(wildcard book/_extensions/*.py)
	@rm -rf _build/.doctrees
	@mkdir -p _build && touch $@

# and where the library has changed, it must run again.
_build/library: $(LIBRARY) requirements.txt
	@rm -rf _build/.jupyter_cache _build/.doctrees
	@mkdir -p _build && touch $@

release: .make/released ## the exercises, from solutions/

# Without a gradebook, nbgrader knows no assignment.
$(if $(wildcard gradebook.db),,$(shell rm -f .make/released))

.make/released: $(SOURCES) nbgrader_config.py | .venv/installed
	@for name in $(ASSIGNMENTS); do genlab release $$name || exit 1; done
	@mkdir -p .make && touch $@

grade: release ## grade what is new in submitted/, which starts as the sample class; write feedback
	@command -v bwrap >/dev/null || .ci/packages bubblewrap
	@[ -e submitted ] || python tests/grading/hand_in.py submitted
	@genlab grade $(ASSIGNMENTS); graded=$$?; genlab feedback $(ASSIGNMENTS) && exit $$graded

quick: style ## before each commit: style, types, and the tests that take seconds
	$(PYTEST) -m "not slow"

test: env ## everything: unit tests, solutions, the class, the site, the book's notebooks
	@command -v bwrap >/dev/null || .ci/packages bubblewrap
	@command -v chromium >/dev/null || .ci/packages chromium
	$(MAKE) --jobs=2 --output-sync=line style book nbval
	$(PYTEST)

style: env
	ruff check . && ruff format --check .
	mypy

nbval: env
	$(PYTEST) --nbval-lax --nbval-current-env book

test-deep: env ## right answers and wrong ideas of all assignments, with 20 seeds in place of 2 (tests/README.md)
	GENLAB_SEEDS=20 $(PYTEST) --dist load tests/assignments -m "not slow"

notebooks: env ## run the book's notebooks and keep the outputs that the text relies on
	python -m genlab.notebooks run book

strip: env ## clean the notebooks in book/ and solutions/
	python -m genlab.notebooks strip book solutions

lock: env ## renew requirements.txt from pyproject.toml
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile pyproject.toml --quiet --upgrade --universal \
	    --python-version 3.11 --extra course --extra book --extra test --output-file requirements.txt
	echo . >> requirements.txt

clean: ## remove what was built; submissions, marks and feedback stay
	rm -rf _build .make .mypy_cache .ruff_cache

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12
