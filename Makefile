# Everything runs through npm scripts, because npm puts node_modules/.bin first on PATH: Node 24 lies there, whatever
# Node the machine has.

SHELL := /bin/bash
NPM := npm --silent
# npm writes this file at the end of every successful install.
INSTALLED := node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help demo test soak check audit format generate clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## Bring up a control plane with the operator in it, show what it does, and stay until Ctrl-C
	@$(NPM) run demo

test: $(INSTALLED) ## Run all tests; integration tests run against a real kube-apiserver
	@$(NPM) test

soak: $(INSTALLED) ## The fault tests in their long form: an hour, or SOAK_MINUTES=…
	@$(NPM) run soak

check: $(INSTALLED) ## Check types, lint, format, imports, unused code, generated files and duplicates
	@$(NPM) run check

audit: $(INSTALLED) ## Ask the registry for known vulnerabilities of the installed packages
	@$(NPM) run audit

format: $(INSTALLED) ## Format all files with Prettier
	@$(NPM) run format

generate: $(INSTALLED) ## Write the generated files (CRD, admission policies) anew
	@$(NPM) run generate

clean: ## Remove what was installed and produced in this checkout (the cache of binaries outside it stays)
	rm -rf node_modules coverage

$(INSTALLED): package-lock.json
	@echo "Installing packages with npm ci (about half a minute) …"
	@npm ci --loglevel=error --no-audit --no-fund
	@[[ "$$(node_modules/.bin/node --version)" > v24 ]] || { \
	  echo "npm did not install Node 24: is ignore-scripts set? See \`npm config get ignore-scripts\`." >&2; exit 1; }
	@touch $(INSTALLED)
