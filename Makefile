# Two words do everything on a fresh machine: `make demo` and `make test`. `make` by itself lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# Debian's keys, which Ubuntu does not have by itself.
KEYS := /usr/share/keyrings/debian-archive-keyring.gpg
SLOW := tests/e2e tests/apiserver tests/year tests/judgement tests/image tests/browser tests/grafana tests/mutants tests/fuzz

.PHONY: help
help: ## list the words
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(VENV)/.runtime: requirements.lock pyproject.toml
	@tools/venv.sh "$(PYTHON)" "$(VENV)"
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.develop: $(VENV)/.runtime requirements-dev.lock
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: demo
demo: $(VENV)/.runtime ## simulate a small AKS cluster, run the agents against it, say what to open
	$(BIN)/python -m simulation $(DEMO_FLAGS)

.PHONY: tools
tools: ## Debian packages for the tests: promtool, Prometheus and Alertmanager
	@tools/packages.sh promtool prometheus prometheus-alertmanager

.PHONY: test
test: $(VENV)/.develop tools ## the tests, under five minutes
	$(PYTEST) -n $(WORKERS) --dist worksteal $(addprefix --ignore=,$(SLOW)) $(PYTEST_FLAGS)

# Half as many again as there are processors: a good part of the tests wait for servers that say nothing.
WORKERS = $(shell $(PYTHON) -c 'import os; print(max(1, (os.cpu_count() or 1) * 3 // 2))')

# A flag for a variable of the same name in capitals, where it is set: BASE=x becomes --base "x".
given = $(if $($(shell echo $(1) | tr a-z A-Z)),--$(1) "$($(shell echo $(1) | tr a-z A-Z))")

.PHONY: image
image: ## build both container images with docker, podman or buildah (REGISTRY=… TAG=… PLATFORM=… PUSH=yes MINIMAL=yes BASE=… ENGINE=…)
	@$(PYTHON) tools/image.py $(foreach one,registry tag platform target base engine,$(call given,$(one))) \
		$(if $(PUSH),--push) $(if $(MINIMAL),--minimal)

.PHONY: release
release: package ## all that a release publishes, into dist/, and published nowhere (TAG=vX.Y.Z checks a tag too)
	$(BIN)/python -m tools.release

.PHONY: chart
chart: $(VENV)/.develop ## the Helm chart, checked and packed into dist/
	@mkdir -p dist
	"$$($(BIN)/python -m tools.helm)" lint --strict helm/aks-cert-exporter
	"$$($(BIN)/python -m tools.helm)" package --destination dist helm/aks-cert-exporter

.PHONY: package
package: $(VENV)/.develop ## the wheel, the source distribution and the krew manifest, into dist/
	@mkdir -p dist
	$(BIN)/python -m tools.krew
	$(BIN)/uv build --quiet --build-constraints requirements-build.lock --require-hashes --out-dir dist

.PHONY: test-e2e
test-e2e: $(VENV)/.develop tools ## the demo's fleet with the chart's rules in a real Prometheus and Alertmanager
	$(PYTEST) tests/e2e $(PYTEST_FLAGS)

.PHONY: test-apiserver
test-apiserver: $(VENV)/.develop ## against a real kube-apiserver: KUBEBUILDER_ASSETS, or built from Debian's source (minutes, once)
	@[ -n "$${KUBEBUILDER_ASSETS:-}" ] || tools/packages.sh $(KEYS)
	$(BIN)/python -m tools.apiserver
	$(PYTEST) tests/apiserver $(PYTEST_FLAGS)

.PHONY: test-image
test-image: $(VENV)/.develop ## build the image on a Debian base made on the spot, and try it (as root; installs buildah, crun, debootstrap)
	@tools/packages.sh buildah crun debootstrap $(KEYS)
	$(PYTEST) tests/image $(PYTEST_FLAGS)

.PHONY: test-year
test-year: $(VENV)/.develop tools ## findings held to alerts, and fleets through a simulated year under every rule (YEAR_UPDATE=yes keeps the lead times)
	$(PYTEST) -n auto tests/judgement tests/year $(PYTEST_FLAGS)

.PHONY: test-browser
test-browser: $(VENV)/.develop ## the pages in headless Chromium: light, dark, narrow, by keyboard (installs chromium and Prometheus)
	@tools/packages.sh chromium prometheus
	$(PYTEST) tests/browser $(PYTEST_FLAGS)

.PHONY: test-grafana
test-grafana: $(VENV)/.develop tools ## the dashboards as Grafana's own packages compute and draw them (installs Node packages, chromium)
	@tools/packages.sh node npm chromium
	$(PYTEST) tests/grafana $(PYTEST_FLAGS)

.PHONY: test-fuzz
test-fuzz: $(VENV)/.develop ## each property with a thousand examples, and whole nodes damaged at random (minutes)
	$(PYTEST) -n auto -m hypothesis --hypothesis-profile=long --timeout=900 $(addprefix --ignore=,$(filter-out tests/fuzz,$(SLOW))) $(PYTEST_FLAGS)

.PHONY: test-coverage
test-coverage: $(VENV)/.develop ## branch coverage of exporter/ by the tests that run it: fails below 95 %, and lists the gaps
	@$(BIN)/python -m tools.coverage_gate $(PYTEST_FLAGS)

.PHONY: test-mutants
test-mutants: $(VENV)/.develop tools ## a fixed sample of planted faults, each of which a test must notice (under five minutes)
	$(PYTEST) -n0 tests/mutants $(PYTEST_FLAGS)

.PHONY: mutants
mutants: $(VENV)/.develop tools ## plant faults in rules, chart and code and keep which were noticed (hours; ROOMS="rules facts" MOST=200 SEED=2, FRESH=yes or AGAIN=yes)
	$(PYTEST) -n auto -q $(addprefix --ignore=,$(SLOW) tests/rules tests/chart) --cov=exporter --cov-context=test --cov-report= --junitxml=.coverage.xml
	$(BIN)/python -m tools.mutants $(call given,most) $(call given,seed) $(if $(FRESH),--fresh) $(if $(AGAIN),--again) $(ROOMS)
	$(BIN)/python -m tools.generate

.PHONY: bench
bench: $(VENV)/.develop ## measure: latency, memory and lag (minutes; wants a quiet machine and Prometheus; NAMES="node web", KEEP=yes for the page)
	$(BIN)/python -m benchmarks $(if $(KEEP),--keep) $(NAMES)
	$(if $(KEEP),$(BIN)/python -m tools.generate)

.PHONY: check
check: $(VENV)/.develop ## lint, types, import contracts, workflow audit, versions, drift of generated files
	@$(BIN)/python -m tools.checks

.PHONY: format
format: $(VENV)/.develop ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: generate
generate: $(VENV)/.develop ## write the generated docs again
	$(BIN)/python -m tools.generate

.PHONY: pictures
pictures: $(VENV)/.develop ## draw the pictures of the documentation again (installs chromium and Prometheus)
	@tools/packages.sh chromium prometheus node npm
	$(BIN)/python -m tools.pictures
	$(BIN)/python -m tools.grafana.pictures

.PHONY: record-az
record-az: $(VENV)/.develop ## record again what Azure's command line takes (installs azure-cli, and throws it away)
	$(BIN)/python -m tools.azure_cli

.PHONY: lock
lock: $(VENV)/.develop ## resolve the dependencies anew, with hashes
	@tools/lock.sh "$(BIN)"

.PHONY: clean
clean: ## remove what the words above made
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
