# What the demo scripts share; sourced, not run.
root="$PWD"
cache="${SLUICE_CACHE:-$root/.cache}"
demo="$cache/demo"
data="$demo/data"
bin="$root/bin"
api_port="${SLUICE_DEMO_API_PORT:-7070}"
http_port="${SLUICE_DEMO_HTTP_PORT:-8080}"
https_port="${SLUICE_DEMO_HTTPS_PORT:-8443}"
router_socket="$data/router/control.sock"
project=shop
export SLUICE_URL="http://127.0.0.1:$api_port"
export XDG_CONFIG_HOME="$demo/config"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
running() { [ -f "$demo/$1.pid" ] && kill -0 "$(cat "$demo/$1.pid")" 2>/dev/null; }

# start NAME COMMAND...: a daemon with its own session, log and pid file; one that runs an
# older binary is replaced.
start() {
    local name=$1
    shift
    if running "$name"; then
        [ "$bin/$name" -nt "$demo/$name.pid" ] || return 0
        stop "$name"
    fi
    setsid "$@" >>"$demo/$name.log" 2>&1 </dev/null &
    echo $! >"$demo/$name.pid"
    disown
}

# stop NAME: SIGTERM, and wait until it is gone.
stop() {
    local name=$1 pid
    [ -f "$demo/$name.pid" ] || return 0
    pid=$(cat "$demo/$name.pid")
    if kill "$pid" 2>/dev/null; then
        tail --pid="$pid" -f /dev/null
    fi
    rm -f "$demo/$name.pid"
}

# remove PREFIX: stops both programs and removes all containers, networks and data.
remove() {
    stop sluiced
    if [ -x "$bin/sluiced" ] && [ -d "$data" ] && [ -S /var/run/docker.sock ]; then
        "$bin/sluiced" down --data-dir "$data" --prefix "$1" --data
    fi
    stop sluice-router
    if mountpoint -q "$data/pool"; then umount "$data/pool"; fi
    rm -rf "$demo"
}

# await WHAT COMMAND...: until the command succeeds.
await() {
    local what=$1
    shift
    for _ in $(seq 200); do
        "$@" >/dev/null 2>&1 && return 0
        read -r -t 0.1 <> <(:) || true
    done
    echo "demo: $what did not come up; see $demo/*.log" >&2
    exit 1
}
