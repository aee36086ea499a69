#!/bin/bash
# Compares sluice-router with kamal-proxy, Caddy, nginx and HAProxy on this machine (make
# bench-router). Installs wrk, h2load and the peers that Debian has, and skips with a clear line
# what is not there. kamal-proxy has no package: build it from its public source and name
# the binary in SLUICE_BENCH_KAMAL. Takes about twelve minutes.
set -euo pipefail

say() { printf 'bench-router: %s\n' "$*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# The packages would start services of their own, which are not wanted here.
install() {
    local policy=/usr/sbin/policy-rc.d ours=""
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod +x "$policy" && ours=1
    fi
    as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null || say "could not install $*"
    [ -z "$ours" ] || as_root rm -f "$policy"
}

wanted=()
for pair in wrk:wrk h2load:nghttp2-client nginx:nginx-light haproxy:haproxy caddy:caddy; do
    command -v "${pair%%:*}" >/dev/null || wanted+=("${pair#*:}")
done
if [ ${#wanted[@]} -gt 0 ] && command -v apt-get >/dev/null; then
    say "installing ${wanted[*]}, to compare with"
    install "${wanted[@]}"
fi
if ! command -v wrk >/dev/null; then
    say "skipped: wrk, which makes the load, is not there and could not be installed"
    exit 0
fi

ulimit -n "$(ulimit -Hn)" # thousands of connections
bin="${SLUICE_BIN:-$PWD/bin}"
go build -o "$bin/" ./cmd/sluice-router ./e2e/edgebench
"$bin/edgebench" -router "$bin/sluice-router" -kamal "${SLUICE_BENCH_KAMAL:-}" \
    -rounds "${SLUICE_BENCH_RUNS:-3}" "$@"

echo
echo "1,000 environments with 5 routes each (go test -bench)"
go test -run '^$' -bench 'Lookup|Reload' -benchtime 0.3s -benchmem ./internal/edge | grep --line-buffered -E '^(Benchmark|FAIL|---|panic)'
