#!/bin/bash
# Takes a real Magento through an ordinary week on this machine (make magento-week TREE=...) and
# prints for each deployment how long it took, how long requests were held, and what visitors
# saw meanwhile. TREE is a directory with Magento, its vendor directory included; it is copied.
#
#   WEEK        the deployments, in their order (default: all, see the functions step_*)
#   WEEK_PHP    the version of PHP that step_php_version changes to (default: 8.4)
#   WEEK_MYSQL  the version of MariaDB (default: 10.5, as in examples/magento-template). With 10.11,
#               which Magento 2.4.7-p3 does not list, its setup:db:status never says that the
#               schema is current, so that every deployment upgrades.
#   SLUICE_CACHE  where everything is kept (default: .cache); the shop stays there, and running
#               the script again goes on with it. DOWN=1 stops and removes it.
#
# Search is answered by e2e/searchstub. A build of a real shop takes minutes.
set -euo pipefail
. scripts/demo-env.sh
demo="$cache/week" data="$cache/week/data" router_socket="$cache/week/data/router/control.sock" project=week
api_port="${SLUICE_WEEK_API_PORT:-7170}" http_port="${SLUICE_WEEK_HTTP_PORT:-8180}" https_port="${SLUICE_WEEK_HTTPS_PORT:-8543}"
export SLUICE_URL="http://127.0.0.1:$api_port" XDG_CONFIG_HOME="$demo/config"
work="$demo/shop" results="$demo/results.tsv" prefix="${SLUICE_WEEK_PREFIX:-sluice-week}" subnets="${SLUICE_WEEK_SUBNETS:-10.217.0.0/16}"
search_image=localhost/sluice-searchstub:1
all="first scopes unchanged php template style module config variable composer service php_version queue patch locale broken failing revert"

main() {
    mkdir -p "$demo" "$data/router"
    exec 9>"$demo/lock"
    flock --nonblock 9 || { echo "magento-week: another run is under way in $demo" >&2; exit 1; }
    if [ -n "${DOWN:-}" ]; then remove "$prefix"; return; fi
    command -v jq >/dev/null || { echo "magento-week: jq is missing" >&2; exit 1; }
    build_tools
    search_stub
    serve
    repository
    printf 'step\tresult\twall s\tbuild s\tdeploy s\thold s\tdatabase\tmax s\trequests\terrors\n' >"$results.head"
    local step
    for step in ${WEEK:-$all}; do
        push_step "$step"
    done
    say "The week, on $(nproc) processors"
    cat "$results.head" "$results" | column -t -s $'\t'
}

build_tools() {
    CGO_ENABLED=0 go build -o "$bin/" ./cmd/... ./e2e/searchstub ./e2e/visitors
}

php_image() { docker images --format '{{.Repository}}:{{.Tag}}' 'sluice*/php-8.2' | head -1; }

