#!/bin/bash
# packages.sh NFPM BIN OUT: the .deb packages of server and client in OUT. PKG_VERSION overrides the version, which
# otherwise is the last tag's, or says the commit.
set -euo pipefail
nfpm=$1 export_bin=$2 out=$3
cd "$(dirname "$0")/.."

version() {
    local described
    described=$(git describe --tags --match 'v[0-9]*' 2>/dev/null || true)
    if [ -n "$described" ]; then
        described=${described#v}
        echo "${described//-/+}"
    else
        echo "0.0~git$(git log -1 --format=%cd --date=format:%Y%m%d%H%M%S).$(git rev-parse --short=12 HEAD)"
    fi
}
PKG_VERSION=${PKG_VERSION:-$(version)} PKG_ARCH=${PKG_ARCH:-$(go env GOARCH)} PKG_BIN=$export_bin PKG_OUT=$out
# Files in a package have the time of the commit, so that the same commit gives the same package.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export PKG_VERSION PKG_ARCH PKG_BIN PKG_OUT SOURCE_DATE_EPOCH

mkdir -p "$out"
scripts/manpages.sh "$export_bin" "$out"
for name in server client; do
    "$nfpm" package --config "packaging/$name.yaml" --packager deb --target "$out"
done
