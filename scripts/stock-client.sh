#!/bin/bash
# Downloads the stock client that tests can run, from npm, without running anything of the
# package, and prints the path of its binary; nothing on a machine that cannot run it.
set -euo pipefail

package=@upsun/cli-linux-x64 version=5.11.1
integrity=23ff958adfc5de9774e2f6d834b96d71ebb4123bb2d1da90dd9cf50191975adc523a144a8bad07f2a6c0960edf2b55a784708b8604009c7b485e53fdfe74d0df
target="${SLUICE_CACHE:-$PWD/.cache}/stock-client/$version"

if [ "$(uname -m)" != x86_64 ]; then
    echo "stock-client: not tested here: the package is for x86_64" >&2
    exit 0
fi
if [ ! -x "$target/upsun" ]; then
    command -v npm >/dev/null || { echo "stock-client: npm is not installed: apt-get install npm" >&2; exit 1; }
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    archive=$(cd "$work" && npm pack --silent --ignore-scripts --fetch-retries 5 "$package@$version")
    echo "$integrity  $work/$archive" | sha512sum --check --quiet - >&2
    tar -xzf "$work/$archive" -C "$work" package/bin/upsun
    mkdir -p "$target"
    mv "$work/package/bin/upsun" "$target/upsun"
fi
echo "$target/upsun"