# search_stub makes an image in the layout of OpenSearch's, out of the PHP image, which has curl.
search_stub() {
    "$bin/sluiced" images php-8.2 "mariadb-${WEEK_MYSQL:-10.5}" redis-7.0 rabbitmq-3.10
    docker image inspect "$search_image" >/dev/null 2>&1 && return
    local files="$demo/searchstub"
    mkdir -p "$files/config" "$files/data"
    touch "$files/config/jvm.options"
    cp "$bin/searchstub" "$files/"
    printf '#!/bin/sh\nexec /usr/share/opensearch/searchstub -listen :9200\n' >"$files/opensearch-docker-entrypoint.sh"
    chmod 755 "$files" "$files"/*
    tar -C "$demo" -c --owner=0 --group=0 --transform 's|^searchstub|opensearch|' searchstub >"$demo/searchstub.tar"
    local container
    container=$(docker create "$(php_image)" true)
    docker cp - "$container:/usr/share" <"$demo/searchstub.tar"
    docker commit --change 'ENTRYPOINT []' "$container" "$search_image" >/dev/null
    docker rm "$container" >/dev/null
}

serve() {
    say "Starting sluice-router (ports $http_port and $https_port) and sluiced (port $api_port)"
    printf '{"services": {"opensearch": {"2.12": {"image": "%s"}}}}\n' "$search_image" >"$demo/catalog.json"
    start sluice-router "$bin/sluice-router" --listen ":$http_port" --listen-tls ":$https_port" --control "$router_socket" --state "$data/router/state.json" --cache-dir "$data/router/cache" 9>&- # the lock is not theirs
    await sluice-router test -S "$router_socket"
    start sluiced "$bin/sluiced" serve --data-dir "$data" --listen "127.0.0.1:$api_port" --http-port "$http_port" --https-port "$https_port" --prefix "$prefix" --subnets "$subnets" --catalog "$demo/catalog.json" 9>&-
    await sluiced curl --silent --fail --max-time 2 "$SLUICE_URL/api/version"
    "$bin/sluice" auth:login --server "$SLUICE_URL" --token-file "$data/keys/admin.token" >/dev/null
    "$bin/sluice" project:list --pipe | grep -qx "$project" || {
        "$bin/sluice" project:create "$project" --title "A week"
        "$bin/sluice" variable:create ADMIN_EMAIL -p "$project" --level project --value week@example.com --yes >/dev/null
    }
    "$bin/sluiced" authority --data-dir "$data" >"$demo/authority.pem"
}

# repository copies the tree, with the layout of examples/magento-template and the services of a shop.
repository() {
    [ ! -d "$work/.git" ] || return 0
    [ -f "${TREE:?names the directory of a Magento with its vendor directory}/bin/magento" ] || { echo "magento-week: $TREE has no bin/magento" >&2; exit 1; }
    say "Copying $TREE"
    mkdir -p "$work"
    tar -C "$TREE" --exclude=./.git --exclude=./generated --exclude=./var --exclude=./pub/static --exclude=./pub/media/catalog --exclude=./app/etc/env.php -c . | tar -C "$work" -x
    cp -a examples/magento-template/. "$work/"
    cat >>"$work/.magento/services.yaml" <<'YAML'
opensearch:
    type: opensearch:2.12
    disk: 512
YAML
    sed -i 's/^\(    redis: "redis:redis"\)$/\1\n    opensearch: "opensearch:opensearch"/; /^        composer install/d' "$work/.magento.app.yaml"
    if [ -n "${WEEK_MYSQL:-}" ]; then
        sed -i "s/mysql:10\.[0-9]*/mysql:$WEEK_MYSQL/" "$work/.magento/services.yaml"
        # The list of versions that Magento takes.
        sed -i 's/>^10\\\.\[2-6\]\\\.</>^10\\.([2-6]|11)\\.</' "$work/app/etc/di.xml"
    fi
    rm -f "$work/.gitignore"
    printf '/generated/\n/var/\n/pub/static/\n/app/etc/env.php\n/auth.json\n' >"$work/.gitignore"
    git -C "$work" init --quiet --initial-branch=main
    git -C "$work" config user.name Week
    git -C "$work" config user.email week@example.com
    git -C "$work" config gc.auto 0
    git -C "$work" remote add sluice "$SLUICE_URL/$project.git"
    git -C "$work" config "credential.$SLUICE_URL.helper" "!$bin/sluice auth:git-credential"
}

# push_step changes the shop as the function step_NAME says, pushes it among visitors, and
# notes a line.
push_step() {
    local step=$1 log="$demo/$1.log" visitors="" began wall result=failure
    say "$step"
    "step_$step"
    git -C "$work" add -A
    git -C "$work" diff --cached --quiet || git -C "$work" commit --quiet -m "$step"
    [ "$step" = first ] || visitors=$(visit "$demo/$step.visitors")
    began=$(date +%s.%N)
    if [ "$step" = unchanged ]; then
        "$bin/sluice" environment:redeploy --yes -p "$project" -e main >"$log" 2>&1 && result=success
    else
        git -C "$work" push sluice HEAD:main >"$log" 2>&1 && result=success
    fi
    wall=$(echo "$(date +%s.%N) - $began" | bc)
    if [ -n "$visitors" ]; then
        sleep 5 # what visitors see just after the hold belongs to the deployment
        kill -TERM "$visitors" && tail --pid="$visitors" -f /dev/null
    fi
    note "$step" "$result" "$wall" "$log"
}

