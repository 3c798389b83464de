# Everything runs through npm scripts, because npm puts node_modules/.bin first on PATH: Node 24 is there, whatever version
# the machine has.

SHELL := /bin/bash
NPM := npm --silent
# npm writes this file at the end of every successful install.
INSTALLED := node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help demo control-plane test bench profile soak check audit format generate bundle image e2e kind clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## Start a control plane with the operator, show what it does, and stay until Ctrl-C
	@$(NPM) run demo

control-plane: $(INSTALLED) ## Start a control plane alone, print its KUBECONFIG, and stay until Ctrl-C
	@node_modules/.bin/node testbed/control-plane/main.ts

test: $(INSTALLED) ## Run all tests, with a real kube-apiserver; on another version: KUBERNETES=1.33.13 make test
	@$(NPM) test

bench: $(INSTALLED) ## Compare the operator's speed with the limit of the API server (about 15 minutes)
	@$(NPM) run bench

profile: $(INSTALLED) ## Make a CPU profile of the operator under load
	@$(NPM) run profile

soak: $(INSTALLED) ## Run the fault tests for an hour, or for SOAK_MINUTES
	@$(NPM) run soak

check: $(INSTALLED) ## Check types, lint, format, imports, unused code, generated files, duplicates and prose
	@$(NPM) run check

audit: $(INSTALLED) ## Check the installed packages for known vulnerabilities
	@$(NPM) run audit

format: $(INSTALLED) ## Format all files with Prettier
	@$(NPM) run format

generate: $(INSTALLED) ## Regenerate the CRD, the admission policies and install.yaml
	@$(NPM) run generate

bundle: $(INSTALLED) ## Bundle the operator into dist/: one file that needs Node only
	@$(NPM) run bundle

image: ## Build the image with docker, podman or buildah: IMAGE, BUILD_IMAGE, RUNTIME_IMAGE, PLATFORMS (hack/image.sh)
	@hack/image.sh

e2e: $(INSTALLED) ## Test the chart on the cluster of KUBECONFIG; IMAGE names an image that its nodes can run
	@$(NPM) run e2e

kind: $(INSTALLED) ## Create a kind cluster, build and load the image, and run e2e in it
	@hack/kind.sh

clean: ## Remove installed packages and build output from this checkout (the cache outside it stays)
	rm -rf node_modules coverage dist

$(INSTALLED): package-lock.json
	@echo "Installing packages with npm ci (about half a minute) …"
	@npm ci --loglevel=error --no-audit --no-fund
	@[[ "$$(node_modules/.bin/node --version)" > v24 ]] || { \
	  echo "npm did not install Node 24: is ignore-scripts set? See \`npm config get ignore-scripts\`." >&2; exit 1; }
	@touch $(INSTALLED)
