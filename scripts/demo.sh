#!/bin/bash
# Pushes examples/storefront to a Sluice on this machine and shows what happened. Running
# it again pushes what changed in the example since, or redeploys.
set -euo pipefail
. scripts/demo-env.sh

mkdir -p "$demo" "$data/router"
# Copies of environments share blocks where the data directory can; without a pool, and
# where there can be none, they are copied.
if [ "$(id -u)" = 0 ] && [ ! -e "$data/services" ] && ! running sluiced; then
    "$bin/sluiced" pool:create --data-dir "$data" --size 4G || say "The demo goes on without a pool"
fi
say "Starting sluice-router (ports $http_port and $https_port) and sluiced (port $api_port)"
start sluice-router "$bin/sluice-router" --listen ":$http_port" --listen-tls ":$https_port" --control "$router_socket" --state "$data/router/state.json" \
    --cache-dir "$data/router/cache"
await sluice-router test -S "$router_socket"
start sluiced "$bin/sluiced" serve --data-dir "$data" --listen "127.0.0.1:$api_port" --http-port "$http_port" --https-port "$https_port" --prefix sluice-demo
await sluiced curl --silent --fail --max-time 2 "$SLUICE_URL/api/version"

"$bin/sluice" auth:login --server "$SLUICE_URL" --token-file "$data/keys/admin.token" >/dev/null
"$bin/sluice" project:list --pipe | grep -qx "$project" || "$bin/sluice" project:create "$project" --title "Storefront"

# The example becomes a repository of its own, as it would be at a merchant's.
work="$demo/storefront"
if [ ! -d "$work/.git" ]; then
    mkdir -p "$work"
    git -C "$work" init --quiet --initial-branch=main
    git -C "$work" config user.name Demo
    git -C "$work" config user.email demo@example.com
fi
git -C "$work" ls-files -z | (cd "$work" && xargs -0 -r rm -f)
cp -a examples/storefront/. "$work/"
# The port may be another one than last time.
git -C "$work" remote set-url sluice "$SLUICE_URL/$project.git" 2>/dev/null || git -C "$work" remote add sluice "$SLUICE_URL/$project.git"
git -C "$work" config "credential.$SLUICE_URL.helper" "!$bin/sluice auth:git-credential"
git -C "$work" add -A
git -C "$work" diff --cached --quiet || git -C "$work" commit --quiet -m "Storefront"

if [ "$(git -C "$work" rev-parse HEAD)" = "$(git -C "$work" ls-remote sluice refs/heads/main 2>/dev/null | cut -f1)" ]; then
    say "The example did not change: redeploying"
    "$bin/sluice" environment:redeploy --yes -p "$project" -e main
else
    say "git push sluice main"
    git -C "$work" push sluice HEAD:main
fi

url=$("$bin/sluice" environment:url -p "$project" -e main | head -1)
last=$("$bin/sluice" activity:list -p "$project" -e main --limit 1 --pipe)
# Curl resolves *.localhost to this machine, as browsers do.
status=$(curl --silent --output "$demo/front-page.html" --write-out '%{http_code} in %{time_total} s, %{size_download} bytes' "$url")

# The same over TLS, by the local authority that the router made.
"$bin/sluiced" authority --data-dir "$data" >"$demo/authority.pem"
secure="https://$(echo "$url" | sed 's|^[a-z]*://\([^:/]*\).*|\1|'):$https_port/"
tls=$(curl --silent --output /dev/null --cacert "$demo/authority.pem" --write-out '%{http_code} over HTTP/%{http_version} in %{time_total} s' "$secure" || true)

say "The shop is live: $url"
echo "front page: $status ($(sed -n 's:.*<title>\(.*\)</title>.*:\1:p' "$demo/front-page.html" | head -1))"
echo "with TLS:   $secure $tls"
"$bin/sluice" activity:get "$last"
if [ "${status%% *}" != 200 ]; then
    echo "demo: the front page did not answer 200; see: $bin/sluice activity:log $last" >&2
    exit 1
fi
cat <<END

Next: change a file in $work, commit, and \`git push sluice main\` there.
      Browsers trust $secure when they trust $demo/authority.pem.
      export XDG_CONFIG_HOME=$XDG_CONFIG_HOME; bin/sluice help
      \`make demo-down\` removes all of it again.
END
