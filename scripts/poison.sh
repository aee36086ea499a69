#!/bin/bash
# Tries for DURATION (1h) to make the router's cache show visitors pages that are not
# theirs: make poison DURATION=1h. The application is nginx with PHP in the image IMAGE, for
# example one that `sluiced images php-8.2` has made; without IMAGE it is four models of
# applications within the test, each for DURATION.
set -euo pipefail
cd "$(dirname "$0")/.."

flags=(-poison.duration "${DURATION:-1h}")
port="${PORT:-18099}"
if [ -n "${IMAGE:-}" ]; then
  name="sluice-poison-$$"
  trap 'docker rm -f "$name" >/dev/null' EXIT
  docker run --rm -d -i --name "$name" -p "127.0.0.1:$port:8080" --memory 256m --pids-limit 64 --user 1000:1000 \
    --read-only --tmpfs /tmp --tmpfs /run --entrypoint sh "$IMAGE" -c '
mkdir -p /tmp/w; cat >/tmp/w/i.php <<"P"
<?php
header("Cache-Control: public, max-age=600"); header("Vary: Store");
$seen = [];
foreach (["Accept-Language", "Store", "Origin", "X-Forwarded-Prefix"] as $h) {
  $v = $_SERVER["HTTP_" . strtoupper(strtr($h, "-", "_"))] ?? "";
  if ($v !== "") $seen[$h] = $v;
}
foreach ($_COOKIE as $name => $value) {
  if (in_array($name, ["X-Magento-Vary", "store_group"], true) || preg_match("/^SESS[a-z]\$/D", $name)) $seen["cookie $name"] = $value;
}
ksort($seen);
$body = json_encode($seen, JSON_INVALID_UTF8_SUBSTITUTE | JSON_FORCE_OBJECT) . "\n";
header("Content-Length: " . strlen($body));
echo $body;
P
printf "[global]\nerror_log=/tmp/f.log\n[w]\nlisten=/tmp/f.sock\npm=static\npm.max_children=2\n" >/tmp/f.conf
cat >/tmp/n.conf <<"N"
pid /tmp/n.pid; error_log /tmp/n.err; events {}
http { access_log off; keepalive_requests 1000000; client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c;
  uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e; large_client_header_buffers 4 32k;
  server { listen 8080; location / { include /etc/nginx/fastcgi_params; fastcgi_param SCRIPT_FILENAME /tmp/w/i.php;
    fastcgi_pass unix:/tmp/f.sock; } } }
N
php-fpm --fpm-config /tmp/f.conf -D && exec nginx -e stderr -c /tmp/n.conf -g "daemon off;"' >/dev/null
  for _ in $(seq 120); do
    curl -sf "http://127.0.0.1:$port/" >/dev/null && break
    sleep 1
  done
  flags+=(-poison.backend "127.0.0.1:$port")
fi
go test ./internal/edge -run TestNobodyPoisonsTheCache -count 1 -timeout 0 -v -args "${flags[@]}"
