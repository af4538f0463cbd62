# The project's commands. Each does its own set-up; `make` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
# The checkers of the deployment files weigh as much as the rest together, so they have an environment of their own.
VENV_DEPLOY ?= .venv-deploy
STAMP_DEPLOY := $(VENV_DEPLOY)/.stamp
VENV_FAILOVER ?= .venv-failover
STAMP_FAILOVER := $(VENV_FAILOVER)/.stamp
# And so has what makes a site of the documents.
VENV_DOCS ?= .venv-docs
STAMP_DOCS := $(VENV_DOCS)/.stamp
PORT ?= 8000
export PORT
# Without its bytecode at hand every command would compile 2,000 modules first: 5 s instead of 2.
unexport PYTHONDONTWRITEBYTECODE

# Set-up trusts what the system trusts: many a proxy signs with an authority of its house. uv asks the system itself, pip
# and npm are given its bundle, the first of these that is there. What the environment names already stays.
CERTIFICATES := $(firstword $(wildcard $(SSL_CERT_FILE) /etc/ssl/certs/ca-certificates.crt \
	/etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem))
ifneq ($(CERTIFICATES),)
PIP_CERT ?= $(CERTIFICATES)
NODE_EXTRA_CA_CERTS ?= $(CERTIFICATES)
UV_SYSTEM_CERTS ?= true
export PIP_CERT NODE_EXTRA_CA_CERTS UV_SYSTEM_CERTS
endif

# A folder of advisories as OSV records: the export for PyPI, unpacked. None comes along.
ADVISORIES ?= advisories

.DEFAULT_GOAL := help
.PHONY: help run test test-deploy test-browser screenshots check format messages bench failover soak fuzz audit sbom docs lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(STAMP) ## start the CRM with demo data on http://127.0.0.1:$(PORT)
	$(BIN)/crm serve --demo

test: $(STAMP) ## run every test (needs no service; brings its own PostgreSQL)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-browser: $(STAMP) ## the browser tests in every width and both themes
	BROWSER_MATRIX=whole $(BIN)/pytest -n 2 --dist loadfile tests/browser

test-deploy: $(STAMP) $(STAMP_DEPLOY) ## check the deployment files, build the image and start the compose file where root and podman allow it
	PATH="$(abspath $(VENV_DEPLOY))/bin:$$PATH" $(BIN)/pytest -rs tests/deploy

screenshots: $(STAMP) ## take the pictures of README and docs anew, of a CRM of their own with demo data
	$(BIN)/python -m tools.screenshots

check: $(STAMP) ## format, lint, types, direction of imports, risky code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -ll -r app -c pyproject.toml

format: $(STAMP) ## let ruff format and repair what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

messages: $(STAMP) ## collect the sentences of the application and bring the catalogues of translations up to date
	$(BIN)/python -m tools.messages

bench: $(STAMP) ## measure fast operations beside pgbench at 10 k and 1 M patients, the search, the pages, the migration
	$(BIN)/python -m bench
	$(BIN)/python -m bench.search
	$(BIN)/python -m bench.pages
	$(BIN)/python -m bench.legacy

failover: $(STAMP) $(STAMP_FAILOVER) ## kill the primary of a cluster under writes, FAILOVERS times (3; 50 is the long form); needs etcd and haproxy
	FAILOVER_PATRONI=$(VENV_FAILOVER) $(BIN)/python -m bench.failover

soak: $(STAMP) ## kill, cut, fill and mislead the CRM under writes for about SOAK_SECONDS (300) and some minutes; root, haproxy and libfaketime for all of it
	$(BIN)/python -m bench.soak

fuzz: $(STAMP) ## the long form of the API fuzzing (FUZZ_SECONDS, 600 unless told) and of later legacy exports (CRM_LEGACY_SEEDS, 200)
	FUZZ_SECONDS=$${FUZZ_SECONDS:-600} $(BIN)/pytest tests/fuzz -rP
	CRM_LEGACY_SEEDS=$${CRM_LEGACY_SEEDS:-200} $(BIN)/pytest -n 2 tests/legacy/test_later_exports.py

audit: $(STAMP) ## match the locks against a snapshot of advisories: the folder ADVISORIES, advisories/ unless told
	$(BIN)/python -m tools.advisories $(ADVISORIES)

sbom: $(STAMP) $(STAMP_DEPLOY) ## build the wheel into dist/ with a bill of materials (CycloneDX) and a statement of provenance beside it
	$(BIN)/uv build --quiet --wheel --build-constraints requirements/dev.txt --require-hashes
	$(VENV_DEPLOY)/bin/python -m tools.sbom $(wildcard $(VENV)/lib/python*/site-packages) dist/*.whl

docs: $(STAMP) $(STAMP_DOCS) ## make a site of the documents and the API's description in build/site; a dead link fails
	$(BIN)/python -m tools.doc_site gather build/pages
	NO_MKDOCS_2_WARNING=1 $(VENV_DOCS)/bin/mkdocs build --strict --clean
	$(BIN)/python -m tools.doc_site check build/site

lock: $(STAMP) ## compile the locks anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/dev.txt
	$(BIN)/uv pip compile pyproject.toml -c requirements/dev.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements.txt
	$(BIN)/uv pip compile --group programs -c requirements/dev.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/programs.txt
	$(BIN)/uv pip compile --group parquet -c requirements/dev.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/parquet.txt
	$(BIN)/uv pip compile --group deploy --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/deploy.txt
	$(BIN)/uv pip compile --group docs --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/docs.txt
	$(BIN)/uv pip compile --group failover --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/failover.txt

clean: ## remove what the other commands made (the data folder stays)
	rm -rf $(VENV) $(VENV_DEPLOY) $(VENV_FAILOVER) $(VENV_DOCS) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache app/web/static/vendor

$(STAMP): requirements/bootstrap.txt requirements/dev.txt pyproject.toml $(wildcard hatch_build.py frontend/package-lock.json frontend/icons.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@echo "Setting up $(VENV) from the locked dependencies (about a minute, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync -q --require-hashes requirements/bootstrap.txt requirements/dev.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(STAMP_DEPLOY): requirements/bootstrap.txt requirements/deploy.txt
	@echo "Setting up $(VENV_DEPLOY) from its lock (about 600 MB, once) ..."
	@$(PYTHON) -m venv $(VENV_DEPLOY)
	@$(VENV_DEPLOY)/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV_DEPLOY) $(VENV_DEPLOY)/bin/uv pip sync -q --require-hashes requirements/bootstrap.txt requirements/deploy.txt
	@touch $@

$(STAMP_FAILOVER): requirements/bootstrap.txt requirements/failover.txt
	@$(PYTHON) -m venv $(VENV_FAILOVER)
	@$(VENV_FAILOVER)/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV_FAILOVER) $(VENV_FAILOVER)/bin/uv pip sync -q --require-hashes requirements/bootstrap.txt requirements/failover.txt
	@touch $@

$(STAMP_DOCS): requirements/bootstrap.txt requirements/docs.txt
	@echo "Setting up $(VENV_DOCS) from its lock ..."
	@$(PYTHON) -m venv $(VENV_DOCS)
	@$(VENV_DOCS)/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV_DOCS) $(VENV_DOCS)/bin/uv pip sync -q --require-hashes requirements/bootstrap.txt requirements/docs.txt
	@touch $@
