#!/bin/bash
# Installs what is missing on a Debian machine and starts the container engine when none
# answers. Running it again is safe and quick.
set -euo pipefail

state="${SLUICE_CACHE:-$PWD/.cache}/engine"
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
say() { printf 'setup: %s\n' "$*" >&2; }

# engine_answers asks the API itself: a docker client need not be installed.
engine_answers() {
    [ -S /var/run/docker.sock ] &&
        curl --silent --max-time 5 --unix-socket /var/run/docker.sock http://docker/_ping 2>/dev/null | grep -q OK
}

install_missing() {
    local wanted=() pair
    for pair in git:git curl:curl mmdebstrap:mmdebstrap gcc:gcc iptables:iptables tini:tini php:php-cli mkfs.xfs:xfsprogs restic:restic ssh:openssh-client rsync:rsync npm:npm; do
        command -v "${pair%%:*}" >/dev/null || wanted+=("${pair#*:}")
    done
    [ -e /usr/lib/openssh/sftp-server ] || wanted+=(openssh-sftp-server)
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || wanted+=(debian-archive-keyring)
    if ! engine_answers && ! command -v dockerd >/dev/null; then
        wanted+=(docker.io)
    fi
    [ ${#wanted[@]} -gt 0 ] || return 0
    say "installing ${wanted[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
}

start_engine() {
    engine_answers && return 0
    if [ -d /run/systemd/system ]; then
        say "starting docker.service"
        as_root systemctl start docker.service
    else
        say "starting dockerd (its log: $state/dockerd.log)"
        mkdir -p "$state"
        as_root setsid dockerd >"$state/dockerd.log" 2>&1 </dev/null &
        disown
    fi
    for _ in $(seq 120); do
        if engine_answers; then
            # Remembered so that `make demo-down` stops the engine only if this started it.
            if [ -f /var/run/docker.pid ] && [ -d "$state" ]; then cp /var/run/docker.pid "$state/dockerd.pid"; fi
            return 0
        fi
        read -r -t 0.25 <> <(:) || true
    done
    say "the container engine does not answer on /var/run/docker.sock; see $state/dockerd.log"
    exit 1
}

if ! command -v go >/dev/null; then
    say "Go is missing; install Go 1.26 and put it on the PATH"
    exit 1
fi
install_missing
start_engine