# visit starts visitors and prints the ID of their process.
visit() {
    local url
    url="https://$("$bin/sluice" environment:url -p "$project" -e main | sed -n 's|^[a-z]*://\([^:/]*\).*|\1|p' | head -1):$https_port"
    "$bin/visitors" -url "$url" -authority "$demo/authority.pem" -paths '/,/customer/account/login/,/catalogsearch/result/?q=a' >"$1" 2>>"$demo/visitors.log" </dev/null &
    echo $!
}

# note adds a line to the results, out of the activity that the log names and what visitors saw.
note() {
    local activity saw='{"slowest":0,"requests":0,"failed":0}'
    # shellcheck disable=SC2046 # no ID means the newest
    activity=$("$bin/sluice" activity:get $(sed -n 's/.*activity \([a-z0-9]*\) result=.*/\1/p' "$4" | tail -1) -p "$project" -e main --format json)
    [ ! -s "$demo/$1.visitors" ] || saw=$(cat "$demo/$1.visitors")
    jq -rn --argjson a "$activity" --argjson v "$saw" --arg step "$1" --arg result "$2" --arg wall "$3" \
        --arg did "$(did "$4")" \
        'def r: if . == null then "-" else . * 100 | round / 100 end;
        [$step, ($a.result // $result), ($wall|tonumber|r), ($a.timings.build|r), ($a.timings.deploy|r), ($a.hold.duration|r), $did, ($v.slowest|r), $v.requests, $v.failed] | @tsv' | tee -a "$results"
}

# did says what a deployment did to the database, by its log.
did() {
    local word pattern
    while read -r word pattern; do
        if grep -q "$pattern" "$1"; then echo "$word"; return; fi
    done <<'LIST'
install NOTICE: Starting install
upgrade INFO: Running setup upgrade
import Importing configuration from
nothing needs no maintenance mode
LIST
    echo -
}

# The days. Each changes the working tree; what it writes twice is written the same.
module="app/code/Week/Shop"

step_first() { :; }
step_unchanged() { :; }

# step_scopes moves static content into the build, as the first build's warning says.
step_scopes() { remote 'ece-tools config:dump >&2 && cat app/etc/config.php' >"$work/app/etc/config.php" 2>>"$demo/remote.log" && git -C "$work" add -f app/etc/config.php; }

# remote runs a command in the shop's container.
remote() { "$bin/sluice" environment:ssh -p "$project" -e main "$1"; }

step_php() {
    mkdir -p "$work/$module/etc" "$work/$module/Plugin"
    step_module_files
    printf '<?php\nnamespace Week\\Shop\\Plugin;\nclass Title { public function note(): string { return "%s"; } }\n' "$(date +%s)" >"$work/$module/Plugin/Title.php"
}

# step_module_files are the module's own; step_module gives it a table.
step_module_files() {
    printf '<?php\n\\Magento\\Framework\\Component\\ComponentRegistrar::register(\\Magento\\Framework\\Component\\ComponentRegistrar::MODULE, "Week_Shop", __DIR__);\n' >"$work/$module/registration.php"
    printf '<?xml version="1.0"?>\n<config xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="urn:magento:framework:Module/etc/module.xsd"><module name="Week_Shop"/></config>\n' >"$work/$module/etc/module.xml"
}

step_template() {
    find "$work/vendor/magento/module-theme/view/frontend/templates/html" -name copyright.phtml -exec sh -c 'printf "<!-- week %s -->\n" "$(date +%s)" >>"$1"' _ {} \;
}

step_style() { printf '// week %s\n.week-%s { color: #123; }\n' "$(date +%s)" "$(date +%s)" >>"$work/vendor/magento/theme-frontend-luma/web/css/source/_extends.less"; }

step_module() {
    mkdir -p "$work/$module/etc"
    step_module_files
    printf '<?xml version="1.0"?>\n<schema xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="urn:magento:framework:Setup/Declaration/Schema/etc/schema.xsd"><table name="week_shop" resource="default" engine="innodb"><column xsi:type="int" name="id" unsigned="true" nullable="false" identity="true"/><column xsi:type="varchar" name="c%s" length="32" nullable="true"/><constraint xsi:type="primary" referenceId="PRIMARY"><column name="id"/></constraint></table></schema>\n' "$(date +%s)" >"$work/$module/etc/db_schema.xml"
}

# step_config changes a value of the environment's configuration that config.php holds.
step_config() {
    docker run --rm -i --entrypoint php -v "$work/app/etc:/etc-week" "$(php_image)" -r '$f="/etc-week/config.php"; $c=include $f; $c["system"]["default"]["general"]["store_information"]["name"]="Week ".time(); file_put_contents($f, "<?php\nreturn ".var_export($c, true).";\n");'
}

step_variable() { sed -i '/WARM_UP_CONCURRENCY/d' "$work/.magento.env.yaml" && printf '        WARM_UP_CONCURRENCY: %s\n' $((RANDOM % 9 + 1)) >>"$work/.magento.env.yaml"; }

# step_composer changes a package, as an update would.
step_composer() { printf '\n// week %s\n' "$(date +%s)" >>"$work/vendor/magento/module-contact/Controller/Index/Index.php"; }

step_service() {
    grep -q '^rabbitmq:' "$work/.magento/services.yaml" || printf 'rabbitmq:\n    type: rabbitmq:3.10\n    disk: 256\n' >>"$work/.magento/services.yaml"
    grep -q 'rabbitmq:rabbitmq' "$work/.magento.app.yaml" || sed -i 's/^\(    redis: "redis:redis"\)$/\1\n    rabbitmq: "rabbitmq:rabbitmq"/' "$work/.magento.app.yaml"
}

# step_php_version is refused by a Magento that does not know the version; it is taken back then.
step_php_version() { sed -i "s/^type: php:.*/type: php:${WEEK_PHP:-8.4}/" "$work/.magento.app.yaml"; }

step_queue() {
    sed -i 's/^type: php:.*/type: php:8.2/' "$work/.magento.app.yaml"
    mkdir -p "$work/$module/etc"
    step_module_files
    printf '<?xml version="1.0"?>\n<config xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="urn:magento:framework-message-queue:etc/topology.xsd"><exchange name="week-%s" type="topic" connection="amqp"><binding id="week" topic="week.shop" destinationType="queue" destination="week.shop"/></exchange></config>\n' "$(date +%s)" >"$work/$module/etc/queue_topology.xml"
}

data_patch() {
    mkdir -p "$work/$module/Setup/Patch/Data"
    printf '<?php\nnamespace Week\\Shop\\Setup\\Patch\\Data;\nclass %s implements \\Magento\\Framework\\Setup\\Patch\\DataPatchInterface {\n    public static function getDependencies() { return []; }\n    public function getAliases() { return []; }\n    public function apply() { %s }\n}\n' "$1" "$2" >"$work/$module/Setup/Patch/Data/$1.php"
}

step_patch() { data_patch "Good$(date +%s)" 'return $this;'; }

step_locale() {
    sed -i '/SCD_MATRIX/,+2d' "$work/.magento.env.yaml"
    sed -i 's|^\(    build:\)$|\1\n        SCD_MATRIX:\n            Magento/luma:\n                language: [en_US, de_DE]|' "$work/.magento.env.yaml"
}

step_broken() { printf '<config><type name=' >"$work/$module/etc/di.xml"; }

step_failing() {
    rm -f "$work/$module/etc/di.xml"
    data_patch Failing 'throw new \RuntimeException("a patch that fails");'
}

step_revert() { rm -f "$work/$module/Setup/Patch/Data/Failing.php"; }

{ main; exit; } # read as one, so that the script may change while it runs
