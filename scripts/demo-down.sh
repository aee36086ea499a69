#!/bin/bash
# Removes everything that `make demo` started: containers, networks, processes, data, and
# the container engine if it was started by it. The images are kept for next time.
set -euo pipefail
. scripts/demo-env.sh

remove sluice-demo
engine="$cache/engine/dockerd.pid"
if [ -f "$engine" ]; then
    pid=$(cat "$engine")
    if kill "$pid" 2>/dev/null; then
        tail --pid="$pid" -f /dev/null
        echo "stopped the container engine that make started"
    fi
    rm -f "$engine"
fi
echo "nothing is left running"
