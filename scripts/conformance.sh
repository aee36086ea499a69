#!/bin/bash
# Runs public test suites against sluice-router (make conformance): h2spec, which
# is a Go module, and cache-tests when CACHE_TESTS names a checkout of it:
#
#   git clone https://github.com/http-tests/cache-tests && (cd cache-tests && npm install --omit=dev)
#   make conformance CACHE_TESTS=$PWD/cache-tests
#
# cache-tests needs Node.js and a machine that is not busy: it judges by seconds.
set -euo pipefail

cache="${SLUICE_CACHE:-$PWD/.cache}/bin"
bin="${SLUICE_BIN:-$PWD/bin}"
h2spec="$cache/h2spec"
[ -x "$h2spec" ] || GOBIN="$cache" go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible
mkdir -p "$bin"
go build -o "$bin/" ./cmd/sluice-router ./e2e/conformance
"$bin/conformance" -router "$bin/sluice-router" -h2spec "$h2spec" -cache-tests "${CACHE_TESTS:-}" "$@"
