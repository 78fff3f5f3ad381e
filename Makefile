# The daily verbs. `make demo` and `make test` set up everything by themselves.
SHELL := /bin/bash
PYTHON ?= python3
DB ?= sqlite
BIN := .venv/bin
# Containers often forbid it: then every process of a test or of the demo, and there are hundreds, would compile it all anew.
export PYTHONDONTWRITEBYTECODE :=

# Seconds that each part of `make test` may take on 2 quiet cores; what took longer says so. A part that hangs is stopped
# at five times its budget: a busy neighbour must not fail a good change.
PURE := 90
DATABASES := 150
BROWSER := 120
END_TO_END := 150
STORES := 240

.PHONY: demo test check bench dev lock format test-pure test-databases test-browser test-end-to-end test-stores test-stores-installed clean

demo: .venv/.demo  ## from nothing to a running system; ONCE=1 exits by itself, DB=postgresql starts its own server
	@$(BIN)/python -m sandbox.demo --db $(DB) $(if $(ONCE),--once)

dev: .venv/.run  ## web and worker in one terminal, with the settings of .env
	@test -f .env || $(BIN)/connector init
	@$(BIN)/connector migrate && $(BIN)/connector dev

test: .venv/.test test-pure test-databases test-browser test-end-to-end  ## everything, under 10 minutes on 2 cores

# To find the few tests of a mark pytest would import all files: it is given those that spell it (`tests/conftest.py` holds
# them to that).
BROWSER_FILES = tests/browser $(shell grep -rlE 'mark\.browser\b' tests --include='test_*.py')
END_TO_END_FILES = $(shell grep -rlE 'mark\.(end_to_end|kill)\b' tests --include='test_*.py')

define within
	@echo "== $(1): budget $(2) s"; start=$$SECONDS; \
	timeout --foreground $$((5 * $(2))) $(BIN)/pytest $(3); code=$$?; took=$$((SECONDS - start)); \
	echo "== $(1): $$took s of $(2)$$([ $$took -gt $(2) ] && echo ', OVER BUDGET')"; exit $$code
endef

test-pure: .venv/.test
	$(call within,pure,$(PURE),-n 2 -m "not database and not browser and not end_to_end and not kill and not store")

test-databases: .venv/.test
	$(call within,both databases,$(DATABASES),-n 2 --dist worksteal -m "database and not browser and not end_to_end and not kill and not store")

test-browser: .venv/.test
	$(call within,browser,$(BROWSER),-n 2 --dist loadfile -m "browser" $(BROWSER_FILES))

test-end-to-end: .venv/.test
	$(call within,end-to-end and kills,$(END_TO_END),-n 2 --dist loadfile -m "(end_to_end or kill) and not browser and not store" $(END_TO_END_FILES))

# Installs (once, about a minute a store) what of the real stores can be had; the tests of the others are skipped and say why.
test-stores: .venv/.test  ## joins, sync, orders and refunds against real stores from npm packages; not part of `make test`
	@for store in tests/stores/*/store.sh; do \
		$$store install || echo "== $$store: its packages can't be had, its tests are skipped"; done
	@$(MAKE) --no-print-directory test-stores-installed

test-stores-installed: .venv/.test  ## the same for the stores whose packages are there; CI names them in STORES_INSTALLED
	$(call within,stores,$(STORES),-n 0 -rs -m store tests/stores)

check: .venv/.test  ## what CI checks before the tests: style, types, who may import whom
	$(BIN)/pip check --quiet
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.test  ## benchmarks, each beside a peer in the same run; the table goes into bench/README.md by hand
	$(BIN)/python -m bench.sync
	$(BIN)/python -m bench.sync_singer
	$(BIN)/python -m bench.sync_platforms
	$(BIN)/python -m bench.sync_fair
	$(BIN)/python -m bench.first_sync
	$(BIN)/python -m bench.acceptance
	$(BIN)/python -m bench.drain
	$(BIN)/python -m bench.engine
	$(BIN)/python -m bench.product_page
	$(BIN)/python -m bench.burst
	$(BIN)/python -m bench.search
	$(BIN)/python -m bench.settlement
	$(BIN)/python -m bench.payouts

.venv/bin/python:
	$(PYTHON) -m venv .venv

# One stamp a stage, so that the demo does not wait for what only the tests need. The locks name everything, so nothing is
# resolved here: pip would hold `pydantic[email]`, asked for by APIFlask, against the newest release and not the locked one.
.venv/.run: requirements/run.lock pyproject.toml | .venv/bin/python
	@echo "Installing (once) …"
	@$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements/run.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/.demo: requirements/demo.lock .venv/.run
	@$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements/demo.lock
	@touch $@

.venv/.test: requirements/test.lock .venv/.demo
	@$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements/test.lock
	@touch $@

lock: | .venv/bin/python  ## resolve requirements/*.in anew into the pinned, hashed locks
	@$(BIN)/pip install --quiet uv
	@for name in run demo test; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
			requirements/$$name.in -o requirements/$$name.lock || exit 1; done

clean:
	rm -rf .venv var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
