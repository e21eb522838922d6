# gateway-token-operator: what a developer and CI run. Everything is built from Go
# modules, into bin/; Go, bash, git and awk are all that must be there before.

SHELL := bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The control plane of tests, demo and `make dev`; KUBEBUILDER_ASSETS, when set, wins.
ASSETS = $(shell hack/devcluster/build.sh --assets)

# What controller-gen writes beside the deep copies. RBAC is written by hand, in
# config/rbac: to have it from markers, add `rbac:roleName=… output:rbac:dir=…` and
# the packages that have them.
MANIFESTS = crd output:crd:dir=config/crd/bases

# What `make test-race` selects. RACE_PACKAGES have goroutines of their own, or tests that start the operator: with real watches and caches,
# on a real control plane. The controllers tell their stories on models, but for those that tell one again for each effect and fault: of
# these there is a slice of the crash campaign, one in RACE_SPARED of its runs. The soak plays RACE_ROUNDS.
RACE_PACKAGES ?= ./cmd/... ./internal/app ./internal/consumers/... ./internal/metrics ./internal/simulator/... \
	./internal/vendors/... ./internal/controller/accounts ./internal/controller/gatewaytoken ./internal/controller/issuer \
	./internal/controller/named ./internal/controller/turns ./internal/controller/wake ./internal/testkit/stack ./test/soak
RACE_SKIPPED ?= ^TestEveryEffectGoesWrong|^TestNothingIsDisclosed$$|^TestRestore$$
RACE_SPARED ?= 1000
RACE_ROUNDS ?= 5

# What `make states` leaves out: the same stories once more, for each effect and fault.
UNRECORDED ?= ^TestEveryEffectGoesWrong|^TestNothingIsDisclosed$$|^TestTales$$|^TestRestore$$

ROUNDS ?= 50
SEED   ?= 1
VENDOR ?=
ARGS   ?=

MODULE = github.com/gatewaytoken/gateway-token-operator

GO_BUILD = CGO_ENABLED=0 go build -trimpath -ldflags '-s -w'

GO_TEST_RACE = CGO_ENABLED=1 go test -race -timeout 30m

# Tests, and the programs in test/, find what they start in bin/ and by these.
WITH_TOOLS = KUBEBUILDER_ASSETS="$(ASSETS)" HELM="$$(hack/tool.sh helm)" KUSTOMIZE="$$(hack/tool.sh kustomize)"

# A line per package as it is done; packages without tests say nothing. Some awks would
# keep the lines until they have a block of them.
GO_TEST_LINES = grep --line-buffered -v 'no test files'

##@ Every day

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/manager and bin/vendorsim
	$(GO_BUILD) -o bin/ ./cmd/manager ./cmd/vendorsim

.PHONY: fmt
fmt: ## Format the Go code
	@"$$(hack/tool.sh golangci-lint)" fmt ./...

.PHONY: lint
lint: ## Check style, import rules and API conventions
	@"$$(hack/tool.sh golangci-lint)" run ./...

.PHONY: test
test: nodes helm ## Run the tests (some on a real control plane)
	@echo "go test ./..."
	@set -o pipefail; $(WITH_TOOLS) go test -timeout 20m ./... | $(GO_TEST_LINES)
	@go -C hack/image test ./...

.PHONY: test-race
test-race: nodes helm build bin/manager-race ## Run a selection of tests, of crash and of soak with the race detector (needs a C compiler)
	@echo "go test -race $(RACE_PACKAGES)"
	@set -o pipefail; $(WITH_TOOLS) $(GO_TEST_RACE) $(RACE_PACKAGES) | $(GO_TEST_LINES)
	@echo "go test -race ./internal/controller -model"
	@$(GO_TEST_RACE) -skip '$(RACE_SKIPPED)' ./internal/controller -model
	@echo "go test -race ./test/crash -spared $(RACE_SPARED)"
	@$(GO_TEST_RACE) ./test/crash -spared $(RACE_SPARED)
	@go build -o bin/soak ./test/soak
	@$(WITH_TOOLS) bin/soak --race --rounds $(RACE_ROUNDS) --seed $(SEED)

.PHONY: conformance
conformance: ## Run every vendor adapter against its simulator, and say what was tried
	@go run ./test/conformance

##@ The whole system on this machine

.PHONY: demo
demo: nodes helm build bin/manager-without-gate ## Tell the story of a token, or of one VENDOR only, and check every step
	@go build -o bin/demo ./test/demo
	@$(WITH_TOOLS) bin/demo $(if $(VENDOR),--vendor='$(VENDOR)') $(ARGS)

.PHONY: e2e
e2e: nodes helm build ## Install, upgrade, use and uninstall with the charts, as a user does, and check every step
	@go build -o bin/e2e ./test/e2e
	@$(WITH_TOOLS) bin/e2e $(ARGS)

.PHONY: chart-test
chart-test: control-plane helm ## Render both sides of every value of the charts, and have a real API server judge them
	@echo "go test ./charts/..."
	@$(WITH_TOOLS) go test -count=1 -v ./charts/... | awk '/^(---|ok|FAIL|panic)|^    --- (FAIL|SKIP)|_test.go/'

