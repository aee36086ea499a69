#!/bin/bash
# Measures deployments on this machine, then the packages that have benchmarks of their
# own. docs/benchmarks.md says how to read the figures. The comparison with docker and
# compose is skipped when they are missing and cannot be installed.
set -euo pipefail

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
say() { printf 'bench: %s\n' "$*" >&2; }

# docker_with_buildkit prints a docker command that builds with BuildKit: one that has
# buildx, or one before 23, which needs none.
docker_with_buildkit() {
    local docker version
    for docker in docker /usr/bin/docker; do
        command -v "$docker" >/dev/null || continue
        version=$("$docker" --version | grep -oE '[0-9]+' | head -1)
        if [ "${version:-99}" -lt 23 ] || "$docker" buildx version >/dev/null 2>&1; then
            echo "$docker"
            return
        fi
    done
}

compose_command() {
    if docker compose version >/dev/null 2>&1; then
        echo docker compose
    elif command -v docker-compose >/dev/null; then
        echo docker-compose
    fi
}

# offered prints those of the packages that this Debian has.
offered() {
    local package
    for package in "$@"; do
        if apt-cache show "$package" >/dev/null 2>&1; then echo "$package"; fi
    done
}

install_missing() {
    local wanted=() packages
    [ -n "$(docker_with_buildkit)" ] || wanted+=(docker.io docker-cli docker-buildx)
    [ -n "$(compose_command)" ] || wanted+=(docker-compose)
    command -v rsync >/dev/null || wanted+=(rsync)
    [ ${#wanted[@]} -gt 0 ] || return 0
    as_root apt-get update -qq || return 1
    mapfile -t packages < <(offered "${wanted[@]}")
    say "installing ${packages[*]}, to compare with"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

if ! command -v apt-get >/dev/null || ! install_missing; then
    say "could not install docker or compose"
fi
SLUICE_BENCH_DOCKER=$(docker_with_buildkit)
SLUICE_BENCH_COMPOSE=$(compose_command)
if [ -z "$SLUICE_BENCH_DOCKER" ] || [ -z "$SLUICE_BENCH_COMPOSE" ]; then
    say "skipping the comparison: docker with BuildKit: ${SLUICE_BENCH_DOCKER:-missing}; compose: ${SLUICE_BENCH_COMPOSE:-missing}"
fi
export SLUICE_BENCH=1 SLUICE_BENCH_DOCKER SLUICE_BENCH_COMPOSE
export SLUICE_REQUIRE=docker SLUICE_BIN="${SLUICE_BIN:-$PWD/bin}"

# In its directory, so that the figures are printed as they are.
(cd e2e && go test -run '^TestBench$' -count 1 -timeout 15m)
echo
(cd e2e && go test -run '^TestBenchData$' -count 1 -timeout 40m)

# part RUNS PACKAGE...: the benchmarks of packages, each that many times.
part() {
    go test -run '^$' -bench . -benchtime "$1" -timeout 5m "${@:2}" | grep --line-buffered -E '^(Benchmark|FAIL|---|panic)'
}
echo
echo "Parts by themselves (go test -bench)"
part 0.2s ./internal/edge ./internal/manifest
part 3x ./internal/gitrepo
part 1x ./internal/build/buildkit ./internal/toolkit/static
echo
echo "The toolkit: whole processes (go test -bench)"
part 1s ./cmd/sluice-toolkit
