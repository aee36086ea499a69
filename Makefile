# The two commands of a newcomer are `make demo` and `make test`; both install what is
# missing on a Debian machine (root, or sudo).
SHELL := /bin/bash
GOLANGCI_VERSION := v2.15.0
CACHE := $(CURDIR)/.cache
BIN := $(CURDIR)/bin
GOLANGCI := $(CACHE)/bin/golangci-lint-$(GOLANGCI_VERSION)
NFPM_VERSION := v2.41.3
NFPM := $(CACHE)/bin/nfpm-$(NFPM_VERSION)
# The OpenID Connect provider that log-ins are tested with.
PROVIDER_VERSION := v3.52.0
PROVIDER := $(CACHE)/bin/oidc-provider-$(PROVIDER_VERSION)
VERSITYGW_VERSION := v1.8.0
VERSITYGW := $(CACHE)/bin/versitygw-$(VERSITYGW_VERSION)
# What the tests and the demo need assembled; see `bin/sluiced images --list`.
IMAGES := php-8.2 mariadb-10.11 redis-7.0 rabbitmq-3.10
# And what only the tests need: builds with Node are in an image of their own, and one upgrades a service.
TEST_IMAGES := php-8.2-build mariadb-10.5
export SLUICE_CACHE := $(CACHE)

.PHONY: demo demo-down build packages test-packages test test-s3 test-quick lint bench bench-router differential edits magento-week conformance poison stock-client setup images clean generate

# Both need root for the container engine; with sudo: sudo make demo.

## demo: push the example shop through build, deploy and post-deploy on this machine
demo: setup build images
	@scripts/demo.sh

## demo-down: stop and remove everything that the demo started, but for the images
demo-down:
	@scripts/demo-down.sh

## build: the binaries in bin/
build:
	@mkdir -p $(BIN)
	CGO_ENABLED=0 go build -o $(BIN)/ ./cmd/...

## packages: .deb packages of server and client in dist/
packages: build $(NFPM)
	rm -rf $(CURDIR)/dist
	scripts/packages.sh $(NFPM) $(BIN) $(CURDIR)/dist

$(NFPM):
	@mkdir -p $(dir $@)
	GOBIN=$(CACHE)/bin go install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION)
	mv $(CACHE)/bin/nfpm $@

$(PROVIDER):
	@mkdir -p $(dir $@)
	GOBIN=$(CACHE)/bin/oidc go install github.com/zitadel/oidc/v3/example/server@$(PROVIDER_VERSION)
	mv $(CACHE)/bin/oidc/server $@

## test-packages: installs them into a Debian of their own; needs root and a Debian mirror
test-packages: packages
	SLUICE_REQUIRE=packages go test -count=1 -timeout 20m ./e2e/packages

## test: everything, Docker parts included; a skipped part is a failure
test: setup build images packages $(PROVIDER)
	@$(BIN)/sluiced images $(TEST_IMAGES)
	export SLUICE_STOCK_CLIENT=$$(scripts/stock-client.sh) && \
	SLUICE_REQUIRE=docker,packages,provider SLUICE_BIN=$(BIN) SLUICE_OIDC_PROVIDER=$(PROVIDER) go test -race -shuffle=on -timeout 20m ./...

## test-s3: backups on a real S3 server, which is installed for it; takes some minutes
test-s3: $(VERSITYGW)
	SLUICE_S3_SERVER=$(VERSITYGW) go test -tags s3 -count=1 -timeout 30m -v -run S3 ./internal/backup/restic

$(VERSITYGW):
	@mkdir -p $(dir $@)
	GOBIN=$(CACHE)/bin go install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW_VERSION)
	mv $(CACHE)/bin/versitygw $@

## test-quick: what needs neither Docker nor set-up; many tests wait rather than compute, so more run than there are cores
test-quick:
	go test -short -p 4 -parallel 8 ./...

## lint: formatting, vet, layers and style
lint: $(GOLANGCI)
	go mod tidy -diff
	go vet ./...
	$(GOLANGCI) run ./...

$(GOLANGCI):
	@mkdir -p $(dir $@)
	GOBIN=$(CACHE)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(CACHE)/bin/golangci-lint $@

## bench: medians of several runs with the parts named
bench: setup build images
	@scripts/bench.sh

## bench-router: the router beside other proxies; needs no container engine
bench-router:
	@scripts/bench-router.sh

## differential: the toolkit beside the original; ECE_TOOLS names an installed magento/ece-tools 2002.1.17
differential:
	go test -tags differential -timeout 60m -count=1 ./internal/toolkit/acceptance -run TestAgainstTheOriginal

## edits: random edits of the Magento in TREE that are said not to matter, against a full compilation; EDITS says how many
edits:
	go test -tags magento -timeout 10h -count=1 -v ./internal/stepinput -run TestEdits

## magento-week: a week of deployments of the Magento in TREE, among visitors; WEEK names the days
magento-week: setup build images
	@scripts/magento-week.sh

## conformance: h2spec, and cache-tests if CACHE_TESTS names a checkout, against the router
conformance:
	@scripts/conformance.sh

## poison: try for DURATION to make the cache show a visitor another visitor's page
poison:
	@scripts/poison.sh

## stock-client: run the stock command line client through docs/clients.md
stock-client: setup build images
	export SLUICE_STOCK_CLIENT=$$(scripts/stock-client.sh) && \
	go test -count=1 ./internal/httpapi -run TestStockClient && \
	SLUICE_BIN=$(BIN) SLUICE_REQUIRE=docker go test -count=1 ./e2e -run TestScripts/stock-client

## setup: install and start what is missing on this machine
setup:
	@scripts/setup.sh

## images: assemble the images of runtimes and services (kept for next time)
images: build
	@$(BIN)/sluiced images $(IMAGES)

## generate: documents that are made from the code
generate:
	go generate ./...

clean:
	rm -rf $(BIN) $(CACHE)