.PHONY: dev
dev: override ARGS += --stay
dev: demo ## Leave cluster, operator and simulator running to play with

# Argo CD's manifests come from the module that its binary is built from.
.PHONY: e2e-argocd
e2e-argocd: nodes helm argocd build ## Have Argo CD sync examples/argocd, and check every step (needs git; builds Argo CD, once)
	@go build -o bin/e2e-argocd ./test/argocd
	@$(WITH_TOOLS) ARGOCD="$$(hack/tool.sh argocd)" \
		ARGOCD_MODULE="$$(go -C hack/tools/argocd list -m -f '{{.Dir}}' github.com/argoproj/argo-cd/v3)" bin/e2e-argocd $(ARGS)

.PHONY: soak
soak: nodes helm build ## Kill the operator in ROUNDS rounds and compare vendors and cluster
	@go build -o bin/soak ./test/soak
	@$(WITH_TOOLS) bin/soak --rounds $(ROUNDS) $(if $(VENDOR),--vendor='$(VENDOR)') $(ARGS)

# Both are programs, not tests: what they start and what they find they say themselves.
.PHONY: crash
crash: ## Have everything go wrong at every point of every story, and then break the rules to see that it is noticed
	@go build -o bin/crash ./test/crash
	@go build -tags sabotage -o bin/crash-sabotaged ./test/crash
	@bin/crash $(if $(VENDOR),--vendor='$(VENDOR)') --seed $(SEED) $(ARGS)
	@$(if $(VENDOR)$(ARGS),true,bin/crash-sabotaged --sabotage --seed $(SEED))

.PHONY: control-plane
control-plane: ## Build etcd, kube-apiserver and kube-controller-manager, once
	@hack/devcluster/build.sh

.PHONY: nodes
nodes: ## Build the same, and what plays nodes: kube-scheduler and kwok
	@hack/devcluster/build.sh --nodes

# Reproducible: the same commit and the same Go give the same digest.
.PHONY: image
image: ## Build the operator's image for linux/amd64 and linux/arm64 below bin/image, without a daemon or a registry
	@go -C hack/image run . $(ARGS)

# What the demo compares the operator with: an operator that revokes a replaced token while pods hold it. Nothing but the demo starts
# it, and no image has it.
.PHONY: bin/manager-without-gate
bin/manager-without-gate:
	@$(GO_BUILD) -tags sabotage -ldflags '-s -w -X $(MODULE)/internal/sabotage.chosen=IgnorePods' -o $@ ./cmd/manager

# The operator with the race detector, for the soak of `make test-race`.
.PHONY: bin/manager-race
bin/manager-race:
	@CGO_ENABLED=1 go build -race -trimpath -o $@ ./cmd/manager

.PHONY: helm
helm: # Helm and kustomize, once: charts and config/ are rendered and installed with them
	@hack/tool.sh helm >/dev/null
	@hack/tool.sh kustomize >/dev/null

.PHONY: argocd
argocd: # Argo CD, once
	@hack/tool.sh argocd >/dev/null
	@go -C hack/tools/argocd mod download github.com/argoproj/argo-cd/v3

##@ Generated files and checks

.PHONY: generate
generate: manifests ## Write everything that is generated
	@"$$(hack/tool.sh controller-gen)" object paths=./api/...
	@go generate ./...
	@"$$(hack/tool.sh kustomize)" build config/default --output config/install.yaml
	@"$$(hack/tool.sh helm-docs)" --chart-search-root charts --log-level warning

# One object of every state that the controllers bring about in their tests, for test/gitops. Recording again gives the same.
.PHONY: states
states: ## Record the states that GitOps tools are tested with, from the controllers' tests on models
	@go test -timeout 30m ./internal/controller -model -record "$(CURDIR)/test/gitops/testdata/states" -skip '$(UNRECORDED)'

# The tools' own libraries are in modules of their own.
.PHONY: gitops
gitops: ## Test what Argo CD, Flux and External Secrets make of our objects and examples, with their own libraries
	@go -C test/gitops/argocd test -vet=off ./... # to vet what Argo CD is made of takes longer than all else
	@go -C test/gitops/flux test ./...
	@go -C test/consuming test ./...

.PHONY: manifests
manifests: ## Write the CRDs
	@"$$(hack/tool.sh controller-gen)" $(MANIFESTS) paths=./api/...

.PHONY: api-docs
generate: api-docs
api-docs: ## Write docs/reference/api.md
	@"$$(hack/tool.sh crd-ref-docs)" --config docs/gen/api/config.yaml --templates-dir docs/gen/api/templates --renderer markdown \
		--source-path api/v1alpha1 --output-path docs/reference/api.md --log-level ERROR

.PHONY: verify
verify: ## Check all that CI checks but the tests; fails when a generated file is stale
	@hack/verify.sh

.PHONY: clean
clean: ## Remove what was built, but the control plane and the tools, which take minutes
	@find bin -mindepth 1 -maxdepth 1 ! -name control-plane ! -name tools -exec rm -rf {} +
